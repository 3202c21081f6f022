package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web/view"
)

// glassPage says who will be told, before anybody breaks the glass.
func (s *server) glassPage(w http.ResponseWriter, r *http.Request) error {
	asked := readTyped(r.URL.Query())
	t := typed{lasts: asked.lasts, namespace: asked.namespace} // the rest is for the person to say
	wrong, err := s.unfit(r, t)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if wrong.Any() {
		status = http.StatusUnprocessableEntity
	}
	return s.drawGlass(w, r, status, t, wrong)
}

// unfit tells what of a link cannot be had, as the form would: the longest is
// chosen then, and one may go on. It is only looked at, so it is not put on
// record.
func (s *server) unfit(r *http.Request, t typed) (wrong view.FormErrors, err error) {
	ask := access.Ask{Cluster: chi.URLParam(r, "cluster"), Role: chi.URLParam(r, "role"), BreakGlass: true}
	var ok bool
	if ask.For, ok = lasting(t.lasts); !ok {
		wrong = noLength(t.lasts)
	}
	if d := visitOf(r).policy.Decide(ask, standing(r), s.Now()); d.Answer == access.Refused {
		if wrong, err = wrongs(&issuer.NotAllowed{Decision: d}); err != nil {
			return wrong, err
		}
	}
	if err := issuer.CheckNamespace(t.namespace); err != nil {
		wrong.Namespace = sentence(err.Error())
	}
	return wrong, nil
}

// glassStart breaks the glass.
func (s *server) glassStart(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	t := readTyped(r.PostForm)
	ask := access.Ask{Cluster: chi.URLParam(r, "cluster"), Role: chi.URLParam(r, "role"), Reason: t.reason, BreakGlass: true, Confirmed: t.understood}
	wrong, err := s.start(w, r, t, ask)
	if err != nil || wrong == (view.FormErrors{}) {
		return err
	}
	return s.drawGlass(w, r, http.StatusUnprocessableEntity, t, wrong)
}

func (s *server) drawGlass(w http.ResponseWriter, r *http.Request, status int, t typed, wrong view.FormErrors) error {
	now, policy := s.Now(), visitOf(r).policy
	cluster, role := chi.URLParam(r, "cluster"), chi.URLParam(r, "role")
	for _, x := range policy.Choices(cluster, standing(r), now) {
		if !x.BreakGlass || x.Role.Name != role {
			continue
		}
		c, _ := policy.Cluster(cluster)
		s.page(w, r, status, view.BreakGlassPage(view.BreakGlass{
			Frame: s.frame(r, "Break the glass", view.NavClusters), Cluster: cluster, Role: role, Labels: labels(c.Labels),
			Description: x.Role.Description, Grant: x.Grant, Through: x.Through.String(), TellsWhom: x.TellsWhom, Tells: x.Tells,
			Hint: x.ReasonHint, Lifetimes: lifetimes(x.Longest, t.lasts, now), Namespace: t.namespace, Reason: t.reason, Understood: t.understood,
			Errors: wrong, Key: audit.NewID("key", now), Start: glassURL(cluster, role), Back: clusterURL(cluster),
		}))
		return nil
	}
	return s.closed(policy, cluster, role, standing(r))
}
