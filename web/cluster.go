package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// typed is what somebody filled in where a lease is started.
type typed struct {
	role, lasts, namespace, reason, key string
	understood                          bool
}

func readTyped(v url.Values) typed {
	return typed{
		role: clip(v.Get(view.FieldRole), 100), lasts: v.Get(view.FieldFor), namespace: strings.TrimSpace(v.Get(view.FieldNamespace)),
		reason: strings.TrimSpace(legible(v.Get(view.FieldReason))), key: v.Get(view.FieldKey), understood: v.Get(view.FieldUnderstood) == "yes",
	}
}

// clusterPage is where somebody chooses what to be and for how long.
func (s *server) clusterPage(w http.ResponseWriter, r *http.Request) error {
	return s.drawCluster(w, r, http.StatusOK, readTyped(r.URL.Query()), view.FormErrors{})
}

// clusterStart starts the lease and mints, then goes to a page without secret.
func (s *server) clusterStart(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	t := readTyped(r.PostForm)
	ask := access.Ask{Cluster: chi.URLParam(r, "cluster"), Role: t.role, Reason: t.reason}
	wrong, err := s.start(w, r, t, ask)
	if err != nil || wrong == (view.FormErrors{}) {
		return err
	}
	return s.drawCluster(w, r, http.StatusUnprocessableEntity, t, wrong)
}

// start is what both ways of starting a lease share. It answers the request
// unless it returns an error or what is wrong with the form.
func (s *server) start(w http.ResponseWriter, r *http.Request, t typed, ask access.Ask) (view.FormErrors, error) {
	var ok bool
	if ask.For, ok = lasting(t.lasts); !ok {
		return noLength(t.lasts), nil
	}
	if t.key == "" || len(t.key) > 64 {
		t.key = audit.NewID("key", s.Now())
	}
	l, err := s.Keeper.Start(r.Context(), lease.Want{Ask: ask, Key: t.key, Namespace: t.namespace}, asker(r))
	var fault *issuer.Fault
	if errors.As(err, &fault) && l.ID != "" {
		s.Slog.Warn("minting failed", "lease", l.ID, "code", fault.Code, "error", fault, "cause", fault.Err, "request", visitOf(r).id)
		err = nil // the lease's page tells it, and offers to try again
	}
	if err != nil {
		return wrongs(err)
	}
	return view.FormErrors{}, redirect(w, r, leaseURL(l.ID))
}

// lasting reads a length of time; none is zero.
func lasting(s string) (time.Duration, bool) {
	if s == "" {
		return 0, true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// wrongs tells which field an error belongs to, or gives the error back.
func wrongs(err error) (view.FormErrors, error) {
	var no *issuer.NotAllowed
	var bad *lease.BadNamespace
	switch {
	case errors.As(err, &bad):
		return view.FormErrors{Namespace: sentence(bad.Error())}, nil
	case !errors.As(err, &no):
		return view.FormErrors{}, err
	case no.Decision.Answer == access.Needs:
		return lacking(no.Decision), nil
	}
	why := no.Decision.Refusals[0]
	say := why.Say + " " + why.Next
	switch why.Code {
	case access.TooLong, access.TooShort:
		return view.FormErrors{For: say}, nil
	case access.ReasonTooLong:
		return view.FormErrors{Reason: say}, nil
	}
	return view.FormErrors{}, err
}

func lacking(d access.Decision) (e view.FormErrors) {
	for _, n := range d.Needs {
		switch n {
		case access.NeedReason:
			e.Reason = "Say why: " + orElse(d.Grant.ReasonHint, "what you are about to do, and for whom") + "."
		case access.NeedConfirmation:
			e.Understood = "Confirm that you know who will be told."
		}
	}
	return e
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return strings.TrimSuffix(s, ".")
}

func sentence(s string) string {
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func (s *server) drawCluster(w http.ResponseWriter, r *http.Request, status int, t typed, wrong view.FormErrors) error {
	now, policy := s.Now(), visitOf(r).policy
	name := chi.URLParam(r, "cluster")
	choices := policy.Choices(name, standing(r), now)
	if len(choices) == 0 {
		return s.closed(policy, name, t.role, standing(r))
	}
	c, _ := policy.Cluster(name)
	at, known := s.Endpoints(c.ARN)
	m := view.Cluster{
		Frame: s.frame(r, name, view.NavClusters),
		Name:  name, ARN: c.ARN.String(), Labels: labels(c.Labels), Account: c.Account, Region: c.ARN.Region,
		Version: at.Version, Status: at.Status, NeedsNetwork: at.Private && !at.Public,
		Namespace: t.namespace, Reason: t.reason, Errors: wrong, Key: audit.NewID("key", now), Start: clusterURL(name),
		SessionName: issuer.SessionName(standing(r).Principal),
		Checks:      checks(at, known, standing(r).Address), CheckedAt: at.AsOf,
	}
	var longest time.Duration
	for _, x := range choices {
		if x.BreakGlass {
			m.Glass = append(m.Glass, glassCard(name, x, t.namespace))
			continue
		}
		m.Roles = append(m.Roles, roleCard(c, x, t.role))
		longest = max(longest, x.Longest)
	}
	choose(m.Roles)
	m.Lifetimes = lifetimes(longest, t.lasts, now)
	s.page(w, r, status, view.ClusterPage(m))
	return nil
}

// closed is the refusal for a cluster that somebody may not enter at all. It
// is only looked at, not asked for, so it is not put on record.
func (s *server) closed(policy *access.Policy, name, role string, who access.Standing) error {
	if role == "" && len(policy.Roles()) > 0 {
		role = policy.Roles()[0].Name
	}
	d := policy.Decide(access.Ask{Cluster: name, Role: role}, who, s.Now())
	if d.Answer != access.Refused { // it opened between the two looks
		return errNoPage
	}
	return &issuer.NotAllowed{Decision: d}
}

func roleCard(c access.Cluster, x access.Choice, chosen string) view.RoleCard {
	arn, _ := x.Role.On(c) // the policy tried it for every cluster a grant opens
	return view.RoleCard{
		Name: x.Role.Name, Description: x.Role.Description, Longest: x.Longest, FreeFor: x.FreeFor, Hint: x.ReasonHint,
		Grant: x.Grant, Through: x.Through.String(), IAMRole: arn.String(), Until: moment(x.Until), Chosen: x.Role.Name == chosen,
	}
}

// choose preselects the least role unless another was chosen.
func choose(roles []view.RoleCard) {
	for _, r := range roles {
		if r.Chosen {
			return
		}
	}
	if len(roles) > 0 {
		roles[0].Chosen = true
	}
}

func glassCard(cluster string, x access.Choice, namespace string) view.GlassCard {
	return view.GlassCard{Role: x.Role.Name, Description: x.Role.Description, Longest: x.Longest,
		TellsWhom: x.TellsWhom, Tells: x.Tells, URL: glassFilled(cluster, typed{role: x.Role.Name, namespace: namespace})}
}

// brief is a length of time as people write it: 1h rather than 1h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// lifetimes offers the usual lengths up to the longest, the longest itself,
// and what was asked for if that may be had.
func lifetimes(longest time.Duration, chosen string, now time.Time) (out []view.Lifetime) {
	all := []time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour, 8 * time.Hour}
	want, _ := lasting(chosen)
	switch {
	case want > longest: // the most that comes near it
		want = longest
	case want < min(access.ShortestLease, longest):
		want = min(access.DefaultLease, longest)
	}
	offered := append(slices.DeleteFunc(all, func(d time.Duration) bool { return d >= longest }), want, longest)
	slices.Sort(offered)
	for _, d := range slices.Compact(offered) {
		out = append(out, view.Lifetime{Value: brief(d), For: d, Ends: now.Add(d), Chosen: d == want})
	}
	return out
}

// checks says what is known of the cluster before somebody tries.
func checks(at issuer.Endpoint, known bool, from netip.Addr) []view.Check {
	if !known {
		return []view.Check{{Say: "AWS has not told about this cluster yet; it is asked when you go on.", Mood: view.Unknown}}
	}
	var out []view.Check
	if at.Status == "ACTIVE" {
		out = append(out, view.Check{Say: "The cluster is ACTIVE.", Mood: view.Fine})
	} else {
		out = append(out, view.Check{Say: "The cluster is " + at.Status + ".", Mood: view.Warning})
	}
	switch {
	case !at.Public && at.Private:
		out = append(out, view.Check{Say: "The endpoint is private: connect the VPN first.", Mood: view.Warning})
	case at.Public && !reaches(at.PublicCIDRs, from):
		out = append(out, view.Check{Say: fmt.Sprintf("The endpoint answers to %s only; you come from %s.", strings.Join(at.PublicCIDRs, ", "), from), Mood: view.Warning})
	case at.Public:
		out = append(out, view.Check{Say: "The endpoint is public.", Mood: view.Fine})
	}
	return out
}

// reaches reports whether an address lies in one of the networks; one that
// cannot be read is no reason to worry anybody.
func reaches(cidrs []string, from netip.Addr) bool {
	for _, c := range cidrs {
		if p, err := netip.ParsePrefix(c); err != nil || p.Contains(from) {
			return true
		}
	}
	return len(cidrs) == 0
}
