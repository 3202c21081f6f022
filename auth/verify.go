package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// leeway is what two clocks may differ by.
const leeway = time.Minute

// asymmetric are the algorithms an ID token may be signed with. Those with a
// shared secret are not among them: with HS256 the published key would do.
func asymmetric() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// redeemed is what a code was traded for, raw.
type redeemed struct{ id, access, refresh string }

// exchange trades a code for tokens.
func (p *provider) exchange(ctx context.Context, m *metadata, code, verifier string) (redeemed, *Failure) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client)
	t, err := p.oauth2(m).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return redeemed{}, p.exchangeFailure(err)
	}
	raw, ok := t.Extra("id_token").(string)
	if !ok || raw == "" {
		return redeemed{}, p.failed(NoIDToken, nil)
	}
	return redeemed{raw, t.AccessToken, t.RefreshToken}, nil
}

// exchangeFailure never passes on oauth2's own error: it quotes the body of
// the answer, and with it whatever the provider put there.
func (p *provider) exchangeFailure(err error) *Failure {
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return p.refusedExchange(refused)
	case isUnusable(err):
		return p.failed(TokenDown, unwrapURL(err))
	}
	return p.failed(NoIDToken, errors.New("the token endpoint's answer holds no token that can be read"))
}

func (p *provider) refusedExchange(e *oauth2.RetrieveError) *Failure {
	status := e.Response.StatusCode
	cause := fmt.Errorf("the token endpoint answered %d, error %q", status, knownError(e.ErrorCode))
	switch {
	case status >= 500 || status == http.StatusTooManyRequests:
		return p.failed(TokenDown, cause)
	case e.ErrorCode == "invalid_grant":
		return p.failed(CodeRefused, cause)
	case e.ErrorCode == "invalid_client", e.ErrorCode == "unauthorized_client", status == http.StatusUnauthorized:
		return p.failed(Unregistered, cause)
	}
	return p.failed(ProviderError, cause)
}

// witness lets go-oidc verify and remembers how its key set answered, because
// go-oidc tells one cause from another by text only.
type witness struct {
	keys    oidc.KeySet
	asked   bool
	err     error
	payload []byte
}

// VerifySignature is oidc.KeySet.
func (w *witness) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	w.asked = true
	w.payload, w.err = w.keys.VerifySignature(ctx, jwt)
	return w.payload, w.err
}

func (p *provider) verifier(keys oidc.KeySet) *oidc.IDTokenVerifier {
	return oidc.NewVerifier(p.Issuer, keys, &oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: asymmetric(),
		Now: func() time.Time { return p.now().Add(-leeway) },
	})
}

// verify checks the ID token of a sign-in in full and gives its claims.
func (p *provider) verify(ctx context.Context, m *metadata, raw string, begun Start) (claims, *Failure) {
	c, fail := p.verifyAlone(ctx, m, raw)
	if fail != nil {
		return claims{}, fail
	}
	if subtle.ConstantTimeCompare([]byte(c.nonce), []byte(begun.Nonce)) != 1 {
		return claims{}, p.failed(Nonce, nil)
	}
	return c, p.asked(c, begun)
}

// verifyAlone is verify without what only a sign-in can know. go-oidc decides
// on signature, algorithm, issuer, audience and expiry; the rest is here.
func (p *provider) verifyAlone(ctx context.Context, m *metadata, raw string) (claims, *Failure) {
	seen := &witness{keys: m.keys}
	token, err := p.verifier(seen).Verify(ctx, raw)
	if err != nil {
		return claims{}, p.whyNot(seen, raw, err)
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return claims{}, p.failed(Malformed, errors.New("a claim is of another type than it should be"))
	}
	switch {
	case token.IssuedAt.IsZero(), token.IssuedAt.After(p.now().Add(leeway)):
		return claims{}, p.failed(Future, fmt.Errorf("issued at %s", token.IssuedAt.UTC().Format(time.RFC3339)))
	case !forUs(token.Audience, c.Party, p.ClientID):
		return claims{}, p.failed(Party, fmt.Errorf("azp is %q, the audiences are %q", c.Party, token.Audience))
	case !fitSubject(c.Subject):
		return claims{}, p.failed(Subject, nil)
	case c.NotYet != nil && c.NotYet.After(p.now().Add(leeway)): // go-oidc would allow five minutes
		return claims{}, p.failed(NotYet, nil)
	case c.Session != "" && !fitSubject(c.Session):
		return claims{}, p.failed(Malformed, errors.New("sid is too long or holds control characters"))
	}
	c.Issued, c.nonce = token.IssuedAt, token.Nonce
	return c, nil
}

// asked checks that the provider did what it was asked for: a provider that
// does not know max_age or acr_values is free to pass over them.
func (p *provider) asked(c claims, begun Start) *Failure {
	if p.MaxAge > 0 {
		switch {
		case c.AuthTime == nil:
			return p.failed(AuthAge, errors.New("auth_time is missing"))
		// The age is that of the moment we asked: what a person takes at the
		// provider, up to ten minutes, does not count.
		case c.AuthTime.Before(begun.Begun.Add(-p.MaxAge - leeway)), c.AuthTime.After(p.now().Add(leeway)):
			return p.failed(AuthAge, fmt.Errorf("auth_time is %s", c.AuthTime.UTC().Format(time.RFC3339)))
		}
	}
	if len(p.ACRValues) > 0 && !slices.Contains(p.ACRValues, c.Class) {
		return p.failed(AuthClass, fmt.Errorf("acr is %q", printable(c.Class, 100)))
	}
	return nil
}

// forUs is OpenID Connect Core 1.0, section 3.1.3.7, items 3 to 5: several
// audiences need azp, and azp, where there is one, is us.
func forUs(audience []string, party, client string) bool {
	if party == "" {
		return len(audience) == 1
	}
	return party == client
}

// whyNot names the cause of a refusal that go-oidc has already decided on.
func (p *provider) whyNot(seen *witness, raw string, err error) *Failure {
	var late *oidc.TokenExpiredError
	switch {
	case !seen.asked && !slices.Contains(asymmetric(), algorithm(raw)):
		return p.failed(Algorithm, fmt.Errorf("the algorithm is %q", algorithm(raw)))
	case !seen.asked:
		return p.failed(Malformed, nil)
	case isUnusable(seen.err):
		return p.failed(KeysDown, unwrapURL(seen.err))
	case seen.err != nil:
		return p.failed(Signature, nil)
	case errors.As(err, &late):
		return p.failed(Expired, fmt.Errorf("expired at %s", late.Expiry.UTC().Format(time.RFC3339)))
	}
	return p.whyNotClaims(seen.payload)
}

func (p *provider) whyNotClaims(payload []byte) *Failure {
	var c struct {
		Issuer   string      `json:"iss"`
		Audience audience    `json:"aud"`
		NotYet   json.Number `json:"nbf"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return p.failed(Malformed, errors.New("the claims cannot be read"))
	}
	switch {
	case c.Issuer != p.Issuer:
		return p.failed(WrongIssuer, fmt.Errorf("expected the issuer %q, got %q", p.Issuer, printable(c.Issuer, 200)))
	case !c.Audience.has(p.ClientID):
		return p.failed(Audience, fmt.Errorf("expected the audience %q, got %q", p.ClientID, printable(strings.Join(c.Audience, " "), 200)))
	case c.NotYet != "":
		return p.failed(NotYet, nil)
	}
	return p.failed(Malformed, nil)
}

// audience is a text or a list of texts.
type audience []string

// UnmarshalJSON is json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func (a audience) has(client string) bool { return slices.Contains(a, client) }

// algorithm reads the header of a token that was refused, to say why.
func algorithm(raw string) string {
	head, _, _ := strings.Cut(raw, ".")
	var h struct {
		Algorithm string `json:"alg"`
	}
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(b, &h) != nil || h.Algorithm == "" {
		return asymmetric()[0] // unreadable is malformed, not a matter of algorithms
	}
	return printable(h.Algorithm, 20)
}
