package storetest

import (
	"crypto/sha256"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/lease"
)

func hash(s string) auth.Hash { return sha256.Sum256([]byte(s)) }

// newCode is a code that the browser's session "browser" answered.
func newCode(name string) auth.Code {
	return auth.Code{Key: hash(name), Begun: noon, Expires: noon.Add(time.Minute), By: hash("browser"), Principal: newSession("browser").Principal.ID(),
		Authorization: auth.Authorization{Name: "h\u00e9 \x00", Thumbprint: "t", Challenge: "c", RedirectURI: "http://127.0.0.1:1/callback"}}
}

func typedCode(name, typed string) auth.Code {
	c := newCode(name)
	c.User, c.By, c.Principal = hash(typed), auth.Hash{}, ""
	return c
}

// clientOf is a program's session made from a browser's.
func clientOf(from auth.Session, secret string) auth.Session {
	in := from
	in.Key, in.Client = hash(secret), &auth.ClientInfo{Name: "laptop", Thumbprint: "t"}
	in.Refresh = []byte("sealed anew")
	return in
}

func testClients(t *testing.T, o opener) {
	t.Run("takes a proof once, on whatever server, until its time", func(t *testing.T) { spending(t, o) })
	t.Run("trades a code for a session once, and the refresh token moves", func(t *testing.T) { redeemingCode(t, o) })
	t.Run("gives a code to one of many", func(t *testing.T) { racing(t, o) })
	t.Run("spends a code that is refused, and keeps one that is not due", func(t *testing.T) { refusing(t, o) })
	t.Run("answers a typed code once", func(t *testing.T) { typing(t, o) })
	t.Run("opens no program's session that was logged out meanwhile", func(t *testing.T) { outrunningClient(t, o) })
	t.Run("lets so many programs of a person in, and no more", func(t *testing.T) { manyPrograms(t, o) })
	t.Run("lists and ends programs' sessions with the rest", func(t *testing.T) { endingClients(t, o) })
	t.Run("changes groups by compare and set", func(t *testing.T) { regrouping(t, o) })
}

func spending(t *testing.T, o opener) {
	stores := o.several(t, 2)
	until := time.Now().Add(time.Hour)
	won := 0
	for _, err := range atOnce(8, func(i int) error { return stores[i%2].Spend(t.Context(), hash("p"), until) }) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, auth.ErrReplayed):
			t.Errorf("got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d spent it", won)
	}
	must(t, stores[0].Spend(t.Context(), hash("old"), time.Now().Add(-time.Second)))
	must(t, stores[1].Spend(t.Context(), hash("another"), until)) // drops what is over
	must(t, stores[0].Spend(t.Context(), hash("old"), until))
}

func redeemingCode(t *testing.T, o opener) {
	s := o.open(t)
	from := newSession("browser")
	from.Refresh = []byte("sealed")
	signIn(t, s, from)
	want := newCode("code")
	must(t, s.PutCode(t.Context(), want))
	must(t, s.PutCode(t.Context(), want)) // its answer was lost
	in := clientOf(from, "program")
	e := signedIn()
	judge := func(c auth.Code, by auth.Session) (auth.Session, audit.Event, error) {
		want.Asked = c.Asked
		if diff := cmp.Diff(want, c) + cmp.Diff(from, by); diff != "" {
			t.Errorf("-made +judged:\n%s", diff)
		}
		return in, e, nil
	}
	must(t, s.Redeem(t.Context(), want.Key, noon, auth.Alive{}, judge))
	got, err := s.Session(t.Context(), in.Key)
	must(t, err)
	if diff := cmp.Diff(in, got); diff != "" {
		t.Errorf("-opened +read:\n%s", diff)
	}
	left, err := s.Session(t.Context(), from.Key)
	must(t, err)
	if left.Refresh != nil {
		t.Error("the browser's session keeps the refresh token")
	}
	if err := s.Redeem(t.Context(), want.Key, noon, auth.Alive{}, judge); !errors.Is(err, auth.ErrNoCode) {
		t.Errorf("twice: %v", err)
	}
	if n := kinds(Gapless(t, s)); n[audit.SignedIn] != 2 {
		t.Errorf("the log: %v", n)
	}
}

func racing(t *testing.T, o opener) {
	stores := o.several(t, 2)
	from := newSession("browser")
	signIn(t, stores[0], from)
	must(t, stores[0].PutCode(t.Context(), newCode("code")))
	won := 0
	for _, err := range atOnce(8, func(i int) error {
		in, e := clientOf(from, key("program", i)), signedIn()
		return stores[i%2].Redeem(t.Context(), hash("code"), noon, auth.Alive{}, func(auth.Code, auth.Session) (auth.Session, audit.Event, error) { return in, e, nil })
	}) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, auth.ErrNoCode):
			t.Errorf("got %v", err)
		}
	}
	all, err := stores[0].SessionsOf(t.Context(), from.Principal.ID(), auth.Alive{})
	if err != nil || won != 1 || len(all) != 2 {
		t.Errorf("%d won, %d sessions, %v", won, len(all), err)
	}
}

func refusing(t *testing.T, o opener) {
	s := o.open(t)
	must(t, s.PutCode(t.Context(), newCode("code"))) // its browser is signed out
	no := errors.New("no")
	var asked time.Time
	says := func(err error) func(auth.Code, auth.Session) (auth.Session, audit.Event, error) {
		return func(c auth.Code, by auth.Session) (auth.Session, audit.Event, error) {
			if asked = c.Asked; !by.Key.IsZero() {
				t.Errorf("a session that is gone: %+v", by)
			}
			return auth.Session{}, audit.Event{}, err
		}
	}
	for _, later := range []time.Duration{0, time.Second} {
		if err := s.Redeem(t.Context(), hash("code"), noon.Add(later), auth.Alive{}, says(auth.ErrKeepCode)); !errors.Is(err, auth.ErrKeepCode) {
			t.Errorf("not due: %v", err)
		}
	}
	if !asked.Equal(noon) {
		t.Errorf("asked last at %v", asked)
	}
	for _, want := range []error{no, auth.ErrNoCode} {
		if err := s.Redeem(t.Context(), hash("code"), noon, auth.Alive{}, says(no)); !errors.Is(err, want) {
			t.Errorf("want %v, got %v", want, err)
		}
	}
}

func typing(t *testing.T, o opener) {
	stores := o.several(t, 2)
	s := stores[0]
	c := typedCode("device", "BCDF")
	must(t, s.PutCode(t.Context(), c))
	if err := s.PutCode(t.Context(), typedCode("another", "BCDF")); !errors.Is(err, auth.ErrCodeTaken) {
		t.Errorf("the same typed code: %v", err)
	}
	must(t, s.PutCode(t.Context(), typedCode("third", "GHJK")))
	if _, err := s.TypedCode(t.Context(), hash("XXXX")); !errors.Is(err, auth.ErrNoCode) {
		t.Errorf("got %v", err)
	}
	got, err := stores[1].TypedCode(t.Context(), c.User)
	must(t, err)
	got.Asked = c.Asked
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("-put +read:\n%s", diff)
	}
	won := 0
	for _, err := range atOnce(8, func(i int) error {
		mine := got
		mine.By, mine.Principal = hash(key("by", i)), "pr_1"
		return stores[i%2].AnswerCode(t.Context(), mine, event(audit.SignInFailed, noon, lease.Lease{}))
	}) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, auth.ErrNoCode):
			t.Errorf("got %v", err)
		}
	}
	if n := kinds(Gapless(t, s)); won != 1 || n[audit.SignInFailed] != 1 {
		t.Errorf("%d answered; the log: %v", won, n)
	}
	late := typedCode("late", "LMNP")
	late.Begun = noon.Add(time.Hour)
	must(t, s.PutCode(t.Context(), late)) // drops what expired
	if _, err := s.TypedCode(t.Context(), c.User); !errors.Is(err, auth.ErrNoCode) {
		t.Errorf("an old one: %v", err)
	}
}

func outrunningClient(t *testing.T, o opener) {
	s := o.open(t)
	from := of("ada", "s1", "browser")
	must(t, s.PutCode(t.Context(), newCode("code")))
	_, err := s.LogOut(t.Context(), newLogout("n", "ada", "s1"), ended)
	must(t, err)
	err = s.Redeem(t.Context(), hash("code"), noon, auth.Alive{}, func(auth.Code, auth.Session) (auth.Session, audit.Event, error) {
		in := clientOf(from, "program")
		in.Refresh = nil
		return in, signedIn(), nil
	})
	if !errors.Is(err, auth.ErrLoggedOut) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Session(t.Context(), hash("program")); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("opened all the same: %v", err)
	}
}

func endingClients(t *testing.T, o opener) {
	s := o.open(t)
	from := of("ada", "s1", "browser")
	in := clientOf(from, "program")
	signIn(t, s, from, in)
	alive := auth.Alive{SignedInAfter: noon.Add(time.Hour), SeenAfter: noon.Add(time.Hour), ExpiresAfter: noon, ClientsAfter: noon.Add(-time.Hour)}
	all, err := s.SessionsOf(t.Context(), from.Principal.ID(), alive)
	if err != nil || len(all) != 1 || all[0].Client == nil {
		t.Errorf("listed: %+v, %v", all, err)
	}
	alive.ClientsAfter = noon
	if all, err := s.SessionsOf(t.Context(), from.Principal.ID(), alive); err != nil || len(all) != 0 {
		t.Errorf("past its limit: %+v, %v", all, err)
	}
	n, err := s.LogOut(t.Context(), newLogout("n", "ada", "s1"), ended)
	if err != nil || n != 2 {
		t.Errorf("a logout ended %d, %v", n, err)
	}
}

func regrouping(t *testing.T, o opener) {
	stores := o.several(t, 2)
	s := stores[0]
	was := clientOf(newSession("browser"), "program")
	signIn(t, s, was)
	won := 0
	for _, err := range atOnce(8, func(i int) error {
		return stores[i%2].ClaimSession(t.Context(), was, noon.Add(time.Hour), noon.Add(time.Hour+time.Minute))
	}) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, auth.ErrMoved):
			t.Errorf("got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d have it to themselves", won)
	}
	must(t, s.ClaimSession(t.Context(), was, noon.Add(2*time.Hour), noon.Add(3*time.Hour)))
	must(t, s.Touch(t.Context(), was.Key, noon.Add(time.Minute)))
	next := was
	next.Principal.Groups, next.AsOf, next.Refresh = []string{"other"}, noon.Add(time.Hour), []byte("rotated")
	must(t, stores[1].Regroup(t.Context(), next, was.AsOf, event(audit.Regrouped, noon, lease.Lease{})))
	if err := s.Regroup(t.Context(), was, was.AsOf, event(audit.Regrouped, noon, lease.Lease{})); !errors.Is(err, auth.ErrMoved) {
		t.Errorf("from what is not so any more: %v", err)
	}
	if err := s.ClaimSession(t.Context(), was, noon.Add(5*time.Hour), noon.Add(6*time.Hour)); !errors.Is(err, auth.ErrMoved) {
		t.Errorf("claimed from what is not so any more: %v", err)
	}
	got, err := s.Session(t.Context(), was.Key)
	must(t, err)
	next.Seen = noon.Add(time.Minute)
	if diff := cmp.Diff(next, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := kinds(Gapless(t, s)); n[audit.Regrouped] != 1 {
		t.Errorf("the log: %v", n)
	}
	must(t, s.SignOut(t.Context(), was.Key, auth.Ending{Event: event(audit.SignedOut, noon, lease.Lease{})}))
	if err := s.Regroup(t.Context(), next, next.AsOf); !errors.Is(err, auth.ErrMoved) {
		t.Errorf("brought back: %v", err)
	}
}

func manyPrograms(t *testing.T, o opener) {
	s := o.open(t)
	from := of("ada", "", "browser")
	signIn(t, s, from)
	alive := auth.Alive{ExpiresAfter: noon, ClientsAfter: noon.Add(-time.Hour)}
	open := func(name string, since time.Time) error {
		must(t, s.PutCode(t.Context(), newCode("code "+name)))
		there, err := s.HasCode(t.Context(), hash("code "+name))
		if err != nil || !there {
			t.Errorf("the code is there: %v, %v", there, err)
		}
		return s.Redeem(t.Context(), hash("code "+name), noon, alive, func(auth.Code, auth.Session) (auth.Session, audit.Event, error) {
			in := clientOf(from, name)
			in.SignedIn, in.Refresh = since, nil
			return in, signedIn(), nil
		})
	}
	must(t, open("old", noon.Add(-2*time.Hour))) // over by its own limit
	for i := range auth.MostPrograms {
		must(t, open(strconv.Itoa(i), noon))
	}
	if err := open("one more", noon); !errors.Is(err, auth.ErrManyPrograms) {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Session(t.Context(), hash("one more")); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("it is signed in: %v", err)
	}
	if there, err := s.HasCode(t.Context(), hash("code one more")); err != nil || there {
		t.Errorf("its code is left: %v, %v", there, err)
	}
}
