package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth/oidcsim"
)

// notify posts a notice as a provider's server does: no cookie, no Origin.
func (s *site) notify(provider, kind string, form url.Values) int {
	s.t.Helper()
	req, err := http.NewRequest("POST", s.URL+LogoutPath(provider), strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

const formType = "application/x-www-form-urlencoded"

func notice(token string) url.Values { return url.Values{"logout_token": {token}} }

func logoutToken(t *testing.T, okta *oidcsim.Server, subject, session string) string {
	t.Helper()
	token, err := okta.LogoutToken("daypass-okta", subject, session)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// sidOf gives the provider's name for the only session of somebody.
func sidOf(t *testing.T, s *site, subject string) string {
	t.Helper()
	for _, x := range s.book.sessions {
		if x.Principal.Subject == subject {
			return x.ProviderSession
		}
	}
	t.Fatalf("%s is not signed in", subject)
	return ""
}

// logoutLie is a notice that must end nothing.
type logoutLie struct {
	lies    oidcsim.Lies
	of      string // whose token; "-": neither sub nor sid
	bend    func(token string) url.Values
	kind    string // of content
	path    string // the provider in the path
	with    func(*Options)
	idToken bool // an ID token takes its place
	want    Kind
}

func logoutClaim(name string, value any) oidcsim.Lies {
	return oidcsim.Lies{Logout: claim(name, value).Claims}
}

func logoutLies() map[string]logoutLie {
	now := newClock().at
	event := func(v any) oidcsim.Lies { return logoutClaim("events", v) }
	down := func(at oidcsim.Endpoint, h http.HandlerFunc) oidcsim.Lies { return answering(at, h) }
	return map[string]logoutLie{
		"no token":                {bend: func(string) url.Values { return url.Values{} }, want: LogoutMissing},
		"an empty token":          {bend: func(string) url.Values { return notice("") }, want: LogoutMissing},
		"two tokens":              {bend: func(x string) url.Values { return url.Values{"logout_token": {x, x}} }, want: LogoutMissing},
		"a token of 16 KiB":       {lies: logoutClaim("x", strings.Repeat("x", maxLogoutToken)), want: LogoutMissing},
		"a body of JSON":          {kind: "application/json", want: LogoutMissing},
		"a body of no kind":       {kind: "", want: LogoutMissing},
		"a token of two parts":    {bend: func(x string) url.Values { return notice(x[:strings.LastIndex(x, ".")]) }, want: Malformed},
		"a token of nonsense":     {bend: func(string) url.Values { return notice("~") }, want: Malformed},
		"a signature cut short":   {bend: func(x string) url.Values { return notice(x[:len(x)-4]) }, want: Signature},
		"a claim that was edited": {bend: edited, want: Signature},

		"signed with another key":   {lies: oidcsim.Lies{Sign: oidcsim.OtherKey}, want: Signature},
		"signed by an unknown key":  {lies: oidcsim.Lies{KeyID: "unknown"}, want: Signature},
		"not signed":                {lies: oidcsim.Lies{Sign: oidcsim.Unsigned}, want: Algorithm},
		"HS256 with the public key": {lies: oidcsim.Lies{Sign: oidcsim.ConfusedHMAC}, want: Algorithm},

		"an access token's type":   {lies: oidcsim.Lies{Type: "at+jwt"}, want: LogoutType},
		"a security event's type":  {lies: oidcsim.Lies{Type: "secevent+jwt"}, want: LogoutType},
		"an ID token":              {idToken: true, want: LogoutNonce},
		"a nonce of null":          {lies: logoutClaim("nonce", json.RawMessage("null")), want: LogoutNonce},
		"an empty nonce":           {lies: logoutClaim("nonce", ""), want: LogoutNonce},
		"no events":                {lies: event(nil), want: LogoutEvent},
		"events of nothing":        {lies: event(map[string]any{}), want: LogoutEvent},
		"another event":            {lies: event(map[string]any{"http://schemas.openid.net/event/x": map[string]any{}}), want: LogoutEvent},
		"an event in https":        {lies: event(map[string]any{strings.Replace(logoutEvent, "http:", "https:", 1): map[string]any{}}), want: LogoutEvent},
		"an event of null":         {lies: event(map[string]any{logoutEvent: nil}), want: LogoutEvent},
		"an event of true":         {lies: event(map[string]any{logoutEvent: true}), want: LogoutEvent},
		"events in a list":         {lies: event([]string{logoutEvent}), want: Malformed},
		"audience of another":      {lies: logoutClaim("aud", "daypass-guests"), want: Audience},
		"no audience":              {lies: logoutClaim("aud", nil), want: Audience},
		"issuer of another":        {lies: logoutClaim("iss", "https://evil.example"), want: WrongIssuer},
		"issuer with a slash more": {lies: oidcsim.Lies{Logout: func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }}, want: WrongIssuer},
		"no issuer":                {lies: logoutClaim("iss", nil), want: WrongIssuer},
		"at another provider's":    {path: "guests", want: Signature},
		"at nobody's":              {path: "nobody", want: UnknownProvider},
		"no name":                  {lies: logoutClaim("jti", nil), want: LogoutName},
		"an empty name":            {lies: logoutClaim("jti", ""), want: LogoutName},
		"a name without end":       {lies: logoutClaim("jti", strings.Repeat("x", maxSubject+1)), want: LogoutName},
		"a name that is a number":  {lies: logoutClaim("jti", 1), want: Malformed},
		"about nobody":             {of: "-", want: LogoutWhom},
		"about an empty sub":       {of: "-", lies: logoutClaim("sub", ""), want: LogoutWhom},
		"about a null byte":        {lies: logoutClaim("sub", "u-1\x00"), want: LogoutWhom},
		"about a list":             {lies: logoutClaim("sub", []string{"u-1"}), want: Malformed},
		"a sid without end":        {lies: logoutClaim("sid", strings.Repeat("x", maxSubject+1)), want: LogoutWhom},
		"no issue time":            {lies: logoutClaim("iat", nil), want: Future},
		"issued in the future":     {lies: logoutClaim("iat", now.Add(61*time.Second).Unix()), want: Future},
		"issued a while ago":       {lies: logoutClaim("iat", now.Add(-logoutAge-time.Second).Unix()), want: LogoutStale},
		"not valid yet":            {lies: logoutClaim("nbf", now.Add(61*time.Second).Unix()), want: NotYet},
		"expired":                  {lies: logoutClaim("exp", now.Add(-61*time.Second).Unix()), want: Expired},
		"no expiry":                {lies: logoutClaim("exp", nil), want: Expired},
		"an expiry in words":       {lies: logoutClaim("exp", "never"), want: Malformed},

		"the keys are down":  {lies: down(oidcsim.Keys, oidcsim.Fail(503)), want: KeysDown},
		"the keys hang":      {lies: down(oidcsim.Keys, oidcsim.Hang), with: impatient, want: KeysDown},
		"discovery is down":  {lies: down(oidcsim.Discovery, oidcsim.Fail(503)), want: DiscoveryDown},
		"discovery is wrong": {lies: oidcsim.Lies{Discovery: func(d map[string]any) { d["issuer"] = "https://evil.example" }}, want: DiscoveryWrong},
	}
}

// edited changes the subject under the signature.
func edited(token string) url.Values {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "u-1", "u-3", 1)))
	return notice(strings.Join(parts, "."))
}

func TestANoticeThatLiesEndsNothing(t *testing.T) {
	c := newClock()
	okta, guests := provide(t, c), provide(t, c)
	for name, l := range logoutLies() {
		t.Run(name, func(t *testing.T) {
			okta.Lie(oidcsim.Lies{})
			var change []func(*Options)
			if l.with != nil {
				change = append(change, l.with)
			}
			s := serve(t, c, okta, map[string]*oidcsim.Server{"guests": guests}, change...)
			var raw string
			if l.idToken {
				okta.Lie(oidcsim.Lies{Tokens: func(a map[string]any) { raw, _ = a["id_token"].(string) }})
			}
			b := s.browser()
			b.signIn("okta", "u-1", "/")
			s.gate = restarted(t, s.gate) // nothing of the provider is known
			okta.Lie(l.lies)
			subject := map[string]string{"": "u-1", "-": ""}[l.of]
			token := logoutToken(t, okta, subject, "")
			if l.idToken {
				token = raw
			}
			l.send(t, s, token)
			if a := b.get("/"); a.status != http.StatusOK || s.book.count() != 1 {
				t.Errorf("the session ended: %d", a.status)
			}
		})
	}
}

// restarted is the gate of a server that was started again.
func restarted(t *testing.T, g *Gate) *Gate {
	t.Helper()
	again, err := New(g.Options)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func (l logoutLie) send(t *testing.T, s *site, token string) {
	t.Helper()
	form := notice(token)
	if l.bend != nil {
		form = l.bend(token)
	}
	path, kind := "okta", l.kind
	if l.path != "" {
		path = l.path
	}
	if kind == "" && !strings.Contains(t.Name(), "no_kind") {
		kind = formType
	}
	if status := s.notify(path, kind, form); status == http.StatusOK {
		t.Error("the notice was taken")
	}
	var f *Failure
	if err := s.lastError(); !errors.As(err, &f) || f.Kind != l.want {
		t.Fatalf("want the failure %s, got %v", l.want, err)
	}
	if f.Passing() != (l.want == KeysDown || l.want == DiscoveryDown) {
		t.Errorf("%s may pass: %t", f.Kind, f.Passing())
	}
	events := s.book.seen()
	if e := events[len(events)-1]; len(events) != 2 || e.Kind != audit.LogoutRefused || e.Reason != string(l.want) || e.Details.Address == "" {
		t.Errorf("the events are %+v", events)
	}
	silent(s, f, []string{"eyJ", token})
}

func TestANoticeEndsTheSessionsItIsFor(t *testing.T) {
	for name, tc := range map[string]struct {
		token func(t *testing.T, s *site, okta *oidcsim.Server) string
		lies  oidcsim.Lies // at sign-in
		left  int          // of two sessions of u-1 and one of u-3
	}{
		"all of a person": {func(t *testing.T, _ *site, o *oidcsim.Server) string { return logoutToken(t, o, "u-1", "") }, oidcsim.Lies{}, 1},
		"one session": {func(t *testing.T, s *site, o *oidcsim.Server) string {
			return logoutToken(t, o, "", sidOf(t, s, "u-1"))
		}, oidcsim.Lies{}, 2},
		"one session of a person": {func(t *testing.T, s *site, o *oidcsim.Server) string {
			return logoutToken(t, o, "u-3", sidOf(t, s, "u-3"))
		}, oidcsim.Lies{}, 2},
		"a session we do not have":       {func(t *testing.T, _ *site, o *oidcsim.Server) string { return logoutToken(t, o, "", "x") }, oidcsim.Lies{}, 3},
		"another session of a person":    {func(t *testing.T, _ *site, o *oidcsim.Server) string { return logoutToken(t, o, "u-1", "x") }, oidcsim.Lies{}, 3},
		"nobody we know":                 {func(t *testing.T, _ *site, o *oidcsim.Server) string { return logoutToken(t, o, "u-9", "") }, oidcsim.Lies{}, 3},
		"whoever came without a session": {func(t *testing.T, _ *site, o *oidcsim.Server) string { return logoutToken(t, o, "u-1", "x") }, claim("sid", nil), 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			okta := provide(t, c)
			okta.Lie(tc.lies)
			s := serve(t, c, okta, nil)
			for _, who := range []string{"u-1", "u-1", "u-3"} {
				s.browser().signIn("okta", who, "/")
			}
			okta.Lie(oidcsim.Lies{})
			token := tc.token(t, s, okta)
			if status := s.notify("okta", formType+"; charset=utf-8", notice(token)); status != http.StatusOK {
				t.Fatalf("the notice was not taken: %v", s.lastError())
			}
			if s.book.count() != tc.left {
				t.Errorf("%d sessions are left, want %d", s.book.count(), tc.left)
			}
			events := s.book.seen()[3:]
			if len(events) != 3-tc.left {
				t.Errorf("there are %d events", len(events))
			}
			for _, e := range events {
				if e.Kind != audit.SignedOut || e.Reason != "provider-logout" || e.Principal == "" || e.Facts["session"] == "" || e.Facts["logout"] == "" {
					t.Errorf("the event is %+v", e)
				}
			}
			if status := s.notify("okta", formType, notice(token)); status == http.StatusOK {
				t.Error("the same notice was taken twice")
			}
			var f *Failure
			if err := s.lastError(); !errors.As(err, &f) || f.Kind != LogoutReplayed {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTypesThatProvidersGiveTheirNotices(t *testing.T) {
	for _, typ := range []string{"-", "JWT", "jwt", "logout+jwt", "application/logout+jwt"} {
		c := newClock()
		okta := provide(t, c)
		s := serve(t, c, okta, nil)
		s.browser().signIn("okta", "u-1", "/")
		okta.Lie(oidcsim.Lies{Type: typ})
		if s.notify("okta", formType, notice(logoutToken(t, okta, "u-1", ""))); s.book.count() != 0 {
			t.Errorf("a notice of the type %q is not taken: %v", typ, s.lastError())
		}
	}
}

func TestClocksApartByAMinuteStopNoNotice(t *testing.T) {
	now := newClock().at
	for name, l := range map[string]oidcsim.Lies{
		"ahead":  logoutClaim("iat", now.Add(time.Minute).Unix()),
		"behind": logoutClaim("exp", now.Add(-time.Minute).Unix()),
	} {
		c := newClock()
		okta := provide(t, c)
		s := serve(t, c, okta, nil)
		s.browser().signIn("okta", "u-1", "/")
		okta.Lie(l)
		if s.notify("okta", formType, notice(logoutToken(t, okta, "u-1", ""))); s.book.count() != 0 {
			t.Errorf("%s: %v", name, s.lastError())
		}
	}
}

// meanwhile is a book in which something happens after a session was read.
type meanwhile struct {
	*book
	then func()
}

func (m *meanwhile) Session(ctx context.Context, key Hash) (Session, error) {
	s, err := m.book.Session(ctx, key)
	if m.then != nil {
		m.then()
	}
	return s, err
}

func TestARequestInFlightBringsNoSessionBack(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	racing := &meanwhile{}
	s := serve(t, c, okta, nil, func(o *Options) {
		racing.book = o.Book.(*book)
		o.Book = racing
	})
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	c.pass(2 * touchEvery)
	racing.then = func() {
		racing.then = nil
		if status := s.notify("okta", formType, notice(logoutToken(t, okta, "u-1", ""))); status != http.StatusOK {
			t.Errorf("the notice was not taken: %v", s.lastError())
		}
	}
	if a := b.get("/"); a.status == http.StatusOK || s.book.count() != 0 || b.cookie("session") != "" {
		t.Errorf("the request is answered %d, %d sessions are left", a.status, s.book.count())
	}
}

func TestASignInInFlightBringsNoSessionBack(t *testing.T) {
	for name, forget := range map[string]bool{"by its session": false, "by its person": true} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			okta := provide(t, c)
			s := serve(t, c, okta, nil)
			okta.Lie(oidcsim.Lies{Tokens: func(a map[string]any) {
				subject, session := "u-1", ""
				if !forget {
					subject, session = "", sidIn(t, a["id_token"].(string))
				}
				s.notify("okta", formType, notice(logoutToken(t, okta, subject, session)))
			}})
			a := s.browser().signIn("okta", "u-1", "/x")
			var f *Failure
			if err := s.lastError(); !errors.As(err, &f) || f.Kind != LeftMeanwhile || a.to == "/x" || newSession(a) || s.book.count() != 0 {
				t.Fatalf("the sign-in goes on: %v", err)
			}
			okta.Lie(oidcsim.Lies{})
			c.pass(time.Second)
			if a := s.browser().signIn("okta", "u-1", "/x"); a.to != "/x" {
				t.Errorf("and then signing in fails: %v", s.lastError())
			}
		})
	}
}

func sidIn(t *testing.T, raw string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Sid string }
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c.Sid
}

func TestANoticeThatCannotBeWrittenMayComeAgain(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	s.browser().signIn("okta", "u-1", "/")
	token := logoutToken(t, okta, "u-1", "")
	s.book.on("LogOut", false)
	var f *Failure
	if status := s.notify("okta", formType, notice(token)); status == http.StatusOK || errors.As(s.lastError(), &f) {
		t.Errorf("answered %d, %v", status, s.lastError())
	}
	s.book.heal()
	if status := s.notify("okta", formType, notice(token)); status != http.StatusOK || s.book.count() != 0 {
		t.Errorf("answered %d, %v", status, s.lastError())
	}
}

func TestANoticeIsForOneProviderOnly(t *testing.T) {
	c := newClock()
	okta, guests := provide(t, c), provide(t, c)
	s := serve(t, c, okta, map[string]*oidcsim.Server{"guests": guests})
	s.browser().signIn("guests", "u-1", "/")
	s.browser().signIn("okta", "u-1", "/")
	s.notify("okta", formType, notice(logoutToken(t, okta, "u-1", "")))
	if s.book.count() != 1 {
		t.Fatalf("%d sessions are left", s.book.count())
	}
	for _, left := range s.book.sessions {
		if diff := cmp.Diff("guests", left.Principal.Provider); diff != "" {
			t.Error(diff)
		}
	}
}
