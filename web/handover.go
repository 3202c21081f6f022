package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// taken is what was handed over.
type taken struct {
	lease   lease.Lease
	cluster access.Cluster
	form    view.Form
	names   view.Naming
	until   time.Time // what we promise of the token in it; zero: none is
	file    string    // what the kubeconfig is called
	text    issuer.Kubeconfig
}

// handOver has the kubeconfig handed out, on record, in the form asked for and
// under the names chosen.
func (s *server) handOver(r *http.Request, how map[view.Form]lease.Form) (taken, error) {
	if err := form(r); err != nil {
		return taken{}, err
	}
	f, err := formFor(r, how)
	if err != nil {
		return taken{}, err
	}
	l, err := s.Keeper.Mine(r.Context(), chi.URLParam(r, "lease"), standing(r).Principal)
	if err != nil {
		return taken{}, err
	}
	cluster, _ := visitOf(r).policy.Cluster(l.Cluster)
	names := naming(r, s.context(l, cluster), l.Namespace)
	if names.Wrong() { // before anything is on record
		return taken{}, errNames
	}
	who := asker(r)
	who.Names = issuer.Names{Context: names.Context, Namespace: names.Namespace}
	if !f.Secret() {
		return s.direct(r, l, cluster, who, f, how[f])
	}
	l, made, err := s.Keeper.HandOver(r.Context(), l.ID, how[f], who)
	if err != nil {
		return taken{}, err
	}
	k, err := issuer.Render(made, names.Context, names.Namespace)
	if err != nil {
		return taken{}, err
	}
	text, err := written(f, k)
	return taken{l, made.Cluster, f, names, made.Expires, issuer.FileName(k.Context), text}, err
}

// direct hands over a file without a secret. The cluster and
// its endpoint are those of the decision that was made for it, whatever was in
// force when the request came.
func (s *server) direct(r *http.Request, l lease.Lease, before access.Cluster, who issuer.Asker, f view.Form, as lease.Form) (taken, error) {
	if _, ok := s.Endpoints(before.ARN); !ok && l.At(s.Now()) == lease.Active { // before anything is on record
		return taken{}, noEndpoint(l)
	}
	l, d, err := s.Keeper.Direct(r.Context(), l.ID, as, who)
	if err != nil {
		return taken{}, err
	}
	endpoint, ok := s.Endpoints(d.Cluster.ARN)
	if !ok { // the name stands for another cluster since
		return taken{}, noEndpoint(l)
	}
	names := naming(r, s.context(l, before), l.Namespace)
	k, err := s.plain(f, l, d, endpoint, who.Names)
	return taken{lease: l, cluster: d.Cluster, form: f, names: names, file: issuer.FileName(k.Context), text: k}, err
}

// plain is a file without a secret.
func (s *server) plain(f view.Form, l lease.Lease, d access.Decision, at issuer.Endpoint, n issuer.Names) (issuer.Kubeconfig, error) {
	switch f {
	case view.FormRenewing:
		return issuer.RenderRenewing(d.Cluster, at, s.URL.String(), l.ID, n.Context, n.Namespace)
	case view.FormAWSRole:
		return issuer.RenderAWS(d.Cluster, at, d.RoleARN.String(), n.Context, n.Namespace)
	}
	return issuer.RenderAWS(d.Cluster, at, "", n.Context, n.Namespace)
}

func noEndpoint(l lease.Lease) error {
	return &issuer.Fault{Code: "endpoint-unknown", Say: fmt.Sprintf("AWS has not told yet where %s is.", l.Cluster), Next: "Get a token first, or try again in a minute."}
}

// untaken answers for a hand-over that did not come about.
func (s *server) untaken(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, errNames) {
		return s.leasePage(w, r)
	}
	return err
}

// download gives the file as a file.
func (s *server) download(w http.ResponseWriter, r *http.Request) error {
	got, err := s.handOver(r, downloads())
	if err != nil {
		return s.untaken(w, r, err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/yaml")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": got.file}))
	return s.secret(w, got.text)
}

// copied gives the text for the clipboard.
func (s *server) copied(w http.ResponseWriter, r *http.Request) error {
	got, err := s.handOver(r, copies())
	if err != nil {
		return s.untaken(w, r, err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	return s.secret(w, got.text)
}

func (s *server) secret(w http.ResponseWriter, k issuer.Kubeconfig) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(k.Reveal())))
	_, _ = w.Write(k.Reveal()) // a browser that went away needs no answer; the record says it was handed out
	return nil
}

// show gives the text on a page.
func (s *server) show(w http.ResponseWriter, r *http.Request) error {
	got, err := s.handOver(r, shows())
	if err != nil {
		return s.untaken(w, r, err)
	}
	l := got.lease
	s.page(w, r, http.StatusOK, view.ShownPage(view.Shown{
		Frame: s.frame(r, l.Cluster+" as "+l.Role, view.NavAccess), Cluster: l.Cluster, Role: l.Role, Labels: labels(got.cluster.Labels),
		Form: got.form, FileName: got.file, Text: string(got.text.Reveal()), Until: got.until,
		Back: formURL(l, got.form, got.names),
	}))
	return nil
}
