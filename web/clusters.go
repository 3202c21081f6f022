package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// maxRecents is how many choices of before are offered again.
const maxRecents = 3

// home lists what the person may enter. Where that is one cluster, its page
// follows at once, unless the list itself was asked for.
func (s *server) home(w http.ResponseWriter, r *http.Request) error {
	now, policy := s.Now(), visitOf(r).policy
	m := view.Clusters{Frame: s.frame(r, "Clusters", view.NavClusters), Query: clip(r.URL.Query().Get(view.FieldQuery), 200)}
	reach := policy.Reach(standing(r), now)
	if q := r.URL.Query(); len(reach) == 1 && !q.Has(view.FieldQuery) && !q.Has(view.FieldList) {
		return redirect(w, r, clusterURL(reach[0].Cluster.Name))
	}
	for _, x := range reach {
		m.Rows = append(m.Rows, s.clusterRow(x))
	}
	if len(reach) == 0 {
		m.Nothing = s.nothing(policy, standing(r).Principal)
	}
	recents, err := s.recents(r.Context(), policy, standing(r), now)
	m.Recents = recents
	if err != nil {
		return err
	}
	s.page(w, r, http.StatusOK, view.ClustersPage(m))
	return nil
}

func (s *server) clusterRow(x access.Reach) view.ClusterRow {
	at, _ := s.Endpoints(x.Cluster.ARN)
	return view.ClusterRow{
		Name: x.Cluster.Name, URL: clusterURL(x.Cluster.Name),
		Roles: names(x.Roles), GlassRoles: names(x.BreakGlass),
		Labels: labels(x.Cluster.Labels), Account: x.Cluster.Account, Region: x.Cluster.ARN.Region,
		Version: at.Version, Status: at.Status, NeedsNetwork: at.Private && !at.Public,
	}
}

func names(roles []*access.Role) (out []string) {
	for _, r := range roles {
		out = append(out, r.Name)
	}
	return out
}

// labels puts the environment first and sorts the rest.
func labels(m map[string]string) (out []view.Label) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		l := view.Label{Key: k, Value: m[k]}
		if k == "env" || k == "environment" {
			out = slices.Insert(out, 0, l)
			continue
		}
		out = append(out, l)
	}
	return out
}

// recents lists the person's last choices that are still open to them.
func (s *server) recents(ctx context.Context, policy *access.Policy, who access.Standing, now time.Time) (out []view.Recent, err error) {
	active, over, err := s.leases(ctx, who.Principal.ID())
	if err != nil {
		return nil, err
	}
	seen := map[access.Ask]bool{}
	// Active first: no later choice of the same kind hides what somebody holds.
	for _, l := range slices.Concat(active, over) {
		what := access.Ask{Cluster: l.Cluster, Role: l.Role, BreakGlass: l.BreakGlass}
		if seen[what] || len(out) == maxRecents {
			continue
		}
		if d := policy.Decide(what, who, now); d.Answer != access.Refused {
			seen[what] = true
			out = append(out, recent(l, d.Cluster, policy, who, now))
		}
	}
	return out, nil
}

// recent offers a choice of before. One click starts it again only where
// nothing is left to say: no reason, nobody to be told.
func recent(l lease.Lease, c access.Cluster, policy *access.Policy, who access.Standing, now time.Time) view.Recent {
	lasted := l.EndsAt.Sub(l.StartedAt).Round(time.Second)
	r := view.Recent{Cluster: l.Cluster, Role: l.Role, Labels: labels(c.Labels), BreakGlass: l.BreakGlass,
		Namespace: l.Namespace, At: l.StartedAt, Lasted: lasted, Change: again(l, lasted)}
	if l.At(now) == lease.Active {
		r.Until, r.Open, r.End = &l.EndsAt, leaseURL(l.ID), leaseURL(l.ID)+"/end"
		return r
	}
	same := access.Ask{Cluster: l.Cluster, Role: l.Role, For: lasted}
	if !l.BreakGlass && policy.Decide(same, who, now).Answer == access.Allowed {
		r.Start, r.For, r.Key = clusterURL(l.Cluster), brief(lasted), audit.NewID("key", now)
	}
	return r
}

// again is the page on which the choice can be changed, filled in with it.
func again(l lease.Lease, lasted time.Duration) string {
	if l.BreakGlass {
		return glassFilled(l.Cluster, typed{role: l.Role, namespace: l.Namespace})
	}
	return prefilled(l.Cluster, typed{role: l.Role, lasts: brief(lasted), namespace: l.Namespace})
}

// prefilled is a cluster's page with the form filled in.
func prefilled(cluster string, t typed) string {
	v := url.Values{view.FieldRole: {t.role}, view.FieldFor: {t.lasts}}
	if t.namespace != "" {
		v.Set(view.FieldNamespace, t.namespace)
	}
	return clusterURL(cluster) + "?" + v.Encode()
}

// glassFilled is where the glass of a role is broken, with the form filled in.
// What was typed may come from a link, so it is bounded.
func glassFilled(cluster string, t typed) string {
	v := url.Values{}
	for name, value := range map[string]string{view.FieldFor: t.lasts, view.FieldNamespace: t.namespace} {
		if value != "" {
			v.Set(name, clip(value, 100))
		}
	}
	to := glassURL(cluster, t.role)
	if len(v) > 0 {
		to += "?" + v.Encode()
	}
	return to
}

// maxHints bounds the grants that are named to somebody who has none.
const maxHints = 10

func (s *server) nothing(policy *access.Policy, p access.Principal) *view.Nothing {
	n := &view.Nothing{Provider: p.Provider, Groups: p.Groups, GroupsUnset: p.NoGroupsClaim, Contact: s.Contact()}
	for _, g := range policy.Grants() {
		for _, w := range g.Who {
			if w.Provider == p.Provider && w.Group != "" && len(n.Grants) < maxHints {
				n.Grants = append(n.Grants, view.GrantHint{Name: g.Name, Who: w.String(), Opens: opens(policy, g)})
				break
			}
		}
	}
	return n
}

func opens(policy *access.Policy, g access.Grant) string {
	n := 0
	for _, c := range policy.Clusters() {
		if slices.ContainsFunc(g.Clusters, func(w access.Where) bool { return w.Matches(c) }) {
			n++
		}
	}
	if n == 1 {
		return g.Role + " on 1 cluster"
	}
	return fmt.Sprintf("%s on %d clusters", g.Role, n)
}

// why answers "Why can't I see X?" from the decision itself.
func (s *server) why(w http.ResponseWriter, r *http.Request) error {
	asked := strings.TrimSpace(clip(r.URL.Query().Get(view.FieldCluster), 200))
	m := view.Why{Frame: s.frame(r, "Why?", view.NavClusters), Asked: asked, Contact: s.Contact()}
	policy := visitOf(r).policy
	if _, known := policy.Cluster(asked); asked != "" && !known {
		d := policy.Decide(access.Ask{Cluster: asked}, standing(r), s.Now())
		m.Answers = []view.WhyAnswer{{Say: d.Refusals[0].Say, Next: d.Refusals[0].Next}}
	} else if known {
		m.Answers = s.whyRoles(policy, asked, standing(r))
		if slices.ContainsFunc(m.Answers, func(a view.WhyAnswer) bool { return a.Yes }) {
			m.Open = clusterURL(asked)
		}
	}
	s.page(w, r, http.StatusOK, view.WhyPage(m))
	return nil
}

func (s *server) whyRoles(policy *access.Policy, cluster string, who access.Standing) (out []view.WhyAnswer) {
	for _, role := range policy.Roles() {
		d := policy.Decide(access.Ask{Cluster: cluster, Role: role.Name}, who, s.Now())
		a := view.WhyAnswer{Role: role.Name, Yes: d.Answer != access.Refused}
		if a.Yes {
			a.Say = fmt.Sprintf("You may be %s, by the grant %s through %s.", role.Name, d.Grant.Name, d.Through)
		} else {
			a.Yes = d.Refusals[0].Code == access.BreakGlassOnly
			a.Say, a.Next = d.Refusals[0].Say, d.Refusals[0].Next
		}
		out = append(out, a)
	}
	return out
}
