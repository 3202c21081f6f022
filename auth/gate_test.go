package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/auth/oidcsim"
)

func TestWhatAPersonsClaimsMean(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	trusting := func(o *Options) { o.Providers[0].TrustUnstatedEmail = true }
	for name, tc := range map[string]struct {
		as         string
		lies       oidcsim.Lies
		with       func(*Options)
		email      string
		unverified string
		groups     []string
		noClaim    bool
	}{
		"all is well":                    {as: "u-1", email: "ada@acme.example", groups: []string{"sre", "eng"}},
		"no groups claim":                {as: "u-2", unverified: "bo@out.example", noClaim: true},
		"no groups":                      {as: "u-3", email: "cy@acme.example", groups: []string{}},
		"groups null":                    {as: "u-3", lies: claim("groups", nil), email: "cy@acme.example", noClaim: true},
		"groups as one text":             {as: "u-3", lies: claim("groups", "sre, eng"), email: "cy@acme.example", groups: []string{"sre, eng"}},
		"groups as an empty text":        {as: "u-3", lies: claim("groups", ""), email: "cy@acme.example", groups: []string{}},
		"2,000 groups":                   {as: "u-3", lies: claim("groups", manyGroups(maxGroups)), email: "cy@acme.example", groups: manyGroups(maxGroups)},
		"groups under another name":      {as: "u-3", lies: claim("https://acme/roles", []string{"x"}), with: func(o *Options) { o.Providers[0].GroupsClaim = "https://acme/roles" }, email: "cy@acme.example", groups: []string{"x"}},
		"e-mail verified as a text":      {as: "u-3", lies: claim("email_verified", "true"), email: "cy@acme.example", groups: []string{}},
		"e-mail verified as a number":    {as: "u-3", lies: claim("email_verified", 1), unverified: "cy@acme.example", groups: []string{}},
		"nothing said of the e-mail":     {as: "u-3", lies: claim("email_verified", nil), unverified: "cy@acme.example", groups: []string{}},
		"nothing said, but trusted":      {as: "u-3", lies: claim("email_verified", nil), with: trusting, email: "cy@acme.example", groups: []string{}},
		"trusted, but said to be false":  {as: "u-2", with: trusting, unverified: "bo@out.example", noClaim: true},
		"e-mail that misleads the eye":   {as: "u-3", lies: claim("email", "a@b\u202e.example"), groups: []string{}},
		"e-mail that is none":            {as: "u-3", lies: claim("email", "cy"), groups: []string{}},
		"two audiences and azp":          {as: "u-3", lies: oidcsim.Lies{Claims: func(c map[string]any) { c["aud"], c["azp"] = []string{"daypass-okta", "x"}, "daypass-okta" }}, email: "cy@acme.example", groups: []string{}},
		"clocks apart by under a minute": {as: "u-3", lies: oidcsim.Lies{Claims: func(c map[string]any) { c["iat"], c["exp"] = newClock().at.Unix()+59, newClock().at.Unix()-59 }}, email: "cy@acme.example", groups: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			okta.Lie(tc.lies)
			var change []func(*Options)
			if tc.with != nil {
				change = append(change, tc.with)
			}
			s := serve(t, c, okta, nil, change...)
			a := s.browser().signIn("okta", tc.as, "/")
			if a.to != "/" {
				t.Fatalf("signing in fails: %v", s.lastError())
			}
			_, key := sessionCookie(t, a)
			got, err := s.book.Session(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			p := got.Principal
			if p.Email != tc.email || got.UnverifiedEmail != tc.unverified || p.NoGroupsClaim != tc.noClaim {
				t.Errorf("e-mail %q, unverified %q, no groups claim %t", p.Email, got.UnverifiedEmail, p.NoGroupsClaim)
			}
			if diff := cmp.Diff(tc.groups, p.Groups); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAProviderThatComesBackIsUsedWithoutARestart(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	var asked atomic.Int64
	down := func(w http.ResponseWriter, r *http.Request) { asked.Add(1); oidcsim.Fail(503)(w, r) }
	okta.Lie(answering(oidcsim.Discovery, down))
	s := serve(t, c, okta, nil)
	s.gate.Warm(t.Context())
	if st := s.gate.Standings(); len(st) != 1 || st[0].Label != "Okta" || st[0].Trouble == nil {
		t.Fatalf("the standing is %+v", st)
	}
	b := s.browser()
	for range 3 {
		b.begin("okta", "/")
	}
	if asked.Load() != 1 {
		t.Errorf("a provider that just failed was asked %d times", asked.Load())
	}
	c.pass(time.Second)
	b.begin("okta", "/")
	c.pass(time.Second)
	b.begin("okta", "/")
	if asked.Load() != 2 {
		t.Errorf("the pause does not grow: asked %d times", asked.Load())
	}
	okta.Lie(oidcsim.Lies{})
	c.pass(maxRetry)
	if a := b.signIn("okta", "u-1", "/x"); a.to != "/x" {
		t.Errorf("signing in still fails: %v", s.lastError())
	}
	if st := s.gate.Standings(); st[0].Trouble != nil {
		t.Errorf("the trouble stays: %v", st[0].Trouble)
	}
}

func TestAnOutageOfDiscoveryAfterwardsStopsNobody(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	okta.Lie(answering(oidcsim.Discovery, oidcsim.Fail(500)))
	c.pass(metadataLife + time.Minute)
	if a := b.signIn("okta", "u-1", "/x"); a.to != "/x" {
		t.Errorf("signing in fails: %v", s.lastError())
	}
	if s.gate.Standings()[0].Trouble == nil {
		t.Error("nothing tells of the outage")
	}
}

func TestOneProvidersOutageLeavesTheOther(t *testing.T) {
	c := newClock()
	okta, guests := provide(t, c), provide(t, c)
	okta.Lie(answering(oidcsim.Discovery, oidcsim.Fail(500)))
	s := serve(t, c, okta, map[string]*oidcsim.Server{"guests": guests})
	b := s.browser()
	b.begin("okta", "/")
	if a := b.signIn("guests", "u-2", "/"); a.to != "/" {
		t.Fatalf("signing in fails: %v", s.lastError())
	}
	if page := b.get("/"); page.body != "guests u-2 at /" {
		t.Errorf("the page says %q", page.body)
	}
}

func TestNewKeysAreFetchedWhenTheyAreMet(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	if err := okta.Rotate(); err != nil {
		t.Fatal(err)
	}
	if a := b.signIn("okta", "u-1", "/x"); a.to != "/x" {
		t.Errorf("signing in fails: %v", s.lastError())
	}
}

func TestAClientSecretGoesTheWayTheProviderTakes(t *testing.T) {
	for _, methods := range [][]string{{"client_secret_basic"}, {"client_secret_post"}, {"private_key_jwt", "client_secret_post"}, nil} {
		c := newClock()
		okta := provide(t, c)
		var posted atomic.Bool
		okta.Lie(oidcsim.Lies{Discovery: func(d map[string]any) {
			if d["token_endpoint_auth_methods_supported"] = methods; methods == nil {
				delete(d, "token_endpoint_auth_methods_supported")
			}
		}})
		s := serve(t, c, okta, nil, func(o *Options) {
			base := http.DefaultTransport
			o.Transport = transport(func(r *http.Request) (*http.Response, error) {
				if r.Method == "POST" {
					posted.Store(r.Header.Get("Authorization") == "")
				}
				return base.RoundTrip(r)
			})
		})
		if a := s.browser().signIn("okta", "u-1", "/x"); a.to != "/x" {
			t.Errorf("%v: signing in fails: %v", methods, s.lastError())
		}
		if want := strings.Contains(fmt.Sprint(methods), "post"); posted.Load() != want {
			t.Errorf("%v: in the form: %t", methods, posted.Load())
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestRepeatedFailuresAreCountedAndNotRepeated(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	junk := func(n int) {
		for range n {
			b.get(CallbackPath("okta") + "?code=x&state=" + newSecret())
		}
	}
	junk(5)
	b.get(CallbackPath("okta") + "?code=x") // of another kind
	if n := len(s.book.seen()); n != 2 {
		t.Fatalf("there are %d events, want one of each kind", n)
	}
	c.pass(time.Minute)
	junk(2)
	e := s.book.seen()
	if len(e) != 3 || e[2].Facts["repeats"] != "4" {
		t.Errorf("the events are %+v", e)
	}
	s.gate.Tidy(t.Context(), false)
	if n := len(s.book.seen()); n != 3 {
		t.Errorf("a count was told before its minute was over: %d events", n)
	}
	junk(2) // and no more of their like
	s.gate.Tidy(t.Context(), true)
	s.gate.Tidy(t.Context(), true)
	if e := s.book.seen(); len(e) != 4 || e[3].Facts["repeats"] != "3" || e[3].Facts["of"] != e[2].ID {
		t.Errorf("when the server stops, the events are %+v", e)
	}
}

func TestTheTallyStaysSmall(t *testing.T) {
	var y tally
	now := newClock().at
	for i := range 3 * tallyMost {
		if _, due := y.count(fmt.Sprint(i), now); !due {
			t.Fatalf("failure %d, the first of its kind, is not recorded", i)
		}
	}
	if len(y.seen) > tallyMost {
		t.Errorf("the tally holds %d", len(y.seen))
	}
}

func TestAFailureThatCannotBeRecordedIsStillAFailure(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	s.book.on("Record", false)
	b := s.browser()
	b.get(CallbackPath("okta") + "?code=x")
	var f *Failure
	if err := s.lastError(); !errors.As(err, &f) || f.Kind != NoState || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the error is %v", err)
	}
	s.book.heal()
	b.get(CallbackPath("okta") + "?code=x")
	if n := len(s.book.seen()); n != 1 {
		t.Errorf("afterwards there are %d events", n)
	}
}

func TestTheCodeChallengeIsS256AndEachStartItsOwn(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	seen := map[string]bool{}
	for range 3 {
		u, err := url.Parse(s.browser().begin("okta", "/"))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("redirect_uri") != s.URL+"/auth/okta/callback" || q.Get("scope") != "openid email profile groups" {
			t.Errorf("the request is %v", q)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if v := q.Get(name); len(v) != 43 || seen[v] {
				t.Errorf("%s is %q", name, v)
			}
			seen[q.Get(name)] = true
		}
	}
}

func TestASecretCannotPrint(t *testing.T) {
	p := Provider{Name: "okta", ClientSecret: NewSecret("hunter2")}
	inner := &provider{Provider: p}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "provider", p, "secret", p.ClientSecret)
	j, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(j), p.ClientSecret.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, p), fmt.Sprintf(verb, inner), fmt.Sprintf(verb, p.ClientSecret))
	}
	for _, s := range shown {
		if strings.Contains(s, "hunter2") || strings.Contains(s, "68756e74657232") {
			t.Errorf("the secret stands in %q", s)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := func() Options {
		u, err := url.Parse("https://daypass.example")
		if err != nil {
			t.Fatal(err)
		}
		return Options{Site: u, Book: newBook(), Log: slog.New(slog.DiscardHandler), Providers: []Provider{{Name: "okta", Issuer: "https://acme.okta.example", ClientID: "x"}}}
	}
	if _, err := New(good()); err != nil {
		t.Fatalf("a good configuration is refused: %v", err)
	}
	for want, spoil := range map[string]func(*Options){
		"needs the site's URL":   func(o *Options) { o.Site = nil },
		"must begin with https":  func(o *Options) { o.Site.Scheme = "http" },
		"two of that name":       func(o *Options) { o.Providers = append(o.Providers, o.Providers[0]) },
		"a name is made of":      func(o *Options) { o.Providers[0].Name = "../x" },
		"client ID is missing":   func(o *Options) { o.Providers[0].ClientID = "" },
		"issuer: \"http://acme":  func(o *Options) { o.Providers[0].Issuer = "http://acme.example" },
		"is no absolute URL":     func(o *Options) { o.Providers[0].Issuer = "acme" },
		"sign-in provider okta:": func(o *Options) { o.Providers[0].Issuer = "" },
	} {
		o := good()
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestCookieNamesTellLoopbackPortsApart(t *testing.T) {
	for site, want := range map[string]string{
		"https://daypass.example":      "__Host-daypass-session",
		"https://daypass.example:8443": "__Host-daypass-session",
		"http://127.0.0.1:8080":        "__Host-daypass-session-8080",
		"http://localhost:8081":        "__Host-daypass-session-8081",
		"https://[::1]:8443":           "__Host-daypass-session-8443",
		"http://localhost":             "__Host-daypass-session",
	} {
		u, err := url.Parse(site)
		if err != nil {
			t.Fatal(err)
		}
		if got := newJar("session", u).name; got != want {
			t.Errorf("%s names its cookie %s, want %s", site, got, want)
		}
	}
}

func TestOfManyCopiesOfOneAnswerOneOpensASession(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil)
	b := s.browser()
	cb := b.choose(b.begin("okta", "/x"), "u-1")
	var opened atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a := b.send("GET", cb); a.to == "/x" {
				opened.Add(1)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 || s.book.count() != 1 {
		t.Errorf("%d answers were taken, there are %d sessions", opened.Load(), s.book.count())
	}
}
