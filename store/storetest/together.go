package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
)

func testTogether(t *testing.T, o opener) {
	t.Run("loses nothing beside writes that are refused", func(t *testing.T) {
		s := o.open(t)
		l := newLease("pr_ada", "k", noon) // never opened
		errs := atOnce(96, func(i int) error {
			if i%3 == 0 {
				return s.HandOver(t.Context(), l.ID, event(audit.HandedOver, noon, l))
			}
			return s.Record(t.Context(), event(audit.SignedIn, noon, l))
		})
		for i, err := range errs {
			if refused := errors.Is(err, lease.ErrOver); refused != (i%3 == 0) || !refused && err != nil {
				t.Errorf("number %d: %v", i, err)
			}
		}
		if n := kinds(Gapless(t, s)); n[audit.SignedIn] != 64 || n[audit.HandedOver] != 0 {
			t.Errorf("the log: %v", n)
		}
	})
	t.Run("does nothing for a caller that is gone", func(t *testing.T) {
		s := o.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Record(ctx, signedIn()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if rows := log(t, s); len(rows) != 0 {
			t.Errorf("%d events stand in the log", len(rows))
		}
	})
	t.Run("is ready, and is not when closed", func(t *testing.T) {
		s := o.open(t)
		must(t, s.Ready(t.Context()))
		must(t, s.Record(t.Context(), signedIn()))
		must(t, s.Ready(t.Context()))
		must(t, s.Close())
		if err := s.Record(t.Context(), signedIn()); err == nil {
			t.Error("wrote after it was closed")
		}
	})
	t.Run("tells every event on, in order, after its commit", func(t *testing.T) {
		c := o.fresh(t)
		got := make(chan audit.Row, 256)
		c.Sink = func(r audit.Row) { got <- r }
		s := Open(t, c)
		must(t, errors.Join(atOnce(64, func(int) error { return s.Record(t.Context(), signedIn()) })...))
		for want := int64(1); want <= 64; want++ {
			select {
			case r := <-got:
				if r.Seq != want {
					t.Fatalf("got number %d in place of %d", r.Seq, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("number %d did not come", want)
			}
		}
	})
}
