package store_test

import (
	"context"
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

func TestProofsSpentAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		until := time.Now().Add(time.Minute)
		proofs := func(names string) (all []store.Spending) {
			for _, name := range names {
				all = append(all, store.Spending{Ctx: t.Context(), Proof: auth.Hash{0: byte(name)}, Until: until})
			}
			return all
		}
		spends := func(t *testing.T, s *store.Store, names, want string, dos ...func(*store.Tx) error) {
			t.Helper()
			got := ""
			for _, err := range s.SpendTogether(proofs(names), dos...) {
				switch {
				case err == nil:
					got += "+"
				case errors.Is(err, auth.ErrReplayed):
					got += "r"
				default:
					got += "-"
				}
			}
			if got != want {
				t.Errorf("%s: got %s, want %s", names, got, want)
			}
		}
		t.Run("are good for one of the batch, and for none after it", func(t *testing.T) {
			s := withKeys(t, fresh(t))
			spends(t, s, "abacdefgb", "++r+++++r")
			spends(t, s, "ahb", "r+r")
			spends(t, s, "h", "r")
			spends(t, s, "i", "+")
			spends(t, s, "ii", "rr")
		})
		t.Run("are told apart where another write fails after a change", func(t *testing.T) {
			s := withKeys(t, fresh(t))
			spends(t, s, "a", "+")
			spends(t, s, "abcb", "r++r-", func(tx *store.Tx) error {
				if err := store.Append(tx, anEvent()); err != nil {
					return err
				}
				return errors.New("too bad")
			})
			spends(t, s, "bcd", "rr+")
		})
		t.Run("fail alone where they cannot be remembered", func(t *testing.T) {
			s := withKeys(t, fresh(t))
			spends(t, s, "", "+", func(tx *store.Tx) error {
				_, err := tx.Exec(`DROP TABLE proofs`)
				return err
			})
			spends(t, s, "ab", "--+", func(tx *store.Tx) error { return store.Append(tx, anEvent()) })
		})
		t.Run("are not spent where the commit fails", func(t *testing.T) {
			s := withKeys(t, fresh(t))
			s.AroundCommit(func(func() error) error { return errors.New("the disk is full") })
			spends(t, s, "ab", "--")
			s.AroundCommit(func(commit func() error) error { return commit() })
			spends(t, s, "abc", "+++")
		})
		t.Run("are not spent by whoever gave up before", func(t *testing.T) {
			s := withKeys(t, fresh(t))
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			all := proofs("abc")
			all[1].Ctx = gone
			if errs := s.SpendTogether(all); errs[0] != nil || !errors.Is(errs[1], context.Canceled) || errs[2] != nil {
				t.Errorf("got %v", errs)
			}
			spends(t, s, "abc", "r+r")
		})
	})
}
