package oidcsim

import (
	"net/http"
	"net/url"
	"slices"
)

// offline is the scope that asks for a refresh token (OpenID Connect Core 1.0,
// section 11).
const offline = "offline_access"

// Change makes a person another from the next refresh on, as when groups are
// given or taken.
func (p *Provider) Change(to Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = map[string]Person{}
	}
	p.changed[to.Subject] = to
}

// Revoke makes all refresh tokens of a person worthless.
func (p *Provider) Revoke(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for token, g := range p.refreshes {
		if g.person.Subject == subject {
			delete(p.refreshes, token)
		}
	}
}

// refresh trades a refresh token for others. It is good once.
func (p *Provider) refresh(c Client, form url.Values) (map[string]any, *refusal) {
	p.mu.Lock()
	g, ok := p.refreshes[form.Get("refresh_token")]
	delete(p.refreshes, form.Get("refresh_token"))
	if now, is := p.changed[g.person.Subject]; is {
		g.person = now
	}
	p.mu.Unlock()
	switch {
	case !ok:
		return nil, badGrant("the refresh token is unknown or was already used")
	case g.client != c.ID:
		return nil, badGrant("the refresh token was given to another client")
	}
	g.nonce = "" // section 12.2
	return p.tokens(g)
}

// keepFor gives a refresh token where it was asked for.
func (p *Provider) keepFor(g grant, answer map[string]any) {
	if !slices.Contains(g.scopes, offline) {
		return
	}
	token := random(32)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refreshes == nil {
		p.refreshes = map[string]grant{}
	}
	p.refreshes[token] = g
	answer["refresh_token"] = token
}

// grantType chooses what a token request asks for.
func (p *Provider) grantType(c Client, form url.Values) (map[string]any, *refusal) {
	switch form.Get("grant_type") {
	case "authorization_code":
		return p.redeem(c, form)
	case "refresh_token":
		return p.refresh(c, form)
	}
	return nil, &refusal{http.StatusBadRequest, "unsupported_grant_type", "only authorization_code and refresh_token are served"}
}
