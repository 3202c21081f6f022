package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

// maxForm is the most that a form may send, in bytes.
const maxForm = 64 << 10

type requestKey struct{}

// visit is what is known of a request before its person is.
type visit struct {
	id      string
	address netip.Addr
	policy  *access.Policy // one for the whole request, whatever is loaded meanwhile
}

func visitOf(r *http.Request) visit {
	v, _ := r.Context().Value(requestKey{}).(visit)
	return v
}

// Caller is the client behind a request, as events tell it. It knows more than
// the connection only for requests that came through New's handler.
func Caller(r *http.Request) audit.Who {
	v := visitOf(r)
	who := audit.Who{UserAgent: legible(clip(r.UserAgent(), 300)), Request: v.id}
	if v.address.IsValid() {
		who.Address = v.address.String()
	}
	return who
}

// identify gives the request its ID and true address, bounds its body, and
// writes its one line of log.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		v := visit{id: audit.NewID("rq", start), address: s.address(r), policy: s.Policy()}
		w.Header().Set("X-Request-Id", v.id)
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		seen := &status{ResponseWriter: w}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, v))
		next.ServeHTTP(seen, r)
		// The route, not the path and never the query: they may hold codes.
		s.Slog.Info("request", "method", r.Method, "route", chi.RouteContext(r.Context()).RoutePattern(),
			"status", seen.code, "ms", s.Now().Sub(start).Milliseconds(), "request", v.id, "address", v.address.String())
	})
}

// gathered reads the body before anybody looks who asks: whoever held it back
// might be signed out by the time it comes.
func gathered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b), broken{err}))
		next.ServeHTTP(w, r)
	})
}

// broken is the end of a body that could not be read, for whoever reads it.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err == nil {
		return 0, io.EOF
	}
	return 0, b.err
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	if s.code == 0 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// address is where the request comes from: the peer, or, as long as that is a
// proxy we trust, whoever it says it speaks for. When a proxy says something
// that cannot be read, the address is unknown: its own might lie in a network
// that a grant holds in.
func (s *server) address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	at = at.Unmap().WithZone("")
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(said) - 1; i >= 0 && s.trusts(at); i-- {
		if said[i] = strings.TrimSpace(said[i]); said[i] == "" {
			break // it speaks for nobody else
		}
		at = forwarded(said[i])
	}
	return at
}

// forwarded reads an address as proxies write it, some with the port.
func forwarded(s string) netip.Addr {
	if at, err := netip.ParseAddr(s); err == nil {
		return at.Unmap().WithZone("")
	}
	at, _ := netip.ParseAddrPort(s) // unreadable: the unknown address
	return at.Addr().Unmap().WithZone("")
}

func (s *server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// recover turns a panic into an error page; the stack goes to the log alone.
func (s *server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.Slog.Error("panic", "what", fmt.Sprint(p), "request", visitOf(r).id, "stack", string(debug.Stack()))
				s.fail(w, r, fmt.Errorf("panic: %v", p))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// policy is the Content-Security-Policy: nothing from elsewhere, nothing
// inline, no frame around us, forms to ourselves only. Sign-in is a link since
// form-action would stop a POST that is redirected to the provider.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// policyFor lets the answer to a form lead to one more origin.
func policyFor(origin string) string {
	return strings.Replace(policy, "form-action 'self'", "form-action 'self' "+origin, 1)
}

func (s *server) headers(next http.Handler) http.Handler {
	secure := s.URL.Scheme == "https"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would blank the Origin of our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), clipboard-write=(self)")
		h.Set("Cache-Control", "no-store")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost serves the host of the configured URL only. Without it the
// cross-site check could be talked round by a Host of the attacker's choice.
func (s *server) ownHost(next http.Handler) http.Handler {
	own := canonicalHost(s.URL.Scheme, s.URL.Host)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if canonicalHost(s.URL.Scheme, r.Host) != own {
			s.fail(w, r, errHost)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// sameSite refuses requests that another site made a browser send.
func (s *server) sameSite(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(s.handle(func(http.ResponseWriter, *http.Request) error { return errCrossSite }))
	// Behind a proxy that ends TLS the origin is the configured one.
	_ = p.AddTrustedOrigin(s.URL.Scheme + "://" + s.URL.Host) // config made sure it is an origin
	return p.Handler(next)
}

// timeout bounds what one request may take, calls to AWS included.
const timeout = 40 * time.Second
