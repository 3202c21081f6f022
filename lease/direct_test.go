package lease_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
)

func TestDirecting(t *testing.T) {
	t.Run("mints nothing, and is on record", func(t *testing.T) {
		w, c := onSQLite(t)
		l := w.begun("k")
		c.move(30 * time.Minute) // the token is spent
		_, d, err := w.keeper.Direct(t.Context(), l.ID, lease.AWSRole, ada())
		must(t, err)
		if w.aws.minted() != 1 || d.Role.Name != "viewer" || d.RoleARN.Service != "iam" {
			t.Errorf("minted %d times, for %+v", w.aws.minted(), d.RoleARN)
		}
		rows, err := w.store.Events(t.Context(), audit.Query{Kind: audit.HandedOver})
		must(t, err)
		e := rows[0].Event
		got := []string{e.Facts["form"], e.Details.Address, e.Request, e.Lease, e.Cluster, e.Role, e.Policy, e.Issuance, e.AccessKeyID}
		want := []string{"aws-role", "203.0.113.9", "rq_1", l.ID, "pay-prod", "viewer", w.policy.Load().Digest(), "", ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("is for the lease's owner only, while it lasts", func(t *testing.T) {
		w, c := onSQLite(t)
		l := w.begun("k")
		if _, d, err := w.keeper.Direct(t.Context(), l.ID, lease.AWS, person("bob", "203.0.113.9")); !errors.Is(err, lease.ErrNone) || d.Answer != "" {
			t.Errorf("bob got %v, %v", d.Answer, err)
		}
		c.move(l.EndsAt.Sub(noon))
		if _, d, err := w.keeper.Direct(t.Context(), l.ID, lease.AWS, ada()); !errors.Is(err, lease.ErrOver) || d.Answer != "" {
			t.Errorf("after its end: %v, %v", d.Answer, err)
		}
	})
	t.Run("decides again", func(t *testing.T) {
		w, _ := onSQLite(t)
		l := w.begun("k")
		w.policy.Store(policy(t))
		if _, _, err := w.keeper.Direct(t.Context(), l.ID, lease.AWS, ada()); refusal(err) == "" {
			t.Errorf("without a grant: %v", err)
		}
	})
	for _, how := range []mode{failed, persisted} {
		t.Run("tells nothing when the record "+string(how), func(t *testing.T) {
			w, _ := onSQLite(t)
			l := w.begun("k")
			w.faults.set(handingOver, how, nil)
			_, d, err := w.keeper.Direct(t.Context(), l.ID, lease.AWS, ada())
			if !errors.Is(err, errBroken) || d.Answer != "" || d.RoleARN != (access.ARN{}) {
				t.Errorf("told %+v, %v", d, err)
			}
		})
	}
}
