package auth

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/auth/oidcsim"
)

// Real providers, where the machine has them: DAYPASS_DEX is dex's binary (the
// one that keeps sessions, see e2e), DAYPASS_PANVA a folder in which
// `npm install oidc-provider` was run. Without them these tests are skipped.

// program runs a provider until the test ends and waits until it answers.
func program(t *testing.T, issuer string, c *exec.Cmd) {
	t.Helper()
	c.Stdout, c.Stderr = io.Discard, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for range 200 {
		resp, err := http.Get(issuer + "/.well-known/openid-configuration")
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond) // until a program of somebody else's is up
	}
	t.Fatalf("%s does not answer", issuer)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	s, err := oidcsim.Start("", oidcsim.Options{People: people()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return strings.TrimPrefix(s.Issuer(), "http://")
}

// follow is a person at a browser: it goes where it is sent, and fills in any
// form it meets at the provider.
func (b *browser) follow(address string, fill url.Values) answer {
	b.site.t.Helper()
	a := b.send("GET", address)
	for range 20 {
		here, _ := url.Parse(address)
		switch form := formOf(a.body); {
		case a.to != "":
			next, err := here.Parse(a.to)
			if err != nil {
				b.site.t.Fatal(err)
			}
			address = next.String()
			a = b.send("GET", address)
		case form != "" && !strings.HasPrefix(address, b.site.URL):
			next, _ := here.Parse(form)
			address = next.String()
			a = b.post(address, fields(a.body, fill))
		default:
			return a
		}
	}
	b.site.t.Fatalf("the way does not end, at %s", address)
	return a
}

var (
	formTag  = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
	inputTag = regexp.MustCompile(`<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"|<button[^>]*name="([^"]+)"[^>]*value="([^"]*)"`)
)

func formOf(body string) string {
	if m := formTag.FindStringSubmatch(body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func fields(body string, fill url.Values) url.Values {
	out := url.Values{}
	for _, m := range inputTag.FindAllStringSubmatch(body, -1) {
		out.Set(m[1]+m[3], html.UnescapeString(m[2]+m[4]))
	}
	for k, v := range fill {
		out[k] = v
	}
	return out
}

func (b *browser) post(address string, form url.Values) answer {
	b.site.t.Helper()
	resp, err := b.http.PostForm(address, form)
	if err != nil {
		b.site.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(body), resp.Header.Get("Location"), resp.Cookies()}
}

// atReal makes a site whose one provider is a real one. Its clock is the real
// one too.
func atReal(t *testing.T, issuer func(s *site) string, change ...func(*Options)) *site {
	t.Helper()
	stub := provide(t, newClock())
	s := serve(t, newClock(), stub, nil, append([]func(*Options){func(o *Options) { o.Now = time.Now }}, change...)...)
	o := s.gate.Options
	o.Providers[0].Issuer = issuer(s)
	sealing(t)(&o)
	gate, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.gate = gate
	return s
}

// certificateOf writes the site's certificate where a program can read it.
func certificateOf(t *testing.T, s *site) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "site.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// theRoad signs in, looks at what came, signs out here and there, and signs in
// again to be signed out by the provider.
func theRoad(t *testing.T, s *site, fill url.Values, check func(Session)) {
	t.Helper()
	b := s.browser()
	b.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}
	if a := b.follow(s.URL+StartPath("okta")+"?return=/x", fill); !strings.HasPrefix(a.body, "okta ") {
		t.Fatalf("signing in ends with %d %s: %v", a.status, a.body, s.lastError())
	}
	for _, x := range s.book.sessions {
		check(x)
	}
	b.send("POST", s.URL+"/out")
	if page := b.get(SignedOutPath); page.body != "Okta /auth/okta/leave false" {
		t.Fatalf("the page says %q", page.body)
	}
	if page := b.follow(s.URL+LeavePath("okta"), nil); page.body != "Okta  true" {
		t.Fatalf("leaving ends with %d %q: %v", page.status, page.body, s.lastError())
	}
	b.follow(s.URL+StartPath("okta")+"?return=/x", fill)
	toldOut(t, s, b)
}

// askedAgain asks a real provider again about a session.
func askedAgain(t *testing.T, s *site, x Session) {
	t.Helper()
	raw, err := s.gate.openRefresh(x)
	if err != nil {
		t.Fatalf("the provider gave no refresh token: %v", err)
	}
	who, fail := s.gate.providers[0].again(t.Context(), raw, x)
	if fail != nil || strings.Join(who.Groups, " ") != strings.Join(x.Principal.Groups, " ") {
		t.Fatalf("asked again it tells %q: %v", who.Groups, fail)
	}
	_, fail = s.gate.providers[0].again(t.Context(), newSecret(), x)
	if fail == nil || fail.Kind != CodeRefused {
		t.Errorf("a token of nobody: %v", fail)
	}
}

// toldOut signs out at the provider alone, which tells us by its back channel.
func toldOut(t *testing.T, s *site, b *browser) {
	t.Helper()
	if s.book.count() != 1 {
		t.Fatalf("signing in again leaves %d sessions: %v", s.book.count(), s.lastError())
	}
	p := s.gate.providers[0]
	for key, x := range s.book.sessions {
		hint, err := s.gate.Keys.Open(sealPurpose, key.String(), x.IDToken)
		if err != nil {
			t.Fatal(err)
		}
		b.follow(p.leaveURL(p.known, string(hint), "x"), nil)
	}
	for range 200 {
		if s.book.count() == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond) // until a program of somebody else's has told us
	}
	t.Fatalf("the provider's logout has ended nothing: %v\n%s", s.lastError(), s.log)
}

func TestWithDex(t *testing.T) {
	binary := os.Getenv("DAYPASS_DEX")
	if binary == "" {
		absent(t, "DAYPASS_DEX is not set, so there is no dex to sign in at")
	}
	address := freeAddress(t)
	issuer := "http://" + address + "/dex"
	s := atReal(t, func(s *site) string {
		config := fmt.Sprintf(`{"issuer":%q,"storage":{"type":"memory"},"web":{"http":%q},"sessions":{"absoluteLifetime":"1h","ssoSharedWithDefault":"all"},
"connectors":[{"type":"mockCallback","id":"mock","name":"Mock"}],
"staticClients":[{"id":"daypass-okta","secret":"s3:cret/okta","name":"Daypass","redirectURIs":[%q],"postLogoutRedirectURIs":[%q],"backchannelLogoutURI":%q}],
"oauth2":{"skipApprovalScreen":true,"pkce":{"enforce":true,"codeChallengeMethodsSupported":["S256"]}}}`,
			issuer, address, s.URL+CallbackPath("okta"), s.URL+SignedOutPath, s.URL+LogoutPath("okta"))
		path := filepath.Join(t.TempDir(), "dex.json")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(binary, "serve", path)
		c.Env = append(os.Environ(), "DEX_SESSIONS_ENABLED=true", "SSL_CERT_FILE="+certificateOf(t, s))
		program(t, issuer, c)
		return issuer
	}, offline)
	theRoad(t, s, nil, func(x Session) { // dex's own person for tests
		if p := x.Principal; p.Email != "kilgore@kilgore.trout" || len(p.Groups) != 1 || p.Groups[0] != "authors" {
			t.Errorf("the person is %+v", p)
		}
		askedAgain(t, s, x)
		t.Logf("sid %q, the ID token sealed in %d bytes", x.ProviderSession, len(x.IDToken))
	})
}

// absent skips a test for want of a part, or fails it where parts are demanded.
func absent(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// panva is oidc-provider with its own pages for development: any name signs
// in. Its ID tokens are thin, as the standard has them for this flow.
const panva = `
import Provider from 'oidc-provider';
const o = JSON.parse(process.env.OPTIONS);
const p = new Provider(o.issuer, {
  clients: [{ client_id: 'daypass-okta', client_secret: 's3:cret/okta', redirect_uris: [o.callback], post_logout_redirect_uris: [o.home],
    grant_types: ['authorization_code', 'refresh_token'],
    backchannel_logout_uri: o.logout, backchannel_logout_session_required: true }],
  claims: { openid: ['sub', 'sid'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups', 'offline_access'],
  features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true }, devInteractions: { enabled: true } },
  // It tells nobody on loopback unless its own dispatcher is left out.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: id + '@example.com', email_verified: true, name: 'Ada', groups: ['sre'] }) }),
});
p.on('backchannel.error', (ctx, err) => console.error('back channel:', err.message, err.cause));
p.listen(o.port, '127.0.0.1');
`

func TestWithPanva(t *testing.T) {
	folder := os.Getenv("DAYPASS_PANVA")
	if folder == "" {
		absent(t, "DAYPASS_PANVA is not set, so there is no oidc-provider to sign in at")
	}
	address := freeAddress(t)
	issuer := "http://" + address
	s := atReal(t, func(s *site) string {
		options, err := json.Marshal(map[string]string{"issuer": issuer, "port": address[strings.LastIndex(address, ":")+1:], "callback": s.URL + CallbackPath("okta"),
			"home": s.URL + SignedOutPath, "logout": s.URL + LogoutPath("okta")})
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command("node", "--input-type=module", "-")
		c.Dir, c.Stdin = folder, strings.NewReader(panva)
		c.Env = append(os.Environ(), "OPTIONS="+string(options), "NODE_EXTRA_CA_CERTS="+certificateOf(t, s))
		program(t, issuer, c)
		return issuer
	}, offline, telling, wishing(func(p *Provider) { p.MaxAge, p.Prompt = time.Hour, "consent" }))
	theRoad(t, s, url.Values{"login": {"ada"}, "password": {"any"}}, func(x Session) {
		if p := x.Principal; p.Email != "ada@example.com" || p.Name != "Ada" || len(p.Groups) != 1 || p.Groups[0] != "sre" {
			t.Errorf("the person is %+v", p)
		}
		askedAgain(t, s, x)
		t.Logf("sid %q, the ID token sealed in %d bytes", x.ProviderSession, len(x.IDToken))
	})
}
