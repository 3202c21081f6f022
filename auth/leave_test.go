package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/seal"
)

// sealing is a configuration with a sealing key, made now.
func sealing(t *testing.T) func(*Options) {
	t.Helper()
	line, err := seal.NewLine("k1")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Keys = keys }
}

func TestSigningOutHereLeadsOnToTheProvider(t *testing.T) {
	for name, tc := range map[string]struct {
		with func(*Options)
		hint bool
	}{
		"with a sealing key":    {sealing(t), true},
		"without a sealing key": {func(*Options) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			okta := provide(t, c)
			s := serve(t, c, okta, nil, tc.with)
			b := s.browser()
			b.signIn("okta", "u-1", "/")
			b.send("POST", s.URL+"/out")
			if page := b.get(SignedOutPath); page.body != "Okta /auth/okta/leave false" {
				t.Fatalf("the page says %q: %v", page.body, s.lastError())
			}
			to, err := url.Parse(b.get(LeavePath("okta")).to)
			if err != nil {
				t.Fatal(err)
			}
			q := to.Query()
			if !strings.HasPrefix(to.String(), okta.Issuer()+string(oidcsim.EndSession)+"?") || q.Get("client_id") != "daypass-okta" || q.Get("post_logout_redirect_uri") != s.URL+SignedOutPath {
				t.Errorf("the provider is told %s", to)
			}
			if got := q.Get("id_token_hint"); (strings.Count(got, ".") == 2) != tc.hint {
				t.Errorf("the hint is %q", got)
			}
			if q.Get("state") == "" || strings.Contains(to.String(), b.cookie("leaving")) {
				t.Errorf("the address holds no state, or the handle: %s", to)
			}
			back := b.send("GET", to.String())
			if page := b.send("GET", back.to); page.body != "Okta  true" || b.cookie("leaving") != "" || len(s.book.left) != 0 {
				t.Errorf("coming back, the page says %q; %d departures are left: %v", page.body, len(s.book.left), s.lastError())
			}
			if page := b.send("GET", back.to); page.body != "  false" {
				t.Errorf("the same once more says %q", page.body)
			}
		})
	}
}

func TestAnIDTokenIsKeptSealedOnly(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, sealing(t))
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	for key, x := range s.book.sessions {
		if len(x.IDToken) == 0 || strings.Contains(string(x.IDToken), "eyJ") {
			t.Errorf("the ID token is kept as %q", x.IDToken)
		}
		if _, err := s.gate.Keys.Open(sealPurpose, Hash{1}.String(), x.IDToken); err == nil {
			t.Error("it opens in another session's place")
		}
		raw, err := s.gate.Keys.Open(sealPurpose, key.String(), x.IDToken)
		if err != nil || strings.Count(string(raw), ".") != 2 {
			t.Errorf("it opens as %q, %v", raw, err)
		}
	}
}

func TestAHintThatCannotBeOpenedIsLeftOut(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, sealing(t))
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	b.send("POST", s.URL+"/out")
	other := Options{}
	sealing(t)(&other)
	s.gate.Keys = other.Keys
	to := b.get(LeavePath("okta")).to
	if strings.Contains(to, "id_token_hint") || !strings.Contains(to, "client_id=daypass-okta") || !strings.Contains(s.log.String(), "cannot be opened") {
		t.Errorf("the provider is told %s, the log says %s", to, s.log)
	}
}

func TestAnIDTokenTooLongForAnAddressIsNotKept(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	okta.Lie(claim("groups", manyGroups(maxGroups)))
	s := serve(t, c, okta, nil, sealing(t))
	s.browser().signIn("okta", "u-1", "/")
	for _, x := range s.book.sessions {
		if x.IDToken != nil {
			t.Errorf("%d bytes are kept", len(x.IDToken))
		}
	}
}

func TestTheWayToTheProviderIsForWhoJustSignedOut(t *testing.T) {
	c := newClock()
	okta, guests := provide(t, c), provide(t, c)
	noEnd := oidcsim.Lies{Discovery: func(d map[string]any) { delete(d, "end_session_endpoint") }}
	for name, tc := range map[string]struct {
		lies  oidcsim.Lies
		do    func(s *site, b *browser)
		path  string
		says  string
		leads string
	}{
		"nobody signed out":         {do: func(s *site, b *browser) { b.plant("leaving", "") }, says: "  false", leads: SignedOutPath},
		"a handle of nobody":        {do: func(s *site, b *browser) { b.plant("leaving", newSecret()) }, says: "  false", leads: SignedOutPath},
		"ten minutes later":         {do: func(s *site, b *browser) { b.send("POST", s.URL+"/out"); s.pass(leaveLife) }, says: "  false", leads: SignedOutPath},
		"at another provider":       {do: func(s *site, b *browser) { b.send("POST", s.URL+"/out") }, path: "guests", says: "Okta /auth/okta/leave false", leads: SignedOutPath},
		"a provider without an end": {lies: noEnd, do: func(s *site, b *browser) { b.send("POST", s.URL+"/out") }, says: "Okta  false", leads: SignedOutPath},
	} {
		t.Run(name, func(t *testing.T) {
			okta.Lie(tc.lies)
			s := serve(t, c, okta, map[string]*oidcsim.Server{"guests": guests})
			b := s.browser()
			b.signIn("okta", "u-1", "/")
			tc.do(s, b)
			if page := b.get(SignedOutPath); page.body != tc.says {
				t.Errorf("the page says %q", page.body)
			}
			path := tc.path
			if path == "" {
				path = "okta"
			}
			if a := b.get(LeavePath(path)); a.to != tc.leads {
				t.Errorf("the way leads to %q: %v", a.to, s.lastError())
			}
		})
	}
}

func TestAForgedStateSaysNothing(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	b.send("POST", s.URL+"/out")
	good := url.QueryEscape(leaveState(b.cookie("leaving")))
	for name, q := range map[string]string{"forged": newSecret(), "empty": "", "the handle": b.cookie("leaving"), "twice": good + "&state=" + good} {
		if page := b.get(SignedOutPath + "?state=" + q); page.body != "Okta /auth/okta/leave false" {
			t.Errorf("%s: the page says %q", name, page.body)
		}
	}
	if page := s.browser().get(SignedOutPath + "?state=" + good); page.body != "  false" {
		t.Errorf("in another browser the page says %q", page.body)
	}
}

func TestAProviderThatIsDownIsToldWhenLeaving(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	b.send("POST", s.URL+"/out")
	okta.Lie(answering(oidcsim.Discovery, oidcsim.Fail(500)))
	s.gate = restarted(t, s.gate)
	var f *Failure
	if b.get(LeavePath("okta")); !errors.As(s.lastError(), &f) || f.Kind != DiscoveryDown {
		t.Errorf("the error is %v", s.lastError())
	}
}

func TestCognitoIsToldByItsOwnName(t *testing.T) {
	p := &provider{Provider: Provider{Issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x", ClientID: "c"}, home: "https://d.example/signed-out"}
	m := &metadata{leave: "https://x.auth.eu-west-1.amazoncognito.com/logout?a=b"}
	u, err := url.Parse(p.leaveURL(m, "", "s"))
	if err != nil || u.Query().Get("logout_uri") != p.home || u.Query().Get("a") != "b" {
		t.Errorf("the address is %v, %v", u, err)
	}
	p.Issuer = "https://acme.okta.example"
	if strings.Contains(p.leaveURL(m, "", "s"), "logout_uri") {
		t.Error("others are told by Cognito's name")
	}
}

func TestWhatCannotBeReadWhenLeavingIsAnError(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	b.send("POST", s.URL+"/out")
	s.book.on("Departure", false)
	for _, path := range []string{SignedOutPath, LeavePath("okta")} {
		if a := b.get(path); a.status != http.StatusForbidden || b.cookie("leaving") == "" {
			t.Errorf("%s answers %d, the cookie is %q", path, a.status, b.cookie("leaving"))
		}
	}
}

func TestAPersonSeesAndEndsTheirSessionsOnly(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	for _, who := range []string{"u-1", "u-3", "u-1", "u-1"} {
		s.browser().signIn("okta", who, "/")
		c.pass(25 * time.Minute)
	}
	mine := s.sessionsOf("u-1")
	listed, err := s.gate.SessionsOf(t.Context(), mine[0])
	if err != nil || len(listed) != 2 { // the first is idle for an hour
		t.Fatalf("%d sessions are listed, %v", len(listed), err)
	}
	if !listed[0].SignedIn.After(listed[1].SignedIn) || listed[0].Address != "127.0.0.1" || listed[0].UserAgent == "" || listed[0].Principal.Provider != "okta" {
		t.Errorf("the sessions are %+v", listed)
	}
	r, _ := http.NewRequest("POST", s.URL, nil)
	r.RemoteAddr = "127.0.0.1:1"
	other := s.sessionsOf("u-3")[0]
	for name, mark := range map[string]string{"another's": other.Key.Mark(), "nobody's": strings.Repeat("0", 16), "none": "", "a whole hash": listed[1].Key.String()} {
		if err := s.gate.EndSession(r, listed[0], mark); !errors.Is(err, ErrNoSession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.gate.EndSession(r, listed[0], listed[1].Key.Mark()); err != nil {
		t.Fatal(err)
	}
	e := s.book.seen()
	last := e[len(e)-1]
	if last.Kind != audit.SignedOut || last.Reason != "ended-by-person" || last.Facts["session"] != listed[1].Key.Mark() || last.Facts["by"] != listed[0].Key.Mark() {
		t.Errorf("the event is %+v", last)
	}
	if _, err := s.book.Session(t.Context(), listed[1].Key); !errors.Is(err, ErrNoSession) {
		t.Errorf("the session is still there: %v", err)
	}
	if err := s.gate.EndSession(r, listed[0], listed[1].Key.Mark()); !errors.Is(err, ErrNoSession) {
		t.Errorf("ending it twice: %v", err)
	}
}

func (s *site) sessionsOf(subject string) (out []Session) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	for _, x := range s.book.sessions {
		if x.Principal.Subject == subject {
			out = append(out, x)
		}
	}
	return out
}

func TestSessionsThatCannotBeListedAreAnError(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	s.browser().signIn("okta", "u-1", "/")
	me := s.sessionsOf("u-1")[0]
	r, _ := http.NewRequest("POST", s.URL, nil)
	for step, ask := range map[string]func() error{
		"SessionsOf": func() error { _, err := s.gate.SessionsOf(t.Context(), me); return err },
		"Marked":     func() error { return s.gate.EndSession(r, me, me.Key.Mark()) },
	} {
		s.book.on(step, false)
		if err := ask(); err == nil || errors.Is(err, ErrNoSession) || !strings.Contains(fmt.Sprint(err), "the disk is full") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestLeasesEndWithWhoeverSignsOutWhereTheOperatorWantsIt(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		c := newClock()
		okta := provide(t, c)
		s := serve(t, c, okta, nil)
		s.gate.EndLeases = wanted
		b := s.browser()
		b.signIn("okta", "u-1", "/")
		b.send("POST", s.URL+"/out")
		s.browser().signIn("okta", "u-3", "/")
		them := s.sessionsOf("u-3")[0]
		r, _ := http.NewRequest("POST", s.URL, nil)
		r.RemoteAddr = "127.0.0.1:1"
		if err := s.gate.EndSession(r, them, them.Key.Mark()); err != nil {
			t.Fatal(err)
		}
		s.browser().signIn("okta", "u-1", "/")
		if got := s.notify("okta", formType, notice(logoutToken(t, okta, "u-1", ""))); got != http.StatusOK {
			t.Fatalf("the notice is answered with %d", got)
		}
		s.browser().signIn("okta", "u-3", "/")
		c.pass(2 * time.Hour) // idle
		s.gate.lapse(r, s.sessionsOf("u-3")[0], "idle")
		want := 0
		if wanted {
			want = 3
		}
		if len(s.book.without) != want || wanted && (s.book.without[1] != them.Principal.ID() || s.book.without[0] != s.book.without[2]) {
			t.Errorf("wanted %v: leases ended of %v", wanted, s.book.without)
		}
	}
}

func TestAnAdministratorSignsSomebodyOutEverywhere(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	for _, who := range []string{"u-1", "u-3", "u-3"} {
		s.browser().signIn("okta", who, "/")
	}
	admin, them := s.sessionsOf("u-1")[0], s.sessionsOf("u-3")[0].Principal.ID()
	r, _ := http.NewRequest("POST", s.URL, nil)
	r.RemoteAddr = "127.0.0.1:1"
	if n, err := s.gate.EndSessionsOf(r, admin, them); n != 2 || err != nil {
		t.Fatalf("%d sessions ended, %v", n, err)
	}
	if len(s.sessionsOf("u-3")) != 0 || len(s.sessionsOf("u-1")) != 1 {
		t.Error("others are signed out, or they are not")
	}
	for _, e := range s.book.seen()[3:] {
		did := e.Kind == audit.Administered && e.Principal == admin.Principal.ID() && e.Facts["person"] == them && e.Details.More["person"] == "cy@acme.example"
		done := e.Reason == "ended-by-administrator" && e.Principal == them && e.Facts["administrator"] == admin.Principal.ID() && e.Facts["session"] != "" && e.Details.Address == ""
		if did == done {
			t.Errorf("the event is %+v", e)
		}
	}
	if n, err := s.gate.EndSessionsOf(r, admin, them); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	s.browser().signIn("okta", "u-3", "/")
	s.book.on("SessionsOf", false) // only for its words
	if n, err := s.gate.EndSessionsOf(r, admin, them); n != 1 || err != nil {
		t.Errorf("where the sessions cannot be read: %d, %v", n, err)
	}
	s.book.heal()
	s.book.on("SignOutAll", false)
	if n, err := s.gate.EndSessionsOf(r, admin, them); n != 0 || err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("on a full disk: %d, %v", n, err)
	}
}

func TestAnAdministratorSignsSomebodyOutAtOnePlace(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	for _, who := range []string{"u-1", "u-3", "u-3"} {
		s.browser().signIn("okta", who, "/")
	}
	admin, theirs := s.sessionsOf("u-1")[0], s.sessionsOf("u-3")
	them, mark := theirs[0].Principal.ID(), theirs[0].Key.Mark()
	r, _ := http.NewRequest("POST", s.URL, nil)
	r.RemoteAddr = "127.0.0.1:1"
	for name, err := range map[string]error{
		"under another person": s.gate.EndOneSessionOf(r, admin, admin.Principal.ID(), mark),
		"of nobody":            s.gate.EndOneSessionOf(r, admin, them, "0123456789abcdef"),
	} {
		if !errors.Is(err, ErrNoSession) || len(s.book.seen()) != 3 || len(s.sessionsOf("u-3")) != 2 {
			t.Errorf("%s: %v, %d events, %d sessions left", name, err, len(s.book.seen()), len(s.sessionsOf("u-3")))
		}
	}
	if err := s.gate.EndOneSessionOf(r, admin, them, mark); err != nil {
		t.Fatal(err)
	}
	if left := s.sessionsOf("u-3"); len(left) != 1 || left[0].Key == theirs[0].Key || len(s.sessionsOf("u-1")) != 1 || len(s.book.without) != 0 {
		t.Errorf("left are %d of theirs and %d of others; leases ended of %v", len(left), len(s.sessionsOf("u-1")), s.book.without)
	}
	all := s.book.seen()[3:]
	if len(all) != 2 {
		t.Fatalf("on record: %+v", all)
	}
	act, end := all[0], all[1]
	if act.Kind != audit.Administered || act.Principal != admin.Principal.ID() || act.Facts["act"] != "sign-out" || act.Facts["person"] != them || act.Facts["session"] != mark || act.Details.Address == "" {
		t.Errorf("what was done is on record as %+v", act)
	}
	if end.Kind != audit.SignedOut || end.Reason != "ended-by-administrator" || end.Principal != them || end.Facts["administrator"] != admin.Principal.ID() || end.Facts["session"] != mark || end.Details.Address != "" {
		t.Errorf("what came of it is on record as %+v", end)
	}
}

func TestAnAdministratorsSignOutIsOneAsTheOperatorWantsIt(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	s.browser().signIn("okta", "u-1", "/")
	s.browser().signIn("okta", "u-3", "/")
	admin, them := s.sessionsOf("u-1")[0], s.sessionsOf("u-3")[0].Principal.ID()
	r, _ := http.NewRequest("POST", s.URL, nil)
	r.RemoteAddr = "127.0.0.1:1"
	s.gate.EndLeases = true
	s.book.on("SignOut", false)
	if err := s.gate.EndOneSessionOf(r, admin, them, s.sessionsOf("u-3")[0].Key.Mark()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("on a full disk: %v", err)
	}
	s.book.heal()
	if err := s.gate.EndOneSessionOf(r, admin, them, s.sessionsOf("u-3")[0].Key.Mark()); err != nil || len(s.book.without) != 1 || s.book.without[0] != them {
		t.Errorf("where leases end with a sign-out: %v, ended of %v", err, s.book.without)
	}
}
