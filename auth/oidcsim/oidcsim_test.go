package oidcsim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

const (
	redirect = "https://daypass.example/auth/demo/callback"
	verifier = "verifier-verifier-verifier-verifier-verifier-1"
)

type fixture struct {
	*Server
	t    *testing.T
	http *http.Client
	mu   sync.Mutex
	now  time.Time
	saw  []Sighting
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
	s, err := Start("", Options{
		Title: "Acme <Identity>",
		People: []Person{
			{Subject: "u-1", Email: "ada@acme.example", Name: "Ada Lovelace", Groups: []string{"sre", "eng"}, Blurb: "engineer"},
			{Subject: "u-2", Email: "bo@out.example", Name: "Bo", Blurb: "contractor", Unverified: true},
			{Subject: "u-3", Name: "Cy", Groups: []string{}},
		},
		Clients: []Client{{ID: "daypass", Secret: "s3:cret", RedirectURIs: []string{redirect}}},
		Now:     func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now },
		Observe: func(s Sighting) { f.mu.Lock(); defer f.mu.Unlock(); f.saw = append(f.saw, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Server = s
	f.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return f
}

func (f *fixture) pass(d time.Duration) { f.mu.Lock(); defer f.mu.Unlock(); f.now = f.now.Add(d) }

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func asking(change ...string) url.Values {
	q := url.Values{
		"client_id": {"daypass"}, "redirect_uri": {redirect}, "response_type": {"code"}, "state": {"st"}, "nonce": {"no"},
		"scope": {"openid email profile groups"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
	return changed(q, change)
}

func redeeming(code string, change ...string) url.Values {
	q := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	return changed(q, change)
}

func changed(q url.Values, change []string) url.Values {
	for i := 0; i < len(change); i += 2 {
		if q.Set(change[i], change[i+1]); change[i+1] == "" {
			q.Del(change[i])
		}
	}
	return q
}

// authorize gives the answer's status, body and redirect parameters.
func (f *fixture) authorize(q url.Values) (int, string, url.Values) {
	f.t.Helper()
	resp, err := f.http.Get(f.Issuer() + string(Authorization) + "?" + q.Encode())
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, string(body), back.Query()
}

func (f *fixture) code(as string) string {
	f.t.Helper()
	status, body, back := f.authorize(asking("as", as))
	if status != http.StatusFound || back.Get("code") == "" {
		f.t.Fatalf("no code for %s: %d %s %v", as, status, body, back)
	}
	return back.Get("code")
}

func (f *fixture) redeem(form url.Values, basic ...string) (int, map[string]any) {
	f.t.Helper()
	req, err := http.NewRequest("POST", f.Issuer()+string(Token), strings.NewReader(form.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		req.SetBasicAuth(url.QueryEscape(basic[0]), url.QueryEscape(basic[1]))
	}
	return f.json(req)
}

func (f *fixture) json(req *http.Request) (int, map[string]any) {
	f.t.Helper()
	resp, err := f.http.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, v
}

// claims verifies an ID token with the published keys.
func (f *fixture) claims(raw any) map[string]any {
	f.t.Helper()
	resp, err := f.http.Get(f.Issuer() + string(Keys))
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		f.t.Fatal(err)
	}
	jws, err := jose.ParseSigned(raw.(string), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		f.t.Fatal(err)
	}
	payload, err := jws.Verify(set)
	if err != nil {
		f.t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(payload, &c); err != nil {
		f.t.Fatal(err)
	}
	return c
}

func TestOneClickSignsIn(t *testing.T) {
	f := start(t)
	status, body, _ := f.authorize(asking())
	if status != http.StatusOK || !strings.Contains(body, "Ada Lovelace") || !strings.Contains(body, "Acme &lt;Identity&gt;") {
		t.Fatalf("the page does not offer Ada: %d %s", status, body)
	}
	for _, auth := range []string{"basic", "post"} {
		form, basic := redeeming(f.code("u-1")), []string{"daypass", "s3:cret"}
		if auth == "post" {
			form.Set("client_id", "daypass")
			form.Set("client_secret", "s3:cret")
			basic = nil
		}
		status, answer := f.redeem(form, basic...)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %v", auth, status, answer)
		}
		want := map[string]any{
			"iss": f.Issuer(), "aud": "daypass", "sub": "u-1", "nonce": "no", "name": "Ada Lovelace",
			"email": "ada@acme.example", "email_verified": true, "groups": []any{"sre", "eng"},
			"iat": float64(f.now.Unix()), "exp": float64(f.now.Add(5 * time.Minute).Unix()), "auth_time": float64(f.now.Unix()),
		}
		got := f.claims(answer["id_token"])
		if sid, _ := got["sid"].(string); len(sid) != 16 {
			t.Errorf("%s: sid is %v", auth, got["sid"])
		}
		delete(got, "sid")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: claims (-want +got):\n%s", auth, diff)
		}
		req, _ := http.NewRequest("GET", f.Issuer()+string(Userinfo), nil)
		req.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
		if status, about := f.json(req); status != http.StatusOK || about["sub"] != "u-1" || about["name"] != "Ada Lovelace" {
			t.Errorf("%s: userinfo says %d %v", auth, status, about)
		}
	}
}

func TestSaysWhatIsMissingAndUnverified(t *testing.T) {
	f := start(t)
	_, answer := f.redeem(redeeming(f.code("u-2")), "daypass", "s3:cret")
	c := f.claims(answer["id_token"])
	if _, ok := c["groups"]; ok || c["email_verified"] != false {
		t.Errorf("Bo has no groups claim and no verified e-mail, but the token says %v", c)
	}
	_, answer = f.redeem(redeeming(f.code("u-3")), "daypass", "s3:cret")
	c = f.claims(answer["id_token"])
	if diff := cmp.Diff([]any{}, c["groups"]); diff != "" || c["email"] != nil {
		t.Errorf("Cy has an empty groups claim and no e-mail, but the token says %v", c)
	}
}

func TestRefusesRequestsThatAreNotExact(t *testing.T) {
	f := start(t)
	for name, tc := range map[string]struct {
		query url.Values
		stop  string // the page's words; empty: sent back
		err   string
	}{
		"unknown client":             {query: asking("client_id", "x"), stop: "Unknown client"},
		"longer redirect":            {query: asking("redirect_uri", redirect+"/"), stop: "Unknown redirect address"},
		"redirect in another case":   {query: asking("redirect_uri", strings.ToUpper(redirect)), stop: "Unknown redirect address"},
		"redirect with a query":      {query: asking("redirect_uri", redirect+"?a=b"), stop: "Unknown redirect address"},
		"nobody of that name":        {query: asking("as", "u-9"), stop: "Nobody of that name"},
		"no PKCE":                    {query: asking("code_challenge", ""), err: "invalid_request"},
		"plain PKCE":                 {query: asking("code_challenge_method", "plain"), err: "invalid_request"},
		"implicit flow":              {query: asking("response_type", "id_token"), err: "unsupported_response_type"},
		"no openid scope":            {query: asking("scope", "email"), err: "invalid_scope"},
		"silent sign-in":             {query: asking("prompt", "none"), err: "login_required"},
		"cancelled":                  {query: asking("cancel", "1"), err: "access_denied"},
		"a parameter given twice":    {query: doubled("nonce"), err: "invalid_request"},
		"silent even with a choice":  {query: asking("prompt", "none", "as", "u-1"), err: "login_required"},
		"no PKCE even with a choice": {query: asking("code_challenge", "", "as", "u-1"), err: "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body, back := f.authorize(tc.query)
			if tc.stop != "" {
				if status != http.StatusBadRequest || !strings.Contains(body, tc.stop) || len(back) > 0 {
					t.Fatalf("want a page that says %q, got %d %v %s", tc.stop, status, back, body)
				}
				return
			}
			if status != http.StatusFound || back.Get("error") != tc.err || back.Has("code") {
				t.Fatalf("want %s sent back, got %d %v", tc.err, status, back)
			}
			if back.Get("state") != "st" || back.Get("iss") != f.Issuer() {
				t.Errorf("state and issuer are not echoed: %v", back)
			}
		})
	}
}

func doubled(name string) url.Values {
	q := asking()
	q.Add(name, "again")
	return q
}

func TestACodeIsGoodOnceForItsOwner(t *testing.T) {
	f := start(t)
	f.Register(Client{ID: "other", Secret: "o", RedirectURIs: []string{redirect}})
	once := f.code("u-1")
	if status, answer := f.redeem(redeeming(once), "daypass", "s3:cret"); status != http.StatusOK {
		t.Fatalf("the first use is refused: %v", answer)
	}
	for name, tc := range map[string]struct {
		form  url.Values
		basic []string
		err   string
		late  time.Duration
	}{
		"used before":        {form: redeeming(once), err: "invalid_grant"},
		"unknown":            {form: redeeming("x"), err: "invalid_grant"},
		"of another client":  {form: redeeming(f.code("u-1")), basic: []string{"other", "o"}, err: "invalid_grant"},
		"another redirect":   {form: redeeming(f.code("u-1"), "redirect_uri", redirect+"/"), err: "invalid_grant"},
		"another verifier":   {form: redeeming(f.code("u-1"), "code_verifier", strings.Repeat("x", 43)), err: "invalid_grant"},
		"no verifier":        {form: redeeming(f.code("u-1"), "code_verifier", ""), err: "invalid_grant"},
		"the challenge back": {form: redeeming(f.code("u-1"), "code_verifier", challenge()), err: "invalid_grant"},
		"wrong secret":       {form: redeeming(f.code("u-1")), basic: []string{"daypass", "s3:cret2"}, err: "invalid_client"},
		"no secret":          {form: redeeming(f.code("u-1"), "client_id", "daypass"), basic: []string{}, err: "invalid_client"},
		"secret given twice": {form: redeeming(f.code("u-1"), "client_secret", "s3:cret"), err: "invalid_request"},
		"other grant type":   {form: redeeming(f.code("u-1"), "grant_type", "password"), err: "unsupported_grant_type"},
		"too late":           {form: redeeming(f.code("u-1")), late: time.Minute, err: "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			basic := tc.basic
			if basic == nil {
				basic = []string{"daypass", "s3:cret"}
			}
			f.pass(tc.late)
			defer f.pass(-tc.late)
			if status, answer := f.redeem(tc.form, basic...); status < 400 || answer["error"] != tc.err || answer["id_token"] != nil {
				t.Errorf("want %s, got %d %v", tc.err, status, answer)
			}
		})
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "localhost.example:0", "[::]:0"} {
		if s, err := Start(address, Options{People: []Person{{Subject: "x"}}}); err == nil {
			_ = s.Close()
			t.Errorf("listens on %s", address)
		}
	}
}

func TestPageRunsNothing(t *testing.T) {
	f := start(t)
	resp, err := f.http.Get(f.Issuer() + string(Authorization) + "?" + asking().Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'self';") {
		t.Errorf("the policy is %q", csp)
	}
	for _, no := range []string{"<script", " style=", " onclick", "<form"} {
		if strings.Contains(string(body), no) {
			t.Errorf("the page holds %q", no)
		}
	}
}

func TestTellsWhatItSees(t *testing.T) {
	f := start(t)
	f.authorize(asking())
	code := f.code("u-1")
	f.redeem(redeeming(code), "daypass", "s3:cret")
	f.redeem(redeeming(code), "daypass", "s3:cret")
	f.mu.Lock()
	defer f.mu.Unlock()
	want := []Sighting{
		{What: Asked, Client: "daypass"},
		{What: Chosen, Client: "daypass", Subject: "u-1", Name: "Ada Lovelace"},
		{What: SignedIn, Client: "daypass", Subject: "u-1", Name: "Ada Lovelace"},
		{What: Refused, Client: "daypass", Why: "the code is unknown or was already used"},
	}
	if diff := cmp.Diff(want, f.saw); diff != "" {
		t.Errorf("sightings (-want +got):\n%s", diff)
	}
}
