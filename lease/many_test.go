package lease_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

func TestOnePersonMayHaveSoManyLeases(t *testing.T) {
	t.Run("and no more: the refusal says what to do, and is counted", func(t *testing.T) {
		w, _ := onSQLite(t)
		for i := range lease.DefaultMost {
			w.begun(fmt.Sprint(i))
		}
		for range 3 {
			l, err := w.keeper.Start(t.Context(), want("more"), ada())
			var no *issuer.NotAllowed
			if !errors.As(err, &no) || no.Decision.Answer != access.Refused || l.ID != "" {
				t.Fatalf("started %s, %v", l.ID, err)
			}
			r := no.Decision.Refusals[0]
			if r.Code != lease.TooMany || !strings.Contains(r.Say, "50 leases") || !strings.HasSuffix(r.Next, ".") {
				t.Errorf("told %+v", r)
			}
		}
		w.keeper.Issuer.Tidy(t.Context(), true)
		rows, err := w.store.Events(t.Context(), audit.Query{Kind: audit.Refused})
		must(t, err)
		if len(rows) != 2 || rows[1].Event.Reason != "too-many-leases" || rows[1].Event.Cluster != "pay-prod" || rows[0].Event.Facts["repeats"] != "2" {
			t.Errorf("on record:%s", describe(rows))
		}
		if w.aws.minted() != lease.DefaultMost {
			t.Errorf("%d tokens were minted", w.aws.minted())
		}
	})
	t.Run("a second click is no further lease", func(t *testing.T) {
		w, _ := onSQLite(t)
		w.keeper.Most = 1
		if l := w.begun("k"); w.begun("k").ID != l.ID {
			t.Error("another lease")
		}
	})
	for name, over := range map[string]func(*world, *clock, lease.Lease){
		"one that was ended makes room": func(w *world, _ *clock, l lease.Lease) { must(w.t, end(w.t.Context(), w, l)) },
		"one that is past its end makes room, swept or not": func(w *world, c *clock, l lease.Lease) {
			c.move(l.EndsAt.Sub(w.now()) + time.Microsecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, c := onSQLite(t)
			w.keeper.Most = 1
			l := w.begun("k")
			if _, err := w.keeper.Start(t.Context(), want("more"), ada()); refusal(err) != lease.TooMany {
				t.Fatalf("got %v", err)
			}
			over(w, c, l)
			w.begun("more")
		})
	}
}
