package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

func (s *server) apiClusters(w http.ResponseWriter, r *http.Request) error {
	policy, now := visitOf(r).policy, s.Now()
	out := api.Clusters{Clusters: []api.Cluster{}}
	for _, x := range policy.Reach(standing(r), now) {
		at, _ := s.Endpoints(x.Cluster.ARN)
		c := api.Cluster{Name: x.Cluster.Name, ARN: x.Cluster.ARN.String(), Region: x.Cluster.ARN.Region, Labels: x.Cluster.Labels,
			Status: at.Status, Version: at.Version, Choices: []api.Choice{}}
		for _, ch := range policy.Choices(x.Cluster.Name, standing(r), now) {
			c.Choices = append(c.Choices, api.Choice{Role: ch.Role.Name, Description: ch.Role.Description, Grant: ch.Grant,
				Longest: int64(ch.Longest.Seconds()), Reason: ch.FreeFor == 0, ReasonHint: ch.ReasonHint, BreakGlass: ch.BreakGlass, TellsWhom: orElse(ch.TellsWhom, strings.Join(ch.Tells, ", "))})
		}
		out.Clusters = append(out.Clusters, c)
	}
	return answer(w, http.StatusOK, out)
}

// maxAsk is more than any lease lasts, in seconds, and less than a Duration
// can hold.
const maxAsk = 366 * 24 * 60 * 60

// ask reads what a program wants.
func ask(a api.Ask) (access.Ask, error) {
	if a.Seconds < 0 || a.Seconds > maxAsk {
		return access.Ask{}, badBody{status: http.StatusBadRequest, say: fmt.Sprintf("seconds is %d; it must be from 0 to %d, which is 366 days. A grant allows less.", a.Seconds, maxAsk)}
	}
	return access.Ask{Cluster: a.Cluster, Role: a.Role, For: time.Duration(a.Seconds) * time.Second, Reason: legible(a.Reason),
		BreakGlass: a.BreakGlass, Confirmed: a.Confirmed}, nil
}

// apiDecide answers as the issuer would, and starts nothing.
func (s *server) apiDecide(w http.ResponseWriter, r *http.Request) error {
	var in api.Ask
	if err := body(r, &in); err != nil {
		return err
	}
	want, err := ask(in)
	if err != nil {
		return err
	}
	d := visitOf(r).policy.Decide(want, standing(r), s.Now())
	out := decision(d)
	if d.Answer != access.Refused {
		at, _ := s.Endpoints(d.Cluster.ARN) // what is not known yet is left out
		out.Context, out.Server = s.ContextName(d.Cluster, d.Role.Name), at.URL
	}
	return answer(w, http.StatusOK, out)
}

func decision(d access.Decision) api.Decision {
	out := api.Decision{Answer: string(d.Answer), Policy: d.Policy, EndsAt: d.EndsAt.UTC()}
	if d.Answer != access.Refused {
		out.Grant, out.RoleARN = d.Grant.Name, d.RoleARN.String()
	}
	for _, n := range d.Needs {
		out.Needs = append(out.Needs, string(n))
	}
	for _, no := range d.Refusals {
		out.Refusals = append(out.Refusals, api.Refusal{Code: string(no.Code), Say: no.Say, Next: nextFor(string(no.Code), no.Next)})
	}
	return out
}

// apiStart starts a lease and mints its first token, which is not in the
// answer.
func (s *server) apiStart(w http.ResponseWriter, r *http.Request) error {
	var in api.Start
	if err := body(r, &in); err != nil {
		return err
	}
	want, err := ask(in.Ask)
	if err != nil {
		return err
	}
	if in.Key == "" || len(in.Key) > 64 {
		return badBody{status: http.StatusBadRequest, say: "key must be 1 to 64 bytes: the same key twice starts one lease."}
	}
	if want.BreakGlass && byDevice(r) {
		return s.noGlass(r, want.Cluster, want.Role, "")
	}
	l, err := s.Keeper.Start(r.Context(), lease.Want{Ask: want, Key: in.Key, Namespace: in.Namespace}, asker(r))
	var fault *issuer.Fault
	if err != nil && !(errors.As(err, &fault) && l.ID != "") { // a lease without its first token can be tried again
		return err
	}
	out := s.leaseAnswer(l)
	if fault != nil {
		out.Note = fault.Say + " " + fault.Next
	}
	return answer(w, http.StatusCreated, out)
}

func (s *server) leaseAnswer(l lease.Lease) api.Lease {
	out := api.Lease{ID: l.ID, Cluster: l.Cluster, Role: l.Role, Grant: l.Grant, BreakGlass: l.BreakGlass, Reason: l.Reason, Namespace: l.Namespace,
		State: string(l.At(s.Now())), StartedAt: l.StartedAt.UTC(), EndsAt: l.EndsAt.UTC(), EndedAt: utc(l.EndedAt), LastUsed: utc(later(l.LastUsed, l.LastHandOver)),
		Page: s.URL.String() + leaseURL(l.ID)}
	if latest := l.TokenExpires.Add(issuer.Cushion); latest.After(s.Now()) {
		out.MayWorkUntil = latest.UTC()
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// utc leaves the zero time as it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func (s *server) leaseAnswers(all []lease.Lease) api.Leases {
	out := api.Leases{Leases: []api.Lease{}}
	for _, l := range all {
		out.Leases = append(out.Leases, s.leaseAnswer(l))
	}
	return out
}

func (s *server) apiLeases(w http.ResponseWriter, r *http.Request) error {
	active, over, err := s.leases(r.Context(), standing(r).Principal.ID())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, s.leaseAnswers(slices.Concat(active, over)))
}

func (s *server) apiLease(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Keeper.Mine(r.Context(), chi.URLParam(r, "lease"), standing(r).Principal)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, s.leaseAnswer(l))
}

// byDevice says whether a program asks that was let in by a typed code.
func byDevice(r *http.Request) bool {
	who, _ := sessionOf(r)
	return who.Client != nil && who.Client.Device
}

// mine reads the lease that a request names, for whoever may use it.
func (s *server) mine(r *http.Request) (lease.Lease, error) {
	l, err := s.Keeper.Mine(r.Context(), chi.URLParam(r, "lease"), standing(r).Principal)
	if err == nil && l.BreakGlass && byDevice(r) {
		err = s.noGlass(r, l.Cluster, l.Role, l.ID)
	}
	return l, err
}

// noGlass puts on record that a program wants what it may not have.
func (s *server) noGlass(r *http.Request, cluster, role, id string) error {
	if _, known := visitOf(r).policy.Cluster(cluster); !known {
		cluster, role = "", "" // what was typed is not repeated in the record
	}
	s.Keeper.Issuer.Refused(r.Context(), issuer.Refusal{Code: issuer.DeviceGlass, Text: "Let in by a typed code, and asked to break the glass.",
		Cluster: cluster, Role: role, Lease: id, BreakGlass: true}, asker(r))
	return errDevice
}

// apiEntry tells where the lease's cluster is: all of a kubeconfig but the
// token, which kubectl has fetched by a helper.
func (s *server) apiEntry(w http.ResponseWriter, r *http.Request) error {
	who := asker(r)
	l, err := s.mine(r)
	if err != nil {
		return err
	}
	cluster, _ := visitOf(r).policy.Cluster(l.Cluster)
	who.Names = issuer.Names{Context: s.context(l, cluster), Namespace: l.Namespace}
	l, d, err := s.Keeper.Direct(r.Context(), l.ID, lease.Exec, who)
	if err != nil {
		return err
	}
	at, ok := s.Endpoints(d.Cluster.ARN)
	if !ok {
		return &issuer.Fault{Code: "endpoint-unknown", Say: fmt.Sprintf("AWS has not told yet where %s is.", l.Cluster), Next: "Try again in a minute."}
	}
	return answer(w, http.StatusOK, api.Entry{Lease: s.leaseAnswer(l), Server: at.URL, CA: at.CA, ProxyURL: d.Cluster.ProxyURL, TLSServerName: d.Cluster.TLSServerName,
		Context: who.Names.Context, Namespace: l.Namespace})
}

// apiToken gives the lease's token.
func (s *server) apiToken(w http.ResponseWriter, r *http.Request) error {
	if byDevice(r) {
		if _, err := s.mine(r); err != nil {
			return err
		}
	}
	l, made, err := s.Keeper.Fetch(r.Context(), chi.URLParam(r, "lease"), asker(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, api.Token{Token: made.Token.Reveal(), Issuance: made.ID, ExpiresAt: made.Expires.UTC(),
		NextAt: made.Expires.Add(-issuer.SpentBefore).UTC(), EndsAt: l.EndsAt.UTC(), Note: noteOf(r)})
}

// apiEnd ends a lease. One that is over is what was wanted.
func (s *server) apiEnd(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Keeper.End(r.Context(), chi.URLParam(r, "lease"), asker(r))
	if err != nil && !errors.Is(err, lease.ErrOver) {
		return err
	}
	return answer(w, http.StatusOK, s.leaseAnswer(l))
}

func (s *server) apiEndAll(w http.ResponseWriter, r *http.Request) error {
	ended, err := s.Keeper.EndAll(r.Context(), asker(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, s.leaseAnswers(ended))
}

// foreign puts on record who asks for another person's lease.
func (s *server) foreign(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if !errors.Is(err, lease.ErrNone) {
			return err
		}
		if l, no := s.Book.Lease(r.Context(), chi.URLParam(r, "lease")); no == nil && l.Principal != standing(r).Principal.ID() {
			s.Keeper.Issuer.Refused(r.Context(), issuer.Refusal{Code: issuer.ForeignLease, Text: "Asked for another person's lease.",
				Cluster: l.Cluster, Role: l.Role, Lease: l.ID}, asker(r))
		}
		return err
	}
}
