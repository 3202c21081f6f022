package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// leasePage tells all about a lease but its secret.
func (s *server) leasePage(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Keeper.Mine(r.Context(), chi.URLParam(r, "lease"), standing(r).Principal)
	if err != nil {
		return err
	}
	m, err := s.leaseModel(r, l)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if m.Naming.Wrong() {
		status = http.StatusUnprocessableEntity
	}
	s.page(w, r, status, view.KubeconfigPage(m))
	return nil
}

func (s *server) leaseModel(r *http.Request, l lease.Lease) (view.Kubeconfig, error) {
	minted, err := s.Book.Issuances(r.Context(), l.ID, 20)
	if err != nil {
		return view.Kubeconfig{}, fmt.Errorf("read what was minted under %s: %w", l.ID, err)
	}
	rows, err := s.Log.Events(r.Context(), audit.Query{Lease: l.ID, NotKind: audit.Refused, Limit: 100})
	if err != nil {
		return view.Kubeconfig{}, fmt.Errorf("read the history of %s: %w", l.ID, err)
	}
	policy, now := visitOf(r).policy, s.Now()
	cluster, _ := policy.Cluster(l.Cluster)
	m := view.Kubeconfig{
		Frame: s.frame(r, l.Cluster+" as "+l.Role, view.NavAccess),
		ID:    l.ID, Cluster: l.Cluster, Role: l.Role, Labels: labels(cluster.Labels), BreakGlass: l.BreakGlass,
		Reason: l.Reason, Namespace: l.Namespace, State: view.State(l.At(now)), Started: l.StartedAt, Ends: l.EndsAt,
		Again:       clusterURL(l.Cluster) + "?role=" + l.Role,
		SessionName: issuer.SessionName(standing(r).Principal), Username: username(policy, l.Role),
		History: steps(rows),
	}
	m.Naming = naming(r, s.context(l, cluster), l.Namespace)
	m.Naming.Action, m.FileName = leaseURL(l.ID), issuer.FileName(m.Naming.Context)
	if l.State == lease.Ended {
		m.Ends, m.ByOther = l.EndedAt, l.EndedBy != l.Principal
	}
	if m.State == view.Active {
		s.offer(&m, l)
	}
	m.Form = s.formOf(r, m)
	fillToken(&m, minted)
	return m, nil
}

// offer adds what may be done with an active lease. Under names that cannot be
// ones nothing is handed over.
func (s *server) offer(m *view.Kubeconfig, l lease.Lease) {
	base := leaseURL(l.ID)
	m.Renew, m.End = base+"/renew", base+"/end"
	if !m.Naming.Wrong() {
		m.Download, m.Copy, m.Show = base+"/download", base+"/copy", base+"/show"
	}
	if s.renewable(l) {
		m.Server = s.URL.String()
	}
	m.FormURLs = map[view.Form]string{}
	for _, f := range view.Forms() {
		m.FormURLs[f] = formURL(l, f, m.Naming)
	}
}

// fillToken tells of the last token, and of a failure if that came after it.
func fillToken(m *view.Kubeconfig, newestFirst []lease.Issuance) {
	for i, x := range newestFirst {
		m.RoleARN, m.SessionName = x.RoleARN, x.SessionName
		if x.Failure != "" && i == 0 {
			m.Failure = &view.Failure{What: x.Text}
		}
		if x.AccessKeyID != "" {
			m.AccessKeyID = x.AccessKeyID
			m.Token = &view.Token{Minted: x.Outcome.At, Until: x.Expires, Latest: x.Expires.Add(issuer.Cushion)}
			return
		}
	}
}

func username(policy *access.Policy, role string) string {
	for _, r := range policy.Roles() {
		if r.Name == role {
			return r.Username
		}
	}
	return ""
}

// context is what the lease's context is called, also for a cluster that is
// gone from the configuration.
func (s *server) context(l lease.Lease, c access.Cluster) string {
	c.Name = l.Cluster
	return s.ContextName(c, l.Role)
}

// formOf is the form that a page is about: the one asked for, or the one that
// fits best. Whoever has kubectl daypass signed in has no use for a file that
// dies within minutes.
func (s *server) formOf(r *http.Request, m view.Kubeconfig) view.Form {
	f := view.Form(r.FormValue(view.FieldForm))
	switch {
	case f == view.FormRenewing && m.Server == "":
		return view.FormFile
	case slices.Contains(view.Forms(), f):
		return f
	case m.Server != "" && s.hasProgram(r):
		return view.FormRenewing
	}
	return view.FormFile
}

// renew mints a fresh token.
func (s *server) renew(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Keeper.Renew(r.Context(), chi.URLParam(r, "lease"), asker(r))
	var fault *issuer.Fault
	if err != nil && !(errors.As(err, &fault) && l.ID != "") { // a fault stands on the lease's page
		return err
	}
	return redirect(w, r, leaseURL(l.ID))
}

// pathEndAll is where a person ends all that they hold.
const pathEndAll = "/leases/end"

func (s *server) endAll(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.Keeper.EndAll(r.Context(), asker(r)); err != nil {
		return err
	}
	return redirect(w, r, view.PathAccess)
}

// end ends the lease. Ending what is over already is no error to a person.
func (s *server) end(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Keeper.End(r.Context(), chi.URLParam(r, "lease"), asker(r))
	if err != nil && !errors.Is(err, lease.ErrOver) {
		return err
	}
	return redirect(w, r, leaseURL(l.ID))
}
