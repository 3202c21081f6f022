package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// shownLeases is how many leases that are over My access lists.
const shownLeases = 100

// leases lists all of a person's leases that are active, and the newest of
// those that are over.
func (s *server) leases(ctx context.Context, principal string) (active, over []lease.Lease, err error) {
	all, err := s.Book.Of(ctx, principal, shownLeases)
	if err != nil {
		return nil, nil, fmt.Errorf("read the person's leases: %w", err)
	}
	now := s.Now()
	for _, l := range all {
		if l.At(now) == lease.Active {
			active = append(active, l)
		} else if len(over) < shownLeases {
			over = append(over, l)
		}
	}
	return active, over, nil
}

// myAccess lists the person's leases and sessions.
func (s *server) myAccess(w http.ResponseWriter, r *http.Request) error {
	active, over, err := s.leases(r.Context(), standing(r).Principal.ID())
	if err != nil {
		return err
	}
	m := view.Access{Frame: s.frame(r, "My access", view.NavAccess), Programs: s.Programs, OutEndsLeases: s.SignIn.EndLeases}
	for _, l := range slices.Concat(active, over) {
		row := s.leaseRow(r, l)
		if row.State == view.Active {
			m.Active = append(m.Active, row)
		} else {
			m.Past = append(m.Past, row)
		}
	}
	if len(m.Active) > 1 {
		m.EndAll = pathEndAll
	}
	if m.Sessions, err = s.sessionRows(r); err != nil {
		return err
	}
	s.page(w, r, http.StatusOK, view.AccessPage(m))
	return nil
}

// sessionRows lists where the person is signed in.
func (s *server) sessionRows(r *http.Request) (out []view.SessionRow, err error) {
	who, _ := sessionOf(r)
	all, err := s.SignIn.SessionsOf(r.Context(), who)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		row := sessionRow(x, who)
		row.End = sessionURL(x.Key.Mark()) + "/end"
		out = append(out, row)
	}
	return out, nil
}

func sessionRow(x, asking auth.Session) view.SessionRow {
	return view.SessionRow{Here: x.Key == asking.Key, Provider: x.Principal.Provider, Client: clientOf(x), Address: x.Address,
		SignedIn: x.SignedIn, Seen: x.Seen}
}

// clientOf is what a person knows a session by.
func clientOf(x auth.Session) string {
	if x.Client != nil {
		return programOn(x.Client.Name)
	}
	return clip(x.UserAgent, 120)
}

// endSession signs the person out elsewhere; of the session they are in, it is
// the usual way out. One that is gone already is what was wanted.
func (s *server) endSession(w http.ResponseWriter, r *http.Request) error {
	who, _ := sessionOf(r)
	mark := chi.URLParam(r, "mark")
	if mark == who.Key.Mark() {
		return s.signOut(w, r)
	}
	if err := s.SignIn.EndSession(r, who, mark); err != nil && !errors.Is(err, auth.ErrNoSession) {
		return err
	}
	return redirect(w, r, view.PathAccess)
}

func sessionURL(mark string) string { return "/sessions/" + url.PathEscape(mark) }

func (s *server) leaseRow(r *http.Request, l lease.Lease) view.LeaseRow {
	c, _ := visitOf(r).policy.Cluster(l.Cluster)
	row := view.LeaseRow{
		Cluster: l.Cluster, Role: l.Role, Labels: labels(c.Labels), BreakGlass: l.BreakGlass, State: view.State(l.At(s.Now())),
		Started: l.StartedAt, Ends: l.EndsAt, LastHandOver: moment(later(l.LastUsed, l.LastHandOver)), Uses: l.Uses, Open: leaseURL(l.ID), ID: l.ID, Reason: l.Reason,
	}
	if row.State == view.Active {
		row.End = leaseURL(l.ID) + "/end"
		return row
	}
	if l.State == lease.Ended {
		row.Ends = l.EndedAt
	}
	if !l.TokenExpires.IsZero() {
		row.MayWorkUntil = moment(l.TokenExpires.Add(issuer.Cushion))
	}
	return row
}
