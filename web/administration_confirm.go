package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// confirmEndPerson says how much it would end, before anything happens. Where
// that is nothing it leads back.
func (s *server) confirmEndPerson(w http.ResponseWriter, r *http.Request) error {
	principal := chi.URLParam(r, "principal")
	all, _, err := s.live(r.Context(), lease.Pick{Person: principal})
	if err != nil {
		return err
	}
	people, err := s.people(r, principal, all)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(people, func(h view.Holder) bool { return h.Principal == principal }) // not whoever has that for an address
	if i < 0 || people[i].Out == "" {
		return redirect(w, r, personURL(principal))
	}
	h := people[i]
	m := view.EndHeld{Frame: s.frame(r, "Sign out and end all", view.NavAdministration), Called: h.Called, SignsOut: true, Sessions: len(h.Sessions), End: h.Out, Back: personURL(principal)}
	for _, l := range all {
		m.Leases = append(m.Leases, s.heldRow(r, l))
	}
	s.page(w, r, http.StatusOK, view.EndHeldPage(m))
	return nil
}

// confirmEndOf asks once more before somebody's emergency way in is closed.
// Whoever comes for a lease that is over is led back.
func (s *server) confirmEndOf(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Book.Lease(r.Context(), chi.URLParam(r, "lease"))
	if err != nil {
		return fmt.Errorf("read the lease: %w", err)
	}
	if l.At(s.Now()) != lease.Active {
		return redirect(w, r, personURL(l.Principal))
	}
	row := s.heldRow(r, l)
	s.page(w, r, http.StatusOK, view.EndHeldPage(view.EndHeld{
		Frame: s.frame(r, "End a lease", view.NavAdministration), Called: row.Who, Leases: []view.HeldRow{row}, End: row.End, Back: row.Person,
	}))
	return nil
}
