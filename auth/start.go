package auth

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// attempt is a begun sign-in together with its state, which is never stored.
type attempt struct {
	Start
	state string
}

func (p *provider) attempt(back string, browser Hash, now time.Time) attempt {
	state := newSecret()
	hash, _ := hashSecret(state)
	return attempt{state: state, Start: Start{
		State: hash, Browser: browser, Provider: p.Name,
		Nonce: newSecret(), Verifier: oauth2.GenerateVerifier(),
		Return: ReturnPath(back), Begun: now, Expires: now.Add(startLife),
	}}
}

func (p *provider) authorizeURL(m *metadata, a attempt) string {
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	for name, value := range p.wishes() {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return p.oauth2(m).AuthCodeURL(a.state, options...)
}

// wishes are what the configuration asks of the provider beside the protocol.
func (p *provider) wishes() map[string]string {
	out := map[string]string{}
	if p.Prompt != "" {
		out["prompt"] = p.Prompt
	}
	if p.MaxAge > 0 {
		out["max_age"] = strconv.Itoa(int(p.MaxAge / time.Second))
	}
	if len(p.ACRValues) > 0 {
		out["acr_values"] = strings.Join(p.ACRValues, " ")
	}
	return out
}

// redeem takes the begun sign-in that an answer belongs to. It is gone after
// this, whatever comes of it: an answer that is refused cannot be tried again.
func (g *Gate) redeem(r *http.Request, p *provider) (Start, error) {
	states := r.URL.Query()["state"]
	if len(states) != 1 {
		return Start{}, p.failed(NoState, nil)
	}
	state, ok := hashSecret(states[0])
	if !ok {
		return Start{}, p.failed(NoState, nil)
	}
	s, err := g.Book.TakeStart(r.Context(), state)
	if errors.Is(err, ErrNoStart) {
		return Start{}, p.failed(UnknownStart, nil)
	}
	if err != nil {
		return Start{}, fmt.Errorf("look for the begun sign-in: %w", err)
	}
	_, browser, _ := g.browser.read(r)
	switch {
	case s.Browser.IsZero() || subtle.ConstantTimeCompare(s.Browser[:], browser[:]) != 1:
		return Start{}, p.failed(OtherBrowser, nil)
	case s.Provider != p.Name:
		return Start{}, p.failed(MixedUp, nil)
	case !g.Now().Before(s.Expires):
		return Start{}, p.failed(StaleStart, nil)
	}
	return s, nil
}

// maxCode bounds the code that is sent on to the provider.
const maxCode = 4096

// readAnswer gives the code out of the parameters of an answer.
func (p *provider) readAnswer(m *metadata, q url.Values) (string, *Failure) {
	// RFC 9207, section 2.4: a provider that announces iss always sends it.
	if iss := q["iss"]; len(iss) > 1 || len(iss) == 1 && iss[0] != p.Issuer || len(iss) == 0 && m.saysIss {
		return "", p.failed(OtherIssuer, nil)
	}
	if q.Has("error") {
		return "", p.answeredError(q)
	}
	if code := q["code"]; len(code) == 1 && code[0] != "" && len(code[0]) <= maxCode {
		return code[0], nil
	}
	return "", p.failed(NoCode, nil)
}

// answeredError says what an error in the answer means. Its description is the
// provider's own word and goes to the record only: no page shows it, because
// whoever makes a link can make a description.
func (p *provider) answeredError(q url.Values) *Failure {
	code := knownError(q.Get("error"))
	cause := fmt.Errorf("the answer says %s: %s", code, printable(q.Get("error_description"), 200))
	switch code {
	case "access_denied":
		return p.failed(Denied, cause)
	case "login_required", "interaction_required", "account_selection_required", "consent_required": // OpenID Connect Core 1.0, section 3.1.2.6
		return p.failed(Unasked, cause)
	case "unauthorized_client", "invalid_scope", "invalid_request", "unsupported_response_type", "invalid_client":
		return p.failed(Unregistered, cause)
	}
	return p.failed(ProviderError, cause)
}

// knownError passes the error codes of OAuth 2.0 and OpenID Connect; any other
// text in their place is not repeated.
func knownError(s string) string {
	if slices.Contains([]string{
		"access_denied", "login_required", "interaction_required", "account_selection_required", "consent_required",
		"unauthorized_client", "invalid_scope", "invalid_request", "unsupported_response_type", "unsupported_grant_type",
		"invalid_client", "invalid_grant", "server_error", "temporarily_unavailable",
	}, s) {
		return s
	}
	return "other"
}
