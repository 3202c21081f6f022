package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/auth"
)

// Spend remembers a proof. Repeated, it is auth.ErrReplayed.
func (s *Store) Spend(ctx context.Context, proof auth.Hash, until time.Time) error {
	return wrap(s.submit(s.spending(ctx, proof, until)), "remember the proof")
}

// spent is a proof to be remembered.
type spent struct {
	proof auth.Hash
	until int64
}

func (s *Store) spending(ctx context.Context, proof auth.Hash, until time.Time) *job {
	now, x := s.cfg.Now(), &spent{proof, us(until)}
	j := newJob(ctx, func(t *tx) error {
		if err := t.spend(x); err != nil {
			return err
		}
		return t.dropProofs(now)
	})
	j.spends = x
	return j
}

// mayJustSpend reports whether a batch does nothing but spend proofs, which
// needs neither the log nor a transaction around it. The connection was in use
// just now: on one that the server gave up meanwhile, a BEGIN fails and is made
// again, but nobody would know of these proofs whether they were spent.
func (w *writer) mayJustSpend(batch []*job) bool {
	now := w.store.cfg.Now()
	return w.conn != nil && now.Sub(w.used) < time.Second && !w.dropDue(now) &&
		!slices.ContainsFunc(batch, func(j *job) bool { return j.spends == nil })
}

// justSpend remembers a batch's proofs by one statement, which both databases
// make durable by itself. That saves four journeys to PostgreSQL, and nobody
// waits for the end of the log.
func (w *writer) justSpend(batch []*job) ([]error, error) {
	ctx, cancel := w.bounded()
	defer cancel()
	t := &tx{ctx: ctx, writer: w}
	if err := w.store.commit(func() error { return t.spendTogether(batch) }); err != nil {
		return nil, fmt.Errorf("%w, which may have been done all the same", err)
	}
	errs := make([]error, len(batch))
	for i, j := range batch {
		errs[i] = t.justSpent(j)
	}
	w.used = w.store.cfg.Now()
	w.store.health.committed(w.used, false)
	return errs, nil
}

func (t *tx) justSpent(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return fmt.Errorf("the write was not made: %w", err)
	}
	return t.spend(j.spends)
}

// spendTogether remembers the proofs of a batch by one statement, before its
// writes run one by one: each signed request has one, and on PostgreSQL each
// statement is a journey. When it fails nothing of the batch is made, and its
// writes are to be made apart.
func (t *tx) spendTogether(batch []*job) error {
	t.fresh = map[auth.Hash]bool{}
	var all []*spent
	for _, j := range batch {
		if j.spends == nil || j.ctx.Err() != nil {
			continue
		}
		j.ctx = context.WithoutCancel(j.ctx) // too late to give up
		t.fresh[j.spends.proof] = false
		all = append(all, j.spends)
	}
	if len(all) == 0 {
		return nil
	}
	// In one order everywhere, so that two servers with the same two proofs do
	// not wait for each other.
	slices.SortFunc(all, func(a, b *spent) int { return bytes.Compare(a.proof[:], b.proof[:]) })
	for n := len(all); n&(n-1) != 0; n++ { // a power of two, so that there are few texts to prepare
		all = append(all, all[0]) // and the same proof again adds nothing
	}
	t.writer.spent += len(all)
	return t.insertProofs(all)
}

// insertProofs notes which of the proofs are new.
func (t *tx) insertProofs(all []*spent) error {
	args := make([]any, 0, 2*len(all))
	for _, x := range all {
		args = append(args, x.proof[:], x.until)
	}
	rows, err := t.query(insertProofs(len(all))+` RETURNING proof_hash`, args...)
	if err != nil {
		return fmt.Errorf("remember proofs: %w", err)
	}
	added, err := collect(rows, func(row scanner) (b []byte, err error) { return b, row.Scan(&b) })
	for _, b := range added {
		t.fresh[auth.Hash(b)] = true
	}
	return t.note(err)
}

func insertProofs(n int) string {
	return `INSERT INTO proofs (proof_hash, until_us) VALUES ` + values(n, "$", "$") + ` ON CONFLICT (proof_hash) DO NOTHING`
}

// spend remembers a proof, or says of one that was remembered together with
// others whether it is new. It is new to the first who asks.
func (t *tx) spend(x *spent) error {
	fresh, known := t.fresh[x.proof]
	if known {
		t.fresh[x.proof] = false
	} else {
		n, err := t.exec(insertProofs(1), x.proof[:], x.until)
		if err != nil {
			return err
		}
		fresh = n > 0
	}
	if !fresh {
		return auth.ErrReplayed // and this write has changed nothing, so the others go on
	}
	return nil
}

const dropProofs = `
DELETE FROM proofs WHERE proof_hash IN
	(SELECT proof_hash FROM proofs WHERE until_us < $1 ORDER BY until_us LIMIT 256)`

// dropEvery is how often proofs that are over are dropped, at least.
const dropEvery = 100 * time.Millisecond

// dropDue reports whether proofs that are over are to be dropped: more often
// where many come in, so that no drop takes long and none falls behind.
func (w *writer) dropDue(now time.Time) bool {
	return w.spent >= maxBatch || now.Sub(w.dropped) >= dropEvery
}

// dropProofs drops more proofs than came in since the last time. FACT for many
// more than that PostgreSQL 15 reads the whole table (seen with 4,096 of a
// million), a second each time.
func (t *tx) dropProofs(now time.Time) error {
	if !t.writer.dropDue(now) {
		return nil
	}
	t.writer.dropped, t.writer.spent = now, 0
	_, err := t.exec(dropProofs, us(now))
	return err
}
