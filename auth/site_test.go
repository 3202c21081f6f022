package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth/oidcsim"
)

// book is a Book in memory that keeps the ports' promises and fails on demand.
type book struct {
	mu       sync.Mutex
	sessions map[Hash]Session
	starts   map[Hash]Start
	left     map[Hash]Departure
	logouts  []Logout
	events   []audit.Event
	fail     map[string]error // by method
	after    map[string]bool  // the failure comes after the deed was done
	touches  int
	without  []string // whose leases ended with a session

	proofs  map[Hash]time.Time
	codes   map[Hash]Code
	claimed map[Hash]time.Time
}

func newBook() *book {
	return &book{sessions: map[Hash]Session{}, starts: map[Hash]Start{}, left: map[Hash]Departure{}, fail: map[string]error{}, after: map[string]bool{},
		proofs: map[Hash]time.Time{}, codes: map[Hash]Code{}, claimed: map[Hash]time.Time{}}
}

func (b *book) do(method string, deed func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fail[method]; err != nil && !b.after[method] {
		return err
	}
	if err := deed(); err != nil {
		return err
	}
	return b.fail[method]
}

func (b *book) SignIn(_ context.Context, s Session, replaced Hash, e audit.Event) error {
	return b.do("SignIn", func() error {
		for _, l := range b.logouts {
			if l.ends(s) && !l.Issued.Before(s.Vouched) {
				return ErrLoggedOut
			}
		}
		delete(b.sessions, replaced)
		b.sessions[s.Key] = s
		b.events = append(b.events, e)
		return nil
	})
}

func (b *book) Session(_ context.Context, key Hash) (s Session, err error) {
	err = b.do("Session", func() error {
		var ok bool
		if s, ok = b.sessions[key]; !ok {
			return ErrNoSession
		}
		return nil
	})
	return s, err
}

func (b *book) Touch(_ context.Context, key Hash, seen time.Time) error {
	return b.do("Touch", func() error {
		s, ok := b.sessions[key]
		if !ok {
			return ErrNoSession
		}
		s.Seen = seen
		b.sessions[key] = s
		b.touches++
		return nil
	})
}

// ended keeps how a session ended; whose leases end with it, in without.
func (b *book) ended(e Ending) {
	b.events = append(b.events, e.Events()...)
	if e.Leases {
		b.without = append(b.without, e.By.Principal)
	}
}

func (b *book) SignOut(_ context.Context, key Hash, e Ending) error {
	return b.do("SignOut", func() error {
		if _, ok := b.sessions[key]; !ok {
			return ErrNoSession
		}
		delete(b.sessions, key)
		b.ended(e)
		return nil
	})
}

func (b *book) Leave(_ context.Context, key Hash, d Departure, e Ending) error {
	return b.do("Leave", func() error {
		s, ok := b.sessions[key]
		if !ok {
			return ErrNoSession
		}
		delete(b.sessions, key)
		d.IDToken = s.IDToken
		b.left[d.Key] = d
		b.ended(e)
		return nil
	})
}

func (b *book) Departure(_ context.Context, key Hash) (d Departure, err error) {
	err = b.do("Departure", func() error {
		var ok bool
		if d, ok = b.left[key]; !ok {
			return ErrNoDeparture
		}
		return nil
	})
	return d, err
}

func (b *book) Forget(_ context.Context, key Hash) error {
	return b.do("Forget", func() error { delete(b.left, key); return nil })
}

func (b *book) SessionsOf(_ context.Context, principal string, alive Alive) (out []Session, err error) {
	err = b.do("SessionsOf", func() error {
		for _, s := range b.sessions {
			if s.Principal.ID() == principal && s.Expires.After(alive.ExpiresAfter) &&
				(s.Client == nil && s.SignedIn.After(alive.SignedInAfter) && s.Seen.After(alive.SeenAfter) || s.Client != nil && s.SignedIn.After(alive.ClientsAfter)) {
				out = append(out, s)
			}
		}
		slices.SortFunc(out, func(x, y Session) int { return y.SignedIn.Compare(x.SignedIn) })
		return nil
	})
	return out, err
}

func (b *book) Marked(_ context.Context, principal, mark string) (out Session, err error) {
	err = b.do("Marked", func() error {
		for _, s := range b.sessions {
			if s.Principal.ID() == principal && s.Key.Mark() == mark {
				out = s
				return nil
			}
		}
		return ErrNoSession
	})
	return out, err
}

// ends says which sessions a logout is for, as the port promises.
func (l Logout) ends(s Session) bool {
	switch {
	case s.Principal.Provider != l.Provider:
		return false
	case l.Session != "" && s.ProviderSession == l.Session:
		return true
	}
	return s.Principal.ID() == l.Principal && (l.Session == "" || s.ProviderSession == "")
}

func (b *book) SignOutAll(_ context.Context, principal string, act audit.Event, ending func(Session) Ending) (n int, err error) {
	err = b.do("SignOutAll", func() error {
		b.events = append(b.events, act)
		for key, s := range b.sessions {
			if s.Principal.ID() == principal {
				delete(b.sessions, key)
				b.ended(ending(s))
				n++
			}
		}
		return nil
	})
	return n, err
}

func (b *book) LogOut(_ context.Context, l Logout, ending func(Session) Ending) (n int, err error) {
	err = b.do("LogOut", func() error {
		if slices.ContainsFunc(b.logouts, func(o Logout) bool { return o.Provider == l.Provider && o.Token == l.Token }) {
			return ErrReplayed
		}
		b.logouts = append(b.logouts, l)
		for key, s := range b.sessions {
			if l.ends(s) {
				delete(b.sessions, key)
				b.ended(ending(s))
				n++
			}
		}
		return nil
	})
	return n, err
}

func (b *book) PutStart(_ context.Context, s Start) error {
	return b.do("PutStart", func() error { b.starts[s.State] = s; return nil })
}

func (b *book) TakeStart(_ context.Context, state Hash) (s Start, err error) {
	err = b.do("TakeStart", func() error {
		var ok bool
		if s, ok = b.starts[state]; !ok {
			return ErrNoStart
		}
		delete(b.starts, state)
		return nil
	})
	return s, err
}

func (b *book) Record(_ context.Context, e audit.Event) error {
	return b.do("Record", func() error { b.events = append(b.events, e); return nil })
}

// on makes a method fail, before or after its deed.
func (b *book) on(method string, after bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail[method], b.after[method] = errors.New("the disk is full"), after
}

func (b *book) heal() { b.mu.Lock(); defer b.mu.Unlock(); clear(b.fail) }

func (b *book) seen() []audit.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]audit.Event(nil), b.events...)
}

func (b *book) count() int { b.mu.Lock(); defer b.mu.Unlock(); return len(b.sessions) }

// clock is a clock that stands still until it is told.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock {
	return &clock{at: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func people() []oidcsim.Person {
	return []oidcsim.Person{
		{Subject: "u-1", Email: "ada@acme.example", Name: "Ada Lovelace", Groups: []string{"sre", "eng"}},
		{Subject: "u-2", Email: "bo@out.example", Name: "Bo", Unverified: true},
		{Subject: "u-3", Email: "cy@acme.example", Name: "Cy", Groups: []string{}},
	}
}

func provide(t *testing.T, c *clock) *oidcsim.Server {
	t.Helper()
	s, err := oidcsim.Start("", oidcsim.Options{People: people(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// site is a small web application around a Gate, served over TLS.
type site struct {
	*httptest.Server
	*clock
	t    *testing.T
	gate *Gate
	book *book
	log  *bytes.Buffer

	mu   sync.Mutex
	errs []error
}

// serve makes a site with one provider, okta, and further ones by name.
func serve(t *testing.T, c *clock, okta *oidcsim.Server, more map[string]*oidcsim.Server, change ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, clock: c, book: newBook(), log: &bytes.Buffer{}}
	s.Server = httptest.NewUnstartedServer(s.routes())
	home := "https://" + s.Server.Listener.Addr().String()
	u, err := url.Parse(home)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Site: u, Book: s.book, Log: slog.New(slog.NewTextHandler(s.log, nil)), Now: c.now,
		Idle: time.Hour, Longest: 10 * time.Hour, Patience: 20 * time.Second,
	}
	register := func(name string, p *oidcsim.Server) {
		p.Register(oidcsim.Client{ID: "daypass-" + name, Secret: "s3:cret/" + name, RedirectURIs: []string{home + CallbackPath(name)},
			SignedOut: []string{home + SignedOutPath}})
		o.Providers = append(o.Providers, Provider{
			Name: name, Label: strings.ToUpper(name[:1]) + name[1:], Issuer: p.Issuer(),
			ClientID: "daypass-" + name, ClientSecret: NewSecret("s3:cret/" + name),
		})
	}
	register("okta", okta)
	for name, p := range more {
		register(name, p)
	}
	for _, f := range change {
		f(&o)
	}
	if s.gate, err = New(o); err != nil {
		t.Fatal(err)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/{provider}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.gate.Begin(w, r, r.PathValue("provider"), r.FormValue("return")); err != nil {
			s.refuse(w, err)
		}
	})
	mux.HandleFunc("GET /auth/{provider}/callback", func(w http.ResponseWriter, r *http.Request) {
		back, err := s.gate.Finish(w, r, r.PathValue("provider"))
		if err != nil {
			s.refuse(w, err)
			return
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /out", func(w http.ResponseWriter, r *http.Request) {
		if err := s.gate.SignOut(w, r); err != nil {
			s.refuse(w, err)
		}
	})
	mux.HandleFunc("GET /auth/{provider}/leave", func(w http.ResponseWriter, r *http.Request) {
		if err := s.gate.Leave(w, r, r.PathValue("provider")); err != nil {
			s.refuse(w, err)
		}
	})
	mux.HandleFunc("POST /auth/{provider}/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := s.gate.BackChannel(r, r.PathValue("provider")); err != nil {
			s.refuse(w, err)
		}
	})
	mux.HandleFunc("GET "+SignedOutPath, func(w http.ResponseWriter, r *http.Request) {
		f, err := s.gate.Farewell(w, r)
		if err != nil {
			s.refuse(w, err)
			return
		}
		fmt.Fprintf(w, "%s %s %t", f.Label, f.Leave, f.Done)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.gate.Person(w, r)
		if err != nil {
			s.refuse(w, err)
			return
		}
		fmt.Fprintf(w, "%s %s at %s", p.Principal.Provider, p.Principal.Subject, r.URL.RequestURI())
	})
	return mux
}

func (s *site) refuse(w http.ResponseWriter, err error) {
	s.mu.Lock()
	s.errs = append(s.errs, err)
	s.mu.Unlock()
	http.Error(w, "refused", http.StatusForbidden)
}

// lastError is the error of the last refused request.
func (s *site) lastError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) == 0 {
		return nil
	}
	return s.errs[len(s.errs)-1]
}

// browser is a browser with its own cookies.
type browser struct {
	site *site
	http *http.Client
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{site: s, http: &http.Client{
		Transport: s.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response, read.
type answer struct {
	status  int
	body    string
	to      string // where it redirects
	cookies []*http.Cookie
}

func (b *browser) send(method, address string) answer {
	b.site.t.Helper()
	req, err := http.NewRequest(method, address, nil)
	if err != nil {
		b.site.t.Fatal(err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.site.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.site.t.Fatal(err)
	}
	return answer{resp.StatusCode, string(body), resp.Header.Get("Location"), resp.Cookies()}
}

func (b *browser) get(path string) answer { b.site.t.Helper(); return b.send("GET", b.site.URL+path) }

// begin gives the provider's address that the browser was sent to, or "".
func (b *browser) begin(provider, back string) string {
	b.site.t.Helper()
	return b.get(StartPath(provider) + "?return=" + url.QueryEscape(back)).to
}

// choose gives the callback address that the provider sends the browser to.
func (b *browser) choose(authorize, subject string) string {
	b.site.t.Helper()
	a := b.send("GET", authorize+"&as="+subject)
	if a.to == "" {
		b.site.t.Fatalf("the provider sends nobody back: %d %s", a.status, a.body)
	}
	return a.to
}

// signIn goes the whole way and gives the answer to the callback.
func (b *browser) signIn(provider, subject, back string) answer {
	b.site.t.Helper()
	return b.send("GET", b.choose(b.begin(provider, back), subject))
}

// cookie gives the value of one of our cookies in the browser, or "".
func (b *browser) cookie(what string) string {
	u, err := url.Parse(b.site.URL)
	if err != nil {
		b.site.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == newJar(what, u).name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) plant(what, value string) {
	u, err := url.Parse(b.site.URL)
	if err != nil {
		b.site.t.Fatal(err)
	}
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: newJar(what, u).name, Value: value, Path: "/", Secure: true}})
}
