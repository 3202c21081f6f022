package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/notify"
	"github.com/daypass/daypass/store"
)

func testLeases(t *testing.T, o opener) {
	t.Run("gives a lease back as it was opened", func(t *testing.T) {
		s := o.open(t)
		l := begun(t, s, "k", noon)
		got, err := s.Lease(t.Context(), l.ID)
		must(t, err)
		if diff := cmp.Diff(cleaned(l), got); diff != "" {
			t.Errorf("-opened +read:\n%s", diff)
		}
		by, err := s.Started(t.Context(), l.Principal, l.Key)
		must(t, err)
		if by.ID != l.ID {
			t.Errorf("found %s under the key", by.ID)
		}
	})
	t.Run("adds up uses, and moves the last one forward only", func(t *testing.T) {
		s := o.open(t)
		l, other := begun(t, s, "k", noon), begun(t, s, "other", noon)
		third := begun(t, s, "third", noon)
		must(t, s.Used(t.Context(), []lease.Use{{Lease: l.ID, Last: noon.Add(2 * time.Minute), More: 3}, {Lease: third.ID, Last: noon, More: 9}}))
		must(t, s.Used(t.Context(), []lease.Use{{Lease: "ls_none", Last: noon, More: 1}, {Lease: l.ID, Last: noon.Add(time.Minute), More: 4}}))
		must(t, s.Used(t.Context(), nil))
		got, err := s.Lease(t.Context(), l.ID)
		must(t, err)
		kept, err := s.Lease(t.Context(), other.ID)
		must(t, err)
		third, err = s.Lease(t.Context(), third.ID)
		must(t, err)
		if third.Uses != 9 || !third.LastUsed.Equal(noon) {
			t.Errorf("one that was noted beside it: used %d times, the last at %s", third.Uses, third.LastUsed)
		}
		if got.Uses != 7 || !got.LastUsed.Equal(noon.Add(2*time.Minute)) || kept.Uses != 0 || !kept.LastUsed.IsZero() {
			t.Errorf("used %d times, the last at %s; another %d times", got.Uses, got.LastUsed, kept.Uses)
		}
	})
	t.Run("says that a lease is absent", func(t *testing.T) {
		s := o.open(t)
		_, byID := s.Lease(t.Context(), "ls_none")
		_, byKey := s.Started(t.Context(), "pr_ada", "k")
		if !errors.Is(byID, lease.ErrNone) || !errors.Is(byKey, lease.ErrNone) {
			t.Errorf("got %v and %v", byID, byKey)
		}
	})
	t.Run("refuses a lease without a key", func(t *testing.T) {
		s := o.open(t)
		if err := s.Open(t.Context(), opening(newLease("pr_ada", "", noon))); err == nil {
			t.Error("opened it")
		}
		if rows := log(t, s); len(rows) != 0 {
			t.Errorf("%d events stand in the log", len(rows))
		}
	})
	t.Run("starts one lease per key, however many clicks", func(t *testing.T) { oneStart(t, o) })
	t.Run("keeps the keys of two people apart", func(t *testing.T) {
		s := o.open(t)
		must(t, s.Open(t.Context(), opening(newLease("pr_ada", "k", noon))))
		must(t, s.Open(t.Context(), opening(newLease("pr_bob", "k", noon))))
	})
	t.Run("lists a person's leases, newest first", func(t *testing.T) {
		s := o.open(t)
		first, second := begun(t, s, "a", noon), begun(t, s, "b", noon.Add(time.Minute))
		must(t, s.Open(t.Context(), opening(newLease("pr_bob", "c", noon))))
		got, err := s.Of(t.Context(), "pr_ada", 10)
		must(t, err)
		if len(got) != 2 || got[0].ID != second.ID || got[1].ID != first.ID {
			t.Errorf("got %v", got)
		}
		if got, err = s.Of(t.Context(), "pr_ada", 1); err != nil || len(got) != 1 {
			t.Errorf("limit 1 gave %d leases, %v", len(got), err)
		}
	})
	t.Run("lists every active lease, however many are newer", func(t *testing.T) { listingLive(t, o) })
	t.Run("starts no lease for a session that ended meanwhile", func(t *testing.T) { startingSignedOut(t, o) })
	t.Run("picks out of everybody's active leases", func(t *testing.T) { picking(t, o) })
	t.Run("starts no lease beyond the most, on two servers", func(t *testing.T) { startingMany(t, o) })
	t.Run("renews an active lease only", func(t *testing.T) { renewing(t, o.open(t)) })
	t.Run("ends a lease once", func(t *testing.T) { ending(t, o.open(t)) })
	t.Run("lets time end a lease, not before its end", func(t *testing.T) { expiring(t, o.open(t)) })
	t.Run("writes no hand-over after the end, on two servers", func(t *testing.T) { endRace(t, o) })
}

func oneStart(t *testing.T, o opener) {
	const clicks = 32
	stores := o.several(t, 2)
	errs := atOnce(clicks, func(i int) error {
		return stores[i%2].Open(t.Context(), opening(newLease("pr_ada", "same", noon)))
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, lease.ErrStarted) {
			t.Errorf("got %v", err)
		}
	}
	if n := kinds(Gapless(t, stores[0])); won != 1 || n[audit.LeaseStarted] != 1 || n[audit.Intended] != 1 {
		t.Errorf("%d were told they started it; the log: %v", won, n)
	}
}

// at is an opener of one store whose clock stands at a time.
func (o opener) at(t *testing.T, now time.Time) *store.Store {
	c := o.fresh(t)
	c.Now = func() time.Time { return now }
	return Open(t, c)
}

func listingLive(t *testing.T, o opener) {
	s := o.at(t, noon.Add(30*time.Minute))
	oldest := begun(t, s, "oldest", noon)
	for i := range 5 {
		l := begun(t, s, key("k", i), noon.Add(time.Duration(i+1)*time.Minute))
		must(t, s.End(t.Context(), l.ID, l.StartedAt, "pr_ada", event(audit.LeaseEnded, l.StartedAt, l)))
	}
	newer := begun(t, s, "newer", noon.Add(10*time.Minute))
	for limit, want := range map[int]int{0: 2, 1: 2, 2: 2, 4: 4, 100: 7} {
		got, err := s.Of(t.Context(), "pr_ada", limit)
		must(t, err)
		if len(got) != want || got[0].ID != newer.ID || got[1].ID != oldest.ID {
			t.Fatalf("limit %d: %v", limit, got)
		}
		for i := 3; i < len(got); i++ {
			if got[i].State != lease.Ended || got[i].StartedAt.After(got[i-1].StartedAt) {
				t.Errorf("limit %d: number %d is %+v", limit, i, got[i])
			}
		}
	}
}

func startingMany(t *testing.T, o opener) {
	const most = 3
	stores := o.several(t, 2)
	open := func(s *store.Store, key string, at time.Time) (lease.Lease, error) {
		op := opening(newLease("pr_ada", key, at))
		op.Most = most
		return op.Lease, s.Open(t.Context(), op)
	}
	begun(t, stores[0], "over", noon.Add(-time.Hour)) // ends when the others start
	won := 0
	for _, err := range atOnce(12, func(i int) error {
		_, err := open(stores[i%2], key("k", i), noon)
		return err
	}) {
		if err == nil {
			won++
		} else if !errors.Is(err, lease.ErrMany) {
			t.Errorf("got %v", err)
		}
	}
	if n := kinds(Gapless(t, stores[0])); won != most || n[audit.LeaseStarted] != most+1 || n[audit.Intended] != most+1 {
		t.Errorf("%d were started; the log: %v", won, n)
	}
	must(t, stores[1].Open(t.Context(), opening(newLease("pr_bob", "k", noon))))
	all, err := stores[0].Of(t.Context(), "pr_ada", 10)
	must(t, err)
	if _, err := open(stores[1], all[0].Key, noon); !errors.Is(err, lease.ErrStarted) {
		t.Errorf("a lease that was started before: %v", err)
	}
	must(t, stores[0].End(t.Context(), all[0].ID, noon, "pr_ada", event(audit.LeaseEnded, noon, all[0])))
	if _, err := open(stores[1], "another", noon); err != nil {
		t.Errorf("after one ended: %v", err)
	}
}

func renewing(t *testing.T, s *store.Store) {
	l := begun(t, s, "k", noon)
	in := newIntent(l, noon.Add(time.Minute))
	e := event(audit.Intended, in.At, l)
	must(t, s.Renew(t.Context(), in, e))
	must(t, s.Renew(t.Context(), in, e)) // its answer was lost
	late := newIntent(l, l.EndsAt)
	if err := s.Renew(t.Context(), late, event(audit.Intended, late.At, l)); !errors.Is(err, lease.ErrOver) {
		t.Errorf("renewed at its very end: %v", err)
	}
	just := newIntent(l, l.EndsAt.Add(-time.Microsecond))
	must(t, s.Renew(t.Context(), just, event(audit.Intended, just.At, l)))
	other := newIntent(lease.Lease{ID: "ls_none"}, noon)
	if err := s.Renew(t.Context(), other, event(audit.Intended, noon, l)); !errors.Is(err, lease.ErrOver) {
		t.Errorf("renewed a lease that is not: %v", err)
	}
	is, err := s.Issuances(t.Context(), l.ID, 10)
	must(t, err)
	if len(is) != 3 || is[0].ID != just.ID || is[1].ID != in.ID {
		t.Errorf("issuances: %v", is)
	}
	if n := kinds(Gapless(t, s)); n[audit.Intended] != 3 {
		t.Errorf("the log: %v", n)
	}
}

func ending(t *testing.T, s *store.Store) {
	l := begun(t, s, "k", noon)
	when := noon.Add(time.Minute)
	must(t, s.HandOver(t.Context(), l.ID, event(audit.HandedOver, when, l)))
	must(t, s.End(t.Context(), l.ID, when, "pr_ada", event(audit.LeaseEnded, when, l)))
	for attempt, err := range map[string]error{
		"end":       s.End(t.Context(), l.ID, when, "pr_ada", event(audit.LeaseEnded, when, l)),
		"expire":    s.End(t.Context(), l.ID, l.EndsAt, "", event(audit.LeaseExpired, l.EndsAt, l)),
		"hand over": s.HandOver(t.Context(), l.ID, event(audit.HandedOver, when, l)),
		"renew":     s.Renew(t.Context(), newIntent(l, when), event(audit.Intended, when, l)),
		"end none":  s.End(t.Context(), "ls_none", when, "pr_ada", event(audit.LeaseEnded, when, l)),
	} {
		if !errors.Is(err, lease.ErrOver) {
			t.Errorf("%s after the end: %v", attempt, err)
		}
	}
	got, err := s.Lease(t.Context(), l.ID)
	must(t, err)
	if got.State != lease.Ended || !got.EndedAt.Equal(when) || got.EndedBy != "pr_ada" {
		t.Errorf("the lease: %+v", got)
	}
	if n := kinds(Gapless(t, s)); n[audit.LeaseEnded] != 1 || n[audit.HandedOver] != 1 || n[audit.LeaseExpired] != 0 {
		t.Errorf("the log: %v", n)
	}
}

func expiring(t *testing.T, s *store.Store) {
	l := begun(t, s, "k", noon)
	must(t, s.Open(t.Context(), opening(newLease("pr_ada", "longer", noon.Add(time.Hour)))))
	before := l.EndsAt.Add(-time.Microsecond)
	if err := s.End(t.Context(), l.ID, before, "", event(audit.LeaseExpired, before, l)); !errors.Is(err, lease.ErrOver) {
		t.Errorf("expired early: %v", err)
	}
	if err := s.End(t.Context(), l.ID, l.EndsAt, "pr_ada", event(audit.LeaseEnded, l.EndsAt, l)); !errors.Is(err, lease.ErrOver) {
		t.Errorf("ended by somebody though time had: %v", err)
	}
	if over, err := s.Overdue(t.Context(), before, 10); err != nil || len(over) != 0 {
		t.Errorf("overdue before its end: %v, %v", over, err)
	}
	over, err := s.Overdue(t.Context(), l.EndsAt, 10)
	must(t, err)
	if len(over) != 1 || over[0].ID != l.ID {
		t.Fatalf("overdue: %v", over)
	}
	must(t, s.End(t.Context(), l.ID, l.EndsAt, "", event(audit.LeaseExpired, l.EndsAt, l)))
	got, err := s.Lease(t.Context(), l.ID)
	must(t, err)
	if got.State != lease.Expired || !got.EndedAt.Equal(l.EndsAt) || got.EndedBy != "" {
		t.Errorf("the lease: %+v", got)
	}
	if over, err := s.Overdue(t.Context(), l.EndsAt, 10); err != nil || len(over) != 0 {
		t.Errorf("still overdue: %v, %v", over, err)
	}
}

// endRace ends a lease on one server while others hand over and renew on two:
// in the log, nothing of the lease may stand behind its end.
func endRace(t *testing.T, o opener) {
	stores := o.several(t, 2)
	l := begun(t, stores[0], "k", noon)
	when := noon.Add(time.Minute)
	errs := atOnce(33, func(i int) error {
		s := stores[i%2]
		switch {
		case i == 16:
			return s.End(t.Context(), l.ID, when, "pr_ada", event(audit.LeaseEnded, when, l))
		case i%3 == 0:
			return s.Renew(t.Context(), newIntent(l, when), event(audit.Intended, when, l))
		}
		return s.HandOver(t.Context(), l.ID, event(audit.HandedOver, when, l))
	})
	good := 0
	for i, err := range errs {
		if err == nil {
			good++
		} else if i == 16 || !errors.Is(err, lease.ErrOver) {
			t.Errorf("number %d: %v", i, err)
		}
	}
	rows := Gapless(t, stores[1])
	if last := rows[len(rows)-1]; last.Event.Kind != audit.LeaseEnded {
		t.Errorf("behind the end stands %s", last.Event.Kind)
	}
	if len(rows) != 2+good {
		t.Errorf("%d were acknowledged, %d events stand in the log", good, len(rows)-2)
	}
}

func testIssuances(t *testing.T, o opener) {
	t.Run("gives an outcome back, and takes one only", func(t *testing.T) { concluding(t, o.open(t)) })
	t.Run("lists intents without an outcome, oldest first", func(t *testing.T) {
		s := o.open(t)
		var ins []issuer.Intent
		for i := range 3 {
			op := opening(newLease("pr_ada", key("k", i), noon.Add(time.Duration(i)*time.Minute)))
			must(t, s.Open(t.Context(), op))
			ins = append(ins, op.Intent)
		}
		must(t, s.Conclude(t.Context(), issuer.Outcome{Issuance: ins[0].ID, At: noon, Failure: "throttled", Text: "x"}, event(audit.MintFailed, noon, lease.Lease{})))
		got, err := s.Unconcluded(t.Context(), noon.Add(2*time.Minute), 10)
		must(t, err)
		if diff := cmp.Diff(ins[1:2], got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("refuses an outcome without an intent", func(t *testing.T) {
		s := o.open(t)
		err := s.Conclude(t.Context(), issuer.Outcome{Issuance: "is_none", At: noon}, event(audit.Minted, noon, lease.Lease{}))
		if err == nil || errors.Is(err, issuer.ErrConcluded) {
			t.Errorf("got %v", err)
		}
		if rows := log(t, s); len(rows) != 0 {
			t.Errorf("%d events stand in the log", len(rows))
		}
	})
}

func concluding(t *testing.T, s *store.Store) {
	op := opening(newLease("pr_ada", "k", noon))
	must(t, s.Open(t.Context(), op))
	want := issuer.Outcome{Issuance: op.Intent.ID, At: noon.Add(time.Second), AccessKeyID: "ASIAX", TokenSHA256: "aa", CASHA256: "bb", Expires: noon.Add(time.Minute)}
	errs := atOnce(8, func(int) error { return s.Conclude(t.Context(), want, event(audit.Minted, noon, op.Lease)) })
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, issuer.ErrConcluded) {
			t.Errorf("got %v", err)
		}
	}
	if n := kinds(Gapless(t, s)); won != 1 || n[audit.Minted] != 1 {
		t.Errorf("%d concluded it; the log: %v", won, n)
	}
	is, err := s.Issuances(t.Context(), op.Lease.ID, 10)
	must(t, err)
	if diff := cmp.Diff([]lease.Issuance{{Intent: op.Intent, Outcome: want}}, is); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func testOutbox(t *testing.T, o opener) {
	notice := func(i int) notify.Notice {
		return notify.Notice{ID: key("nt", i), To: "siem", Type: "lease.break-glass", Body: []byte(`{"a":1}`), Lease: "ls_1", At: noon.Add(time.Duration(i) * time.Second)}
	}
	fill := func(t *testing.T, s *store.Store, n int) {
		op := opening(newLease("pr_ada", "k", noon))
		for i := range n {
			op.Notices = append(op.Notices, notice(i))
		}
		must(t, s.Open(t.Context(), op))
	}
	soon, until := noon.Add(time.Hour), noon.Add(2*time.Hour)

	t.Run("gives a notice to one of two servers", func(t *testing.T) {
		stores := o.several(t, 2)
		fill(t, stores[0], 20)
		got := make([][]notify.Notice, 8)
		must(t, errors.Join(atOnce(8, func(i int) (err error) {
			got[i], err = stores[i%2].Claim(t.Context(), soon, until, 5)
			return err
		})...))
		seen := map[string]int{}
		for _, ns := range got {
			for _, n := range ns {
				seen[n.ID]++
			}
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was given %d times", id, n)
			}
		}
		if len(seen) != 20 {
			t.Errorf("%d of 20 were given", len(seen))
		}
	})
	t.Run("gives the oldest first, as they were written", func(t *testing.T) {
		s := o.open(t)
		fill(t, s, 3)
		got, err := s.Claim(t.Context(), soon, until, 2)
		must(t, err)
		want := []notify.Notice{notice(0), notice(1)}
		want[0].Attempt, want[1].Attempt = 1, 1
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("gives a notice again when its claim or its delay ends", func(t *testing.T) {
		s := o.open(t)
		fill(t, s, 1)
		claim := func(now time.Time, want int) {
			t.Helper()
			got, err := s.Claim(t.Context(), now, now.Add(time.Minute), 5)
			must(t, err)
			if want == 0 && len(got) != 0 || want > 0 && (len(got) != 1 || got[0].Attempt != want) {
				t.Errorf("at %v got %v", now, got)
			}
		}
		claim(noon.Add(-time.Second), 0)
		claim(noon, 1)
		claim(noon.Add(59*time.Second), 0)
		claim(noon.Add(time.Minute), 2)
		must(t, s.Retry(t.Context(), "nt-0", noon.Add(time.Hour), "refused"))
		claim(noon.Add(30*time.Minute), 0)
		claim(noon.Add(time.Hour), 3)
	})
	t.Run("settles a notice once, with its event", func(t *testing.T) {
		s := o.open(t)
		fill(t, s, 1)
		must(t, s.Settle(t.Context(), "nt-0", true, event(audit.NoticeDelivered, noon, lease.Lease{})))
		if err := s.Settle(t.Context(), "nt-0", true, event(audit.NoticeDelivered, noon, lease.Lease{})); !errors.Is(err, notify.ErrSettled) {
			t.Errorf("settled twice: %v", err)
		}
		must(t, s.Retry(t.Context(), "nt-0", noon, "too late"))
		if got, err := s.Claim(t.Context(), soon, until, 5); err != nil || len(got) != 0 {
			t.Errorf("it came back: %v, %v", got, err)
		}
		if n := kinds(Gapless(t, s)); n[audit.NoticeDelivered] != 1 {
			t.Errorf("the log: %v", n)
		}
	})
}

func startingSignedOut(t *testing.T, o opener) {
	s := o.open(t)
	in := of("ada", "", "a")
	signIn(t, s, in)
	open := func(key string) error {
		op := opening(newLease(in.Principal.ID(), key, noon))
		op.Session = in.Key.String()
		return s.Open(t.Context(), op)
	}
	must(t, open("while signed in"))
	must(t, s.SignOut(t.Context(), in.Key, ended(in)))
	before := len(log(t, s))
	if err := open("after"); !errors.Is(err, lease.ErrSignedOut) || len(log(t, s)) != before {
		t.Errorf("after the sign-out: %v, %d events more", err, len(log(t, s))-before)
	}
}
