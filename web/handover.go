package web

import (
	"mime"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// handOver has the kubeconfig handed out, on record, in the form asked for.
func (s *server) handOver(r *http.Request, how map[view.Form]lease.Form) (lease.Lease, issuer.Issuance, issuer.Kubeconfig, error) {
	if err := form(r); err != nil {
		return lease.Lease{}, issuer.Issuance{}, issuer.Kubeconfig{}, err
	}
	f := formOf(r)
	if _, ok := how[f]; !ok { // not a way to hand that over
		f = view.FormFile
	}
	l, made, err := s.Keeper.HandOver(r.Context(), chi.URLParam(r, "lease"), how[f], asker(r))
	if err != nil {
		return l, made, issuer.Kubeconfig{}, err
	}
	k, err := issuer.Render(made, s.context(l, made.Cluster), l.Namespace)
	if err != nil || f != view.FormBash {
		return l, made, k, err
	}
	snippet, err := issuer.Bash(k)
	return l, made, snippet.Kubeconfig, err
}

// download gives the file as a file.
func (s *server) download(w http.ResponseWriter, r *http.Request) error {
	_, _, k, err := s.handOver(r, map[view.Form]lease.Form{
		view.FormFile: lease.Downloaded, view.FormRaw: lease.Downloaded})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/yaml")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": issuer.FileName(k.Context)}))
	return s.secret(w, k)
}

// copied gives the text for the clipboard.
func (s *server) copied(w http.ResponseWriter, r *http.Request) error {
	_, _, k, err := s.handOver(r, map[view.Form]lease.Form{
		view.FormFile: lease.Copied, view.FormRaw: lease.Copied, view.FormBash: lease.CopiedBash})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	return s.secret(w, k)
}

func (s *server) secret(w http.ResponseWriter, k issuer.Kubeconfig) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(k.Reveal())))
	_, _ = w.Write(k.Reveal()) // a browser that went away needs no answer; the record says it was handed out
	return nil
}

// show gives the text on a page.
func (s *server) show(w http.ResponseWriter, r *http.Request) error {
	l, made, k, err := s.handOver(r, map[view.Form]lease.Form{
		view.FormFile: lease.Shown, view.FormRaw: lease.Shown, view.FormBash: lease.ShownBash})
	if err != nil {
		return err
	}
	f := formOf(r)
	s.page(w, r, http.StatusOK, view.ShownPage(view.Shown{
		Frame: s.frame(r, l.Cluster+" as "+l.Role, view.NavAccess), Cluster: l.Cluster, Role: l.Role, Labels: labels(made.Cluster.Labels),
		Form: f, FileName: issuer.FileName(k.Context), Text: string(k.Reveal()), Until: made.Expires,
		Back: leaseURL(l.ID) + "?form=" + string(f),
	}))
	return nil
}
