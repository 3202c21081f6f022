// Package oidcsim is an OpenID provider on the loopback interface, for the demo
// and for tests: anybody may sign in as anybody by one click. It keeps the
// protocol strictly (PKCE S256, exact redirect URIs, codes good for one use),
// and lies on demand, so that a client's refusals can be tested. Its one
// danger is its purpose: it asks for no password, so it listens on loopback
// only and no production binary may import it.
package oidcsim

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is somebody one can sign in as.
type Person struct {
	Subject string
	Email   string
	Name    string
	Groups  []string // nil: the ID token has no groups claim at all
	Blurb   string   // a few words beside the name: engineer, on call
	// Unverified makes the provider say email_verified=false.
	Unverified bool
}

// Client is a relying party that may send people here.
type Client struct {
	ID           string
	Secret       string
	RedirectURIs []string // compared exactly
	SignedOut    []string // where people may go after signing out here; compared exactly
	BackChannel  string   // is told when somebody signs out here; empty: nothing is
}

// Sighting is something that happened at the provider, for narration and tests.
type Sighting struct {
	What    What
	Client  string // client ID
	Subject string // empty where nobody is known yet
	Name    string
	Why     string // why something was refused; never holds a secret
}

// What names a sighting.
type What string

// The things that can be seen.
const (
	Asked    What = "asked"     // the page "sign in as" was shown
	Chosen   What = "chosen"    // a person was chosen, a code was sent
	Declined What = "declined"  // the visitor cancelled
	SignedIn What = "signed in" // a code was redeemed for tokens
	Told     What = "told"      // userinfo was read
	Refused  What = "refused"   // a request was refused

	SignedOut What = "signed out" // somebody signed out here
)

// Options describe a provider. People is required, the rest has defaults.
type Options struct {
	Title   string // the provider's name on its page; "Demo identity" when empty
	People  []Person
	Clients []Client
	Now     func() time.Time // time.Now when nil
	Observe func(Sighting)   // called from request goroutines; may be nil
	Calls   *http.Client     // tells clients' back channels; a client of five seconds' patience when nil
}

const (
	codeLife  = time.Minute
	tokenLife = 5 * time.Minute
)

// Provider answers for one issuer. Make it with Start, or with New to serve it
// from a listener of your own.
type Provider struct {
	issuer  string
	title   string
	people  []Person
	now     func() time.Time
	observe func(Sighting)
	calls   *http.Client
	mux     *http.ServeMux
	page    *template.Template

	mu      sync.Mutex
	clients map[string]Client
	codes   map[string]grant
	bearers map[string]grant

	refreshes map[string]grant
	changed   map[string]Person // by subject

	keys keyring
	lies Lies
}

// grant is what a code or an access token stands for.
type grant struct {
	client    string
	redirect  string
	challenge string
	nonce     string
	session   string // sid
	class     string // acr: the first that was asked for
	scopes    []string
	person    Person
	at        time.Time
	expires   time.Time
}

// New makes a provider for an issuer URL such as http://127.0.0.1:5556. The
// caller serves it at exactly that address.
func New(issuer string, o Options) (*Provider, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || strings.HasSuffix(issuer, "/") {
		return nil, fmt.Errorf("%q is no issuer: give a URL with a host and without a slash at its end", issuer)
	}
	if len(o.People) == 0 {
		return nil, errors.New("nobody to sign in as: give at least one person")
	}
	page, err := template.ParseFS(assets, "page.html")
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	keys, err := newKeyring()
	if err != nil {
		return nil, fmt.Errorf("make the signing keys: %w", err)
	}
	p := &Provider{
		page: page, issuer: issuer, title: o.Title, people: slices.Clone(o.People), now: o.Now, observe: o.Observe, calls: o.Calls,
		clients: map[string]Client{}, codes: map[string]grant{}, bearers: map[string]grant{}, keys: keys,
	}
	p.defaults()
	for _, c := range o.Clients {
		p.Register(c)
	}
	p.mux = p.routes(u.Path)
	return p, nil
}

func (p *Provider) defaults() {
	if p.title == "" {
		p.title = "Demo identity"
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.observe == nil {
		p.observe = func(Sighting) {}
	}
	if p.calls == nil {
		p.calls = &http.Client{Timeout: 5 * time.Second}
	}
}

// Issuer is the URL that ID tokens carry as iss.
func (p *Provider) Issuer() string { return p.issuer }

// Register adds a client, or replaces the one of the same ID. A relying party
// whose port is chosen late is registered late.
func (p *Provider) Register(c Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.RedirectURIs, c.SignedOut = slices.Clone(c.RedirectURIs), slices.Clone(c.SignedOut)
	p.clients[c.ID] = c
}

func (p *Provider) client(id string) (Client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clients[id]
	return c, ok
}

// ServeHTTP answers a request, or lets the present lie answer it.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mux.ServeHTTP(w, r)
}

func (p *Provider) routes(base string) *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(method string, at Endpoint, h http.HandlerFunc) {
		mux.Handle(method+" "+base+string(at), p.unlessLying(at, h))
	}
	handle("GET", Discovery, p.serveDiscovery)
	handle("GET", Keys, p.serveKeys)
	handle("GET", Authorization, p.serveAuthorization)
	handle("POST", Token, p.serveToken)
	handle("GET", Userinfo, p.serveUserinfo)
	handle("GET", EndSession, p.serveEndSession)
	handle("GET", stylesheet, p.serveStylesheet)
	return mux
}

// Endpoint is a path under the issuer.
type Endpoint string

// The endpoints of a provider.
const (
	Discovery     Endpoint = "/.well-known/openid-configuration"
	Keys          Endpoint = "/keys"
	Authorization Endpoint = "/authorize"
	Token         Endpoint = "/token"
	Userinfo      Endpoint = "/userinfo"
	EndSession    Endpoint = "/end-session"

	stylesheet Endpoint = "/style.css"
)

func (p *Provider) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer":                                         p.issuer,
		"authorization_endpoint":                         p.issuer + string(Authorization),
		"token_endpoint":                                 p.issuer + string(Token),
		"jwks_uri":                                       p.issuer + string(Keys),
		"userinfo_endpoint":                              p.issuer + string(Userinfo),
		"end_session_endpoint":                           p.issuer + string(EndSession),
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"scopes_supported":                               []string{"openid", "email", "profile", "groups"},
		"claims_supported":                               []string{"sub", "email", "email_verified", "name", "groups"},
		"authorization_response_iss_parameter_supported": true,
	}
	if lie := p.lying().Discovery; lie != nil {
		lie(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

// Server is a provider with its own loopback listener.
type Server struct {
	*Provider
	http *http.Server
	done chan struct{}
}

// Start serves a provider on a loopback address such as 127.0.0.1:5556, or on
// any free port when address is empty.
func Start(address string, o Options) (*Server, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	if err := loopback(address); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the demo identity provider: %w", err)
	}
	p, err := New("http://"+l.Addr().String(), o)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{Provider: p, done: make(chan struct{})}
	s.http = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Close; a loopback listener has no other news
	}()
	return s, nil
}

// Close stops the server and cuts its connections, hanging ones too.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	return err
}

// Shutdown stops the server once its requests are answered.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	<-s.done
	return err
}

func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is no address: give one such as 127.0.0.1:5556: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("refusing to listen on %q: this provider asks for no password, so only loopback addresses such as 127.0.0.1 are allowed", host)
	}
	return nil
}
