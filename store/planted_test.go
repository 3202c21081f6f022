package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/seal"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

// person is a session of one person's, told apart by n.
func person(n int, now time.Time) auth.Session {
	return auth.Session{Key: auth.Hash{0: 7, 1: byte(n)}, Principal: access.Principal{Provider: "p", Subject: "ada"},
		SignedIn: now.Add(time.Duration(n) * time.Second), Seen: now, Expires: now.Add(time.Hour)}
}

func signIn(t *testing.T, s *store.Store, in auth.Session) {
	t.Helper()
	if err := s.SignIn(t.Context(), in, auth.Hash{}, audit.New(audit.SignedIn, in.SignedIn, audit.Who{})); err != nil {
		t.Fatal(err)
	}
}

// refusedRows is what stands on record as refused: for each row how often.
func refusedRows(t *testing.T, s *store.Store) map[string]int {
	t.Helper()
	rows, err := s.Events(t.Context(), audit.Query{Kind: audit.RowRefused, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range rows {
		n[r.Event.Reason+" "+r.Event.Facts["row"]]++
	}
	return n
}

func TestABegunSignInThatSomebodyElseWroteIsNone(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		start := func(n byte) auth.Start {
			st := auth.Start{State: auth.Hash{0: n}, Browser: auth.Hash{0: 5}, Provider: fmt.Sprint("p", n), Nonce: "n", Verifier: "v", Begun: now, Expires: now.Add(time.Minute)}
			if err := s.PutStart(t.Context(), st); err != nil {
				t.Fatal(err)
			}
			return st
		}
		want := start(1)
		for i, change := range []string{"expires_us = expires_us + 1", "mark = NULL",
			"bytes = (SELECT bytes FROM sign_in_starts WHERE state_hash <> %s LIMIT 1)",
			"mark = (SELECT mark FROM sign_in_starts WHERE state_hash <> %s LIMIT 1)"} {
			st := start(byte(10 + i))
			this := literal(s, st.State[:])
			altered(t, s, "UPDATE sign_in_starts SET "+strings.ReplaceAll(change, "%s", this)+" WHERE state_hash = "+this)
			for range 2 {
				if got, err := s.TakeStart(t.Context(), st.State); !errors.Is(err, auth.ErrNoStart) || got != (auth.Start{}) {
					t.Errorf("%s: %v, %v", change, got, err)
				}
			}
			if n := refusedRows(t, s); n["start "+st.State.Mark()] != 1 {
				t.Errorf("%s: on record are %v", change, n)
			}
		}
		if got, err := s.TakeStart(t.Context(), want.State); err != nil || got.Provider != want.Provider {
			t.Errorf("untouched: %v, %v", got, err)
		}
	})
}

// literal is a blob as the database of s writes it.
func literal(s *store.Store, b []byte) string {
	if s.Postgres() {
		return fmt.Sprintf(`'\x%x'::bytea`, b)
	}
	return fmt.Sprintf("x'%x'", b)
}

func TestUseIsMarkedAnew(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		in := person(1, now)
		signIn(t, s, in)
		for i, seen := range []time.Time{now.Add(2 * time.Minute), now.Add(time.Minute)} { // the second is late
			if err := s.Touch(t.Context(), in.Key, seen); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Session(t.Context(), in.Key); err != nil || got.Seen.UnixMicro() != now.Add(2*time.Minute).UnixMicro() {
				t.Errorf("after use %d it was seen %v, %v", i, got.Seen, err)
			}
		}
		if n := refusedRows(t, s); len(n) != 0 {
			t.Errorf("on record are %v", n)
		}
	})
}

func TestABadRowHidesNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		for n := range 5 {
			signIn(t, s, person(n, now))
			openLease(t, s, fmt.Sprint("ls_", n), now.Add(time.Duration(n-5)*time.Second))
		}
		for n, change := range []string{"seen_us = seen_us + 1", "bytes = id_token", "bytes = mark"} {
			altered(t, s, fmt.Sprintf("UPDATE sessions SET %s WHERE key_hash = %s", strings.Replace(change, "id_token", "seen_mark", 1), literal(s, keyOf(n))))
		}
		altered(t, s, `UPDATE leases SET mark = NULL WHERE id = 'ls_3'`)
		for range 2 {
			all, err := s.SessionsOf(t.Context(), person(0, now).Principal.ID(), auth.Alive{})
			if err != nil || len(all) != 2 || all[0].Key != person(4, now).Key || all[1].Key != person(3, now).Key {
				t.Errorf("the sessions: %v, %v", all, err)
			}
			leases, err := s.Of(t.Context(), "pr_1", 2)
			if err != nil || len(leases) != 4 || leases[3].ID != "ls_0" {
				t.Errorf("the leases: %v, %v", leases, err)
			}
		}
		want := map[string]int{"lease ls_3": 1}
		for n := range 3 {
			want["session "+person(n, now).Key.Mark()] = 1
		}
		if n := refusedRows(t, s); fmt.Sprint(n) != fmt.Sprint(want) {
			t.Errorf("on record are %v, want %v", n, want)
		}
	})
}

func keyOf(n int) []byte { k := person(n, time.Time{}).Key; return k[:] }

func TestALogoutEndsForgedSessionsTooAndBelievesNothingOfThem(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		signIn(t, s, person(1, now))
		signIn(t, s, person(2, now))
		altered(t, s, "UPDATE sessions SET bytes = mark WHERE key_hash = "+literal(s, keyOf(1)))
		l := auth.Logout{Token: auth.Hash{0: 1}, Provider: "p", Principal: person(1, now).Principal.ID(), Issued: now, Taken: now, Until: now.Add(time.Minute)}
		var told []auth.Hash
		n, err := s.LogOut(t.Context(), l, func(in auth.Session) auth.Ending {
			told = append(told, in.Key)
			return auth.Ending{Event: audit.New(audit.SignedOut, now, audit.Who{})}
		})
		if err != nil || n != 2 || len(told) != 1 || told[0] != person(2, now).Key {
			t.Errorf("%d ended, told of %v: %v", n, told, err)
		}
		if n := refusedRows(t, s); n["session "+person(1, now).Key.Mark()] != 1 {
			t.Errorf("on record are %v", n)
		}
	})
}

// keysOf makes key files with these names, the first sealing; a name has one
// key in all of them.
func keysOf(t *testing.T, lines map[string]string, ids ...string) seal.Keys {
	t.Helper()
	var file []string
	for _, id := range ids {
		if lines[id] == "" {
			line, err := seal.NewLine(id)
			if err != nil {
				t.Fatal(err)
			}
			lines[id] = line
		}
		file = append(file, lines[id])
	}
	k, err := seal.Parse([]byte(strings.Join(file, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestARowOfANewerKeyIsNoForgery(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		c, lines, now := fresh(t), map[string]string{}, time.Now()
		var log bytes.Buffer
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		c.Keys = keysOf(t, lines, "old")
		late := storetest.Open(t, c) // has not been restarted
		c.Keys = keysOf(t, lines, "new", "old")
		ahead := storetest.Open(t, c)

		const arn = "arn:aws:eks:eu-west-1:111122223333:cluster/pay"
		in := person(1, now)
		signIn(t, ahead, in)
		l := openLease(t, ahead, "ls_1", now)
		start := auth.Start{State: auth.Hash{0: 1}, Nonce: "n", Begun: now, Expires: now.Add(time.Minute)}
		if err := errors.Join(ahead.PutStart(t.Context(), start), ahead.Remember(t.Context(), arn, issuer.Endpoint{URL: "https://pay", AsOf: now})); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, session := late.Session(t.Context(), in.Key)
			_, taken := late.TakeStart(t.Context(), start.State)
			_, byID := late.Lease(t.Context(), l.ID)
			_, byKey := late.Started(t.Context(), l.Principal, l.Key)
			_, endpoint := late.Recall(t.Context(), arn)
			for what, is := range map[string]bool{
				"a session":   errors.Is(session, auth.ErrBehind) && !errors.Is(session, auth.ErrNoSession),
				"a start":     errors.Is(taken, auth.ErrBehind) && !errors.Is(taken, auth.ErrNoStart),
				"a lease":     errors.Is(byID, lease.ErrBehind) && !errors.Is(byID, lease.ErrAltered),
				"a lease too": errors.Is(byKey, lease.ErrBehind),
				"an endpoint": errors.Is(endpoint, issuer.ErrNoEndpoint),
			} {
				if !is {
					t.Errorf("%s: %v", what, errors.Join(session, taken, byID, byKey, endpoint))
				}
			}
			if all, err := late.SessionsOf(t.Context(), in.Principal.ID(), auth.Alive{}); err != nil || len(all) != 0 {
				t.Errorf("listed are %v, %v", all, err)
			}
		}
		if n := refusedRows(t, late); len(n) != 0 {
			t.Errorf("on record are %v", n)
		}
		if n := strings.Count(log.String(), "lacks a sealing key"); n != 1 || !strings.Contains(log.String(), "key=new") {
			t.Errorf("told %d times: %s", n, &log)
		}
		if _, err := ahead.Session(t.Context(), in.Key); err != nil {
			t.Errorf("where the key is: %v", err)
		}
		if got, err := ahead.TakeStart(t.Context(), start.State); err != nil || got.Nonce != "n" {
			t.Errorf("where the key is, the start: %v, %v", got, err)
		}
		// Use that was noted by the newer key, of a session of the older one.
		old := person(2, now)
		signIn(t, late, old)
		if err := ahead.Touch(t.Context(), old.Key, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := late.Session(t.Context(), old.Key); !errors.Is(err, auth.ErrBehind) {
			t.Errorf("used on the other server: %v", err)
		}
		// A name that no key can have is nobody's newer key.
		altered(t, late, "UPDATE sessions SET mark = "+literal(late, []byte("\x02A?0123456789"))+" WHERE key_hash = "+literal(late, old.Key[:]))
		if _, err := late.Session(t.Context(), old.Key); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("of an impossible key: %v", err)
		}
	})
}
