package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
)

// plugin is a program with its own key.
type plugin struct {
	site   *site
	key    *ecdsa.PrivateKey
	nonce  string
	secret string
}

func (s *site) program() *plugin {
	s.t.Helper()
	p := &plugin{site: s, key: newKey(s.t, elliptic.P256())}
	return p.anew()
}

// anew takes the nonce of now.
func (p *plugin) anew() *plugin {
	p.nonce = p.site.gate.nonces.fresh(p.site.now())
	return p
}

// claims are those of an honest proof.
func (p *plugin) claims(method, path string) map[string]any {
	c := map[string]any{"jti": newSecret(), "htm": method, "htu": p.site.gate.Site.String() + path, "iat": p.site.now().Unix(), "nonce": p.nonce}
	if p.secret != "" {
		c["ath"] = tokenHash(p.secret)
	}
	return c
}

// request is one that is signed honestly, but for the changes.
func (p *plugin) request(method, path string, change func(map[string]any)) *http.Request {
	p.site.t.Helper()
	claims := p.claims(method, path)
	if change != nil {
		change(claims)
	}
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("DPoP", sign(p.site.t, p.key, claims, nil))
	if p.secret != "" {
		r.Header.Set("Authorization", "DPoP "+p.secret)
	}
	return r
}

func (p *plugin) ask() (Session, string, error) {
	return p.site.gate.Client(httptest.NewRecorder(), p.anew().request("GET", "/api/v1/me", nil))
}

var verifier = strings.Repeat("v", 43)

func (p *plugin) authorization() Authorization {
	return Authorization{Name: "ada-laptop", Thumbprint: thumbprintOf(p.site.t, p.key), Challenge: tokenHash(verifier), RedirectURI: "http://127.0.0.1:4711/callback"}
}

func (p *plugin) redeem(g Grant) (Session, error) {
	secret, s, err := p.site.gate.Redeem(httptest.NewRecorder(), p.anew().request("POST", "/api/v1/sessions", nil), g)
	if err == nil {
		p.secret = secret
	}
	return s, err
}

func (p *plugin) grant(code string) Grant {
	return Grant{Code: code, Verifier: verifier, RedirectURI: p.authorization().RedirectURI}
}

// person is the session of a browser that just signed in.
func (s *site) person(b *browser, subject string) Session {
	s.t.Helper()
	_, key := sessionCookie(s.t, b.signIn("okta", subject, "/"))
	in, err := s.book.Session(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

func (s *site) code(who Session, a Authorization) string {
	s.t.Helper()
	code, err := s.gate.Authorize(asking(s.t.Context()), who, a)
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// admitted is a program that signed in.
func (s *site) admitted(b *browser) *plugin {
	s.t.Helper()
	p := s.program()
	if _, err := p.redeem(p.grant(s.code(s.person(b, "u-1"), p.authorization()))); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func kindOf(err error) Kind {
	var f *Failure
	if !errors.As(err, &f) {
		return ""
	}
	return f.Kind
}

func TestAProgramSignsInThroughABrowser(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	who := s.person(b, "u-1")
	p := s.program()
	in, err := p.redeem(p.grant(s.code(who, p.authorization())))
	if err != nil {
		t.Fatal(err)
	}
	want := who
	want.Key, want.Expires = in.Key, c.now().Add(12*time.Hour)
	want.Client = &ClientInfo{Name: "ada-laptop", Thumbprint: thumbprintOf(t, p.key)}
	want.Address, want.UserAgent = in.Address, in.UserAgent
	if diff := cmp.Diff(want, in); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got, note, err := p.ask()
	if diff := cmp.Diff(in, got); diff != "" || note != "" || err != nil {
		t.Errorf("%q, %v\n%s", note, err, diff)
	}
	events := s.book.seen()
	e := events[len(events)-1]
	if e.Kind != audit.SignedIn || e.Facts["client"] != "ada-laptop" || e.Facts["via"] != "loopback" || e.Facts["thumbprint"] != thumbprintOf(t, p.key) {
		t.Errorf("the event is %+v", e)
	}
	c.pass(11 * time.Hour) // programs have no idle limit
	if _, _, err := p.ask(); err != nil {
		t.Errorf("after eleven hours: %v", err)
	}
	c.pass(time.Hour)
	if _, _, err := p.ask(); kindOf(err) != NotSignedIn {
		t.Errorf("after twelve: %v", err)
	}
}

func TestARequestThatDoesNotFitItsProofIsRefused(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	p := s.admitted(s.browser())
	other := s.admitted(s.browser())
	stranger := &plugin{site: s, key: newKey(t, elliptic.P256()), secret: p.secret}
	old := p.anew().nonce
	c.pass(2 * nonceWindow)
	p.anew()
	other.anew()
	stranger.anew()
	set := func(name string, value any) func(map[string]any) { return func(m map[string]any) { m[name] = value } }
	get := func(change func(map[string]any)) *http.Request { return p.request("GET", "/api/v1/me", change) }
	with := func(change func(*http.Request)) *http.Request { r := get(nil); change(r); return r }
	for name, tc := range map[string]struct {
		r    *http.Request
		want Kind
	}{
		"another path":              {get(set("htu", s.URL+"/api/v1/leases")), BadProof},
		"another server":            {get(set("htu", "https://evil.example/api/v1/me")), BadProof},
		"another method":            {get(set("htm", "POST")), BadProof},
		"another secret's hash":     {get(set("ath", tokenHash(other.secret))), BadProof},
		"no hash":                   {get(func(m map[string]any) { delete(m, "ath") }), BadProof},
		"no name":                   {get(func(m map[string]any) { delete(m, "jti") }), BadProof},
		"no nonce":                  {get(func(m map[string]any) { delete(m, "nonce") }), NeedsNonce},
		"an old nonce":              {get(set("nonce", old)), NeedsNonce},
		"a forged nonce":            {get(set("nonce", newSecret())), NeedsNonce},
		"a clock far off":           {get(set("iat", c.now().Add(-2*time.Hour).Unix())), ClockOff},
		"no time":                   {get(func(m map[string]any) { delete(m, "iat") }), BadProof},
		"another's key":             {stranger.request("GET", "/api/v1/me", nil), BadProof},
		"a host of its own":         {with(func(r *http.Request) { r.Host = "evil.example" }), ""},
		"no proof":                  {with(func(r *http.Request) { r.Header.Del("DPoP") }), BadProof},
		"two proofs":                {with(func(r *http.Request) { r.Header.Add("DPoP", r.Header.Get("DPoP")) }), BadProof},
		"two Authorization headers": {with(func(r *http.Request) { r.Header.Add("Authorization", "DPoP "+p.secret) }), BadProof},
		"a bearer":                  {with(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p.secret) }), BadProof},
		"no secret":                 {with(func(r *http.Request) { r.Header.Del("Authorization") }), BadProof},
		"a broken secret":           {with(func(r *http.Request) { r.Header.Set("Authorization", "DPoP x") }), BadProof},
	} {
		w := httptest.NewRecorder()
		_, _, err := s.gate.Client(w, tc.r)
		if kindOf(err) != tc.want || tc.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !s.gate.nonces.good(w.Header().Get(NonceHeader), c.now()) {
			t.Errorf("%s: no nonce comes with the answer", name)
		}
		if says := strings.Contains(w.Header().Get("WWW-Authenticate"), "use_dpop_nonce"); says != (tc.want == NeedsNonce) {
			t.Errorf("%s: the header says %q", name, w.Header())
		}
	}
	unknown := &plugin{site: s, key: p.key, secret: newSecret()}
	if _, _, err := unknown.ask(); kindOf(err) != NotSignedIn {
		t.Errorf("an unknown secret: %v", err)
	}
}

func TestAProofIsGoodOnceOnWhateverServer(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	key := sealing(t)
	s := serve(t, c, okta, nil, key)
	p := s.admitted(s.browser())
	o := s.gate.Options
	o.Book = s.book // another server on the same database
	second, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := p.anew().request("GET", "/api/v1/me", nil)
	if _, _, err := s.gate.Client(httptest.NewRecorder(), r); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*Gate{s.gate, second} {
		if _, _, err := g.Client(httptest.NewRecorder(), r); kindOf(err) != ProofReplayed {
			t.Errorf("a second time: %v", err)
		}
	}
	s.book.on("Spend", false)
	if _, _, err := p.ask(); err == nil || kindOf(err) != "" {
		t.Errorf("when it cannot be remembered: %v", err)
	}
}

func TestASecretIsOfAProgramOrOfABrowser(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	p := s.admitted(b)
	thief := s.browser()
	thief.plant("session", p.secret)
	if a := thief.get("/"); a.status == http.StatusOK {
		t.Error("a program's secret opens the page as a cookie")
	}
	thief.plant("session", p.secret)
	if thief.send("POST", s.URL+"/out"); s.book.count() != 2 {
		t.Error("a program's secret in a cookie signs it out")
	}
	swapped := &plugin{site: s, key: p.key, secret: b.cookie("session")}
	if _, _, err := swapped.ask(); kindOf(err) != BadProof {
		t.Errorf("a browser's secret in a header: %v", err)
	}
}

func TestACodeIsGoodOnceForWhatItWasMadeFor(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	for name, tc := range map[string]struct {
		do   func(p *plugin, g *Grant)
		want Kind
	}{
		"guessed":           {func(_ *plugin, g *Grant) { g.Code = newSecret() }, BadGrant},
		"misshapen":         {func(_ *plugin, g *Grant) { g.Code = "x" }, BadGrant},
		"missing":           {func(_ *plugin, g *Grant) { g.Code = "" }, BadGrant},
		"another verifier":  {func(_ *plugin, g *Grant) { g.Verifier = strings.Repeat("w", 43) }, BadGrant},
		"no verifier":       {func(_ *plugin, g *Grant) { g.Verifier = "" }, BadGrant},
		"another address":   {func(_ *plugin, g *Grant) { g.RedirectURI = "http://127.0.0.1:4712/callback" }, BadGrant},
		"another key":       {func(p *plugin, _ *Grant) { p.key = newKey(t, elliptic.P256()) }, BadGrant},
		"too late":          {func(*plugin, *Grant) { c.pass(codeLife) }, CodeExpired},
		"as a device code":  {func(_ *plugin, g *Grant) { g.Code, g.DeviceCode = "", g.Code }, DeviceOff},
		"as two codes":      {func(_ *plugin, g *Grant) { g.DeviceCode = g.Code }, DeviceOff},
		"after signing out": {func(*plugin, *Grant) { b.send("POST", s.URL+"/out") }, BadGrant},
	} {
		p := s.program()
		g := p.grant(s.code(s.person(b, "u-1"), p.authorization()))
		honest := g
		tc.do(p, &g)
		if _, err := p.redeem(g); kindOf(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		if g.Code != honest.Code {
			continue
		}
		if _, err := p.redeem(honest); kindOf(err) != BadGrant && tc.want != DeviceOff {
			t.Errorf("%s, then as it should be: %v", name, err)
		}
	}
	p := s.program()
	g := p.grant(s.code(s.person(b, "u-1"), p.authorization()))
	if _, err := p.redeem(g); err != nil {
		t.Fatal(err)
	}
	p.secret = ""
	if _, err := p.redeem(g); kindOf(err) != BadGrant {
		t.Errorf("twice: %v", err)
	}
}

func TestAnAuthorizationIsExact(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	good := s.program().authorization()
	for _, uri := range []string{"http://127.0.0.1:1/callback", "http://[::1]:65535/callback"} {
		a := good
		if a.RedirectURI = uri; a.Check() != nil {
			t.Errorf("%s: %v", uri, a.Check())
		}
	}
	for _, uri := range []string{"", "http://127.0.0.1/callback", "http://127.0.0.1:0/callback", "http://127.0.0.1:65536/callback", "http://127.0.0.1:080/callback",
		"https://127.0.0.1:80/callback", "http://localhost:80/callback", "http://127.0.0.1:80/callback/", "http://127.0.0.1:80/callback?x", "http://127.0.0.1:80/callback#x",
		"http://127.0.0.1:80@evil.example/callback", "http://evil.example/callback", "http://127.0.0.1:80/callback\n", " http://127.0.0.1:80/callback", "http://127.1:80/callback"} {
		a := good
		if a.RedirectURI = uri; a.Check() == nil {
			t.Errorf("%q is taken", uri)
		}
	}
	for name, change := range map[string]func(*Authorization){
		"no name": func(a *Authorization) { a.Name = "" }, "a name that breaks": func(a *Authorization) { a.Name = "a\nb" },
		"a long name": func(a *Authorization) { a.Name = strings.Repeat("a", 101) }, "a plain challenge": func(a *Authorization) { a.Challenge = verifier[:42] },
		"no key": func(a *Authorization) { a.Thumbprint = "" }, "padding": func(a *Authorization) { a.Thumbprint += "=" },
	} {
		a := good
		if change(&a); a.Check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	p := s.admitted(s.browser())
	in, _, err := p.ask()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.gate.Authorize(asking(t.Context()), in, good); kindOf(err) != BadAsk {
		t.Errorf("a program lets another in: %v", err)
	}
}

func TestWhoeverTriesAStolenSecretIsOnRecordUnderItsOwner(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	p := s.admitted(s.browser())
	in, _, err := p.ask()
	if err != nil {
		t.Fatal(err)
	}
	thief := s.program()
	thief.secret = p.secret
	for range 3 {
		if _, _, err := thief.ask(); kindOf(err) != BadProof {
			t.Errorf("with another key: %v", err)
		}
	}
	c.pass(2 * time.Minute)
	s.gate.Tidy(t.Context(), false)
	seen := s.book.seen()
	for i, e := range seen[len(seen)-2:] {
		if e.Kind != audit.SignInFailed || e.Principal != in.Principal.ID() || e.Provider != "okta" || e.Details.Email != in.Principal.Email ||
			e.Facts["session"] != in.Key.Mark() || e.Facts["repeats"] != []string{"", "2"}[i] {
			t.Errorf("on record: %+v", e)
		}
	}
}

func TestAProgramIsListedAndEndedWithTheRest(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	p := s.admitted(b)
	c.pass(2 * time.Hour) // the browser is idle by now
	b2 := s.browser()
	who := s.person(b2, "u-1")
	all, err := s.gate.SessionsOf(t.Context(), who)
	if err != nil || len(all) != 2 || all[1].Client == nil {
		t.Fatalf("listed: %+v, %v", all, err)
	}
	if err := s.gate.EndSession(httptest.NewRequest("POST", "/", nil), who, all[1].Key.Mark()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.ask(); kindOf(err) != NotSignedIn {
		t.Errorf("a program that was signed out: %v", err)
	}
}

func TestACodeWhoseTradeCannotBeWrittenOpensNothing(t *testing.T) {
	for name, persisted := range map[string]bool{"it failed": false, "it failed but had persisted": true} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := serve(t, c, provide(t, c), nil)
			who := s.person(s.browser(), "u-1")
			p := s.program()
			g := p.grant(s.code(who, p.authorization()))
			s.book.on("Redeem", persisted)
			if in, err := p.redeem(g); err == nil || kindOf(err) != "" || in.Client != nil || p.secret != "" {
				t.Fatalf("got %+v, %v", in, err)
			}
			s.book.heal()
			_, err := p.redeem(g)
			if persisted != (kindOf(err) == BadGrant) || !persisted && err != nil {
				t.Errorf("tried again: %v", err)
			}
			for _, broken := range []string{"PutCode", "Session"} {
				s.book.on(broken, false)
			}
			if _, err := s.gate.Authorize(asking(t.Context()), who, p.authorization()); err == nil || kindOf(err) != "" {
				t.Errorf("a code that cannot be written: %v", err)
			}
			p.secret = newSecret()
			if _, _, err := p.ask(); err == nil || kindOf(err) != "" {
				t.Errorf("a session that cannot be read: %v", err)
			}
		})
	}
}

func TestAttemptsAreOnRecordAndEverydayRefusalsAreNot(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	p := s.admitted(s.browser())
	before := len(s.book.seen())
	for range 3 {
		r := p.anew().request("GET", "/api/v1/me", func(m map[string]any) { m["htm"] = "PUT" })
		if _, _, err := s.gate.Client(httptest.NewRecorder(), r); kindOf(err) != BadProof {
			t.Fatalf("got %v", err)
		}
	}
	r := p.request("GET", "/api/v1/me", func(m map[string]any) { m["nonce"] = "" })
	if _, _, err := s.gate.Client(httptest.NewRecorder(), r); kindOf(err) != NeedsNonce {
		t.Fatalf("got %v", err)
	}
	c.pass(tallyWindow)
	s.gate.Tidy(t.Context(), false)
	events := s.book.seen()[before:]
	if len(events) != 2 || events[0].Kind != audit.SignInFailed || events[0].Reason != "proof" || events[1].Facts["repeats"] != "2" {
		t.Errorf("on record: %+v", events)
	}
	for _, e := range events {
		if strings.Contains(e.Details.Text, p.secret) {
			t.Error("the secret is in the log")
		}
	}
}

// admit has somebody let a program in.
func admit(t *testing.T, s *site, who Session) {
	t.Helper()
	p := s.program()
	if _, err := p.redeem(p.grant(s.code(who, p.authorization()))); err != nil {
		t.Fatal(err)
	}
}

// asking is a person's request at the page that lets a program in.
func asking(ctx context.Context) *http.Request {
	return httptest.NewRequestWithContext(ctx, "POST", "/client/authorize", nil)
}

func TestOnlyAFreshSignInLetsAProgramIn(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, byCode)
	p := s.program()
	d := p.begin()
	who := s.person(s.browser(), "u-1")
	c.pass(14 * time.Minute)
	if _, err := s.gate.Authorize(asking(t.Context()), who, p.authorization()); err != nil || !s.gate.Fresh(who) {
		t.Errorf("after 14 minutes: %v", err)
	}
	d = p.begin()
	c.pass(time.Minute)
	if _, err := s.gate.Authorize(asking(t.Context()), who, p.authorization()); kindOf(err) != NotFresh || s.gate.Fresh(who) {
		t.Errorf("after 15 minutes: %v", err)
	}
	if err := s.gate.Answer(asking(t.Context()), who, d.UserCode, true); kindOf(err) != NotFresh {
		t.Errorf("by a typed code: %v", err)
	}
	if err := s.gate.Answer(asking(t.Context()), who, d.UserCode, false); err != nil {
		t.Errorf("refusing takes no fresh sign-in: %v", err)
	}
}

func TestTheRecordSaysWhoLetAProgramIn(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	who := s.person(s.browser(), "u-1")
	admit(t, s, who)
	all := s.book.seen()
	if e := all[len(all)-1]; e.Facts["by"] != who.Key.Mark() || e.Details.More["allowedFrom"] == "" {
		t.Errorf("the event is %+v", e)
	}
}

func TestAPersonHasSoManyProgramsAndNoMore(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	who := s.person(s.browser(), "u-1")
	for range MostPrograms {
		admit(t, s, who)
	}
	p := s.program()
	if _, err := p.redeem(p.grant(s.code(who, p.authorization()))); kindOf(err) != ManyPrograms {
		t.Errorf("one more: %v", err)
	}
	listed, err := s.gate.SessionsOf(t.Context(), who)
	if err != nil || len(listed) != MostPrograms+1 {
		t.Errorf("%d sessions are listed, %v", len(listed), err)
	}
}

func TestNoProofIsKeptForACodeThatIsNone(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	p := s.program()
	for range 3 {
		if _, err := p.redeem(Grant{Code: newSecret(), Verifier: strings.Repeat("v", 43), RedirectURI: "http://127.0.0.1:1/callback"}); kindOf(err) != BadGrant {
			t.Fatal(err)
		}
	}
	if len(s.book.proofs) != 0 {
		t.Errorf("%d proofs are kept", len(s.book.proofs))
	}
}
