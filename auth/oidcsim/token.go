package oidcsim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// refusal is an error of RFC 6749, section 5.2, with a sentence for whoever
// watches.
type refusal struct {
	status int
	code   string
	why    string
}

func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	client, no := p.authenticate(r)
	if no == nil {
		var answer map[string]any
		if answer, no = p.grantType(client, r.PostForm); no == nil {
			writeJSON(w, http.StatusOK, answer)
			return
		}
	}
	p.observe(Sighting{What: Refused, Client: client.ID, Why: no.why})
	if no.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	}
	writeJSON(w, no.status, map[string]string{"error": no.code, "error_description": no.why})
}

// authenticate finds the client by either method of RFC 6749, section 2.3.1;
// both at once are refused, as the section says.
func (p *Provider) authenticate(r *http.Request) (Client, *refusal) {
	if err := r.ParseForm(); err != nil {
		return Client{}, &refusal{http.StatusBadRequest, "invalid_request", "the form cannot be read"}
	}
	id, secret, basic := r.BasicAuth()
	switch {
	case basic && r.PostForm.Has("client_secret"):
		return Client{}, &refusal{http.StatusBadRequest, "invalid_request", "two ways of client authentication at once"}
	case basic:
		id, secret = unescape(id), unescape(secret)
	default:
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	c, ok := p.client(id)
	if !ok || c.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(c.Secret)) != 1 {
		return Client{ID: id}, &refusal{http.StatusUnauthorized, "invalid_client", "unknown client or wrong client secret"}
	}
	return c, nil
}

func unescape(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

// redeem trades a code for tokens. The code is spent whatever comes of it.
func (p *Provider) redeem(c Client, form url.Values) (map[string]any, *refusal) {
	g, ok := p.take(form.Get("code"))
	switch {
	case !ok:
		return nil, badGrant("the code is unknown or was already used")
	case !p.now().Before(g.expires):
		return nil, badGrant("the code has expired")
	case g.client != c.ID:
		return nil, badGrant("the code was given to another client")
	case g.redirect != form.Get("redirect_uri"):
		return nil, badGrant("the redirect URI is not the one the code was sent to")
	case !proves(form.Get("code_verifier"), g.challenge):
		return nil, badGrant("the PKCE verifier does not match")
	}
	return p.tokens(g)
}

func badGrant(why string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_grant", why}
}

func (p *Provider) take(code string) (grant, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	return g, ok
}

// proves checks a PKCE verifier as RFC 7636, section 4.6, says for S256.
func proves(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

func (p *Provider) tokens(g grant) (map[string]any, *refusal) {
	lies := p.lying()
	claims := p.claims(g)
	if lies.Claims != nil {
		lies.Claims(claims)
	}
	idToken, err := p.sign(claims, lies)
	if err != nil {
		return nil, &refusal{http.StatusInternalServerError, "server_error", "the ID token cannot be signed"}
	}
	bearer := random(32)
	p.mu.Lock()
	g.expires = p.now().Add(tokenLife)
	p.bearers[bearer] = g
	p.mu.Unlock()
	answer := map[string]any{
		"access_token": bearer, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"id_token": idToken, "scope": strings.Join(g.scopes, " "),
	}
	p.keepFor(g, answer)
	if lies.Tokens != nil {
		lies.Tokens(answer)
	}
	p.observe(Sighting{What: SignedIn, Client: g.client, Subject: g.person.Subject, Name: g.person.Name})
	return answer, nil
}

func (p *Provider) claims(g grant) map[string]any {
	now := p.now()
	c := p.about(g)
	c["iss"], c["aud"] = p.issuer, g.client
	c["iat"], c["exp"] = now.Unix(), now.Add(tokenLife).Unix()
	c["auth_time"], c["sid"] = g.at.Unix(), g.session
	if g.class != "" {
		c["acr"] = g.class
	}
	if g.nonce != "" {
		c["nonce"] = g.nonce
	}
	return c
}

// about is what the scopes let the client know of a person.
func (p *Provider) about(g grant) map[string]any {
	c := map[string]any{"sub": g.person.Subject}
	if slices.Contains(g.scopes, "email") && g.person.Email != "" {
		c["email"], c["email_verified"] = g.person.Email, !g.person.Unverified
	}
	if slices.Contains(g.scopes, "profile") && g.person.Name != "" {
		c["name"] = g.person.Name
	}
	if slices.Contains(g.scopes, "groups") && g.person.Groups != nil {
		c["groups"] = g.person.Groups
	}
	return c
}

func (p *Provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	g, known := p.bearers[bearer]
	p.mu.Unlock()
	if !ok || !known || !p.now().Before(g.expires) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	p.observe(Sighting{What: Told, Client: g.client, Subject: g.person.Subject, Name: g.person.Name})
	about := p.about(g)
	if lie := p.lying().Userinfo; lie != nil {
		lie(about)
	}
	writeJSON(w, http.StatusOK, about)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nobody to tell
}
