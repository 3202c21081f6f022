package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

func allow(in auth.Session) func(auth.Code, auth.Session) (auth.Session, audit.Event, error) {
	return func(_ auth.Code, from auth.Session) (auth.Session, audit.Event, error) {
		if from.Key.IsZero() {
			return auth.Session{}, audit.Event{}, errors.New("nobody answered")
		}
		return in, audit.New(audit.SignedIn, in.SignedIn, audit.Who{}), nil
	}
}

func TestACodeThatSomebodyElseWroteOpensNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		from := person(1, now)
		signIn(t, s, from)
		put := func(n byte) auth.Code {
			t.Helper()
			c := auth.Code{Key: auth.Hash{0: n}, User: auth.Hash{0: n, 1: 1}, By: from.Key, Begun: now, Expires: now.Add(time.Minute)}
			if err := s.PutCode(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			return c
		}
		good := put(1)
		for i, change := range []string{"expires_us = expires_us + 1", "mark = NULL", "user_hash = NULL",
			"bytes = (SELECT bytes FROM client_codes WHERE key_hash <> %s LIMIT 1)",
			"mark = (SELECT mark FROM client_codes WHERE key_hash <> %s LIMIT 1)"} {
			c := put(byte(10 + i))
			this := literal(s, c.Key[:])
			altered(t, s, "UPDATE client_codes SET "+strings.ReplaceAll(change, "%s", this)+" WHERE key_hash = "+this)
			if _, err := s.TypedCode(t.Context(), c.User); !errors.Is(err, auth.ErrNoCode) {
				t.Errorf("%s, typed: %v", change, err)
			}
			if err := s.AnswerCode(t.Context(), c); !errors.Is(err, auth.ErrNoCode) {
				t.Errorf("%s, answered: %v", change, err)
			}
			if err := s.Redeem(t.Context(), c.Key, now, auth.Alive{}, allow(person(20+i, now))); !errors.Is(err, auth.ErrNoCode) {
				t.Errorf("%s, redeemed: %v", change, err)
			}
			if n := refusedRows(t, s); n["client-code "+c.Key.Mark()] != 1 {
				t.Errorf("%s: on record are %v", change, n)
			}
		}
		if err := s.Redeem(t.Context(), good.Key, now, auth.Alive{}, allow(person(2, now))); err != nil {
			t.Errorf("untouched: %v", err)
		}
		last := put(99)
		altered(t, s, "UPDATE sessions SET expires_us = expires_us + 1 WHERE key_hash = "+literal(s, from.Key[:]))
		if err := s.Redeem(t.Context(), last.Key, now, auth.Alive{}, allow(person(3, now))); err == nil {
			t.Error("a browser's session that was altered lets a program in")
		}
	})
}

func TestAskingTheProviderMakesNoAlteredSessionGood(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now().Truncate(time.Microsecond)
		for i, change := range []string{"expires_us = expires_us + 1", "refresh_token = NULL", "as_of_us = as_of_us + 0, sid = 'other'", "mark = NULL"} {
			in := person(i, now)
			in.AsOf, in.Refresh, in.Client = now, []byte("sealed"), &auth.ClientInfo{Name: "laptop"}
			signIn(t, s, in)
			altered(t, s, "UPDATE sessions SET "+change+" WHERE key_hash = "+literal(s, in.Key[:]))
			next := in
			next.AsOf = now.Add(time.Hour)
			if err := s.Regroup(t.Context(), next, in.AsOf); !errors.Is(err, auth.ErrMoved) {
				t.Errorf("%s: %v", change, err)
			}
			if _, err := s.Session(t.Context(), in.Key); !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("%s: read as %v", change, err)
			}
		}
		in := person(50, now)
		in.AsOf = now
		signIn(t, s, in)
		altered(t, s, "UPDATE sessions SET as_of_us = as_of_us + 1 WHERE key_hash = "+literal(s, in.Key[:]))
		if _, err := s.Session(t.Context(), in.Key); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("groups made younger: %v", err)
		}
	})
}

func TestACodeOfANewerKeyStaysForAServerThatHasIt(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		c, lines, now := fresh(t), map[string]string{}, time.Now()
		c.Keys = keysOf(t, lines, "old")
		late := storetest.Open(t, c)
		c.Keys = keysOf(t, lines, "new", "old")
		ahead := storetest.Open(t, c)
		older, newer := person(1, now), person(2, now)
		signIn(t, late, older)
		signIn(t, ahead, newer)
		code := func(n byte, by auth.Hash) auth.Code {
			return auth.Code{Key: auth.Hash{0: n}, User: auth.Hash{0: n}, By: by, Begun: now, Expires: now.Add(time.Minute)}
		}
		own, open, foreign := code(1, newer.Key), code(2, auth.Hash{}), code(3, older.Key)
		if err := errors.Join(late.PutCode(t.Context(), own), ahead.PutCode(t.Context(), open), ahead.PutCode(t.Context(), foreign)); err != nil {
			t.Fatal(err)
		}
		_, typed := late.TypedCode(t.Context(), open.User)
		for what, err := range map[string]error{
			"a code":                    late.Redeem(t.Context(), foreign.Key, now, auth.Alive{}, allow(person(3, now))),
			"a code's session":          late.Redeem(t.Context(), own.Key, now, auth.Alive{}, allow(person(4, now))),
			"a typed code":              typed,
			"an answer to a typed code": late.AnswerCode(t.Context(), open),
		} {
			if !errors.Is(err, auth.ErrBehind) || errors.Is(err, auth.ErrNoCode) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for n, c := range []auth.Code{own, foreign} {
			if err := ahead.Redeem(t.Context(), c.Key, now, auth.Alive{}, allow(person(5+n, now))); err != nil {
				t.Errorf("where the key is: %v", err)
			}
		}
		if n := refusedRows(t, late); len(n) != 0 {
			t.Errorf("on record are %v", n)
		}
	})
}
