package auth

import (
	"crypto/ecdsa"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/auth/oidcsim"
)

func wishing(f func(*Provider)) func(*Options) { return func(o *Options) { f(&o.Providers[0]) } }

func fresh(o *Options)   { o.Providers[0].MaxAge = time.Hour }
func strong(o *Options)  { o.Providers[0].ACRValues = []string{"phr", "mfa"} }
func telling(o *Options) { o.Providers[0].GroupsFrom = FromUserinfo }

// wishLies are answers that do not keep what was asked for.
func wishLies() map[string]lie {
	now := newClock().at
	at := func(d time.Duration) oidcsim.Lies { return claim("auth_time", now.Add(d).Unix()) }
	return map[string]lie{
		"auth_time too old":        {lies: at(-time.Hour - 61*time.Second), with: fresh, want: AuthAge, side: AtProvider},
		"auth_time of years ago":   {lies: claim("auth_time", 0), with: fresh, want: AuthAge, side: AtProvider},
		"no auth_time":             {lies: claim("auth_time", nil), with: fresh, want: AuthAge, side: AtProvider},
		"auth_time in the future":  {lies: at(61 * time.Second), with: fresh, want: AuthAge, side: AtProvider},
		"auth_time a text":         {lies: claim("auth_time", "now"), with: fresh, want: Malformed, side: AtProvider},
		"no acr":                   {lies: claim("acr", nil), with: strong, want: AuthClass, side: AtProvider},
		"acr of another":           {lies: claim("acr", "pwd"), with: strong, want: AuthClass, side: AtProvider},
		"acr that holds ours":      {lies: claim("acr", "phr mfa"), with: strong, want: AuthClass, side: AtProvider},
		"acr in another case":      {lies: claim("acr", "PHR"), with: strong, want: AuthClass, side: AtProvider},
		"acr a list":               {lies: claim("acr", []string{"phr"}), with: strong, want: Malformed, side: AtProvider},
		"acr with a control mark":  {lies: claim("acr", "phr\x00"), with: strong, want: AuthClass, side: AtProvider},
		"begun long ago, then old": {lies: at(-time.Hour - 61*time.Second), late: 30 * time.Second, with: fresh, want: AuthAge, side: AtProvider},
	}
}

func tellingLie(change func(map[string]any)) oidcsim.Lies { return oidcsim.Lies{Userinfo: change} }

// pointing is an ID token of somebody with too many groups for it.
func pointing(endpoint string) oidcsim.Lies {
	return oidcsim.Lies{Claims: func(c map[string]any) {
		delete(c, "groups")
		c["_claim_names"] = map[string]string{"groups": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": endpoint}}
	}}
}

// graphAnswers is a configuration whose Microsoft Graph, of the public cloud,
// answers so. No other host is reached but the provider's.
func graphAnswers(h http.HandlerFunc) func(*Options) {
	return func(o *Options) {
		o.Providers[0].GroupsFrom = FromGraph
		base := http.DefaultTransport
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Hostname() == "127.0.0.1" {
				return base.RoundTrip(r)
			}
			if r.URL.Host != "graph.microsoft.com" || r.URL.Scheme != "https" {
				panic("the access token goes to " + r.URL.Host)
			}
			w := httptest.NewRecorder()
			h(w, r)
			return w.Result(), r.Context().Err()
		})
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

const graphPointer = "https://graph.windows.net/t/users/u-1/getMemberObjects"

// groupsLies are groups that are somewhere else, and not there either.
func groupsLies() map[string]lie {
	set := func(name string, v any) oidcsim.Lies { return tellingLie(func(m map[string]any) { m[name] = v }) }
	elsewhere := func(at string) lie {
		return lie{lies: pointing(at), with: graphAnswers(says(200, `{"value":[]}`)), want: GraphElsewhere, side: AtProvider}
	}
	answers := func(status int, body string, want Kind, side Side) lie {
		return lie{lies: pointing(graphPointer), with: graphAnswers(says(status, body)), want: want, side: side}
	}
	many, _ := json.Marshal(map[string]any{"value": manyGroups(maxGroups + 1)})
	hang := func(o *Options) {
		impatient(o)
		graphAnswers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })(o)
	}
	return map[string]lie{
		"userinfo about another":    {lies: set("sub", "u-3"), with: telling, want: UserinfoSubject, side: AtProvider},
		"userinfo about nobody":     {lies: tellingLie(func(m map[string]any) { delete(m, "sub") }), with: telling, want: UserinfoSubject, side: AtProvider},
		"userinfo sub in capitals":  {lies: set("sub", "U-1"), with: telling, want: UserinfoSubject, side: AtProvider},
		"userinfo sub a number":     {lies: set("sub", 1), with: telling, want: UserinfoRefused, side: AtConfiguration},
		"userinfo of odd groups":    {lies: set("groups", []int{1}), with: telling, want: GroupsShape, side: AtConfiguration},
		"userinfo of many groups":   {lies: set("groups", manyGroups(maxGroups+1)), with: telling, want: GroupsMany, side: AtConfiguration},
		"userinfo fails":            {lies: answering(oidcsim.Userinfo, oidcsim.Fail(502)), with: telling, want: UserinfoDown, side: AtProvider},
		"userinfo refuses":          {lies: answering(oidcsim.Userinfo, oidcsim.Fail(403)), with: telling, want: UserinfoRefused, side: AtConfiguration},
		"userinfo hangs":            {lies: answering(oidcsim.Userinfo, oidcsim.Hang), with: func(o *Options) { impatient(o); telling(o) }, want: UserinfoDown, side: AtProvider},
		"userinfo never ends":       {lies: answering(oidcsim.Userinfo, oidcsim.Flood), with: telling, want: UserinfoRefused, side: AtConfiguration},
		"userinfo is a list":        {lies: answering(oidcsim.Userinfo, says(200, "[]")), with: telling, want: UserinfoRefused, side: AtConfiguration},
		"userinfo is null":          {lies: answering(oidcsim.Userinfo, says(200, "null")), with: telling, want: UserinfoRefused, side: AtConfiguration},
		"userinfo is a signed text": {lies: answering(oidcsim.Userinfo, says(200, "eyJ.eyJ.x")), with: telling, want: UserinfoRefused, side: AtConfiguration},
		"userinfo is not announced": {lies: oidcsim.Lies{Discovery: func(d map[string]any) { delete(d, "userinfo_endpoint") }}, with: telling, want: UserinfoRefused, side: AtConfiguration},

		"too many for the token":        {lies: pointing(graphPointer), want: GroupsOverage, side: AtConfiguration},
		"too many, says hasgroups":      {as: "u-2", lies: claim("hasgroups", true), want: GroupsOverage, side: AtConfiguration},
		"too many, in words":            {as: "u-2", lies: claim("hasgroups", "true"), want: GroupsOverage, side: AtConfiguration},
		"too many and none at userinfo": {lies: oidcsim.Lies{Claims: pointing(graphPointer).Claims, Userinfo: func(m map[string]any) { delete(m, "groups") }}, with: telling, want: GroupsOverage, side: AtConfiguration},

		"Graph at a stranger":            elsewhere("https://evil.example/v1.0/me"),
		"Graph without TLS":              elsewhere("http://graph.microsoft.com/me"),
		"Graph of a longer name":         elsewhere("https://graph.microsoft.com.evil.example/me"),
		"Graph as a user":                elsewhere("https://graph.microsoft.com@evil.example/me"),
		"Graph with a user":              elsewhere("https://x@graph.microsoft.com/me"),
		"Graph at another port":          elsewhere("https://graph.microsoft.com:8443/me"),
		"Graph at the provider's inside": elsewhere("https://169.254.169.254/latest"),
		"Graph at no address":            elsewhere("://"),

		"Graph fails":         answers(503, "", GraphDown, AtProvider),
		"Graph wants a pause": answers(429, "", GraphDown, AtProvider),
		"Graph refuses":       answers(403, `{"error":{"code":"Authorization_RequestDenied"}}`, GraphRefused, AtConfiguration),
		"Graph redirects":     answers(302, "", GraphRefused, AtConfiguration),
		"Graph is a page":     answers(200, "<html>", GraphRefused, AtConfiguration),
		"Graph has no list":   answers(200, `{"value":null}`, GraphRefused, AtConfiguration),
		"Graph has objects":   answers(200, `{"value":[{"id":"a"}]}`, GroupsShape, AtConfiguration),
		"Graph has pages":     answers(200, `{"value":["a"],"@odata.nextLink":"https://evil.example"}`, GroupsMany, AtConfiguration),
		"Graph has too many":  answers(200, string(many), GroupsMany, AtConfiguration),
		"Graph hangs":         {lies: pointing(graphPointer), with: hang, want: GraphDown, side: AtProvider},
	}
}

func TestAsksForWhatIsConfigured(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, wishing(func(p *Provider) {
		p.Prompt, p.MaxAge, p.ACRValues = "login consent", 90*time.Minute, []string{"phr", "mfa"}
	}))
	b := s.browser()
	to := b.begin("okta", "/x")
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"prompt", "max_age", "acr_values"} {
		got[name] = u.Query().Get(name)
	}
	if diff := cmp.Diff(map[string]string{"prompt": "login consent", "max_age": "5400", "acr_values": "phr mfa"}, got); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if a := b.send("GET", b.choose(to, "u-1")); a.to != "/x" {
		t.Errorf("and what is asked for does not do: %v", s.lastError())
	}
}

func TestWhatIsNotConfiguredIsNotAskedFor(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	u, err := url.Parse(s.browser().begin("okta", "/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(u.Query())); slices.Contains(got, "prompt") || slices.Contains(got, "max_age") || slices.Contains(got, "acr_values") {
		t.Errorf("the request holds %v", got)
	}
	okta.Lie(claim("auth_time", nil))
	if a := s.browser().signIn("okta", "u-1", "/x"); a.to != "/x" {
		t.Errorf("a provider that does not tell auth_time lets nobody in: %v", s.lastError())
	}
}

func TestAnAgeAtItsBoundWillDo(t *testing.T) {
	now := newClock().at
	for name, at := range map[string]time.Time{
		"an hour and a minute ago":   now.Add(-time.Hour - time.Minute),
		"a clock a minute before us": now.Add(time.Minute),
	} {
		c := newClock()
		okta := provide(t, c)
		okta.Lie(claim("auth_time", at.Unix()))
		s := serve(t, c, okta, nil, fresh)
		if a := s.browser().signIn("okta", "u-1", "/x"); a.to != "/x" {
			t.Errorf("%s: %v", name, s.lastError())
		}
	}
}

// groupsOf signs somebody in and gives the groups that are on the session.
func groupsOf(t *testing.T, s *site, as string) []string {
	t.Helper()
	a := s.browser().signIn("okta", as, "/")
	if a.to != "/" {
		t.Fatalf("signing in fails: %v", s.lastError())
	}
	_, key := sessionCookie(t, a)
	got, err := s.book.Session(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return got.Principal.Groups
}

func TestUserinfoTellsWhatTheTokenDoesNot(t *testing.T) {
	thin := func(c map[string]any) {
		for _, name := range []string{"email", "email_verified", "name", "groups"} {
			delete(c, name)
		}
	}
	for name, tc := range map[string]struct {
		lies       oidcsim.Lies
		email, say string
		unverified string
		groups     []string
		noClaim    bool
	}{
		"a thin token":              {lies: oidcsim.Lies{Claims: thin}, email: "ada@acme.example", say: "Ada Lovelace", groups: []string{"sre", "eng"}},
		"userinfo's groups count":   {lies: oidcsim.Lies{Claims: func(c map[string]any) { c["groups"] = []string{"old"} }}, email: "ada@acme.example", say: "Ada Lovelace", groups: []string{"sre", "eng"}},
		"userinfo without groups":   {lies: tellingLie(func(m map[string]any) { delete(m, "groups") }), email: "ada@acme.example", say: "Ada Lovelace", noClaim: true},
		"the token's e-mail counts": {lies: tellingLie(func(m map[string]any) { m["email"] = "eve@acme.example" }), email: "ada@acme.example", say: "Ada Lovelace", groups: []string{"sre", "eng"}},
		"an e-mail not verified": {lies: oidcsim.Lies{Claims: thin, Userinfo: func(m map[string]any) { m["email_verified"] = false }},
			unverified: "ada@acme.example", say: "Ada Lovelace", groups: []string{"sre", "eng"}},
		"a verification of nothing": {lies: oidcsim.Lies{Claims: func(c map[string]any) { delete(c, "email") }, Userinfo: func(m map[string]any) { delete(m, "email_verified") }},
			unverified: "ada@acme.example", say: "Ada Lovelace", groups: []string{"sre", "eng"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			okta := provide(t, c)
			okta.Lie(tc.lies)
			s := serve(t, c, okta, nil, telling)
			a := s.browser().signIn("okta", "u-1", "/")
			if a.to != "/" {
				t.Fatalf("signing in fails: %v", s.lastError())
			}
			_, key := sessionCookie(t, a)
			got, _ := s.book.Session(t.Context(), key)
			p := got.Principal
			if p.Email != tc.email || p.Name != tc.say || got.UnverifiedEmail != tc.unverified || p.NoGroupsClaim != tc.noClaim {
				t.Errorf("the person is %+v, unverified %q", p, got.UnverifiedEmail)
			}
			if diff := cmp.Diff(tc.groups, p.Groups); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGraphTellsTheGroupsOfWhoHasTooMany(t *testing.T) {
	var asked []string
	answer := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+string(body))
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, `{"@odata.context":"x","value":["7c3e","91aa"]}`)
	}
	want := []string{`POST /v1.0/me/getMemberObjects {"securityEnabledOnly":false}`}
	for name, tc := range map[string]struct {
		lies oidcsim.Lies
		as   string
	}{
		"by a pointer to the old Graph": {pointing(graphPointer), "u-1"},
		"by a pointer":                  {pointing("https://graph.microsoft.com/v1.0/users/u-1/getMemberObjects"), "u-1"},
		"by hasgroups":                  {claim("hasgroups", true), "u-2"},
	} {
		asked = nil
		c := newClock()
		okta := provide(t, c)
		okta.Lie(tc.lies)
		if diff := cmp.Diff([]string{"7c3e", "91aa"}, groupsOf(t, serve(t, c, okta, nil, graphAnswers(answer)), tc.as)); diff != "" {
			t.Errorf("%s: groups (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("%s: asked (-want +got):\n%s", name, diff)
		}
	}
	asked = nil
	c := newClock()
	if got := groupsOf(t, serve(t, c, provide(t, c), nil, graphAnswers(answer)), "u-1"); !slices.Equal(got, []string{"sre", "eng"}) || asked != nil {
		t.Errorf("with groups in the token, Graph is asked %v and the groups are %v", asked, got)
	}
}

func TestAConfiguredGraphIsAskedWhateverTheTokenSays(t *testing.T) {
	graph := httptest.NewServer(says(200, `{"value":["7c3e"]}`))
	defer graph.Close()
	c := newClock()
	okta := provide(t, c)
	okta.Lie(pointing("https://evil.example/me"))
	s := serve(t, c, okta, nil, wishing(func(p *Provider) { p.GroupsFrom, p.GraphURL = FromGraph, graph.URL+"/" }))
	if got := groupsOf(t, s, "u-1"); !slices.Equal(got, []string{"7c3e"}) {
		t.Errorf("the groups are %v", got)
	}
}

func TestAPrivateCAVouchesForItsProviderOnly(t *testing.T) {
	c := newClock()
	private := httptest.NewUnstartedServer(nil)
	idp, err := oidcsim.New("https://"+private.Listener.Addr().String(), oidcsim.Options{People: people(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	private.Config.Handler = idp
	private.Config.ErrorLog = log.New(io.Discard, "", 0)
	private.StartTLS()
	defer private.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw})
	try := func(cas []byte) error {
		p, err := newProvider(Provider{Name: "okta", Issuer: idp.Issuer(), ClientID: "x", CAs: cas}, Options{
			Site: &url.URL{Scheme: "https", Host: "d.example"}, Now: c.now, Transport: http.DefaultTransport, Patience: 5 * time.Second,
		}.withDefaults())
		if err != nil {
			return err
		}
		if _, f := p.discover(t.Context()); f != nil {
			return f
		}
		return nil
	}
	if err := try(ca); err != nil {
		t.Errorf("with its CA: %v", err)
	}
	var f *Failure
	if err := try(nil); err == nil || !asFailure(err, &f) || f.Kind != DiscoveryDown || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without its CA: %v", err)
	}
	if err := try([]byte("x")); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("with a CA that is none: %v", err)
	}
}

func asFailure(err error, f **Failure) bool {
	got, ok := err.(*Failure)
	*f = got
	return ok
}

// counted counts how often the keys are asked for.
func counted(okta *oidcsim.Server) *atomic.Int64 {
	var n atomic.Int64
	okta.Lie(answering(oidcsim.Keys, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.WriteHeader(http.StatusOK)
		fmt.Fprint(w, `{"keys":[]}`)
	}))
	return &n
}

func TestUnknownKeysMakeUsAskOnceInAWhile(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	n := counted(okta)
	b := s.browser()
	for range 5 {
		b.signIn("okta", "u-1", "/")
	}
	if n.Load() != 2 { // once for the first, once for an unknown key
		t.Errorf("asked %d times at once", n.Load())
	}
	c.pass(keysPause)
	b.signIn("okta", "u-1", "/")
	b.signIn("okta", "u-1", "/")
	if n.Load() != 3 {
		t.Errorf("asked %d times after the pause", n.Load())
	}
}

func TestASignatureOfAKnownKeyMakesNobodyAsk(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	n := counted(okta)
	l := answering(oidcsim.Keys, oidcsim.Fail(500))
	l.Sign = oidcsim.OtherKey
	okta.Lie(l)
	if b.signIn("okta", "u-1", "/"); n.Load() != 0 {
		t.Error("a forged signature makes us ask for the keys")
	}
	var f *Failure
	if err := s.lastError(); !asFailure(err, &f) || f.Kind != Signature {
		t.Errorf("the error is %v", err)
	}
}

func TestAKeyThatWasWithdrawnDies(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil)
	b := s.browser()
	b.signIn("okta", "u-1", "/")
	okta.Lie(answering(oidcsim.Keys, says(200, `{"keys":[]}`)))
	if a := b.signIn("okta", "u-1", "/x"); a.to != "/x" {
		t.Fatalf("the keys are not remembered: %v", s.lastError())
	}
	c.pass(keysLife)
	if a := b.signIn("okta", "u-1", "/x"); a.to == "/x" {
		t.Error("an hour after it was withdrawn, the key still signs people in")
	}
}

func TestManyTokensShareOneAskingForKeys(t *testing.T) {
	var n atomic.Int64
	gate := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		<-gate
		fmt.Fprint(w, `{"keys":[{"kty":"OKP","crv":"Ed448","x":"AA"},{"kty":"oct","k":"AAAA"},"x"]}`)
	}))
	defer srv.Close()
	c := newClock()
	k := &keySet{url: srv.URL, client: newClient(http.DefaultTransport, 5*time.Second), now: c.now}
	var all sync.WaitGroup
	begun := make(chan struct{}, 8)
	for range 8 {
		all.Go(func() {
			begun <- struct{}{}
			if _, _, err := k.current(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for range 8 {
		<-begun
	}
	close(gate)
	all.Wait()
	if got := n.Load(); got > 2 || len(k.keys) != 0 {
		t.Errorf("asked %d times; keys that are none of ours are kept: %v", got, k.keys)
	}
}

func TestAKeyFitsItsPurposeAndAlgorithmOnly(t *testing.T) {
	head := jose.Header{KeyID: "k", Algorithm: "RS256"}
	for name, tc := range map[string]struct {
		key  jose.JSONWebKey
		want bool
	}{
		"of that name":          {jose.JSONWebKey{KeyID: "k", Key: &ecdsa.PublicKey{}}, true},
		"for signatures":        {jose.JSONWebKey{KeyID: "k", Use: "sig", Algorithm: "RS256"}, true},
		"for encryption":        {jose.JSONWebKey{KeyID: "k", Use: "enc"}, false},
		"of another name":       {jose.JSONWebKey{KeyID: "j"}, false},
		"of no name":            {jose.JSONWebKey{}, false},
		"for another algorithm": {jose.JSONWebKey{KeyID: "k", Algorithm: "PS256"}, false},
	} {
		if fits(tc.key, head) != tc.want {
			t.Errorf("a key %s fits: %t", name, !tc.want)
		}
	}
}
