package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web/webtest"
)

// program is a program with a key, whose every answer is held against the
// document.
func program(t *testing.T, s *site) *api.Client {
	t.Helper()
	home, err := api.ParseServer(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	key, err := api.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &api.Client{Server: home, Key: key, UserAgent: "program/1", HTTP: &http.Client{Transport: held(t)}}
}

// asksIn is how the program asks the person in, with its verifier.
func asksIn(t *testing.T, c *api.Client) (url.Values, string) {
	t.Helper()
	thumbprint, err := api.Thumbprint(&c.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{"redirect_uri": {"http://127.0.0.1:7777/callback"}, "state": {"st"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "dpop_jkt": {thumbprint}, "client_name": {"laptop"}}, verifier
}

// letIn has a person answer the program's link; it gives where that leads.
func letIn(t *testing.T, b *webtest.Browser, link url.Values, yes string) *url.URL {
	t.Helper()
	b.Get("/client/authorize?"+link.Encode()).MustSay(t, 200, "Let the program “laptop” act for you?", link.Get("dpop_jkt"), "http://127.0.0.1:7777")
	form := url.Values{"answer": {yes}}
	for k, v := range link {
		form[k] = v
	}
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.Client.CheckRedirect = nil }()
	p := b.Post("/client/authorize", form)
	to, err := url.Parse(p.Header.Get("Location"))
	if p.Status != http.StatusSeeOther || err != nil || to.Host != "127.0.0.1:7777" || to.Query().Get("state") != "st" {
		t.Fatalf("the answer leads to %d %q", p.Status, p.Header.Get("Location"))
	}
	return to
}

// signedIn is a program that a person let in.
func signedIn(t *testing.T, s *site, b *webtest.Browser) *api.Client {
	t.Helper()
	c := program(t, s)
	l, verifier := asksIn(t, c)
	code := letIn(t, b, l, "allow").Query().Get("code")
	in, err := c.SignIn(t.Context(), api.SignIn{Grant: api.GrantCode, Code: code, Verifier: verifier, RedirectURI: l.Get("redirect_uri")})
	if err != nil {
		t.Fatal(err)
	}
	if in.Session.Kind != "client" || in.Session.Name != "laptop" || in.Person.Label == "" {
		t.Errorf("signed in as %+v", in)
	}
	c.Secret = in.Secret
	return c
}

func refusedAs(t *testing.T, err error, status int, code string) {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code != code {
		t.Errorf("answered %v, want %d %s", err, status, code)
	}
}

func must1[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAProgramGoesTheWholeRoad(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	ctx := context.Background()
	c := signedIn(t, s, b)
	me := must1[api.Person](t)(c.Me(ctx))
	if me.Label != "eng@example.com" || len(me.Groups) != 1 {
		t.Errorf("it is %+v", me)
	}
	all := must1[api.Clusters](t)(c.Clusters(ctx))
	if len(all.Clusters) != 2 || len(all.Clusters[1].Choices) != 2 {
		t.Errorf("it may enter %+v", all)
	}
	needs := must1[api.Decision](t)(c.Decide(ctx, api.Ask{Cluster: "pay", Role: "admin"}))
	no := must1[api.Decision](t)(c.Decide(ctx, api.Ask{Cluster: "pay", Role: "deputy"}))
	if needs.Context != "pay-admin" || needs.Server != "https://pay.example" || no.Context != "" || no.Server != "" {
		t.Errorf("it would be called %q at %q, and what is refused %q at %q", needs.Context, needs.Server, no.Context, no.Server)
	}
	if needs.Answer != "needs" || len(needs.Needs) != 1 || no.Answer != "refused" || no.Refusals[0].Code != "no-grant" {
		t.Errorf("decisions %+v, %+v", needs, no)
	}
	l := must1[api.Lease](t)(c.Start(ctx, api.Start{Ask: api.Ask{Cluster: "pay", Role: "viewer", Seconds: 3600}, Namespace: "shop", Key: "k"}))
	again := must1[api.Lease](t)(c.Start(ctx, api.Start{Ask: api.Ask{Cluster: "pay", Role: "viewer", Seconds: 3600}, Key: "k"}))
	if l.State != "active" || l.EndsAt.Sub(l.StartedAt).Round(time.Second) != time.Hour || again.ID != l.ID {
		t.Errorf("leases %+v, %+v", l, again)
	}
	e := must1[api.Entry](t)(c.Entry(ctx, l.ID))
	if e.Server != "https://pay.example" || len(e.CA) == 0 || e.Context != "pay-viewer" || e.Namespace != "shop" {
		t.Errorf("entry %+v", e)
	}
	one, two := must1[api.Token](t)(c.Token(ctx, l.ID)), must1[api.Token](t)(c.Token(ctx, l.ID))
	if one.Token != secretToken || one.Issuance != two.Issuance || !one.NextAt.Before(one.ExpiresAt) || s.cloud.calls != 1 {
		t.Errorf("tokens %+v, %+v; %d minted", one, two, s.cloud.calls)
	}
	if got := must1[api.Leases](t)(c.Leases(ctx)); len(got.Leases) != 1 || got.Leases[0].LastUsed.IsZero() {
		t.Errorf("leases %+v", got)
	}
	over := must1[api.Lease](t)(c.End(ctx, l.ID))
	if over.State != "ended" || over.MayWorkUntil.IsZero() {
		t.Errorf("ended as %+v", over)
	}
	_, err := c.Token(ctx, l.ID)
	refusedAs(t, err, 409, "lease-over")
	b.Get("/access").MustSay(t, 200, "laptop")
	b.Get("/leases/"+l.ID).MustSay(t, 200, "kubectl daypass fetched the token", "Took the entry for kubectl daypass")
	if all := must1[api.Sessions](t)(c.Sessions(ctx)); len(all.Sessions) != 2 {
		t.Errorf("sessions %+v", all)
	}
	if err := c.SignOut(ctx, "this"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Me(ctx)
	refusedAs(t, err, 401, "not-signed-in")
	if e := s.events(t, audit.SignedOut); len(e) != 1 {
		t.Errorf("%d sessions ended on record", len(e))
	}
}

func TestALeaseWithoutItsFirstTokenSaysWhy(t *testing.T) {
	s := newSite(t)
	c := signedIn(t, s, s.as(t, "eng"))
	s.cloud.failWith(&issuer.Fault{Code: "throttled", Say: "AWS is too busy.", Next: "Try again."})
	l := must1[api.Lease](t)(c.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "pay", Role: "viewer"}, Key: "k"}))
	if l.State != "active" || l.Note != "AWS is too busy. Try again." {
		t.Errorf("the lease is %+v", l)
	}
	_, err := c.Token(t.Context(), l.ID)
	refusedAs(t, err, 502, "throttled")
	s.cloud.failWith(nil)
	must1[api.Token](t)(c.Token(t.Context(), l.ID))
}

func TestEverythingIsEndedByOneClick(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	first := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	first.MustSay(t, 200, "renews by itself until your lease ends", "form=renewing")
	b.Get(first.URL.Path+"?form=renewing").MustSay(t, 200, "kubectl daypass login "+s.URL, "kubectl daypass get --lease "+strings.TrimPrefix(first.URL.Path, "/leases/"))
	if p := b.Get("/access"); strings.Contains(p.Text, "End all") {
		t.Error("one lease has a button for all")
	}
	b.Post("/clusters/hidden", url.Values{"role": {"viewer"}, "key": {"b"}})
	b.Get("/access").MustSay(t, 200, `action="/leases/end"`, "End all 2")
	b.Post("/leases/end", nil).MustSay(t, 200, "You hold no lease.")
	if n := len(s.events(t, audit.LeaseEnded)); n != 2 {
		t.Errorf("%d ends are on record", n)
	}
}

func TestATypedCodeIsTakenWhereTheyAreAllowedOnly(t *testing.T) {
	b := newSite(t).as(t, "eng")
	b.Get("/client/device").MustSay(t, 403, "No program is let in by a typed code", "clients.deviceLogin")
	b.Post("/client/device", url.Values{"code": {"BCDF-GHJK"}}).MustSay(t, 403, "No program is let in by a typed code")
}

func TestALinkSurvivesTheSignIn(t *testing.T) {
	s := newSite(t)
	l, _ := asksIn(t, program(t, s))
	to := "/client/authorize?" + l.Encode()
	b := webtest.New(t, s.URL)
	p := b.Get("/auth/staff?return=" + url.QueryEscape(to))
	signed := b.Get(p.URL.String() + "&as=eng")
	if signed.URL.Path != "/client/authorize" || signed.URL.Query().Get("dpop_jkt") != l.Get("dpop_jkt") {
		t.Errorf("the sign-in leads to %s", signed.URL)
	}
}

func TestAProgramThatThePersonRefusesGetsNothing(t *testing.T) {
	s := newSite(t)
	c := program(t, s)
	l, _ := asksIn(t, c)
	if q := letIn(t, s.as(t, "eng"), l, "refuse").Query(); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("a refusal leads on with %v", q)
	}
}

func TestALinkLeadsNowhereButToThisMachine(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	for _, to := range []string{"https://evil.example/callback", "http://127.0.0.1:1/other", "http://127.0.0.1.evil.example:1/callback", "http://localhost:1/callback", "http://127.0.0.1:1@evil.example/callback"} {
		l, _ := asksIn(t, program(t, s))
		l.Set("redirect_uri", to)
		b.Get("/client/authorize?"+l.Encode()).MustSay(t, 400, "redirect_uri must be")
		p := b.Post("/client/authorize", l)
		if p.Status != 400 || p.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", to, p.Status, p.Header.Get("Location"))
		}
	}
}

func TestAnotherPersonsLeaseIsNoneToAProgram(t *testing.T) {
	s := newSite(t)
	other := s.as(t, "solo").Post("/clusters/pay", url.Values{"role": {"deputy"}, "key": {"x"}}).URL.Path
	c := signedIn(t, s, s.as(t, "eng"))
	id := strings.TrimPrefix(other, "/leases/")
	_, err := c.Token(t.Context(), id)
	refusedAs(t, err, 404, "no-lease")
	if e := s.events(t, audit.Refused); len(e) != 1 || e[0].Event.Reason != "foreign-lease" {
		t.Errorf("on record: %+v", e)
	}
}

func TestASecretWithoutItsKeyIsWorthNothing(t *testing.T) {
	s := newSite(t)
	c := signedIn(t, s, s.as(t, "eng"))
	thief := program(t, s)
	thief.Secret = c.Secret
	_, err := thief.Me(t.Context())
	refusedAs(t, err, 401, "proof")
	p := s.request(t, http.MethodGet, api.Prefix+"/me", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.Secret) })
	if p.Status != 401 || p.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("a bearer is answered %d", p.Status)
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	for body, want := range map[string]int{
		`{"cluster":"pay","role":"viewer"}`:            200,
		`{"cluster":"pay","role":"viewer","sconds":1}`: 400,
		`{"cluster":"pay","role":"viewer"}{}`:          400,
		`{"cluster":1}`:                                400,
		``:                                             400,
		`{"reason":"` + strings.Repeat("x", 70000) + `"}`: 413,
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+api.Prefix+"/decisions", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		if p := b.Do(req); p.Status != want || (want != 200 && p.Header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("%.60s is answered %d %s", body, p.Status, p.Text)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+api.Prefix+"/decisions", strings.NewReader("cluster=pay"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p := b.Do(req); p.Status != 415 {
		t.Errorf("a form is answered %d", p.Status)
	}
}

func TestProgramsAreToldWhatToDoAtAProgram(t *testing.T) {
	s := newSite(t)
	c := signedIn(t, s, s.as(t, "eng"))
	for code, ask := range map[string]api.Ask{
		"--reason":      {Cluster: "pay", Role: "admin"},
		"--break-glass": {Cluster: "hidden", Role: "admin"},
		"daypass list":  {Cluster: "nowhere", Role: "viewer"},
	} {
		_, err := c.Start(t.Context(), api.Start{Ask: ask, Key: code})
		var p *api.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Next, code) || strings.Contains(p.Next, "page") {
			t.Errorf("%+v: %v", ask, err)
		}
	}
}
