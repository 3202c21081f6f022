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
		for name, hand := range map[string]func(*testing.T, *store.Store) spender{"by one statement": warm, "in a transaction": cold} {
			t.Run("are good for one of the batch, and for none after it, "+name, func(t *testing.T) {
				s := withKeys(t, fresh(t))
				by := hand(t, s)
				spends(t, by, "abacdefgb", "++r+++++r")
				spends(t, by, "ahb", "r+r")
				spends(t, by, "h", "r")
				spends(t, by, "i", "+")
				spends(t, by, "ii", "rr")
				var kept int
				if err := s.Reads().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM proofs WHERE proof_hash <> $1`, proofs(t, "z")[0].Proof[:]).Scan(&kept); err != nil || kept != len("abcdefghi") {
					t.Errorf("%d proofs are in the database (%v)", kept, err)
				}
			})
			t.Run("are not spent where the commit fails, "+name, func(t *testing.T) {
				s := withKeys(t, fresh(t))
				by := hand(t, s)
				s.AroundCommit(func(func() error) error { return errors.New("the disk is full") })
				spends(t, by, "ab", "--")
				s.AroundCommit(func(commit func() error) error { return commit() })
				spends(t, by, "abc", "+++")
			})
			t.Run("are not good where the commit was made and its answer lost, "+name, func(t *testing.T) {
				s := withKeys(t, fresh(t))
				by := hand(t, s)
				s.AroundCommit(func(commit func() error) error { return errors.Join(commit(), errors.New("the line is dead")) })
				spends(t, by, "ab", "--")
				s.AroundCommit(func(commit func() error) error { return commit() })
				spends(t, by, "abc", "rr+")
			})
			t.Run("are not spent by whoever gave up before, "+name, func(t *testing.T) {
				s := withKeys(t, fresh(t))
				by := hand(t, s)
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				all := proofs(t, "abc")
				all[1].Ctx = gone
				if errs := by.SpendTogether(all); errs[0] != nil || !errors.Is(errs[1], context.Canceled) || errs[2] != nil {
					t.Errorf("got %v", errs)
				}
				spends(t, by, "abc", "r+r")
			})
		}
	})
}

// spender spends proofs and makes writes as if they had waited together.
type spender interface {
	SpendTogether([]store.Spending, ...func(*store.Tx) error) []error
}

func cold(_ *testing.T, s *store.Store) spender { return s }

// warm is a connection that has just dropped the proofs that are over.
func warm(t *testing.T, s *store.Store) spender {
	t.Helper()
	w := s.Hand()
	t.Cleanup(w.Drop)
	spends(t, w, "z", "+")
	if !w.JustSpends() {
		t.Error("the next proofs would not be spent by one statement")
	}
	return w
}

func proofs(t *testing.T, names string) (all []store.Spending) {
	for _, name := range names {
		all = append(all, store.Spending{Ctx: t.Context(), Proof: auth.Hash{0: byte(name)}, Until: time.Now().Add(time.Minute)})
	}
	return all
}

// spends spends proofs, one for each letter, and makes writes: + went well,
// r was a replay, - another error.
func spends(t *testing.T, by spender, names, want string, dos ...func(*store.Tx) error) {
	t.Helper()
	got := ""
	for _, err := range by.SpendTogether(proofs(t, names), dos...) {
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

func TestOneStatementIsLeftAloneWhereAnythingElseIsDue(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		now := time.Now()
		c := fresh(t)
		c.Now = func() time.Time { return now }
		s := withKeys(t, c)
		w := s.Hand()
		t.Cleanup(w.Drop)
		for i, at := range []struct {
			after time.Duration
			just  bool
			why   string
		}{
			{0, false, "there is no connection yet"},
			{0, true, "it was used just now"},
			{99 * time.Millisecond, true, "nothing else is due"},
			{time.Millisecond, false, "old proofs are to be dropped"},
			{2 * time.Second, false, "the connection may be dead"},
		} {
			now = now.Add(at.after)
			if got := w.JustSpends(); got != at.just {
				t.Errorf("%s: just spends: %v", at.why, got)
			}
			spends(t, w, string(rune('a'+i)), "+")
		}
	})
}
