package web

import (
	"net/http"
	"slices"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/lease"
)

// renewable says whether kubectl daypass is worth offering: where programs may
// ask, and a lease outlives the token that a file would hold.
func (s *server) renewable(l lease.Lease) bool {
	return s.Programs && l.EndsAt.Sub(l.StartedAt) > access.ShortestLease
}

// hasProgram says whether the person has kubectl daypass signed in somewhere.
// Not knowing is no: the page then shows a form that needs no program.
func (s *server) hasProgram(r *http.Request) bool {
	who, _ := sessionOf(r)
	all, err := s.SignIn.SessionsOf(r.Context(), who)
	if err != nil {
		s.Slog.Warn("the sessions could not be listed", "error", err, "request", visitOf(r).id)
	}
	return slices.ContainsFunc(all, func(x auth.Session) bool { return x.Client != nil })
}
