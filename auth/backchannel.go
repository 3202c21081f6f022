package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

const (
	// maxLogoutToken bounds a logout token; they hold a handful of claims.
	maxLogoutToken = 16 << 10
	// logoutAge is how old a logout token may be, whatever its own expiry
	// says: its name is remembered for so long.
	logoutAge = 15 * time.Minute

	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// BackChannel takes a provider's word that somebody signed out there, which
// comes from the provider's server and not from a browser (OpenID Connect
// Back-Channel Logout 1.0). The token alone says that it may be believed. The
// error is a *Failure, or says that the book could not be written: then the
// provider may send the same again.
func (g *Gate) BackChannel(r *http.Request, provider string) error {
	return g.noted(r, audit.LogoutRefused, g.backChannel(r, provider))
}

func (g *Gate) backChannel(r *http.Request, name string) error {
	p, ok := g.provider(name)
	if !ok {
		return failed(UnknownProvider, "", "", nil)
	}
	raw, fail := p.readNotice(r)
	if fail != nil {
		return fail
	}
	m, fail := p.discover(r.Context())
	if fail != nil {
		return fail
	}
	c, fail := p.verifyLogout(r.Context(), m, raw)
	if fail != nil {
		return fail
	}
	l := p.logout(c, g.Now())
	by := g.caller(r)
	_, err := g.Book.LogOut(r.Context(), l, func(s Session) Ending {
		e := s.ended("provider-logout", l.Taken, by)
		e.Facts["logout"] = l.Token.Mark()
		return g.left(s, e, by)
	})
	if errors.Is(err, ErrReplayed) {
		return p.failed(LogoutReplayed, nil)
	}
	if err != nil {
		return fmt.Errorf("end the sessions: %w", err)
	}
	return nil
}

// readNotice gives the token of a notice.
func (p *provider) readNotice(r *http.Request) (string, *Failure) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return "", p.failed(LogoutMissing, errors.New("it is not a form"))
	}
	if err := r.ParseForm(); err != nil {
		return "", p.failed(LogoutMissing, errors.New("the form cannot be read"))
	}
	raw := r.PostForm["logout_token"]
	if len(raw) != 1 || raw[0] == "" || len(raw[0]) > maxLogoutToken {
		return "", p.failed(LogoutMissing, nil)
	}
	return raw[0], nil
}

// logoutClaims are the claims of a logout token. The types are strict; what
// may be missing is a pointer or raw.
type logoutClaims struct {
	Issuer   string                     `json:"iss"`
	Audience audience                   `json:"aud"`
	Subject  string                     `json:"sub"`
	Session  string                     `json:"sid"`
	Name     string                     `json:"jti"`
	Issued   *claimTime                 `json:"iat"`
	Expiry   *claimTime                 `json:"exp"`
	NotYet   *claimTime                 `json:"nbf"`
	Events   map[string]json.RawMessage `json:"events"`

	nonce bool
}

// UnmarshalJSON is json.Unmarshaler. It sees a nonce whatever it holds.
func (c *logoutClaims) UnmarshalJSON(b []byte) error {
	type plain logoutClaims
	var all map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(b, (*plain)(c)), json.Unmarshal(b, &all)); err != nil {
		return err
	}
	_, c.nonce = all["nonce"]
	return nil
}

// verifyLogout checks a logout token in full. go-oidc decides; what it leaves
// open (type, issue time, shapes) and the cause of a refusal is here.
func (p *provider) verifyLogout(ctx context.Context, m *metadata, raw string) (logoutClaims, *Failure) {
	seen := &witness{keys: m.keys}
	_, refused := p.verifier(seen).VerifyLogout(ctx, raw)
	if seen.payload == nil {
		return logoutClaims{}, p.whyNot(seen, raw, refused)
	}
	if !logoutType(raw) {
		return logoutClaims{}, p.failed(LogoutType, nil)
	}
	var c logoutClaims
	if err := json.Unmarshal(seen.payload, &c); err != nil {
		return logoutClaims{}, p.failed(Malformed, errors.New("a claim is of another type than it should be"))
	}
	if kind := p.logoutFlaw(c); kind != "" {
		return logoutClaims{}, p.failed(kind, nil)
	}
	if refused != nil { // whatever it is, it is not good
		return logoutClaims{}, p.failed(Malformed, nil)
	}
	return c, nil
}

// logoutType wants the type that logout tokens have, or none in particular:
// most providers say JWT (section 2.4, "typ").
func logoutType(raw string) bool {
	head, _, _ := strings.Cut(raw, ".")
	var h struct {
		Type string `json:"typ"`
	}
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(b, &h) != nil {
		return false
	}
	switch strings.TrimPrefix(strings.ToLower(h.Type), "application/") {
	case "", "jwt", "logout+jwt":
		return true
	}
	return false
}

// logoutFlaw names what is wrong with the claims, or nothing (section 2.6).
func (p *provider) logoutFlaw(c logoutClaims) Kind {
	now := p.now()
	switch {
	case c.Issuer != p.Issuer:
		return WrongIssuer
	case !c.Audience.has(p.ClientID):
		return Audience
	case c.nonce:
		return LogoutNonce
	case !isObject(c.Events[logoutEvent]):
		return LogoutEvent
	case !fitSubject(c.Name):
		return LogoutName
	case c.Subject == "" && c.Session == "", c.Subject != "" && !fitSubject(c.Subject), c.Session != "" && !fitSubject(c.Session):
		return LogoutWhom
	case c.Issued == nil, c.Issued.After(now.Add(leeway)):
		return Future
	case c.NotYet != nil && c.NotYet.After(now.Add(leeway)):
		return NotYet
	case c.Expiry == nil, c.Expiry.Before(now.Add(-leeway)):
		return Expired
	case c.Issued.Before(now.Add(-logoutAge)):
		return LogoutStale
	}
	return ""
}

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// logout is what a token that was verified means.
func (p *provider) logout(c logoutClaims, now time.Time) Logout {
	l := Logout{
		Token: sha256.Sum256([]byte(c.Name)), Provider: p.Name, Session: c.Session,
		Issued: c.Issued.Time, Taken: now, Until: c.Issued.Add(logoutAge + 2*leeway),
	}
	if c.Subject != "" {
		l.Principal = access.Principal{Provider: p.Name, Issuer: p.Issuer, Subject: c.Subject}.ID()
	}
	return l
}
