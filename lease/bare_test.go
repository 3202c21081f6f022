package lease_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
)

func TestABareLeaseSaysAllButWhatIsLookedForElsewhere(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		w := newWorld(t, fresh(t), (&clock{}).now)
		l := w.begun("a")
		must(t, w.fetch(t.Context(), w.keeper, l.ID))
		w.keeper.Tidy(t.Context())
		whole, err := w.store.Lease(t.Context(), l.ID)
		must(t, err)
		bare, err := w.store.Bare(t.Context(), l.ID)
		must(t, err)
		if whole.LastHandOver.IsZero() || whole.TokenExpires.IsZero() || bare.Uses != 1 || !bare.LastHandOver.IsZero() || !bare.TokenExpires.IsZero() {
			t.Errorf("whole %+v, bare %+v", whole, bare)
		}
		if diff := cmp.Diff(whole, bare, cmpopts.IgnoreFields(lease.Lease{}, "LastHandOver", "TokenExpires")); diff != "" {
			t.Errorf("-whole +bare:\n%s", diff)
		}
		if _, err := w.store.Bare(t.Context(), "ls_none"); !errors.Is(err, lease.ErrNone) {
			t.Errorf("of none: %v", err)
		}
		must(t, w.store.Close())
		if _, err := w.store.Bare(t.Context(), l.ID); err == nil || errors.Is(err, lease.ErrNone) {
			t.Errorf("of a database that is closed: %v", err)
		}
	})
}
