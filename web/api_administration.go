package web

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/lease"
)

func (s *server) apiHeld(w http.ResponseWriter, r *http.Request) error {
	all, more, err := s.live(r.Context(), pickOf(r.URL.Query()))
	if err != nil {
		return err
	}
	out := api.HeldLeases{Leases: []api.Held{}, More: more}
	for _, l := range all {
		out.Leases = append(out.Leases, s.held(l))
	}
	return answer(w, http.StatusOK, out)
}

func (s *server) held(l lease.Lease) api.Held {
	return api.Held{Principal: l.Principal, Provider: l.Provider, Email: l.Email, Lease: s.leaseAnswer(l)}
}

func (s *server) apiEndOf(w http.ResponseWriter, r *http.Request) error {
	l, err := s.endedOf(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, s.held(l))
}

// endedOf ends the lease that a request names, whosever it is. One that is over
// is what was wanted.
func (s *server) endedOf(r *http.Request) (lease.Lease, error) {
	l, err := s.Keeper.EndOf(r.Context(), chi.URLParam(r, "lease"), asker(r))
	if errors.Is(err, lease.ErrOver) && l.ID != "" {
		return l, nil
	}
	return l, err
}

func (s *server) apiSessionsOf(w http.ResponseWriter, r *http.Request) error {
	admin, _ := sessionOf(r)
	all, err := s.SignIn.SessionsOfPrincipal(r.Context(), chi.URLParam(r, "principal"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, sessionsShown(all, admin))
}

func (s *server) apiEndSessionOf(w http.ResponseWriter, r *http.Request) error {
	if err := s.endedSession(r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) apiEndPerson(w http.ResponseWriter, r *http.Request) error {
	leases, sessions, err := s.endedPerson(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, api.EndedPerson{Leases: s.leaseAnswers(leases).Leases, Sessions: sessions})
}
