package lease_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

// step is a call that goes out of this package and issuer.
type step string

const (
	recording   step = "the record of the refusal"
	opening     step = "the intent with its new lease"
	renewing    step = "the intent"
	describing  step = "DescribeCluster"
	minting     step = "AssumeRole"
	concluding  step = "the outcome"
	handingOver step = "the record of the hand-over"
	ending      step = "the end of the lease"
)

// mode is how a step breaks.
type mode string

const (
	failed     mode = "failed"
	persisted  mode = "failed but persisted"
	hung       mode = "hung"
	hungDone   mode = "hung after it was done"
	cancelled  mode = "was given up by the caller"
	diedBefore mode = "was cut off by the end of the server"
	diedAfter  mode = "was the last thing the server did"
)

func modes() []mode {
	return []mode{failed, persisted, hung, hungDone, cancelled, diedBefore, diedAfter}
}

func (m mode) dies() bool { return m == diedBefore || m == diedAfter }

func (m mode) persists() bool { return m == persisted || m == hungDone || m == diedAfter }

var errBroken = errors.New("the wire broke")

// faults breaks one step, once.
type faults struct {
	mu     sync.Mutex
	at     step
	how    mode
	giveUp context.CancelFunc // of the caller
}

func (f *faults) set(at step, how mode, giveUp context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.how, f.giveUp = at, how, giveUp
}

// pending reports whether the fault has yet to strike.
func (f *faults) pending() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at != ""
}

func (f *faults) strikes(s step) (mode, context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at != s {
		return "", nil
	}
	f.at = ""
	return f.how, f.giveUp
}

// through lets a call through, or breaks it.
func (f *faults) through(ctx context.Context, s step, do func() error) error {
	how, giveUp := f.strikes(s)
	switch how {
	case failed:
		return errBroken
	case persisted:
		return errors.Join(do(), errBroken)
	case hung:
		<-ctx.Done()
		return ctx.Err()
	case hungDone:
		err := do()
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	case cancelled:
		giveUp()
		if err := ctx.Err(); err != nil {
			return err
		}
	case diedBefore:
		runtime.Goexit()
	case diedAfter:
		_ = do() // nobody is there to hear
		runtime.Goexit()
	}
	return do()
}

// book, outcomes and recorder are ports with faults around their writes.
type book struct {
	lease.Book
	faults *faults
}

func (b book) Open(ctx context.Context, o lease.Opening) error {
	return b.faults.through(ctx, opening, func() error { return b.Book.Open(ctx, o) })
}

func (b book) Renew(ctx context.Context, in issuer.Intent, events ...audit.Event) error {
	return b.faults.through(ctx, renewing, func() error { return b.Book.Renew(ctx, in, events...) })
}

func (b book) HandOver(ctx context.Context, id string, e audit.Event) error {
	return b.faults.through(ctx, handingOver, func() error { return b.Book.HandOver(ctx, id, e) })
}

func (b book) End(ctx context.Context, id string, at time.Time, by string, events ...audit.Event) error {
	return b.faults.through(ctx, ending, func() error { return b.Book.End(ctx, id, at, by, events...) })
}

type outcomes struct {
	issuer.Outcomes
	faults *faults
}

func (o outcomes) Conclude(ctx context.Context, out issuer.Outcome, e audit.Event) error {
	return o.faults.through(ctx, concluding, func() error { return o.Outcomes.Conclude(ctx, out, e) })
}

type recorder struct {
	issuer.Recorder
	faults *faults
}

func (r recorder) Record(ctx context.Context, e audit.Event) error {
	return r.faults.through(ctx, recording, func() error { return r.Recorder.Record(ctx, e) })
}
