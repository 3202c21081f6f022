package lease_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

const many = 32

func TestManyAtOnce(t *testing.T) {
	for claim, test := range map[string]func(*testing.T, *world, *clock){
		"starts one lease with one intent per key":                     oneLeasePerKey,
		"mints once for all who want a spent token":                    oneMintPerSpentToken,
		"hands out nothing behind the end, on two servers":             endRace,
		"of many leases at once, the most are started, on two servers": mostAtOnce,
		"an end on one server is an end on the other":                  endElsewhere,
		"two servers each hold a token of their own, both on record":   twoServersTwoTokens,
	} {
		t.Run(claim, func(t *testing.T) {
			onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
				c := &clock{}
				test(t, newWorld(t, fresh(t), c.now), c)
			})
		})
	}
}

func oneLeasePerKey(t *testing.T, w *world, c *clock) {
	ids := make([]string, many)
	must(t, errors.Join(atOnce(many, func(i int) error {
		l, err := w.keeper.Start(t.Context(), want("same"), ada())
		ids[i] = l.ID
		return err
	})...))
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("leases %s and %s", ids[0], id)
		}
	}
	rows := w.holds(w.reconciled(c.move))
	if n := kinds(rows); n[audit.LeaseStarted] != 1 || n[audit.Intended] != 1 || w.aws.minted() != 1 {
		t.Errorf("minted %d; the log: %v", w.aws.minted(), n)
	}
}

func oneMintPerSpentToken(t *testing.T, w *world, c *clock) {
	l := w.begun("k")
	c.move(12 * time.Minute) // two minutes before its end
	must(t, errors.Join(atOnce(many, func(int) error { return w.take(t.Context(), w.keeper, l.ID) })...))
	if w.aws.minted() != 2 {
		t.Errorf("minted %d times, want one at the start and one more", w.aws.minted())
	}
	if n := kinds(w.holds(w.reconciled(c.move))); n[audit.HandedOver] != many {
		t.Errorf("the log: %v", n)
	}
}

func endRace(t *testing.T, w *world, c *clock) {
	other := w.serve(storetest.Open(t, w.config))
	for _, key := range []string{"a", "b", "c", "d"} {
		l := w.begun(key)
		c.move(13 * time.Minute)
		servers := []*lease.Keeper{w.keeper, other}
		for i, err := range atOnce(many, func(i int) error {
			switch k := servers[i%2]; {
			case i == many/2:
				_, err := k.End(t.Context(), l.ID, ada())
				return err
			case i%7 == 0:
				return w.direct(t.Context(), k, l.ID)
			case i%5 == 0:
				_, err := k.Renew(t.Context(), l.ID, ada())
				return err
			default:
				return w.take(t.Context(), k, l.ID)
			}
		}) {
			if err != nil && (i == many/2 || !errors.Is(err, lease.ErrOver)) {
				t.Errorf("number %d: %v", i, err)
			}
		}
	}
	if n := kinds(w.holds(w.reconciled(c.move))); n[audit.LeaseEnded] != 4 {
		t.Errorf("the log: %v", n)
	}
}

func mostAtOnce(t *testing.T, w *world, c *clock) {
	w.most = 5
	servers := []*lease.Keeper{w.serve(w.store), w.serve(storetest.Open(t, w.config))}
	started := 0
	for i, err := range atOnce(many, func(i int) error {
		_, err := servers[i%2].Start(t.Context(), want(fmt.Sprint(i)), ada())
		return err
	}) {
		switch code := refusal(err); {
		case err == nil:
			started++
		case code != lease.TooMany:
			t.Errorf("number %d: %v", i, err)
		}
	}
	if started != w.most || w.aws.minted() != w.most {
		t.Errorf("%d were started, %d tokens minted; want %d", started, w.aws.minted(), w.most)
	}
	if _, err := servers[0].Start(t.Context(), want("bob's"), person("bob", "203.0.113.9")); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	for _, k := range servers {
		k.Issuer.Tidy(t.Context(), true)
	}
	rows := w.holds(w.reconciled(c.move))
	if n := kinds(rows); n[audit.LeaseStarted] != w.most+1 || n[audit.Intended] != w.most+1 || n[audit.Refused] > 4 {
		t.Errorf("the log: %v", n)
	}
	if n := refused(t, rows); n != many-w.most {
		t.Errorf("%d refusals are counted, want %d", n, many-w.most)
	}
}

// refused counts the refusals for too many leases, repeats and all.
func refused(t *testing.T, rows []audit.Row) (n int) {
	t.Helper()
	for _, r := range rows {
		if r.Event.Kind != audit.Refused || r.Event.Reason != string(lease.TooMany) {
			continue
		}
		more, err := strconv.Atoi(cmp.Or(r.Event.Facts["repeats"], "1"))
		must(t, err)
		n += more
	}
	return n
}

func endElsewhere(t *testing.T, w *world, c *clock) {
	other := w.serve(storetest.Open(t, w.config))
	l := w.begun("k")
	must(t, w.take(t.Context(), w.keeper, l.ID))
	_, err := other.End(t.Context(), l.ID, ada())
	must(t, err)
	n := w.aws.minted()
	for _, err := range []error{w.take(t.Context(), w.keeper, l.ID), renew(t.Context(), w, l), end(t.Context(), w, l)} {
		if !errors.Is(err, lease.ErrOver) {
			t.Errorf("got %v", err)
		}
	}
	if w.aws.minted() != n {
		t.Error("a token was minted")
	}
	w.holds(w.reconciled(c.move))
}

func twoServersTwoTokens(t *testing.T, w *world, c *clock) {
	other := w.serve(storetest.Open(t, w.config))
	l := w.begun("k")
	for _, k := range []*lease.Keeper{w.keeper, other, w.keeper, other} {
		must(t, w.take(t.Context(), k, l.ID))
	}
	if w.aws.minted() != 2 {
		t.Errorf("minted %d times", w.aws.minted())
	}
	if n := kinds(w.holds(w.reconciled(c.move))); n[audit.Minted] != 2 || n[audit.HandedOver] != 4 {
		t.Errorf("the log: %v", n)
	}
}

// TestRenewingTogether holds AWS back until all who renew wait for it.
func TestRenewingTogether(t *testing.T) {
	config := store.Config{SQLite: t.TempDir() + "/daypass.db"}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, config, time.Now)
		l := w.begun("k")
		w.aws.hold = make(chan struct{})
		answers := make(chan error, many)
		for range many {
			go func() { answers <- renew(t.Context(), w, l) }()
		}
		synctest.Wait()
		close(w.aws.hold)
		for range many {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if w.aws.minted() != 2 {
			t.Errorf("minted %d times, want one at the start and one for all", w.aws.minted())
		}
		w.holds(w.reconciled(time.Sleep))
	})
}

// TestACallerLeavesTheOthers has one of two who share a mint give up.
func TestACallerLeavesTheOthers(t *testing.T) {
	c := &clock{}
	w := newWorld(t, store.Config{SQLite: t.TempDir() + "/daypass.db"}, c.now)
	l := w.begun("k")
	c.move(13 * time.Minute)
	ctx, leave := context.WithCancel(t.Context())
	w.faults.set(minting, cancelled, leave)
	if err := w.take(ctx, w.keeper, l.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	must(t, w.take(t.Context(), w.keeper, l.ID))
	if w.aws.minted() != 2 {
		t.Errorf("minted %d times: the token that one left behind is there for the other", w.aws.minted())
	}
	w.holds(w.reconciled(c.move))
}
