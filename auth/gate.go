package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/seal"
)

// Options are what a Gate works with.
type Options struct {
	Site      *url.URL // where people reach Daypass; https, or http on loopback
	Providers []Provider
	Book      Book
	Log       *slog.Logger

	Idle    time.Duration // a session unused for this long ends; an hour when zero
	Longest time.Duration // a session ends after this, used or not; 12 hours when zero

	Clients ClientOptions // for programs' sessions
	// EndLeases has a person's leases end when they sign out, here or at the
	// provider. Time ends a session without that.
	EndLeases bool

	Now func() time.Time // time.Now when nil
	// Caller tells the client behind a request: address, user agent and
	// request ID. It knows which proxies to believe; nil believes none.
	Caller func(*http.Request) audit.Who
	// Transport reaches the providers; nil makes one that honours HTTPS_PROXY.
	Transport http.RoundTripper
	// Keys seal what of a session must be readable again; without them nothing
	// is kept that would have to be.
	Keys seal.Keys
	// Patience bounds each request to a provider; 10 seconds when zero.
	Patience time.Duration
}

// Gate signs people in and knows who is behind a request.
type Gate struct {
	Options
	providers []*provider
	browser   jar // the handle that ties a begun sign-in to one browser
	session   jar
	leaving   jar // the handle by which a browser that signed out here may do so at the provider
	tally     tally
	nonces    nonces
	asking    singleflight.Group // of providers, by session
	guesses   throttle           // of typed codes
	begun     throttle           // sign-ins with a typed code
}

// startLife is how long a person may take at the provider.
const startLife = 10 * time.Minute

// New makes a Gate. It speaks to no provider yet: one that is down must not
// keep the server from starting.
func New(o Options) (*Gate, error) {
	if o.Site == nil || o.Book == nil || o.Log == nil {
		return nil, errors.New("sign-in needs the site's URL, a book and a log")
	}
	if _, err := secureURL(o.Site.String()); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	g := &Gate{Options: o.withDefaults(), browser: newJar("browser", o.Site), session: newJar("session", o.Site), leaving: newJar("leaving", o.Site)}
	var err error
	if g.nonces, err = newNonces(o.Keys); err != nil {
		return nil, fmt.Errorf("make a key for nonces: %w", err)
	}
	for _, c := range g.Options.Providers {
		if _, ok := g.provider(c.Name); ok {
			return nil, fmt.Errorf("sign-in provider %s: there are two of that name", c.Name)
		}
		p, err := newProvider(c, g.Options)
		if err != nil {
			return nil, err
		}
		g.providers = append(g.providers, p)
	}
	return g, nil
}

func (o Options) withDefaults() Options {
	if o.Idle <= 0 {
		o.Idle = time.Hour
	}
	if o.Longest <= 0 {
		o.Longest = 12 * time.Hour
	}
	if o.Clients.Longest <= 0 {
		o.Clients.Longest = 12 * time.Hour
	}
	if o.Clients.Staleness <= 0 {
		o.Clients.Staleness = 12 * time.Hour
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Caller == nil {
		o.Caller = direct
	}
	if t, ok := http.DefaultTransport.(*http.Transport); ok && o.Transport == nil {
		o.Transport = t.Clone()
	}
	return o
}

// direct believes the connection alone.
func direct(r *http.Request) audit.Who {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return audit.Who{Address: host, UserAgent: r.UserAgent()}
}

// caller is the client behind a request, its texts fit to be stored.
func (g *Gate) caller(r *http.Request) audit.Who {
	who := g.Caller(r)
	who.UserAgent = printable(who.UserAgent, 300)
	return who
}

func (g *Gate) provider(name string) (*provider, bool) {
	for _, p := range g.providers {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Standing is a provider as the sign-in page and the readiness page show it.
type Standing struct {
	Name    string
	Label   string
	Trouble error // why it could not be reached lately; nil: reached, or not tried yet
}

// Standings lists the providers in the order of daypass.yaml.
func (g *Gate) Standings() []Standing {
	out := make([]Standing, len(g.providers))
	for i, p := range g.providers {
		out[i] = Standing{p.Name, p.Label, p.trouble()}
	}
	return out
}

// Warm asks each provider about itself, so that Standings can tell and the
// first person does not wait. Its failures show there; they stop nothing.
func (g *Gate) Warm(ctx context.Context) {
	for _, p := range g.providers {
		_, _ = p.discover(ctx) // remembered by the provider
	}
}

// Begin sends the browser to a provider and remembers where it wanted to go.
// The error is a *Failure, or says that the book could not be written.
func (g *Gate) Begin(w http.ResponseWriter, r *http.Request, provider, back string) error {
	return g.noted(r, audit.SignInFailed, g.begin(w, r, provider, back))
}

func (g *Gate) begin(w http.ResponseWriter, r *http.Request, name, back string) error {
	p, ok := g.provider(name)
	if !ok {
		return failed(UnknownProvider, "", "", nil)
	}
	m, fail := p.discover(r.Context())
	if fail != nil {
		return fail
	}
	// A handle lives on across sign-ins, so that several tabs may sign in at
	// once; the state is what is good for one use.
	handle, browser, _ := g.browser.read(r)
	if handle == "" {
		handle = newSecret()
		browser, _ = hashSecret(handle)
	}
	try := p.attempt(back, browser, g.Now())
	if err := g.Book.PutStart(r.Context(), try.Start); err != nil {
		return fmt.Errorf("remember the begun sign-in: %w", err)
	}
	g.browser.set(w, handle, startLife)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.authorizeURL(m, try), http.StatusSeeOther)
	return nil
}

// Finish takes a provider's answer, opens a session and gives the path to go
// on to. The error is a *Failure, or says that the book could not be read or
// written; then no session was opened, and one from before goes on.
func (g *Gate) Finish(w http.ResponseWriter, r *http.Request, provider string) (string, error) {
	back, err := g.finish(w, r, provider)
	return back, g.noted(r, audit.SignInFailed, err)
}

func (g *Gate) finish(w http.ResponseWriter, r *http.Request, name string) (string, error) {
	p, ok := g.provider(name)
	if !ok {
		return "", failed(UnknownProvider, "", "", nil)
	}
	start, err := g.redeem(r, p)
	if err != nil {
		return "", err
	}
	m, fail := p.discover(r.Context())
	if fail != nil {
		return "", fail
	}
	who, fail := p.identify(r.Context(), m, r.URL.Query(), start)
	if fail != nil {
		return "", fail
	}
	switch err := g.open(w, r, who); {
	case errors.Is(err, ErrLoggedOut):
		return "", p.failed(LeftMeanwhile, nil)
	case err != nil:
		return "", err
	}
	return ReturnPath(start.Return), nil
}

// identify says who a provider's answer is about.
func (p *provider) identify(ctx context.Context, m *metadata, q url.Values, begun Start) (person, *Failure) {
	code, fail := p.readAnswer(m, q)
	if fail != nil {
		return person{}, fail
	}
	got, fail := p.exchange(ctx, m, code, begun.Verifier)
	if fail != nil {
		return person{}, fail
	}
	c, fail := p.verify(ctx, m, got.id, begun)
	if fail != nil {
		return person{}, fail
	}
	c, fail = p.complete(ctx, m, got.access, c)
	if fail != nil {
		return person{}, fail
	}
	who, fail := p.person(c)
	who.idToken, who.refresh = got.id, got.refresh
	return who, fail
}

// noted records a failure as an event of a kind. When even that fails, what
// was tried has failed all the same and both errors come back.
func (g *Gate) noted(r *http.Request, kind audit.Kind, err error) error {
	var f *Failure
	if !errors.As(err, &f) {
		return err
	}
	by := g.caller(r)
	now := g.Now()
	like := strings.Join([]string{string(kind), string(f.Kind), f.Provider, by.Address, f.whose.Key.String()}, "\n")
	repeats, due := g.tally.count(like, now)
	if !due {
		return err
	}
	e := audit.New(kind, now, by)
	e.Provider, e.Reason = f.Provider, string(f.Kind)
	if f.cause != nil {
		e.Details.Text = printable(f.cause.Error(), 500)
	}
	f.name(&e)
	if repeats > 0 {
		e.Facts["repeats"] = fmt.Sprint(repeats)
	}
	// The person may be gone already; the record is for those who stay.
	if recErr := g.Book.Record(context.WithoutCancel(r.Context()), e); recErr != nil {
		g.tally.forget(like)
		return errors.Join(err, fmt.Errorf("record the failure: %w", recErr))
	}
	g.tally.recorded(like, e)
	return err
}

// name says whose session's secret came with what failed: whoever sent it has
// that secret, so it is the first sign that it was stolen.
func (f *Failure) name(e *audit.Event) {
	e.Facts = map[string]string{}
	if f.whose.Key.IsZero() {
		return
	}
	e.Principal, e.Provider, e.Details.Email = f.whose.Principal.ID(), f.whose.Principal.Provider, f.whose.Principal.Email
	e.Facts["session"] = f.whose.Key.Mark()
}

// Tidy records the counts of repeated failures: those whose minute is over, or
// all of them when the server stops.
func (g *Gate) Tidy(ctx context.Context, stopping bool) {
	for _, e := range g.tally.due(g.Now(), stopping) {
		if err := g.Book.Record(ctx, e); err != nil {
			g.Log.Error("the count of a repeated failure could not be recorded", "error", err, "repeats", e.Facts["repeats"])
		}
	}
}
