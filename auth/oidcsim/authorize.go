package oidcsim

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Parameters of ours beside the protocol's: the person chosen, and the wish to
// go back without signing in.
const (
	paramAs     = "as"
	paramCancel = "cancel"
)

// wellFormedChallenge reports whether s can be the base64url of a SHA-256.
func wellFormedChallenge(s string) bool {
	sum, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(sum) == sha256.Size
}

// serveAuthorization shows the page of people, or sends the browser back with
// a code once one of them is chosen. It is one address and stateless: the
// links on the page repeat the request and add the choice. They are links and
// not forms, because a strict form-action would stop a form's redirect to the
// client.
func (p *Provider) serveAuthorization(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	client, ok := p.client(q.Get("client_id"))
	if !ok {
		p.stop(w, client, "Unknown client", fmt.Sprintf("No client is registered here as %q.", q.Get("client_id")))
		return
	}
	redirect := q.Get("redirect_uri")
	// A redirect URI is compared as text, without normalising: anything else
	// lets codes go astray (RFC 9700, section 2.1).
	if !slices.Contains(client.RedirectURIs, redirect) {
		p.stop(w, client, "Unknown redirect address", fmt.Sprintf("%q is not registered for %s.", redirect, client.ID))
		return
	}
	if code, why := unfit(q); code != "" {
		p.observe(Sighting{What: Refused, Client: client.ID, Why: why})
		p.sendBack(w, r, redirect, url.Values{"error": {code}, "error_description": {why}})
		return
	}
	p.choose(w, r, client, redirect)
}

// unfit says what is wrong with an authorization request, or nothing.
func unfit(q url.Values) (code, why string) {
	for name, values := range q {
		if len(values) > 1 {
			return "invalid_request", name + " is given more than once"
		}
	}
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type", "only response_type=code is served"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return "invalid_scope", "scope lacks openid"
	case q.Get("code_challenge_method") != "S256" || !wellFormedChallenge(q.Get("code_challenge")):
		return "invalid_request", "PKCE with S256 is required"
	case q.Get("prompt") == "none":
		return "login_required", "nobody stays signed in here"
	}
	return "", ""
}

func (p *Provider) choose(w http.ResponseWriter, r *http.Request, client Client, redirect string) {
	q := r.URL.Query()
	if q.Has(paramCancel) {
		p.observe(Sighting{What: Declined, Client: client.ID})
		p.sendBack(w, r, redirect, url.Values{"error": {"access_denied"}, "error_description": {"the visitor cancelled"}})
		return
	}
	if !q.Has(paramAs) {
		p.observe(Sighting{What: Asked, Client: client.ID})
		p.servePeople(w, client, q)
		return
	}
	i := slices.IndexFunc(p.people, func(x Person) bool { return x.Subject == q.Get(paramAs) })
	if i < 0 {
		p.stop(w, client, "Nobody of that name", fmt.Sprintf("%q is not among the people here.", q.Get(paramAs)))
		return
	}
	p.observe(Sighting{What: Chosen, Client: client.ID, Subject: p.people[i].Subject, Name: p.people[i].Name})
	p.sendBack(w, r, redirect, url.Values{"code": {p.grant(client, p.people[i], q)}})
}

func (p *Provider) grant(client Client, who Person, q url.Values) string {
	now := p.now()
	code := random(24)
	p.mu.Lock()
	defer p.mu.Unlock()
	for old, g := range p.codes {
		if !now.Before(g.expires) {
			delete(p.codes, old)
		}
	}
	p.codes[code] = grant{
		client: client.ID, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		nonce: q.Get("nonce"), session: random(12), class: first(q.Get("acr_values")), scopes: strings.Fields(q.Get("scope")),
		person: who, at: now, expires: now.Add(codeLife),
	}
	return code
}

func first(list string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(list), " ")
	return word
}

// sendBack redirects to the client with the answer, its state, and the issuer
// (RFC 9207).
func (p *Provider) sendBack(w http.ResponseWriter, r *http.Request, redirect string, answer url.Values) {
	if state := r.URL.Query().Get("state"); state != "" {
		answer.Set("state", state)
	}
	answer.Set("iss", p.issuer)
	if lie := p.lying().Redirect; lie != nil {
		lie(answer)
	}
	u, err := url.Parse(redirect)
	if err != nil {
		http.Error(w, "the registered redirect address cannot be read", http.StatusInternalServerError)
		return
	}
	q := u.Query()
	for name, values := range answer {
		q[name] = values
	}
	u.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, u.String(), http.StatusFound)
}
