package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// Provider says how people of one OpenID provider sign in.
type Provider struct {
	Name         string // in daypass.yaml, in addresses and before its groups: okta
	Label        string // what people call it; Name when empty
	Issuer       string // https, or http on loopback
	ClientID     string
	ClientSecret Secret
	Scopes       []string // openid is added; openid, email, profile, groups when empty
	GroupsClaim  string   // groups when empty
	// TrustUnstatedEmail takes the e-mail of a provider that never says
	// whether it verified one. An explicit "not verified" is never taken.
	TrustUnstatedEmail bool
	// CAs are certificates in PEM that vouch for this provider's servers,
	// beside those of the system.
	CAs []byte

	Prompt string // asked for: login, consent, select_account
	// MaxAge is the longest time since the person proved to the provider who
	// they are. It is asked for, and auth_time is checked. Zero: any.
	MaxAge time.Duration
	// ACRValues are asked for, and one of them must come back. Empty: any.
	ACRValues []string

	GroupsFrom GroupsFrom
	GraphURL   string // Microsoft Graph; empty: of the cloud that the ID token names
}

// StartPath is where a sign-in with a provider begins.
func StartPath(provider string) string { return "/auth/" + provider }

// CallbackPath is where a provider sends its answer: the path of the redirect
// address to register with it. Each provider has its own, so that an answer
// cannot pass for another's.
func CallbackPath(provider string) string { return StartPath(provider) + "/callback" }

// SignedOutPath is where people end up who signed out: the path to register
// with a provider as the address after logout.
const SignedOutPath = "/signed-out"

// provider is a Provider in use: what it says about itself, once it said it.
type provider struct {
	Provider
	redirect string
	home     string // where the provider sends people who signed out there
	client   *http.Client
	now      func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	known  *metadata
	tries  int       // failures since the last success
	retry  time.Time // no further try before this
	err    error     // of the last try
}

// metadata is a discovery document, checked.
type metadata struct {
	endpoint oauth2.Endpoint
	keys     *keySet
	userinfo string
	leave    string // end_session_endpoint; empty: the provider has none
	saysIss  bool   // RFC 9207: each answer carries iss
	at       time.Time
}

const (
	metadataLife = time.Hour        // then it is asked for again; the old one serves while that fails
	maxRetry     = 30 * time.Second // the longest pause between tries
)

func newProvider(c Provider, o Options) (*provider, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`).MatchString(c.Name) {
		return nil, fmt.Errorf("sign-in provider %q: a name is made of a-z, 0-9 and -, at most 40 of them", c.Name)
	}
	if c.ClientID == "" {
		return nil, fmt.Errorf("sign-in provider %s: the client ID is missing", c.Name)
	}
	if _, err := secureURL(c.Issuer); err != nil {
		return nil, fmt.Errorf("sign-in provider %s: issuer: %w", c.Name, err)
	}
	if c.Label == "" {
		c.Label = c.Name
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = "groups"
	}
	if c.GraphURL != "" {
		if _, err := secureURL(c.GraphURL); err != nil {
			return nil, fmt.Errorf("sign-in provider %s: Graph: %w", c.Name, err)
		}
		c.GraphURL = strings.TrimSuffix(c.GraphURL, "/")
	}
	c.Scopes = scopes(c.Scopes)
	transport, err := trusting(o.Transport, c.CAs)
	if err != nil {
		return nil, fmt.Errorf("sign-in provider %s: %w", c.Name, err)
	}
	return &provider{
		Provider: c, redirect: o.Site.JoinPath(CallbackPath(c.Name)).String(),
		home: o.Site.JoinPath(SignedOutPath).String(), client: newClient(transport, o.Patience), now: o.Now,
	}, nil
}

func scopes(wanted []string) []string {
	if len(wanted) == 0 {
		return []string{oidc.ScopeOpenID, "email", "profile", "groups"}
	}
	if slices.Contains(wanted, oidc.ScopeOpenID) {
		return slices.Clone(wanted)
	}
	return append([]string{oidc.ScopeOpenID}, wanted...)
}

// secureURL wants https, or http where nobody can listen: on loopback.
func secureURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%q is no absolute URL", s)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("%q must begin with https://", s)
}

// discover gives what the provider says about itself. It asks when nobody has
// yet, or long ago; many callers share one request, which no caller's going
// away cancels. While a provider is down, callers within a growing pause get
// the last error at once.
func (p *provider) discover(ctx context.Context) (*metadata, *Failure) {
	if m, err, ok := p.recall(); ok {
		return m, p.discoveryFailure(err)
	}
	asked := p.flight.DoChan("", func() (any, error) {
		m, err := p.fetch(context.WithoutCancel(ctx))
		return p.learn(m, err)
	})
	select {
	case <-ctx.Done():
		return nil, p.failed(DiscoveryDown, ctx.Err())
	case r := <-asked:
		m, _ := r.Val.(*metadata)
		return m, p.discoveryFailure(r.Err)
	}
}

// recall gives what is known without asking; ok is false when it is time to ask.
func (p *provider) recall() (m *metadata, err error, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	switch {
	case p.known != nil && now.Sub(p.known.at) < metadataLife:
		return p.known, nil, true
	case !now.Before(p.retry):
		return nil, nil, false
	case p.known != nil:
		return p.known, nil, true
	}
	return nil, p.err, true
}

func (p *provider) learn(m *metadata, err error) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	if err == nil {
		p.known, p.tries, p.retry = m, 0, time.Time{}
		return m, nil
	}
	p.retry = p.now().Add(min(maxRetry, time.Second<<min(p.tries, 10)))
	p.tries++
	if p.known != nil {
		return p.known, nil
	}
	return nil, err
}

// trouble is the error of the last discovery, until one succeeds.
func (p *provider) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *provider) discoveryFailure(err error) *Failure {
	switch {
	case err == nil:
		return nil
	case isOutage(err):
		return p.failed(DiscoveryDown, err)
	}
	return p.failed(DiscoveryWrong, err)
}

func (p *provider) fetch(ctx context.Context) (*metadata, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	found, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.Issuer, unwrapURL(err))
	}
	var doc struct {
		JWKS    string   `json:"jwks_uri"`
		Leave   string   `json:"end_session_endpoint"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		SaysIss bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&doc); err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.Issuer, err)
	}
	m := &metadata{endpoint: found.Endpoint(), userinfo: found.UserInfoEndpoint(), leave: doc.Leave, saysIss: doc.SaysIss, at: p.now()}
	for i, s := range []string{m.endpoint.AuthURL, m.endpoint.TokenURL, doc.JWKS, m.userinfo, m.leave} {
		if optional := i > 2; optional && s == "" {
			continue
		}
		if _, err := secureURL(s); err != nil {
			return nil, fmt.Errorf("discover %s: one of its endpoints: %w", p.Issuer, err)
		}
	}
	if m.endpoint.AuthStyle, err = authStyle(doc.Methods, p.ClientSecret); err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.Issuer, err)
	}
	m.keys = p.keysAt(doc.JWKS)
	return m, nil
}

// keysAt keeps the keys that are known when a provider says the same of itself
// as before; they grow old by their own clock.
func (p *provider) keysAt(url string) *keySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil && p.known.keys.url == url {
		return p.known.keys
	}
	return &keySet{url: url, client: p.client, now: p.now}
}

// authStyle chooses how the client proves itself. It is chosen, not tried out:
// oauth2's own trial sends a code twice when the first answer is a refusal.
func authStyle(methods []string, secret Secret) (oauth2.AuthStyle, error) {
	switch {
	case secret.value() == "": // a public client names itself in the form
		return oauth2.AuthStyleInParams, nil
	// Basic is what a document that does not say means (OpenID Connect
	// Discovery 1.0, section 3).
	case len(methods) == 0, slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader, nil
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	}
	return 0, fmt.Errorf("it takes no client secret, only %s", strings.Join(methods, ", "))
}

func (p *provider) oauth2(m *metadata) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret.value(),
		Endpoint: m.endpoint, RedirectURL: p.redirect, Scopes: p.Scopes,
	}
}
