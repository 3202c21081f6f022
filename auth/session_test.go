package auth

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

func TestSignsInAndGoesWhereThePersonWasGoing(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	a := b.signIn("okta", "u-1", "/c/prod-eu/view?for=1h")
	if a.status != http.StatusSeeOther || a.to != "/c/prod-eu/view?for=1h" {
		t.Fatalf("the answer leads to %d %q: %v", a.status, a.to, s.lastError())
	}
	if page := b.get(a.to); page.body != "okta u-1 at /c/prod-eu/view?for=1h" {
		t.Errorf("the page says %q", page.body)
	}
	_, key := sessionCookie(t, a)
	want := Session{
		Key: key, Vouched: c.now(), SignedIn: c.now(), AsOf: c.now(), Seen: c.now(), Expires: c.now().Add(10 * time.Hour),
		Address: "127.0.0.1", UserAgent: "Go-http-client/1.1",
		Principal: access.Principal{
			Provider: "okta", Issuer: okta.Issuer(), Subject: "u-1", Email: "ada@acme.example",
			Name: "Ada Lovelace", Groups: []string{"sre", "eng"},
		},
	}
	got, err := s.book.Session(t.Context(), key)
	if len(got.ProviderSession) != 16 || got.IDToken != nil {
		t.Errorf("the provider's session is %q; without a key the ID token is kept: %t", got.ProviderSession, got.IDToken != nil)
	}
	want.ProviderSession = got.ProviderSession
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("the session is (-want +got): %v\n%s", err, diff)
	}
	events := s.book.seen()
	if len(events) != 1 || events[0].Kind != audit.SignedIn || events[0].Principal != want.Principal.ID() || events[0].Facts["session"] != key.Mark() {
		t.Errorf("the events are %+v", events)
	}
}

func TestReturnsNowhereElse(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	for _, to := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/auth/okta"} {
		b := s.browser()
		authorize := b.begin("okta", to)
		for state, start := range s.book.starts {
			if start.Return != "/" {
				t.Errorf("%q is kept as %q", to, start.Return)
			}
			start.Return = to // as if somebody had written to the database
			s.book.starts[state] = start
		}
		if a := b.send("GET", b.choose(authorize, "u-1")); a.to != "/" {
			t.Errorf("%q leads to %q", to, a.to)
		}
	}
}

// sessionCookie checks the session cookie that an answer sets.
func sessionCookie(t *testing.T, a answer) (*http.Cookie, Hash) {
	t.Helper()
	for _, c := range a.cookies {
		if strings.HasPrefix(c.Name, "__Host-daypass-session") && c.Value != "" {
			key, ok := hashSecret(c.Value)
			if !ok {
				t.Fatalf("%q is no secret of ours", c.Value)
			}
			return c, key
		}
	}
	t.Fatal("no session cookie")
	return nil, Hash{}
}

func TestCookiesAreForThisHostAloneAndOutOfScriptsReach(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	begun := b.get(StartPath("okta"))
	session, _ := sessionCookie(t, b.signIn("okta", "u-1", "/"))
	port := s.URL[strings.LastIndex(s.URL, ":")+1:]
	for want, got := range map[string]*http.Cookie{"__Host-daypass-browser-" + port: begun.cookies[0], "__Host-daypass-session-" + port: session} {
		if got.Name != want || !got.Secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
			t.Errorf("want the cookie %s, __Host-, Secure, HttpOnly and Lax, got %s", want, got)
		}
	}
	if begun.cookies[0].MaxAge != 600 || session.MaxAge != 36000 {
		t.Errorf("the cookies live for %d and %d seconds", begun.cookies[0].MaxAge, session.MaxAge)
	}
}

func TestASessionEndsAtItsLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		steps  []time.Duration // a request after each; all but the last are good
		reason string
	}{
		"an hour unused":                {[]time.Duration{time.Hour}, "idle"},
		"an hour after the last use":    {[]time.Duration{59 * time.Minute, time.Hour}, "idle"},
		"ten hours, used all the while": {append(repeated(12, 49*time.Minute), 12*time.Minute), "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := serve(t, c, provide(t, c), nil)
			b := s.browser()
			b.signIn("okta", "u-1", "/")
			for i, d := range tc.steps {
				c.pass(d)
				a, last := b.get("/"), i == len(tc.steps)-1
				if (a.status == http.StatusOK) == last {
					t.Fatalf("after step %d the page answers %d", i, a.status)
				}
			}
			if err := s.lastError(); !errors.Is(err, ErrLapsed) || !errors.Is(err, ErrSignedOut) {
				t.Errorf("the error is %v", err)
			}
			events := s.book.seen()
			if e := events[len(events)-1]; len(events) != 2 || e.Kind != audit.SignedOut || e.Reason != tc.reason {
				t.Errorf("the events are %+v", events)
			}
			if s.book.count() != 0 || b.cookie("session") != "" {
				t.Error("the session or its cookie is still there")
			}
		})
	}
}

func repeated(n int, d time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = d
	}
	return out
}

func TestTodaysLimitsHoldForYesterdaysSessions(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.gate.Longest = 20 * time.Minute
	c.pass(20 * time.Minute)
	if b.get("/"); !errors.Is(s.lastError(), ErrLapsed) {
		t.Errorf("the error is %v", s.lastError())
	}
}

func TestALongerLimitDoesNotProlongASession(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.gate.Longest, s.gate.Idle = 100*time.Hour, 100*time.Hour
	c.pass(10*time.Hour - time.Second)
	if a := b.get("/"); a.status != http.StatusOK {
		t.Fatalf("a second before its end the page answers %d", a.status)
	}
	c.pass(time.Second)
	if b.get("/"); !errors.Is(s.lastError(), ErrLapsed) {
		t.Errorf("the error is %v", s.lastError())
	}
}

func TestARemovedProvidersSessionsEnd(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.gate.providers[0].Issuer = "https://another.example"
	if b.get("/"); !errors.Is(s.lastError(), ErrLapsed) {
		t.Errorf("the error is %v", s.lastError())
	}
	if e := s.book.seen(); e[len(e)-1].Reason != "provider-removed" {
		t.Errorf("the events are %+v", e)
	}
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	for range 3 {
		b.get("/")
	}
	if s.book.touches != 0 {
		t.Errorf("noted %d times within a minute of signing in", s.book.touches)
	}
	c.pass(time.Minute)
	for range 3 {
		b.get("/")
	}
	if s.book.touches != 1 {
		t.Errorf("noted %d times, want once", s.book.touches)
	}
}

func TestADeletedSessionIsNotBroughtBack(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	c.pass(2 * time.Minute)
	// Deleted between the reading of the session and the noting of its use.
	s.book.fail["Touch"] = ErrNoSession
	if a := b.get("/"); a.status == http.StatusOK || !errors.Is(s.lastError(), ErrSignedOut) || b.cookie("session") != "" {
		t.Errorf("the page answers %d, %v", a.status, s.lastError())
	}
}

func TestSigningOutEndsTheSessionForGood(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	stolen := b.cookie("session")
	if a := b.send("POST", s.URL+"/out"); a.status != http.StatusOK || b.cookie("session") != "" || s.book.count() != 0 {
		t.Fatalf("signing out answers %d: %v", a.status, s.lastError())
	}
	events := s.book.seen()
	if e := events[len(events)-1]; len(events) != 2 || e.Kind != audit.SignedOut || e.Reason != "signed-out" || e.Details.Email != "ada@acme.example" {
		t.Errorf("the events are %+v", events)
	}
	b.plant("session", stolen)
	if a := b.get("/"); a.status == http.StatusOK {
		t.Error("the cookie from before still opens")
	}
	if a := b.send("POST", s.URL+"/out"); a.status != http.StatusOK || len(s.book.seen()) != 2 {
		t.Errorf("signing out twice answers %d with %d events", a.status, len(s.book.seen()))
	}
}

func TestSigningInAgainEndsTheSessionBefore(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	before := b.cookie("session")
	b.signIn("okta", "u-3", "/")
	if b.cookie("session") == before || s.book.count() != 1 {
		t.Fatalf("the identifier is the same, or there are %d sessions", s.book.count())
	}
	if page := b.get("/"); page.body != "okta u-3 at /" {
		t.Errorf("the page says %q", page.body)
	}
	old, _ := hashSecret(before)
	if e := s.book.seen(); e[len(e)-1].Facts["replaced"] != old.Mark() {
		t.Errorf("the event does not name the session it replaced: %+v", e)
	}
}

func TestAPlantedCookieDoesNotBecomeASession(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b, planted := s.browser(), newSecret()
	b.plant("session", planted)
	a := b.signIn("okta", "u-1", "/")
	if got, _ := sessionCookie(t, a); got.Value == planted {
		t.Error("the planted identifier was taken over")
	}
	if e := s.book.seen(); e[0].Facts["replaced"] != "" {
		t.Error("the event speaks of a session that never was")
	}
}

func TestBrokenCookiesHealThemselves(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	for name, value := range map[string]string{
		"unknown": newSecret(), "empty": "", "short": "abc", "long": strings.Repeat("A", 4000),
		"not base64": strings.Repeat("*", 43), "stray bits at the end": strings.Repeat("A", 42) + "B",
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			b.plant("session", value)
			a := b.get("/")
			if !errors.Is(s.lastError(), ErrSignedOut) || len(a.cookies) != 1 || a.cookies[0].MaxAge >= 0 || b.cookie("session") != "" {
				t.Errorf("the cookie is not cleared: %v, %v", a.cookies, s.lastError())
			}
			if a := b.signIn("okta", "u-1", "/"); a.to != "/" {
				t.Errorf("and then signing in fails: %v", s.lastError())
			}
		})
	}
	b := s.browser()
	if a := b.get("/"); len(a.cookies) != 0 || !errors.Is(s.lastError(), ErrSignedOut) {
		t.Errorf("a browser without cookies gets %v", a.cookies)
	}
}

func TestSeveralTabsSignInAtOnce(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	one, two := b.begin("okta", "/one"), b.begin("okta", "/two")
	second := b.send("GET", b.choose(two, "u-1"))
	first := b.send("GET", b.choose(one, "u-1"))
	if first.to != "/one" || second.to != "/two" {
		t.Fatalf("the tabs end at %q and %q: %v", first.to, second.to, s.lastError())
	}
	if s.book.count() != 1 {
		t.Errorf("one browser holds %d sessions", s.book.count())
	}
}

func TestBookFailuresOpenNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		after  bool
		left   int // sessions left that nobody holds the cookie of
	}{
		"the begun sign-in is not kept":       {method: "PutStart"},
		"kept, but the answer was lost":       {method: "PutStart", after: true},
		"the begun sign-in cannot be read":    {method: "TakeStart"},
		"taken, but the answer was lost":      {method: "TakeStart", after: true},
		"the session is not kept":             {method: "SignIn"},
		"kept as a row, but its end was lost": {method: "SignIn", after: true, left: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := serve(t, c, provide(t, c), nil)
			b := s.browser()
			s.book.on(tc.method, tc.after)
			if to := b.begin("okta", "/"); to != "" {
				b.send("GET", b.choose(to, "u-1"))
			}
			var f *Failure
			if err := s.lastError(); err == nil || errors.As(err, &f) {
				t.Fatalf("want an error that is no Failure, got %v", err)
			}
			if b.cookie("session") != "" || s.book.count() != tc.left {
				t.Errorf("a cookie was handed out, or %d sessions are left", s.book.count())
			}
			s.book.heal()
			if a := b.signIn("okta", "u-1", "/x"); a.to != "/x" {
				t.Errorf("and then signing in fails: %v", s.lastError())
			}
		})
	}
}

func TestAnUnreadableBookClearsNoCookie(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.book.on("Session", false)
	if a := b.get("/"); a.status == http.StatusOK || errors.Is(s.lastError(), ErrSignedOut) || b.cookie("session") == "" {
		t.Errorf("the page answers %d, %v", a.status, s.lastError())
	}
	s.book.heal()
	if a := b.get("/"); a.status != http.StatusOK {
		t.Errorf("after that the page answers %d", a.status)
	}
}

func TestWhatOnlyAnotherServerCanReadSignsNobodyOut(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	cookie := b.cookie("session")
	s.book.fail["Session"] = ErrBehind
	for _, ask := range []func() answer{func() answer { return b.get("/") }, func() answer { return b.send("POST", s.URL+"/out") }} {
		if a := ask(); a.status == http.StatusOK || !errors.Is(s.lastError(), ErrBehind) || errors.Is(s.lastError(), ErrSignedOut) || b.cookie("session") != cookie {
			t.Errorf("it answers %d, %v", a.status, s.lastError())
		}
	}
	if s.book.count() != 1 || len(s.book.seen()) != 1 {
		t.Errorf("there are %d sessions, and the events %+v", s.book.count(), s.book.seen())
	}
	if a := b.signIn("okta", "u-1", "/x"); a.to != "/x" || s.book.count() != 1 || b.cookie("session") == cookie {
		t.Errorf("signing in again ends at %q with %d sessions: %v", a.to, s.book.count(), s.lastError())
	}
}

func TestASignInThatOnlyAnotherServerCanFinishIsNotSpent(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	cb := b.choose(b.begin("okta", "/x"), "u-1")
	s.book.fail["TakeStart"] = ErrBehind
	var f *Failure
	if a := b.send("GET", cb); a.to != "" || !errors.Is(s.lastError(), ErrBehind) || errors.As(s.lastError(), &f) || len(s.book.seen()) != 0 {
		t.Errorf("it leads to %q, %v", a.to, s.lastError())
	}
	s.book.heal()
	if a := b.send("GET", cb); a.to != "/x" {
		t.Errorf("where the key is it fails: %v", s.lastError())
	}
}

func TestAFailedSignOutIsToldAndForgotten(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.book.on("Leave", false)
	if a := b.send("POST", s.URL+"/out"); a.status == http.StatusOK || b.cookie("session") != "" {
		t.Errorf("signing out answers %d, the cookie is %q", a.status, b.cookie("session"))
	}
}

func TestUseThatCannotBeNotedStopsNobody(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.book.on("Touch", false)
	c.pass(5 * time.Minute)
	if a := b.get("/"); a.status != http.StatusOK || !strings.Contains(s.log.String(), "could not be noted") {
		t.Errorf("the page answers %d, the log says %q", a.status, s.log)
	}
}

func TestALapsedSessionIsRefusedEvenIfItCannotBeDeleted(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	s.book.on("SignOut", false)
	c.pass(time.Hour)
	if b.get("/"); !errors.Is(s.lastError(), ErrLapsed) || !strings.Contains(s.log.String(), "could not be deleted") {
		t.Errorf("the error is %v, the log says %q", s.lastError(), s.log)
	}
}
