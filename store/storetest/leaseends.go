package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
)

// leasesOf starts a person's leases: so many that are active, and one that was
// ended before.
func leasesOf(t *testing.T, s *store.Store, principal string, n int) (active []lease.Lease) {
	t.Helper()
	for i := range n + 1 {
		l := newLease(principal, string(rune('a'+i)), noon.Add(-time.Minute))
		must(t, s.Open(t.Context(), opening(l)))
		if i == n {
			must(t, s.End(t.Context(), l.ID, noon.Add(-time.Second), principal, event(audit.LeaseEnded, noon.Add(-time.Second), l)))
		} else {
			active = append(active, l)
		}
	}
	return active
}

// leasesEndWith holds every way to sign out to its promise: all active leases
// of the person end in the same step, and nobody else's.
func leasesEndWith(t *testing.T, o opener) {
	ada, bo := of("ada", "s1", "a1"), of("bo", "s2", "b1")
	ways := map[string]func(ctx context.Context, s *store.Store, as func(auth.Session) auth.Ending) error{
		"sign out": func(ctx context.Context, s *store.Store, as func(auth.Session) auth.Ending) error {
			return s.SignOut(ctx, ada.Key, as(ada))
		},
		"leave": func(ctx context.Context, s *store.Store, as func(auth.Session) auth.Ending) error {
			return s.Leave(ctx, ada.Key, auth.Departure{Key: sha256.Sum256([]byte("d")), Session: ada.Key, Left: noon, Expires: noon.Add(time.Minute)}, as(ada))
		},
		"the provider's word": func(ctx context.Context, s *store.Store, as func(auth.Session) auth.Ending) error {
			_, err := s.LogOut(ctx, newLogout("n", "ada", ""), as)
			return err
		},
	}
	for name, out := range ways {
		for with, as := range map[string]func(auth.Session) auth.Ending{"with the leases": withLeases, "without them": ended} {
			t.Run(name+" "+with, func(t *testing.T) {
				s := o.open(t)
				signIn(t, s, ada, of("ada", "s9", "a2"), bo)
				hers := leasesOf(t, s, ada.Principal.ID(), 2)
				his := leasesOf(t, s, bo.Principal.ID(), 1)
				before := len(log(t, s))
				must(t, out(t.Context(), s, as))
				want := map[bool]lease.State{true: lease.Ended, false: lease.Active}[with == "with the leases"]
				holds(t, s, want, hers)
				holds(t, s, lease.Active, his)
				saidOf(t, log(t, s)[before:], want, hers)
			})
		}
	}
	t.Run("none ends when the session cannot", func(t *testing.T) {
		s := o.open(t)
		hers := leasesOf(t, s, ada.Principal.ID(), 1)
		if err := s.SignOut(t.Context(), ada.Key, withLeases(ada)); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("signed out of no session: %v", err)
		}
		holds(t, s, lease.Active, hers)
	})
}

// holds reads leases back, and tries to renew those that are over.
func holds(t *testing.T, s *store.Store, want lease.State, all []lease.Lease) {
	t.Helper()
	for _, l := range all {
		got, err := s.Lease(t.Context(), l.ID)
		must(t, err)
		if got.State != want || want == lease.Ended && (got.EndedBy != l.Principal || !got.EndedAt.Equal(noon)) {
			t.Errorf("%s is %s, by %q at %s; want %s", l.ID, got.State, got.EndedBy, got.EndedAt, want)
		}
		in := issuer.Intent{ID: "is_" + l.ID, Lease: l.ID, At: noon.Add(time.Second)}
		if err := s.Renew(t.Context(), in); want == lease.Ended && !errors.Is(err, lease.ErrOver) {
			t.Errorf("renewed after the end: %v", err)
		}
	}
}

// saidOf holds the events to one end of each lease, by its owner, told apart
// from an end that they asked for.
func saidOf(t *testing.T, rows []audit.Row, want lease.State, all []lease.Lease) {
	t.Helper()
	said, expected := map[string]string{}, map[string]string{}
	for _, r := range rows {
		if r.Event.Kind == audit.LeaseEnded {
			said[r.Event.Lease] = r.Event.Principal + " " + r.Event.Facts["by"] + " " + r.Event.Details.Address
		}
	}
	for _, l := range all {
		if want == lease.Ended {
			expected[l.ID] = l.Principal + " sign-out 192.0.2.1"
		}
	}
	if diff := cmp.Diff(expected, said); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
}

func picking(t *testing.T, o opener) {
	s := o.at(t, noon)
	start := func(principal, email, cluster, key string, at time.Time) string {
		l := newLease(principal, key, at)
		l.Email, l.Cluster = email, cluster
		must(t, s.Open(t.Context(), opening(l)))
		return l.ID
	}
	one := start("pr_ada", "Ada@example.com", "prod", "1", noon.Add(-3*time.Minute))
	two := start("pr_ada", "Ada@example.com", "staging", "2", noon.Add(-2*time.Minute))
	three := start("pr_bo", "", "prod", "3", noon.Add(-time.Minute))
	gone := newLease("pr_bo", "4", noon.Add(-time.Second))
	must(t, s.Open(t.Context(), opening(gone)))
	must(t, s.End(t.Context(), gone.ID, noon, "pr_bo", event(audit.LeaseEnded, noon, gone)))
	start("pr_bo", "", "prod", "5", noon.Add(-24*time.Hour)) // over by time
	for _, tt := range []struct {
		pick  lease.Pick
		limit int
		want  []string
	}{
		{lease.Pick{}, 9, []string{three, two, one}},
		{lease.Pick{}, 1, []string{three}},
		{lease.Pick{Person: "pr_ada"}, 9, []string{two, one}},
		{lease.Pick{Person: "ada@EXAMPLE.com"}, 9, []string{two, one}},
		{lease.Pick{Person: "ada@example.com", Cluster: "prod"}, 9, []string{one}},
		{lease.Pick{Cluster: "prod"}, 9, []string{three, one}},
		{lease.Pick{Person: "%"}, 9, nil},
		{lease.Pick{Person: "nobody\x00"}, 9, nil},
	} {
		got, err := s.Live(t.Context(), tt.pick, tt.limit)
		must(t, err)
		var ids []string
		for _, l := range got {
			ids = append(ids, l.ID)
		}
		if diff := cmp.Diff(tt.want, ids); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.pick, diff)
		}
	}
}
