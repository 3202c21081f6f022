package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// shownLive is how many of everybody's leases one page or answer has.
const shownLive = 500

// administrator lets administrators through.
func (s *server) administrator(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.administers(standing(r).Principal) {
			s.Keeper.Issuer.Refused(r.Context(), issuer.Refusal{Code: issuer.NotAdministrator, Text: "Asked for what administrators may do."}, asker(r))
			return errNotAdministrator
		}
		if byDevice(r) {
			s.Keeper.Issuer.Refused(r.Context(), issuer.Refusal{Code: issuer.DeviceRule, Text: "Let in by a typed code, and asked for what administrators may do."}, asker(r))
			return errDeviceRule
		}
		if id := chi.URLParam(r, "principal"); id != "" && !access.IsID(id) {
			return errNoPerson
		}
		return h(w, r)
	}
}

func (s *server) administers(p access.Principal) bool {
	_, yes := s.Administrators().Match(p)
	return yes
}

// pickOf reads which leases are meant.
func pickOf(v url.Values) lease.Pick {
	f := filterOf(v)
	return lease.Pick{Person: f.Person, Cluster: f.Cluster}
}

// live lists leases of everybody's, and says whether there are more.
func (s *server) live(ctx context.Context, p lease.Pick) (all []lease.Lease, more bool, err error) {
	if all, err = s.Book.Live(ctx, p, shownLive+1); err != nil {
		return nil, false, err
	}
	return all[:min(len(all), shownLive)], len(all) > shownLive, nil
}

// administration is the page of who holds what now.
func (s *server) administration(w http.ResponseWriter, r *http.Request) error {
	pick := pickOf(r.URL.Query())
	all, more, err := s.live(r.Context(), pick)
	if err != nil {
		return err
	}
	m := view.Administration{Frame: s.frame(r, "Administration", view.NavAdministration), Person: pick.Person, Cluster: pick.Cluster, More: more}
	for _, l := range all {
		m.Rows = append(m.Rows, s.heldRow(r, l))
	}
	if m.People, err = s.people(r, pick.Person, all); err != nil {
		return err
	}
	s.page(w, r, http.StatusOK, view.AdministrationPage(m))
	return nil
}

func (s *server) heldRow(r *http.Request, l lease.Lease) view.HeldRow {
	row := view.HeldRow{LeaseRow: s.leaseRow(r, l), Who: orElse(l.Email, l.Principal), Provider: l.Provider, Person: personURL(l.Principal)}
	row.Open, row.End = "", view.PathAdministration+leaseURL(l.ID)+"/end"
	if s.audits(standing(r).Principal) {
		row.Open = StoryPath(l.ID)
	}
	return row
}

// people tells of whoever is meant by a principal's ID or an address: of all
// who have that address, from whatever provider.
func (s *server) people(r *http.Request, who string, live []lease.Lease) (out []view.Holder, err error) {
	if who == "" {
		return nil, nil
	}
	called := map[string]string{}
	for _, l := range live {
		called[l.Principal] = orElse(l.Email, l.Principal)
	}
	rows, err := s.Log.Events(r.Context(), audit.Query{Person: who, Kind: audit.SignedIn, Limit: 100})
	if err != nil {
		return nil, fmt.Errorf("look for the person: %w", err)
	}
	for _, row := range rows {
		if _, known := called[row.Event.Principal]; !known {
			called[row.Event.Principal] = whoOf(row)
		}
	}
	for principal, name := range called {
		h, err := s.holder(r, principal, name)
		if err != nil {
			return nil, err
		}
		holds := slices.ContainsFunc(live, func(l lease.Lease) bool { return l.Principal == principal })
		if !holds && len(h.Sessions) == 0 {
			h.Out = ""
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b view.Holder) int { return strings.Compare(a.Principal, b.Principal) })
	return out, nil
}

func (s *server) holder(r *http.Request, principal, name string) (view.Holder, error) {
	all, err := s.SignIn.SessionsOfPrincipal(r.Context(), principal)
	if err != nil {
		return view.Holder{}, err
	}
	admin, _ := sessionOf(r)
	h := view.Holder{Called: name, Principal: principal, Out: personPath(principal) + "/end", OutEndsLeases: s.SignIn.EndLeases}
	for _, x := range all {
		row := sessionRow(x, admin)
		row.End = personPath(principal) + sessionURL(x.Key.Mark()) + "/end"
		h.Sessions = append(h.Sessions, row)
	}
	return h, nil
}

// personPath is where what is done to a person is posted.
func personPath(principal string) string {
	return view.PathAdministration + "/people/" + url.PathEscape(principal)
}

func personURL(principal string) string {
	return view.PathAdministration + "?" + url.Values{view.FieldPerson: {principal}}.Encode()
}

// endOf ends anybody's lease. One that is over is what was wanted.
func (s *server) endOf(w http.ResponseWriter, r *http.Request) error {
	l, err := s.endedOf(r)
	if err != nil {
		return err
	}
	return redirect(w, r, personURL(l.Principal))
}

// endSessionOf signs somebody out at one place.
func (s *server) endSessionOf(w http.ResponseWriter, r *http.Request) error {
	if err := s.endedSession(r); err != nil {
		return err
	}
	return redirect(w, r, personURL(chi.URLParam(r, "principal")))
}

// endedSession ends the session that a request names, if it is that person's.
func (s *server) endedSession(r *http.Request) error {
	admin, _ := sessionOf(r)
	err := s.SignIn.EndOneSessionOf(r, admin, chi.URLParam(r, "principal"), chi.URLParam(r, "session"))
	if errors.Is(err, auth.ErrNoSession) {
		return errNoSession
	}
	return err
}

// endPerson signs somebody out everywhere, so that nothing is started any
// more, and ends all their leases.
func (s *server) endPerson(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.endedPerson(r); err != nil {
		return err
	}
	return redirect(w, r, personURL(chi.URLParam(r, "principal")))
}

func (s *server) endedPerson(r *http.Request) ([]lease.Lease, int, error) {
	admin, _ := sessionOf(r)
	principal := chi.URLParam(r, "principal")
	sessions, err := s.SignIn.EndSessionsOf(r, admin, principal)
	if err != nil {
		return nil, sessions, err
	}
	leases, err := s.Keeper.EndAllOf(r.Context(), principal, asker(r))
	return leases, sessions, err
}
