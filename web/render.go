package web

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web/assets"
	"github.com/daypass/daypass/web/view"
)

type sessionKey struct{}

// sessionOf gives the session of a request that passed person.
func sessionOf(r *http.Request) (auth.Session, bool) {
	v, ok := r.Context().Value(sessionKey{}).(auth.Session)
	return v, ok
}

func withSession(r *http.Request, who auth.Session) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), sessionKey{}, who))
}

// person lets signed-in people through. A browser on its way to a page is sent
// to sign in first and comes back; everything else is told 401, never a file.
func (s *server) person(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		who, err := s.SignIn.Person(w, r)
		if err != nil {
			return err
		}
		// A refusal is a page for this person too: with the way on, the way out
		// and the end date.
		s.handle(h)(w, withSession(r, who))
		return nil
	})
}

// auditor lets auditors through.
func (s *server) auditor(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.person(func(w http.ResponseWriter, r *http.Request) error {
		if who, _ := sessionOf(r); !s.audits(who.Principal) {
			s.Keeper.Issuer.Refused(r.Context(), issuer.Refusal{Code: issuer.NotAuditor, Text: "Asked for the audit log."}, asker(r))
			return errNotAuditor
		}
		return h(w, r)
	})
}

// owner lets through to what is about a lease, and puts on record who asks for
// another person's. They are told what is told of a lease that never was.
func (s *server) owner(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.person(s.foreign(h))
}

func (s *server) audits(p access.Principal) bool {
	_, yes := s.Auditors().Match(p)
	return yes
}

// standing is who asks, and from where.
func standing(r *http.Request) access.Standing {
	who, _ := sessionOf(r)
	return access.Standing{Principal: who.Principal, Address: visitOf(r).address}
}

// asker is who asks, as the record will have it.
func asker(r *http.Request) issuer.Asker {
	who, ok := sessionOf(r)
	a := issuer.Asker{Standing: standing(r), UserAgent: legible(clip(r.UserAgent(), 300)), Request: visitOf(r).id}
	if ok {
		a.Session = who.Key.String()
	}
	return a
}

// clip bounds what a client says of itself.
func clip(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}

// legible drops from somebody's text what no reader sees but terminals and
// pages obey: control characters, and those that turn the direction of text.
// The log is read in both.
func legible(s string) string {
	return strings.Map(func(r rune) rune {
		turns := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		if turns || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// frame is what is around a page.
func (s *server) frame(r *http.Request, title string, nav view.Nav) view.Frame {
	f := view.Frame{
		Title: title, Nav: nav, RequestID: visitOf(r).id, Now: s.Now(),
		Assets: view.Assets{Style: assets.URL("daypass.css"), Script: assets.URL("daypass.js"), Icon: assets.URL("favicon.svg")},
	}
	who, ok := sessionOf(r)
	if !ok {
		return f
	}
	p := who.Principal
	f.Person = &view.Person{Email: p.Email, Name: p.Name, Provider: p.Provider, EndDate: moment(visitOf(r).policy.EndDate(p))}
	f.IsAuditor, f.IsAdministrator = s.audits(p), s.administers(p)
	f.Banner = s.broken(r.Context(), p)
	return f
}

// broken lists the person's active break-glass leases. A banner that cannot be
// read must not keep anybody out.
func (s *server) broken(ctx context.Context, p access.Principal) (out []view.Glass) {
	leases, _, err := s.leases(ctx, p.ID())
	if err != nil {
		s.Slog.Error("the banner could not be read", "error", err)
	}
	for _, l := range leases {
		if l.BreakGlass {
			out = append(out, view.Glass{Cluster: l.Cluster, Role: l.Role, Until: l.EndsAt, Open: leaseURL(l.ID)})
		}
	}
	return out
}

// moment is a time that may be absent.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// page renders to a buffer first, so that no half page ever leaves.
func (s *server) page(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		s.Slog.Error("a page could not be rendered", "error", err, "request", visitOf(r).id)
		http.Error(w, "The page could not be drawn. Request "+visitOf(r).id, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	body := b.Bytes()
	// Only what is read is compressed: the length of a compressed secret that
	// stands beside somebody else's words would tell about it.
	if r.Method == http.MethodGet {
		body = assets.Squeeze(w, r, body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a browser that went away needs no answer
}

// redirect sends a browser on to a page of ours after a POST.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// form reads a posted form.
func form(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm{err}
	}
	return nil
}

// badForm keeps the cause: one too large is told apart.
type badForm struct{ error }

func (b badForm) Is(target error) bool { return target == errBadForm }
func (b badForm) Unwrap() error        { return b.error }
