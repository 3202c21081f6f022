package web

import (
	"fmt"
	"net/http"

	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// shownLeases is how many leases My access lists.
const shownLeases = 100

// myAccess lists the person's leases.
func (s *server) myAccess(w http.ResponseWriter, r *http.Request) error {
	leases, err := s.Book.Of(r.Context(), standing(r).Principal.ID(), shownLeases)
	if err != nil {
		return fmt.Errorf("read the person's leases: %w", err)
	}
	m := view.Access{Frame: s.frame(r, "My access", view.NavAccess)}
	for _, l := range leases {
		row, err := s.leaseRow(r, l)
		if err != nil {
			return err
		}
		if row.State == view.Active {
			m.Active = append(m.Active, row)
		} else {
			m.Past = append(m.Past, row)
		}
	}
	s.page(w, r, http.StatusOK, view.AccessPage(m))
	return nil
}

func (s *server) leaseRow(r *http.Request, l lease.Lease) (view.LeaseRow, error) {
	c, _ := s.Policy().Cluster(l.Cluster)
	row := view.LeaseRow{
		Cluster: l.Cluster, Role: l.Role, Labels: labels(c.Labels), BreakGlass: l.BreakGlass, State: view.State(l.At(s.Now())),
		Started: l.StartedAt, Ends: l.EndsAt, LastHandOver: moment(l.LastHandOver), Open: leaseURL(l.ID),
	}
	if row.State == view.Active {
		row.End = leaseURL(l.ID) + "/end"
		return row, nil
	}
	if l.State == lease.Ended {
		row.Ends = l.EndedAt
	}
	if !l.TokenExpires.IsZero() {
		row.MayWorkUntil = moment(l.TokenExpires.Add(issuer.Cushion))
	}
	return row, nil
}
