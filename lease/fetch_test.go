package lease_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

// helpers are the hand-overs to helpers that are on record.
func helpers(t *testing.T, w *world, id string) (n int) {
	t.Helper()
	rows, err := w.store.Events(t.Context(), audit.Query{Lease: id, Kind: audit.HandedOver, Limit: 100})
	must(t, err)
	for _, r := range rows {
		if r.Event.Facts["form"] == string(lease.Helper) {
			n++
		}
	}
	return n
}

func TestTwentyFetchesAtOnceMintOneToken(t *testing.T) {
	w, c := onSQLite(t)
	l, err := w.keeper.Start(t.Context(), want("k"), ada())
	must(t, err)
	c.move(13 * time.Minute) // the first token is nearly spent
	var all sync.WaitGroup
	var mu sync.Mutex
	tokens := map[string]bool{}
	for range 20 {
		all.Go(func() {
			_, made, err := w.keeper.Fetch(t.Context(), l.ID, ada())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			tokens[made.ID] = true
		})
	}
	all.Wait()
	minted, err := w.store.Issuances(t.Context(), l.ID, 10)
	must(t, err)
	if len(tokens) != 1 || len(minted) != 2 {
		t.Errorf("%d tokens were given and %d minted, want 1 and 2", len(tokens), len(minted))
	}
}

func TestAFetchIsOnRecordWhereItIsNewAndCountedWhereNot(t *testing.T) {
	w, c := onSQLite(t)
	l, err := w.keeper.Start(t.Context(), want("k"), ada())
	must(t, err)
	fetch := func(who issuer.Asker, want int) {
		t.Helper()
		_, _, err := w.keeper.Fetch(t.Context(), l.ID, who)
		must(t, err)
		if n := helpers(t, w, l.ID); n != want {
			t.Errorf("%d hand-overs are on record, want %d", n, want)
		}
	}
	fetch(ada(), 1)
	fetch(ada(), 1)
	other := ada()
	other.UserAgent = "another helper"
	fetch(other, 2)
	c.move(13 * time.Minute)
	fetch(ada(), 3) // another token
	c.move(time.Minute)
	fetch(ada(), 3)
	w.keeper.Tidy(t.Context())
	w.keeper.Tidy(t.Context()) // counts nothing twice
	if l = w.look(l.ID); l.Uses != 5 || !l.LastUsed.Equal(w.now().Truncate(time.Microsecond)) {
		t.Errorf("%d uses, the last at %s; want 5, %s", l.Uses, l.LastUsed, w.now())
	}
}

func TestALeaseEndedAtOneServerIsRefusedAtTheOther(t *testing.T) {
	w, _ := onSQLite(t)
	l, err := w.keeper.Start(t.Context(), want("k"), ada())
	must(t, err)
	kept, err := w.keeper.Start(t.Context(), want("other"), ada())
	must(t, err)
	other := w.serve(w.store)
	for _, k := range []*lease.Keeper{w.keeper, other} { // both hold a live token
		_, _, err := k.Fetch(t.Context(), l.ID, ada())
		must(t, err)
	}
	_, err = w.keeper.End(t.Context(), l.ID, ada())
	must(t, err)
	if _, made, err := other.Fetch(t.Context(), l.ID, ada()); !errors.Is(err, lease.ErrOver) || made.Token.Reveal() != "" {
		t.Errorf("the other server answers %v", err)
	}
	if _, _, err := other.Fetch(t.Context(), kept.ID, ada()); err != nil {
		t.Errorf("the end of one lease hurt another: %v", err)
	}
}

func TestEndAllEndsWhatIsActive(t *testing.T) {
	w, _ := onSQLite(t)
	for _, key := range []string{"a", "b", "c"} {
		_, err := w.keeper.Start(t.Context(), want(key), ada())
		must(t, err)
	}
	first, err := w.store.Of(t.Context(), ada().Principal.ID(), 0)
	must(t, err)
	_, err = w.keeper.End(t.Context(), first[0].ID, ada())
	must(t, err)
	ended, err := w.keeper.EndAll(t.Context(), ada())
	left, bad := w.store.Of(t.Context(), ada().Principal.ID(), 0)
	must(t, bad)
	if err != nil || len(ended) != 2 || len(left) != 0 {
		t.Errorf("%d ended, %d left, %v; want 2, 0", len(ended), len(left), err)
	}
}

func TestUsesThatCannotBeNotedAreKept(t *testing.T) {
	w, _ := onSQLite(t)
	k := w.serve(w.store)
	book := &forgetful{Book: k.Book, fails: true}
	k.Book = book
	const many = 130 // more than two writes note
	var ids []string
	for n := range many {
		who := ada()
		who.Standing.Principal.Subject = fmt.Sprint("person-", n)
		l, err := k.Start(t.Context(), want("k"), who)
		must(t, err)
		for range 2 {
			_, _, err = k.Fetch(t.Context(), l.ID, who)
			must(t, err)
		}
		ids = append(ids, l.ID)
	}
	k.Tidy(t.Context())
	if book.writes != 3 {
		t.Errorf("%d writes, want 3", book.writes)
	}
	book.fails = false
	k.Tidy(t.Context())
	k.Tidy(t.Context())
	for _, id := range ids {
		if l := w.look(id); l.Uses != 2 || l.LastUsed.IsZero() {
			t.Fatalf("a lease was used %d times, the last at %s; want 2", l.Uses, l.LastUsed)
		}
	}
}

// forgetful is a book that does not note what was used.
type forgetful struct {
	lease.Book
	fails  bool
	writes int
}

func (f *forgetful) Used(ctx context.Context, uses []lease.Use) error {
	f.writes++
	if f.fails {
		return errors.New("the disk is full")
	}
	return f.Book.Used(ctx, uses)
}
