package store

import (
	"context"
	"fmt"
	"strings"
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

// spendTogether remembers the proofs of a batch by one statement, before its
// writes run one by one: each signed request has one, and on PostgreSQL each
// statement is a journey. When it fails nothing of the batch is made, and its
// writes are to be made apart.
func (t *tx) spendTogether(batch []*job) error {
	t.fresh = map[auth.Hash]bool{}
	var args []any
	for _, j := range batch {
		if j.spends == nil || j.ctx.Err() != nil {
			continue
		}
		j.ctx = context.WithoutCancel(j.ctx) // too late to give up
		t.fresh[j.spends.proof] = false
		args = append(args, j.spends.proof[:], j.spends.until)
	}
	if len(args) == 0 {
		return nil
	}
	for n := len(args) / 2; n&(n-1) != 0; n++ { // a power of two, so that there are few texts to prepare
		args = append(args, args[:2]...) // and the same proof again adds nothing
	}
	return t.insertProofs(args)
}

// insertProofs notes which of the proofs are new.
func (t *tx) insertProofs(args []any) error {
	rows, err := t.query(insertProofs(len(args)/2)+` RETURNING proof_hash`, args...)
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
	var q strings.Builder
	q.WriteString(`INSERT INTO proofs (proof_hash, until_us) VALUES `)
	for i := range n {
		if i > 0 {
			q.WriteString(`, `)
		}
		fmt.Fprintf(&q, `($%d, $%d)`, 2*i+1, 2*i+2)
	}
	q.WriteString(` ON CONFLICT (proof_hash) DO NOTHING`)
	return q.String()
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

// dropProofs forgets proofs that are over, once in a transaction and more than
// one can add.
func (t *tx) dropProofs(now time.Time) error {
	if t.tidied {
		return nil
	}
	t.tidied = true
	_, err := t.exec(`
DELETE FROM proofs WHERE proof_hash IN
	(SELECT proof_hash FROM proofs WHERE until_us < $1 ORDER BY until_us LIMIT 256)`, us(now))
	return err
}
