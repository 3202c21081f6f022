package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

var errBroken = errors.New("the disk broke")

func record(e audit.Event) func(*store.Tx) error {
	return func(tx *store.Tx) error { return store.Append(tx, e) }
}

func TestOneTransactionOfMany(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		t.Run("undoes the writes that fail and no other", func(t *testing.T) {
			s := storetest.Open(t, fresh(t))
			a, b, c := anEvent(), anEvent(), anEvent()
			errs := s.Together(
				record(a),
				func(tx *store.Tx) error { // fails after it wrote
					return errors.Join(store.Append(tx, anEvent()), errBroken)
				},
				func(tx *store.Tx) error { // its statement fails and it says nothing
					_, _ = tx.Exec(`INSERT INTO leases (id) VALUES ('ls_x')`)
					return nil
				},
				record(b),
				func(tx *store.Tx) error {
					_ = store.Append(tx, anEvent())
					panic("a slip")
				},
				record(a), // again
				record(c),
			)
			for i, want := range []string{"", "the disk broke", "constraint", "", "a slip", "written already", ""} {
				if (errs[i] == nil) != (want == "") || errs[i] != nil && !strings.Contains(strings.ToLower(errs[i].Error()), want) {
					t.Errorf("number %d: %v, want %q", i, errs[i], want)
				}
			}
			rows := storetest.Gapless(t, s)
			if len(rows) != 3 || rows[0].Event.ID != a.ID || rows[1].Event.ID != b.ID || rows[2].Event.ID != c.ID {
				t.Errorf("the log: %v", rows)
			}
			if err := s.Record(t.Context(), anEvent()); err != nil {
				t.Errorf("the next write: %v", err)
			}
		})
		t.Run("fails as a whole when the commit fails", func(t *testing.T) {
			s := storetest.Open(t, fresh(t))
			s.AroundCommit(func(func() error) error { return errBroken })
			for i, err := range s.Together(record(anEvent()), record(anEvent())) {
				if !errors.Is(err, errBroken) {
					t.Errorf("number %d: %v", i, err)
				}
			}
			s.AroundCommit(func(commit func() error) error { return commit() })
			if err := s.Record(t.Context(), anEvent()); err != nil {
				t.Errorf("the next write: %v", err)
			}
			if n := len(storetest.Gapless(t, s)); n != 1 {
				t.Errorf("%d events", n)
			}
		})
		t.Run("survives a panic of a write that is alone", func(t *testing.T) {
			s := storetest.Open(t, fresh(t))
			err := s.Write(t.Context(), func(*store.Tx) error { panic("a slip") })
			if err == nil || !strings.Contains(err.Error(), "a slip") {
				t.Errorf("got %v", err)
			}
			if err := s.Record(t.Context(), anEvent()); err != nil {
				t.Errorf("the next write: %v", err)
			}
		})
	})
}

// TestAWriteThatFailedButPersisted breaks the answer of each kind of write
// after its commit, and repeats the write.
func TestAWriteThatFailedButPersisted(t *testing.T) {
	at := time.Now()
	l := lease.Lease{ID: "ls_1", Key: "k", Principal: "pr_ada", StartedAt: at, EndsAt: at.Add(time.Hour)}
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		for _, c := range failedButPersisted(l, at) {
			t.Run(c.name, func(t *testing.T) {
				s := storetest.Open(t, fresh(t))
				for _, before := range c.before {
					if err := before(t.Context(), s); err != nil {
						t.Fatal(err)
					}
				}
				s.AroundCommit(func(commit func() error) error { return errors.Join(commit(), errBroken) })
				if err := c.write(t.Context(), s); !errors.Is(err, errBroken) {
					t.Fatalf("first: %v", err)
				}
				s.AroundCommit(func(commit func() error) error { return commit() })
				n := len(storetest.Gapless(t, s))
				if err := c.write(t.Context(), s); !errors.Is(err, c.again) {
					t.Errorf("again: %v, want %v", err, c.again)
				}
				if now := len(storetest.Gapless(t, s)); now != n {
					t.Errorf("%d events, and %d after repeating", n, now)
				}
			})
		}
	})
}

func TestACallerThatLeaves(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := storetest.Open(t, fresh(t))
		entered, release := make(chan struct{}), make(chan struct{})
		slow, waiting := anEvent(), anEvent()
		first := make(chan error, 1)
		inFlight, leave := context.WithCancel(t.Context())
		go func() {
			first <- s.Write(inFlight, func(tx *store.Tx) error {
				close(entered)
				<-release
				return store.Append(tx, slow)
			})
		}()
		<-entered
		gone, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := s.Record(gone, waiting); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "was not made") {
			t.Errorf("one that waited for its turn: %v", err)
		}
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "may still be made") {
			t.Errorf("one whose turn had come: %v", err)
		}
		close(release)
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Event(t.Context(), slow.ID); err != nil {
			t.Errorf("the write in flight was lost: %v", err)
		}
		if _, err := s.Event(t.Context(), waiting.ID); !errors.Is(err, audit.ErrNone) {
			t.Errorf("the write that was not made is there: %v", err)
		}
	})
}

func TestACommitThatHangs(t *testing.T) {
	s := storetest.Open(t, freshSQLite(t))
	release := make(chan struct{})
	s.AroundCommit(func(commit func() error) error {
		<-release
		return commit()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	e := anEvent()
	if err := s.Record(ctx, e); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller waited on: %v", err)
	}
	close(release)
	if err := s.Record(t.Context(), e); err != nil { // finds it there, or writes it
		t.Error(err)
	}
	if n := len(storetest.Gapless(t, s)); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestClosing(t *testing.T) {
	s := storetest.Open(t, freshSQLite(t))
	entered, release := make(chan struct{}), make(chan struct{})
	e := anEvent()
	written := make(chan error, 1)
	go func() {
		written <- s.Write(t.Context(), func(tx *store.Tx) error {
			close(entered)
			<-release
			return store.Append(tx, e)
		})
	}()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	close(release)
	if err := <-written; err != nil {
		t.Errorf("the write under way: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("closing: %v", err)
	}
	if err := s.Record(t.Context(), anEvent()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a write after it: %v", err)
	}
}

func TestASinkThatHangs(t *testing.T) {
	c := freshSQLite(t)
	release := make(chan struct{})
	c.Sink = func(audit.Row) { <-release }
	s := storetest.Open(t, c)
	t.Cleanup(func() { close(release) })
	const many = 5000
	for done := 0; done < many; {
		if err := s.Write(t.Context(), func(tx *store.Tx) error {
			for range 500 {
				if err := store.Append(tx, anEvent()); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		done += 500
	}
	if s.Dropped() == 0 {
		t.Error("nothing was counted as dropped")
	}
}

func TestReadiness(t *testing.T) {
	t.Run("turns red when the disk is full for events, and green again", func(t *testing.T) {
		fullDisk(t, func(e *audit.Event, text string) { e.Facts = map[string]string{"x": text} })
	})
	t.Run("turns red when the disk is full for details, and green again", func(t *testing.T) {
		fullDisk(t, func(e *audit.Event, text string) { e.Details.Text = text })
	})
	t.Run("turns red when commits fail, and green with the next", func(t *testing.T) {
		s := storetest.Open(t, freshSQLite(t))
		s.AroundCommit(func(func() error) error { return errBroken })
		_ = s.Record(t.Context(), anEvent())
		if err := s.Ready(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
		s.AroundCommit(func(commit func() error) error { return commit() })
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("stays green when a write is refused", func(t *testing.T) {
		s := storetest.Open(t, freshSQLite(t))
		if err := s.HandOver(t.Context(), "ls_none", anEvent()); !errors.Is(err, lease.ErrOver) {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// fullDisk fills the disk with events that fill makes large.
func fullDisk(t *testing.T, fill func(*audit.Event, string)) {
	t.Helper()
	now := time.Now()
	c := freshSQLite(t)
	c.Now = func() time.Time { return now }
	s := storetest.Open(t, c)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := execute(t, s, `PRAGMA max_page_count = 1`); err != nil { // as small as the file is already
		t.Fatal(err)
	}
	full := fillUp(t, s, fill)
	if err := execute(t, s, `UPDATE log_head SET probed_us = 1`); err != nil { // a small write still fits
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Errorf("ready although %v", full)
	}
	if err := execute(t, s, `PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("not ready again: %v", err)
	}
	storetest.Gapless(t, s)
}

// fillUp records events until the disk is full.
func fillUp(t *testing.T, s *store.Store, fill func(*audit.Event, string)) error {
	t.Helper()
	for range 1000 {
		e := anEvent()
		fill(&e, strings.Repeat("x", 4000))
		if err := s.Record(t.Context(), e); err != nil {
			return err
		}
	}
	t.Fatal("the disk never got full")
	return nil
}
