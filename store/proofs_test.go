package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/store"
)

func TestProofsAreForgottenFasterThanTheyCome(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		spend := func(n int, until time.Time) error {
			return s.Spend(t.Context(), auth.Hash{0: byte(n), 1: byte(n >> 8)}, until)
		}
		const most = 128 // writes that share a transaction
		for n := range 2 * most {
			if err := s.Write(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO proofs (proof_hash, until_us) VALUES ($1, $2)`, fmt.Appendf(nil, "old %d", n), now.UnixMicro()-1)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := spend(1, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := spend(1, now.Add(time.Minute)); !errors.Is(err, auth.ErrReplayed) {
			t.Errorf("a second time: %v", err)
		}
		var left int
		if err := s.Reads().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM proofs`).Scan(&left); err != nil || left != 1 {
			t.Errorf("%d proofs are remembered (%v), want the new one alone", left, err)
		}
	})
}
