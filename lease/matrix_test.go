package lease_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
)

// deed is something a person does, the steps it takes, and how it goes on when
// the caller gives up at one of them.
type deed struct {
	claim string
	steps []step
	// goesOn are the steps at which giving up changes nothing for the deed.
	goesOn []step
	before func(w *world) lease.Lease
	do     func(ctx context.Context, w *world, l lease.Lease) error
	// after is what the person then does, nothing being broken.
	after func(w *world, l lease.Lease, how mode)
}

func deeds() []deed {
	none := func(*world) lease.Lease { return lease.Lease{} }
	fresh := func(w *world) lease.Lease { return w.begun("k") }
	spent := func(w *world) lease.Lease {
		l := w.begun("k")
		time.Sleep(13 * time.Minute) // in the bubble's time
		return l
	}
	return []deed{
		{
			claim: "starting gives no token", before: none, do: start, after: startsAgain,
			steps: []step{opening, describing, minting, concluding}, goesOn: []step{concluding},
		},
		{
			claim: "handing over a spent token gives none", before: spent, do: take, after: takesAgain,
			steps: []step{renewing, describing, minting, concluding, handingOver},
		},
		{
			claim: "handing over a live token gives none", before: fresh, do: take, after: takesAgain,
			steps: []step{handingOver},
		},
		{
			claim: "fetching a spent token gives none", before: spent, do: fetch, after: takesAgain,
			steps: []step{renewing, describing, minting, concluding, handingOver},
		},
		{
			claim: "fetching a live token from somewhere new gives none", before: fresh, do: fetch, after: takesAgain,
			steps: []step{handingOver},
		},
		{
			claim: "directing to the role tells nothing", before: fresh, do: direct, after: takesAgain,
			steps: []step{handingOver},
		},
		{
			claim: "directing to the role mints nothing for a spent token, and tells nothing", before: spent, do: direct, after: takesAgain,
			steps: []step{handingOver},
		},
		{
			claim: "renewing keeps its records", before: fresh, do: renew, after: takesAgain,
			steps: []step{renewing, describing, minting, concluding}, goesOn: []step{renewing, describing, minting, concluding},
		},
		{
			claim: "ending is ended or not", before: fresh, do: end, after: endsAgain,
			steps: []step{ending},
		},
		{
			claim: "ending for an administrator is ended or not", before: fresh, do: endOf, after: endsAgain,
			steps: []step{ending},
		},
		{
			claim: "ending everything for an administrator is ended or not", before: fresh, do: endAllOf, after: endsAgain,
			steps: []step{ending},
		},
	}
}

func start(ctx context.Context, w *world, _ lease.Lease) error {
	_, err := w.keeper.Start(ctx, want("k"), ada())
	return err
}

func take(ctx context.Context, w *world, l lease.Lease) error { return w.take(ctx, w.keeper, l.ID) }

func fetch(ctx context.Context, w *world, l lease.Lease) error { return w.fetch(ctx, w.keeper, l.ID) }

func direct(ctx context.Context, w *world, l lease.Lease) error {
	return w.direct(ctx, w.keeper, l.ID)
}

func renew(ctx context.Context, w *world, l lease.Lease) error {
	_, err := w.keeper.Renew(ctx, l.ID, ada())
	return err
}

func end(ctx context.Context, w *world, l lease.Lease) error {
	_, err := w.keeper.End(ctx, l.ID, ada())
	return err
}

// root may end what others hold.
func root() issuer.Asker { return person("root", "203.0.113.1") }

func endOf(ctx context.Context, w *world, l lease.Lease) error {
	_, err := w.keeper.EndOf(ctx, l.ID, root())
	return err
}

func endAllOf(ctx context.Context, w *world, l lease.Lease) error {
	_, err := w.keeper.EndAllOf(ctx, l.Principal, root())
	return err
}

func startsAgain(w *world, _ lease.Lease, _ mode) {
	w.t.Helper()
	l := w.begun("k")
	if again := w.begun("k"); again.ID != l.ID {
		w.t.Error("the same key started two leases")
	}
	takesAgain(w, l, "")
}

func takesAgain(w *world, l lease.Lease, _ mode) {
	w.t.Helper()
	if w.look(l.ID).State != lease.Active {
		w.t.Error("the lease is no longer active")
	}
	if err := w.take(context.Background(), w.keeper, l.ID); err != nil {
		w.t.Errorf("nothing is broken any more, and yet: %v", err)
	}
	endsAgain(w, l, "")
}

func endsAgain(w *world, l lease.Lease, how mode) {
	w.t.Helper()
	w.look(l.ID)
	switch err := end(context.Background(), w, l); {
	case how.persists() && !errors.Is(err, lease.ErrOver):
		w.t.Errorf("the lease ended before, and then: %v", err)
	case !how.persists() && err != nil:
		w.t.Errorf("ending it again: %v", err)
	}
	w.look(l.ID)
	n := w.aws.minted()
	for _, err := range []error{take(context.Background(), w, l), direct(context.Background(), w, l), renew(context.Background(), w, l)} {
		if !errors.Is(err, lease.ErrOver) {
			w.t.Errorf("after its end: %v", err)
		}
	}
	if w.aws.minted() != n {
		w.t.Error("a token was minted under a lease that is over")
	}
}

// TestEveryStepBroken breaks each step of each deed in each way, on both
// databases, and holds the log to the promises.
func TestEveryStepBroken(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		for _, d := range deeds() {
			for _, at := range d.steps {
				for _, how := range modes() {
					t.Run(fmt.Sprintf("%s when %s %s", d.claim, at, how), func(t *testing.T) {
						c := fresh(t)
						synctest.Test(t, func(t *testing.T) { broken(newWorld(t, c, time.Now), d, at, how) })
					})
				}
			}
		}
	})
}

func broken(w *world, d deed, at step, how mode) {
	l := d.before(w)
	given, minted, told := len(w.received), w.aws.minted(), w.told
	err, died := w.attempt(at, how, func(ctx context.Context) error { return d.do(ctx, w, l) })
	switch goesOn := how == cancelled && slices.Contains(d.goesOn, at); {
	case died != how.dies():
		w.t.Errorf("the server died: %v", died)
	case goesOn && err != nil:
		w.t.Errorf("the caller gave up, and the deed with it: %v", err)
	case !goesOn && !died && err == nil:
		w.t.Error("no error came back")
	}
	if len(w.received) != given {
		w.t.Error("a token was given")
	}
	if w.told != told {
		w.t.Error("the role was told")
	}
	if len(d.steps) == 1 && w.aws.minted() != minted { // it takes no step at AWS
		w.t.Error("a token was minted")
	}
	if at == describing || at == minting {
		w.tells(err, how)
	}
	if died {
		w.restart()
	}
	d.after(w, l, how)
	w.holds(w.reconciled(time.Sleep))
}

// attempt does something while a step is broken, as a server that may die of it.
func (w *world) attempt(at step, how mode, do func(context.Context) error) (err error, died bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w.faults.set(at, how, cancel)
	done := make(chan error, 1)
	go func() {
		defer close(done)
		done <- do(ctx)
	}()
	err, lived := <-done
	if w.faults.pending() {
		w.t.Errorf("%s never came", at)
	}
	return err, !lived
}

// tells checks the sentences for the person who is present.
func (w *world) tells(err error, how mode) {
	w.t.Helper()
	code := map[mode]string{failed: "failed", persisted: "failed", hung: "timeout", hungDone: "timeout", cancelled: "cancelled"}[how]
	if err == nil || code == "" {
		return
	}
	var f *issuer.Fault
	if !errors.As(err, &f) {
		if how != cancelled { // then nobody reads it
			w.t.Errorf("no sentence for the person: %v", err)
		}
		return
	}
	if f.Code != code || !strings.HasSuffix(f.Say, ".") || !strings.HasSuffix(f.Next, ".") {
		w.t.Errorf("%+v", *f)
	}
	if !strings.Contains(f.Say, "pay-prod") && !strings.Contains(f.Say, "daypass-viewer") {
		w.t.Errorf("it names neither cluster nor role: %s", f.Say)
	}
}

// TestARefusalWhoseRecordBreaks breaks the one step of a refusal.
func TestARefusalWhoseRecordBreaks(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		for _, how := range modes() {
			t.Run(fmt.Sprintf("refuses, and forgets nothing but by death, when %s %s", recording, how), func(t *testing.T) {
				c := fresh(t)
				synctest.Test(t, func(t *testing.T) { refusing(newWorld(t, c, time.Now), how) })
			})
		}
	})
}

func refusing(w *world, how mode) {
	bad := want("k")
	bad.Role = "root"
	err, died := w.attempt(recording, how, func(ctx context.Context) error {
		_, err := w.keeper.Start(ctx, bad, ada())
		return err
	})
	var no *issuer.NotAllowed
	if !died && (!errors.As(err, &no) || no.Decision.Answer != access.Refused) {
		w.t.Errorf("got %v", err)
	}
	if died {
		w.restart()
	}
	w.keeper.Issuer.Tidy(context.Background(), true)
	rows := w.holds(w.reconciled(time.Sleep))
	want := 1
	if how == diedBefore {
		want = 0
	}
	if n := kinds(rows); n[audit.Refused] != want || len(rows) != want {
		w.t.Errorf("the log: %v, want %d refusals", n, want)
	}
	if w.aws.minted() != 0 {
		w.t.Error("a token was minted")
	}
}
