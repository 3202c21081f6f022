package web

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web/view"
)

// deepLink is where a runbook's link ends up: a page that says what one click
// would do. It starts nothing, for anybody can send anybody a link. What does
// not fit is told where it can be put right.
func (s *server) deepLink(w http.ResponseWriter, r *http.Request) error {
	t := readTyped(r.URL.Query())
	t.role, t.key = chi.URLParam(r, "role"), ""
	t.reason = "" // the person's own words, not the link's
	ask := access.Ask{Cluster: chi.URLParam(r, "cluster"), Role: t.role}
	policy, now := visitOf(r).policy, s.Now()
	if glassOnly(policy.Decide(ask, standing(r), now)) {
		return redirect(w, r, glassFilled(ask.Cluster, t)) // what does not fit is told there
	}
	var ok bool
	if ask.For, ok = lasting(t.lasts); !ok {
		return s.drawCluster(w, r, http.StatusUnprocessableEntity, t, noLength(t.lasts))
	}
	if err := issuer.CheckNamespace(t.namespace); err != nil {
		return s.drawCluster(w, r, http.StatusUnprocessableEntity, t, view.FormErrors{Namespace: sentence(err.Error())})
	}
	d := policy.Decide(ask, standing(r), now)
	if d.Answer != access.Refused {
		return s.drawConfirm(w, r, t, d, now)
	}
	wrong, err := wrongs(&issuer.NotAllowed{Decision: d})
	if err != nil {
		return err
	}
	return s.drawCluster(w, r, http.StatusUnprocessableEntity, t, wrong)
}

// glassOnly reports whether a role is to be had by breaking the glass only.
func glassOnly(d access.Decision) bool {
	return slices.ContainsFunc(d.Refusals, func(r access.Refusal) bool { return r.Code == access.BreakGlassOnly })
}

func noLength(typed string) view.FormErrors {
	return view.FormErrors{For: fmt.Sprintf("%q is no length of time. Write one such as 1h or 30m.", clip(typed, 40))}
}

func (s *server) drawConfirm(w http.ResponseWriter, r *http.Request, t typed, d access.Decision, now time.Time) error {
	at, known := s.Endpoints(d.Cluster.ARN)
	lasts := d.Ask.For
	if lasts == 0 {
		lasts = min(access.DefaultLease, d.Grant.Longest)
	}
	t.lasts = brief(lasts)
	m := view.Confirm{
		Frame:   s.frame(r, d.Role.Name+" on "+d.Cluster.Name, view.NavClusters),
		Cluster: d.Cluster.Name, Role: d.Role.Name, Labels: labels(d.Cluster.Labels), Description: d.Role.Description,
		Grant: d.Grant.Name, Through: d.Through.String(), IAMRole: d.RoleARN.String(), SessionName: issuer.SessionName(standing(r).Principal),
		For: lasts, Lasts: t.lasts, Ends: d.EndsAt, CutShort: d.EndsAt.Before(now.Add(lasts)), Namespace: t.namespace,
		AsksReason: d.Answer == access.Needs, Hint: d.Grant.ReasonHint, Checks: checks(at, known, standing(r).Address), CheckedAt: at.AsOf,
		Key: audit.NewID("key", now), Start: clusterURL(d.Cluster.Name), Change: prefilled(d.Cluster.Name, t),
	}
	s.page(w, r, http.StatusOK, view.ConfirmPage(m))
	return nil
}
