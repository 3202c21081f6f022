// Package apitest is a Daypass server in miniature for tests of its clients:
// real HTTP, and proofs checked by another implementation than the one that
// makes them. It decides nothing; everybody may have everything.
package apitest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/api"
)

// Server is one. Its clock is the machine's, moved by Skew.
type Server struct {
	*httptest.Server
	Person  string // who signs in, in every browser
	Cluster api.Cluster

	mu       sync.Mutex
	skew     time.Duration
	life     time.Duration
	window   int
	asked    []string
	problems []string
	instead  func(w http.ResponseWriter, r *http.Request) bool
	seen     map[string]bool
	codes    map[string]code
	devices  map[string]*device
	sessions map[string]session
	leases   map[string]*api.Lease
	byKey    map[string]string
	live     map[string]api.Token // by lease, the last one
	minted   int
	replaced int
	slow     string // why leases begin without a token
	noDevice bool

	proxyURL, tlsName string // of the cluster
}

type code struct{ challenge, thumbprint, redirect string }

type device struct {
	thumbprint string
	pending    int
	refused    bool
}

type session struct{ id, thumbprint, name string }

// New starts one over HTTP.
func New() *Server { return start(httptest.NewUnstartedServer(nil), false) }

// NewTLS starts one over HTTPS.
func NewTLS() *Server { return start(httptest.NewUnstartedServer(nil), true) }

func start(under *httptest.Server, secure bool) *Server {
	s := &Server{
		Server: under, Person: "ann@example.com", life: 15 * time.Minute, window: 1,
		seen: map[string]bool{}, codes: map[string]code{}, devices: map[string]*device{},
		sessions: map[string]session{}, leases: map[string]*api.Lease{}, byKey: map[string]string{}, live: map[string]api.Token{},
		Cluster: api.Cluster{Name: "payments-prod", ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/payments", Region: "eu-west-1", Choices: []api.Choice{
			{Role: "viewer", Grant: "all-viewers", Longest: 8 * 3600},
			{Role: "operator", Grant: "operators", Longest: 4 * 3600, Reason: true},
		}},
	}
	under.Config.Handler = s.routes()
	if secure {
		under.StartTLS()
	} else {
		under.Start()
	}
	return s
}

func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	at := func(pattern string, h func(http.ResponseWriter, *http.Request, session)) {
		method, path, _ := strings.Cut(pattern, " ")
		m.HandleFunc(method+" "+api.Prefix+path, s.signedIn(h))
	}
	m.HandleFunc("GET "+api.Prefix+"/server", s.server)
	m.HandleFunc("GET "+api.Prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]string{"openapi": "3.1.0"}) })
	m.HandleFunc("POST "+api.Prefix+"/sessions", s.signIn)
	m.HandleFunc("POST "+api.Prefix+"/device", s.beginDevice)
	m.HandleFunc("GET /client/authorize", s.authorize)
	at("GET /me", s.me)
	at("GET /clusters", s.clusters)
	at("POST /decisions", s.decide)
	at("GET /leases", s.list)
	at("POST /leases", s.begin)
	at("POST /leases/end", s.endAll)
	at("GET /leases/{lease}", s.one)
	at("POST /leases/{lease}/entry", s.entry)
	at("POST /leases/{lease}/token", s.token)
	at("POST /leases/{lease}/end", s.end)
	at("GET /sessions", s.listSessions)
	at("DELETE /sessions/{id}", s.signOut)
	return s.recording(m)
}

// recording notes each question, writes the server's Date and nonce, and lets
// a test answer instead.
func (s *Server) recording(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		instead := s.instead
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		w.Header().Set("DPoP-Nonce", fmt.Sprint("window-", s.window))
		s.mu.Unlock()
		if instead != nil && instead(w, r) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) now() time.Time { return time.Now().Add(s.skew) }

// Skew puts the server's clock ahead by d.
func (s *Server) Skew(d time.Duration) { s.with(func() { s.skew = d }) }

// Life is how long tokens live from now on.
func (s *Server) Life(d time.Duration) { s.with(func() { s.life = d }) }

// Rotate goes to the next nonce; the one before stays good.
func (s *Server) Rotate() { s.with(func() { s.window++ }) }

// NoDevice lets nobody sign in by a typed code.
func (s *Server) NoDevice() { s.with(func() { s.noDevice = true }) }

// Rename calls the cluster something else from now on.
func (s *Server) Rename(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Cluster.Name = name
}

// Offer offers these choices and no others.
func (s *Server) Offer(choices ...api.Choice) { s.with(func() { s.Cluster.Choices = choices }) }

// Instead lets a test answer: it returns whether it did. nil: nobody does.
func (s *Server) Instead(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.with(func() { s.instead = f })
}

// Glass offers a role behind the glass, which asks for a reason.
func (s *Server) Glass(role string) {
	s.with(func() {
		s.Cluster.Choices = append(s.Cluster.Choices, api.Choice{Role: role, Grant: "emergency", Longest: 3600, Reason: true, BreakGlass: true, TellsWhom: "#security"})
	})
}

// Slow has leases begin without a token, for that reason.
func (s *Server) Slow(why string) { s.with(func() { s.slow = why }) }

// Route has kubectl reach the cluster by a proxy and under another name; empty:
// by none, and under its own.
func (s *Server) Route(proxyURL, tlsServerName string) {
	s.with(func() { s.proxyURL, s.tlsName = proxyURL, tlsServerName })
}

// Over ends a lease as somebody else would.
func (s *Server) Over(lease string) { s.with(func() { s.leases[lease].State = "ended" }) }

// Elapse has so much of a lease's time go by.
func (s *Server) Elapse(lease string, by time.Duration) {
	s.with(func() {
		l := s.leases[lease]
		l.StartedAt, l.EndsAt = l.StartedAt.Add(-by), l.EndsAt.Add(-by)
	})
}

// Revoke ends all sessions as somebody else would.
func (s *Server) Revoke() { s.with(func() { clear(s.sessions) }) }

// Asked counts the questions so far, such as "POST /api/v1/leases".
func (s *Server) Asked(what string) (n int) {
	s.with(func() {
		for _, a := range s.asked {
			if a == what || what == "" {
				n++
			}
		}
	})
	return n
}

// Age makes a lease's token older, as if time went by.
func (s *Server) Age(lease string, by time.Duration) {
	s.with(func() {
		if t, ok := s.live[lease]; ok {
			t.ExpiresAt, t.NextAt = t.ExpiresAt.Add(-by), t.NextAt.Add(-by)
			s.live[lease] = t
		}
	})
}

// Minted counts the tokens that were made.
func (s *Server) Minted() (n int) {
	s.with(func() { n = s.minted })
	return n
}

// Replaced counts the sessions that ended because another took their place.
func (s *Server) Replaced() (n int) {
	s.with(func() { n = s.replaced })
	return n
}

// Problems are the codes of the proofs' refusals so far, in order.
func (s *Server) Problems() (p []string) {
	s.with(func() { p = append(p, s.problems...) })
	return p
}

// Sessions counts those that are signed in.
func (s *Server) Sessions() (n int) {
	s.with(func() { n = len(s.sessions) })
	return n
}

func (s *Server) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked sees a short answer
}

// Problem answers with one, as Daypass does.
func Problem(w http.ResponseWriter, status int, code, detail, next string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Next: next, Request: "rq_test"})
}

// read is strict: one JSON value, no members that are not in the contract.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || r.Header.Get("Content-Type") != "application/json" {
		Problem(w, 400, "body", fmt.Sprint("The question cannot be read: ", err), "")
		return false
	}
	return true
}

func fresh(prefix string) string { return prefix + strings.ToLower(rand.Text()) }
