package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth/oidcsim"
)

// lie is one way in which a provider or a browser may misbehave, and the
// failure it must become.
type lie struct {
	lies  oidcsim.Lies
	as    string                          // u-1 when empty
	late  time.Duration                   // at the provider
	bend  func(cb *url.URL, q url.Values) // the callback address, before it is sent
	other bool                            // another browser sends it
	twice bool                            // it was sent before, and worked
	with  func(*Options)                  // another configuration
	want  Kind
	side  Side
}

func claim(name string, value any) oidcsim.Lies {
	return oidcsim.Lies{Claims: func(c map[string]any) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}}
}

func answering(at oidcsim.Endpoint, h http.HandlerFunc) oidcsim.Lies {
	return oidcsim.Lies{Answer: map[oidcsim.Endpoint]http.HandlerFunc{at: h}}
}

func refusing(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q,"error_description":"eyJsecret"}`, code)
	}
}

func tokens(name string, value any) oidcsim.Lies {
	return oidcsim.Lies{Tokens: func(a map[string]any) {
		if a[name] = value; value == nil {
			delete(a, name)
		}
	}}
}

func set(name, value string) func(*url.URL, url.Values) {
	return func(_ *url.URL, q url.Values) {
		if q.Set(name, value); value == "" {
			q.Del(name)
		}
	}
}

func double(name string) func(*url.URL, url.Values) {
	return func(_ *url.URL, q url.Values) { q.Add(name, q.Get(name)) }
}

func impatient(o *Options) { o.Patience = 200 * time.Millisecond }

func manyGroups(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("g%d", i)
	}
	return out
}

// browserLies misuse the way back from the provider.
func browserLies() map[string]lie {
	return map[string]lie{
		"forged state":                 {bend: set("state", newSecret()), want: UnknownStart, side: AtBrowser},
		"state of another shape":       {bend: set("state", "x"), want: NoState, side: AtBrowser},
		"no state":                     {bend: set("state", ""), want: NoState, side: AtBrowser},
		"state given twice":            {bend: double("state"), want: NoState, side: AtBrowser},
		"replayed answer":              {twice: true, want: UnknownStart, side: AtBrowser},
		"state from another browser":   {other: true, want: OtherBrowser, side: AtBrowser},
		"begun eleven minutes ago":     {late: 11 * time.Minute, want: StaleStart, side: AtBrowser},
		"begun ten minutes ago":        {late: 10 * time.Minute, want: StaleStart, side: AtBrowser},
		"answer at another's callback": {bend: func(cb *url.URL, _ url.Values) { cb.Path = CallbackPath("guests") }, want: MixedUp, side: AtBrowser},
		"callback of nobody":           {bend: func(cb *url.URL, _ url.Values) { cb.Path = CallbackPath("nobody") }, want: UnknownProvider, side: AtBrowser},
		"issuer parameter of another":  {bend: set("iss", "https://evil.example"), want: OtherIssuer, side: AtProvider},
		"issuer parameter left out":    {bend: set("iss", ""), want: OtherIssuer, side: AtProvider},
		"issuer parameter twice":       {bend: double("iss"), want: OtherIssuer, side: AtProvider},
		"no code":                      {bend: set("code", ""), want: NoCode, side: AtProvider},
		"code given twice":             {bend: double("code"), want: NoCode, side: AtProvider},
		"code too long":                {bend: set("code", strings.Repeat("x", maxCode+1)), want: NoCode, side: AtProvider},
		"forged code":                  {bend: set("code", "forged"), want: CodeRefused, side: AtProvider},
		"access denied":                {bend: set("error", "access_denied"), want: Denied, side: AtPerson},
		"may not ask the person":       {bend: set("error", "login_required"), want: Unasked, side: AtConfiguration},
		"server error in the answer":   {bend: set("error", "server_error"), want: ProviderError, side: AtProvider},
		"scope refused":                {bend: set("error", "invalid_scope"), want: Unregistered, side: AtConfiguration},
		"error of no known code":       {bend: set("error", "<script>"), want: ProviderError, side: AtProvider},
		"error beside a code":          {bend: set("error", "access_denied"), want: Denied, side: AtPerson},
	}
}

// tokenLies are ID tokens that must not open anything. The clock stands at
// 2026-05-04 09:00 UTC for both sides.
func tokenLies() map[string]lie {
	now := newClock().at
	return map[string]lie{
		"nonce of another sign-in":  {lies: claim("nonce", newSecret()), want: Nonce, side: AtProvider},
		"no nonce":                  {lies: claim("nonce", nil), want: Nonce, side: AtProvider},
		"audience of another":       {lies: claim("aud", "other"), want: Audience, side: AtProvider},
		"no audience":               {lies: claim("aud", nil), want: Audience, side: AtProvider},
		"several, not ours":         {lies: claim("aud", []string{"a", "b"}), want: Audience, side: AtProvider},
		"two audiences, no azp":     {lies: claim("aud", []string{"daypass-okta", "other"}), want: Party, side: AtProvider},
		"azp of another":            {lies: claim("azp", "other"), want: Party, side: AtProvider},
		"issuer of another":         {lies: claim("iss", "https://evil.example"), want: WrongIssuer, side: AtProvider},
		"issuer with a slash more":  {lies: oidcsim.Lies{Claims: func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }}, want: WrongIssuer, side: AtProvider},
		"no issuer":                 {lies: claim("iss", nil), want: WrongIssuer, side: AtProvider},
		"signed with another key":   {lies: oidcsim.Lies{Sign: oidcsim.OtherKey}, want: Signature, side: AtProvider},
		"unknown key":               {lies: oidcsim.Lies{KeyID: "unknown"}, want: Signature, side: AtProvider},
		"not signed":                {lies: oidcsim.Lies{Sign: oidcsim.Unsigned}, want: Algorithm, side: AtProvider},
		"HS256 with the public key": {lies: oidcsim.Lies{Sign: oidcsim.ConfusedHMAC}, want: Algorithm, side: AtProvider},
		"expired":                   {lies: claim("exp", now.Add(-61*time.Second).Unix()), want: Expired, side: AtProvider},
		"no expiry":                 {lies: claim("exp", nil), want: Expired, side: AtProvider},
		"issued in the future":      {lies: claim("iat", now.Add(61*time.Second).Unix()), want: Future, side: AtProvider},
		"no issue time":             {lies: claim("iat", nil), want: Future, side: AtProvider},
		"not valid yet":             {lies: claim("nbf", now.Add(time.Hour).Unix()), want: NotYet, side: AtProvider},
		"not valid for 61 s yet":    {lies: claim("nbf", now.Add(61*time.Second).Unix()), want: NotYet, side: AtProvider},
		"nbf a text":                {lies: claim("nbf", "tomorrow"), want: Malformed, side: AtProvider},
		"sid a number":              {lies: claim("sid", 7), want: Malformed, side: AtProvider},
		"endless sid":               {lies: claim("sid", strings.Repeat("x", maxSubject+1)), want: Malformed, side: AtProvider},
		"no subject":                {lies: claim("sub", nil), want: Subject, side: AtProvider},
		"endless subject":           {lies: claim("sub", strings.Repeat("x", maxSubject+1)), want: Subject, side: AtProvider},
		"subject with a null byte":  {lies: claim("sub", "u\x001"), want: Subject, side: AtProvider},
		"subject a number":          {lies: claim("sub", 7), want: Malformed, side: AtProvider},
		"e-mail an object":          {lies: claim("email", map[string]any{}), want: Malformed, side: AtProvider},
		"groups an object":          {lies: claim("groups", map[string]any{"a": 1}), want: GroupsShape, side: AtConfiguration},
		"groups of numbers":         {lies: claim("groups", []int{1}), want: GroupsShape, side: AtConfiguration},
		"group with a newline":      {lies: claim("groups", []string{"a\nb"}), want: GroupsShape, side: AtConfiguration},
		"group of 2 KB":             {lies: claim("groups", []string{strings.Repeat("x", 2048)}), want: GroupsShape, side: AtConfiguration},
		"2,001 groups":              {lies: claim("groups", manyGroups(maxGroups+1)), want: GroupsMany, side: AtConfiguration},
		"no ID token":               {lies: tokens("id_token", nil), want: NoIDToken, side: AtProvider},
		"ID token a number":         {lies: tokens("id_token", 7), want: NoIDToken, side: AtProvider},
		"ID token of two parts":     {lies: tokens("id_token", "e30.e30"), want: Malformed, side: AtProvider},
		"ID token of nonsense":      {lies: tokens("id_token", "~.~.~"), want: Malformed, side: AtProvider},
		"no access token":           {lies: tokens("access_token", nil), want: NoIDToken, side: AtProvider},
	}
}

// outages are providers that are down, hang, or never stop talking.
func outages() map[string]lie {
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
	}
	html := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>maintenance") }
	announce := func(name string, v any) oidcsim.Lies {
		return oidcsim.Lies{Discovery: func(d map[string]any) { d[name] = v }}
	}
	return map[string]lie{
		"discovery fails":                 {lies: answering(oidcsim.Discovery, oidcsim.Fail(500)), want: DiscoveryDown, side: AtProvider},
		"discovery asks for patience":     {lies: answering(oidcsim.Discovery, oidcsim.Fail(429)), want: DiscoveryDown, side: AtProvider},
		"discovery hangs":                 {lies: answering(oidcsim.Discovery, oidcsim.Hang), with: impatient, want: DiscoveryDown, side: AtProvider},
		"discovery never ends":            {lies: answering(oidcsim.Discovery, oidcsim.Flood), want: DiscoveryWrong, side: AtConfiguration},
		"discovery is not there":          {lies: answering(oidcsim.Discovery, oidcsim.Fail(404)), want: DiscoveryWrong, side: AtConfiguration},
		"discovery redirects":             {lies: answering(oidcsim.Discovery, elsewhere), want: DiscoveryWrong, side: AtConfiguration},
		"discovery is a page":             {lies: answering(oidcsim.Discovery, html), want: DiscoveryWrong, side: AtConfiguration},
		"discovery names another issuer":  {lies: announce("issuer", "https://evil.example"), want: DiscoveryWrong, side: AtConfiguration},
		"token endpoint without TLS":      {lies: announce("token_endpoint", "http://evil.example/token"), want: DiscoveryWrong, side: AtConfiguration},
		"authorization is a script":       {lies: announce("authorization_endpoint", "javascript:alert(1)"), want: DiscoveryWrong, side: AtConfiguration},
		"userinfo without TLS":            {lies: announce("userinfo_endpoint", "http://evil.example/me"), want: DiscoveryWrong, side: AtConfiguration},
		"logout is a script":              {lies: announce("end_session_endpoint", "javascript:alert(1)"), want: DiscoveryWrong, side: AtConfiguration},
		"keys at no address":              {lies: announce("jwks_uri", ""), want: DiscoveryWrong, side: AtConfiguration},
		"only private-key authentication": {lies: announce("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), want: DiscoveryWrong, side: AtConfiguration},

		"keys fail":         {lies: answering(oidcsim.Keys, oidcsim.Fail(503)), want: KeysDown, side: AtProvider},
		"keys hang":         {lies: answering(oidcsim.Keys, oidcsim.Hang), with: impatient, want: KeysDown, side: AtProvider},
		"keys never end":    {lies: answering(oidcsim.Keys, oidcsim.Flood), want: KeysDown, side: AtProvider},
		"keys redirect":     {lies: answering(oidcsim.Keys, elsewhere), want: KeysDown, side: AtProvider},
		"keys are a page":   {lies: answering(oidcsim.Keys, html), want: KeysDown, side: AtProvider},
		"there are no keys": {lies: answering(oidcsim.Keys, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) }), want: Signature, side: AtProvider},

		"tokens fail":                 {lies: answering(oidcsim.Token, oidcsim.Fail(500)), want: TokenDown, side: AtProvider},
		"tokens hang":                 {lies: answering(oidcsim.Token, oidcsim.Hang), with: impatient, want: TokenDown, side: AtProvider},
		"tokens never end":            {lies: answering(oidcsim.Token, oidcsim.Flood), want: TokenDown, side: AtProvider},
		"tokens redirect":             {lies: answering(oidcsim.Token, elsewhere), want: ProviderError, side: AtProvider},
		"tokens are a page":           {lies: answering(oidcsim.Token, html), want: NoIDToken, side: AtProvider},
		"client secret refused":       {lies: answering(oidcsim.Token, refusing(401, "invalid_client")), want: Unregistered, side: AtConfiguration},
		"client secret wrong":         {with: func(o *Options) { o.Providers[0].ClientSecret = NewSecret("old") }, want: Unregistered, side: AtConfiguration},
		"code refused":                {lies: answering(oidcsim.Token, refusing(400, "invalid_grant")), want: CodeRefused, side: AtProvider},
		"refused in words of its own": {lies: answering(oidcsim.Token, refusing(400, "eyJ-own-words")), want: ProviderError, side: AtProvider},
	}
}

func TestEveryLieIsAFailureAndAnEventAndNoSession(t *testing.T) {
	c := newClock()
	okta, guests := provide(t, c), provide(t, c)
	for what, table := range map[string]map[string]lie{"browser": browserLies(), "token": tokenLies(), "outage": outages(), "wish": wishLies(), "groups": groupsLies()} {
		for name, l := range table {
			t.Run(what+"/"+name, func(t *testing.T) {
				okta.Lie(l.lies)
				defer okta.Lie(oidcsim.Lies{})
				var change []func(*Options)
				if l.with != nil {
					change = append(change, l.with)
				}
				s := serve(t, c, okta, map[string]*oidcsim.Server{"guests": guests}, change...)
				try(s, l)
			})
		}
	}
}

// try goes the way of one lie and checks what must be true of every one.
func try(s *site, l lie) {
	s.t.Helper()
	b, secrets := s.browser(), []string{"s3:cret", "eyJ"}
	sessions, events := 0, 0
	if to := b.begin("okta", "/c/x"); to != "" {
		var answered answer
		answered, secrets = l.send(b, to, secrets)
		if l.twice {
			sessions, events = 1, 1
		} else if newSession(answered) {
			s.t.Error("a session cookie was handed out")
		}
	}
	var f *Failure
	if err := s.lastError(); !errors.As(err, &f) || f.Kind != l.want || f.Side != l.side {
		s.t.Fatalf("want the failure %s at %s, got %#v", l.want, l.side, err)
	}
	if s.book.count() != sessions {
		s.t.Errorf("there are %d sessions, want %d", s.book.count(), sessions)
	}
	got := s.book.seen()
	if len(got) != events+1 {
		s.t.Fatalf("there are %d events, want %d: %+v", len(got), events+1, got)
	}
	if e := got[events]; e.Kind != audit.SignInFailed || e.Reason != string(l.want) || e.Provider != f.Provider || e.Details.Address == "" {
		s.t.Errorf("the event is %+v", e)
	}
	silent(s, f, secrets)
}

// send chooses a person, bends the way back and sends it.
func (l lie) send(b *browser, to string, secrets []string) (answer, []string) {
	b.site.t.Helper()
	start, err := url.Parse(to)
	if err != nil {
		b.site.t.Fatal(err)
	}
	subject := l.as
	if subject == "" {
		subject = "u-1"
	}
	cb, err := url.Parse(b.choose(to, subject))
	if err != nil {
		b.site.t.Fatal(err)
	}
	q := cb.Query()
	secrets = append(secrets, start.Query().Get("state"), start.Query().Get("nonce"), q.Get("code"))
	if l.twice {
		b.send("GET", cb.String())
	}
	if l.bend != nil {
		l.bend(cb, q)
		cb.RawQuery = q.Encode()
	}
	b.site.pass(l.late)
	defer b.site.pass(-l.late)
	if l.other {
		b = b.site.browser()
		b.begin("okta", "/") // it has a handle of its own
	}
	return b.send("GET", cb.String()), secrets
}

func newSession(a answer) bool {
	for _, c := range a.cookies {
		if strings.HasPrefix(c.Name, "__Host-daypass-session") && c.Value != "" {
			return true
		}
	}
	return false
}

// silent checks that nothing that is kept or shown holds a secret, and that
// what is shown reads as sentences.
func silent(s *site, f *Failure, secrets []string) {
	s.t.Helper()
	events, err := json.Marshal(s.book.seen())
	if err != nil {
		s.t.Fatal(err)
	}
	for where, text := range map[string]string{"events": string(events), "error": f.Error(), "log": s.log.String(), "sentence": f.Say + f.Next} {
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				s.t.Errorf("the %s holds a secret: %s", where, text)
			}
		}
	}
	for _, text := range []string{f.Say, f.Next} {
		if !strings.HasSuffix(text, ".") || strings.Contains(text, "%") {
			s.t.Errorf("%q is no sentence", text)
		}
	}
}
