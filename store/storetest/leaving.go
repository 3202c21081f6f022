package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
)

// of is a session of a subject at okta, of the provider's session sid.
func of(subject, sid, secret string) auth.Session {
	in := newSession(secret)
	in.Principal.Subject, in.ProviderSession, in.Vouched = subject, sid, noon.Truncate(time.Second)
	return in
}

func signIn(t *testing.T, s *store.Store, all ...auth.Session) {
	t.Helper()
	for _, in := range all {
		must(t, s.SignIn(t.Context(), in, auth.Hash{}, signedIn()))
	}
}

// withLeases is an ending of which the person's leases are a part.
func withLeases(in auth.Session) auth.Ending {
	by := audit.Who{Principal: in.Principal.ID(), Provider: in.Principal.Provider, Address: "192.0.2.1"}
	return auth.Ending{Event: audit.New(audit.SignedOut, noon, by), By: by, Leases: true}
}

func ended(auth.Session) auth.Ending {
	return auth.Ending{Event: event(audit.SignedOut, noon, lease.Lease{})}
}

func newLogout(name, subject, sid string) auth.Logout {
	l := auth.Logout{Token: sha256.Sum256([]byte(name)), Provider: "okta", Session: sid,
		Issued: noon.Truncate(time.Second), Taken: noon, Until: noon.Add(time.Hour)}
	if subject != "" {
		l.Principal = of(subject, "", "").Principal.ID()
	}
	return l
}

func listing(t *testing.T, o opener) {
	s := o.open(t)
	old, other, young := of("ada", "s1", "a"), of("bo", "s2", "b"), of("ada", "", "c")
	young.SignedIn, young.Seen = noon.Add(time.Minute), noon.Add(time.Minute)
	young.IDToken, young.Expires = []byte("sealed"), old.Expires.Add(time.Minute)
	signIn(t, s, old, other, young)
	must(t, s.Touch(t.Context(), old.Key, noon.Add(3*time.Minute)))
	old.Seen = noon.Add(3 * time.Minute)
	got, err := s.SessionsOf(t.Context(), old.Principal.ID(), auth.Alive{})
	must(t, err)
	young.IDToken = nil // it is not read back
	if diff := cmp.Diff([]auth.Session{young, old}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, err := s.SessionsOf(t.Context(), "pr_nobody", auth.Alive{}); err != nil || len(got) != 0 {
		t.Errorf("nobody has %d sessions, %v", len(got), err)
	}
	for claim, alive := range map[string]auth.Alive{
		"signed in lately": {SignedInAfter: noon},
		"not expired":      {ExpiresAfter: old.Expires},
	} {
		if got, err := s.SessionsOf(t.Context(), old.Principal.ID(), alive); err != nil || len(got) != 1 || got[0].Key != young.Key {
			t.Errorf("those that are %s: %v, %v", claim, got, err)
		}
	}
	if got, err := s.SessionsOf(t.Context(), old.Principal.ID(), auth.Alive{SeenAfter: young.Seen}); err != nil || len(got) != 1 || got[0].Key != old.Key {
		t.Errorf("those that are seen lately: %v, %v", got, err)
	}
	for i := range 101 {
		in := of("cy", "", fmt.Sprint("c", i))
		in.Expires = noon.Add(2 * time.Hour)
		signIn(t, s, in)
	}
	if got, err := s.SessionsOf(t.Context(), of("cy", "", "").Principal.ID(), auth.Alive{}); err != nil || len(got) != 100 {
		t.Errorf("%d of 101 sessions, %v", len(got), err)
	}
	oldest := of("cy", "", "oldest")
	oldest.SignedIn = noon.Add(-time.Hour)
	signIn(t, s, oldest)
	if got, err := s.SessionsOf(t.Context(), oldest.Principal.ID(), auth.Alive{ExpiresAfter: noon.Add(2 * time.Hour)}); err != nil || len(got) != 1 || got[0].Key != oldest.Key {
		t.Errorf("behind a crowd of expired ones: %d, %v", len(got), err)
	}
	program := of("cy", "", "program")
	program.SignedIn, program.Client = noon.Add(-2*time.Hour), &auth.ClientInfo{Name: "laptop", Thumbprint: "t"}
	signIn(t, s, program)
	if got, err := s.SessionsOf(t.Context(), oldest.Principal.ID(), auth.Alive{}); err != nil || len(got) != 101 || got[100].Key != program.Key {
		t.Errorf("behind a hundred browsers: %d sessions, %v; want a program as the last", len(got), err)
	}
	marked(t, s, oldest)
}

// marked finds a session that no list has.
func marked(t *testing.T, s *store.Store, in auth.Session) {
	t.Helper()
	if got, err := s.Marked(t.Context(), in.Principal.ID(), in.Key.Mark()); err != nil || got.Key != in.Key {
		t.Errorf("by its mark: %v, %v", got.Key.Mark(), err)
	}
	for claim, of := range map[string]struct{ principal, mark string }{
		"another person's": {"pr_nobody", in.Key.Mark()},
		"of another mark":  {in.Principal.ID(), strings.Repeat("0", 16)},
		"of half a mark":   {in.Principal.ID(), in.Key.Mark()[:8]},
		"of its whole key": {in.Principal.ID(), in.Key.String()},
		"of no mark":       {in.Principal.ID(), ""},
		"of nonsense":      {in.Principal.ID(), "sixteen letters "},
	} {
		if _, err := s.Marked(t.Context(), of.principal, of.mark); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func leaving(t *testing.T, o opener) {
	s := o.open(t)
	for _, token := range [][]byte{[]byte("\x00sealed\xff"), nil} {
		in := of("ada", "s1", fmt.Sprint("a", token))
		in.IDToken = token
		d := auth.Departure{Key: sha256.Sum256([]byte(fmt.Sprint("d", token))), Session: in.Key, Provider: "okta", Left: noon, Expires: noon.Add(time.Minute)}
		signIn(t, s, in)
		must(t, s.Leave(t.Context(), in.Key, d, ended(in)))
		if _, err := s.Session(t.Context(), in.Key); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("the session: %v", err)
		}
		if err := s.Leave(t.Context(), in.Key, d, ended(in)); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("leaving twice: %v", err)
		}
		got, err := s.Departure(t.Context(), d.Key)
		must(t, err)
		d.IDToken = token
		if diff := cmp.Diff(d, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		must(t, s.Forget(t.Context(), d.Key))
		must(t, s.Forget(t.Context(), d.Key))
		if _, err := s.Departure(t.Context(), d.Key); !errors.Is(err, auth.ErrNoDeparture) {
			t.Errorf("got %v", err)
		}
	}
	if n := kinds(Gapless(t, s)); n[audit.SignedOut] != 2 {
		t.Errorf("the log: %v", n)
	}
	early, late := of("ada", "", "early"), of("ada", "", "late")
	signIn(t, s, early, late)
	first := auth.Departure{Key: sha256.Sum256([]byte("first")), Left: noon, Expires: noon.Add(time.Minute)}
	must(t, s.Leave(t.Context(), early.Key, first, ended(early)))
	must(t, s.Leave(t.Context(), late.Key, auth.Departure{Key: sha256.Sum256([]byte("second")), Left: noon.Add(time.Hour), Expires: noon.Add(2 * time.Hour)}, ended(late)))
	if _, err := s.Departure(t.Context(), first.Key); !errors.Is(err, auth.ErrNoDeparture) {
		t.Errorf("an expired departure: %v", err)
	}
}

func loggingOut(t *testing.T, o opener) {
	for name, tt := range map[string]struct {
		logout auth.Logout
		gone   []string // of a1 (s1), a2 (s2), a3 (none) of ada and b1 (s3) of bo
	}{
		"by sid":                    {newLogout("j", "", "s1"), []string{"a1"}},
		"by sid and person":         {newLogout("j", "ada", "s1"), []string{"a1", "a3"}},
		"by person":                 {newLogout("j", "ada", ""), []string{"a1", "a2", "a3"}},
		"by a sid nobody has":       {newLogout("j", "", "s9"), nil},
		"by a person nobody is":     {newLogout("j", "eve", ""), nil},
		"by a sid of another's":     {newLogout("j", "ada", "s3"), []string{"a3", "b1"}},
		"by a sid that is a phrase": {newLogout("j", "", "' OR ''='"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := o.open(t)
			signIn(t, s, of("ada", "s1", "a1"), of("ada", "s2", "a2"), of("ada", "", "a3"), of("bo", "s3", "b1"))
			var told []string
			n, err := s.LogOut(t.Context(), tt.logout, func(in auth.Session) auth.Ending {
				told = append(told, in.Principal.Subject)
				return ended(in)
			})
			must(t, err)
			var gone []string
			for _, secret := range []string{"a1", "a2", "a3", "b1"} {
				in := of("", "", secret)
				if _, err := s.Session(t.Context(), in.Key); errors.Is(err, auth.ErrNoSession) {
					gone = append(gone, secret)
					if err := s.Touch(t.Context(), in.Key, noon.Add(time.Hour)); !errors.Is(err, auth.ErrNoSession) {
						t.Errorf("%s is brought back: %v", secret, err)
					}
				}
			}
			if diff := cmp.Diff(tt.gone, gone); diff != "" || n != len(gone) || len(told) != n {
				t.Errorf("%d ended, %v told (-want +gone):\n%s", n, told, diff)
			}
			if k := kinds(Gapless(t, s)); k[audit.SignedOut] != n {
				t.Errorf("the log: %v", k)
			}
		})
	}
	t.Run("at its own provider only", func(t *testing.T) {
		s := o.open(t)
		signIn(t, s, of("ada", "s1", "a1"))
		l := newLogout("j", "", "s1")
		l.Provider = "guests"
		if n, err := s.LogOut(t.Context(), l, ended); n != 0 || err != nil {
			t.Errorf("%d ended, %v", n, err)
		}
	})
}

func takingLogout(t *testing.T, o opener) {
	stores := o.several(t, 2)
	signIn(t, stores[0], of("ada", "s1", "a1"))
	l := newLogout("j", "ada", "")
	won := 0
	for _, err := range atOnce(8, func(i int) error {
		_, err := stores[i%2].LogOut(t.Context(), l, ended)
		return err
	}) {
		if err == nil {
			won++
		} else if !errors.Is(err, auth.ErrReplayed) {
			t.Errorf("got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d took it", won)
	}
	if n := kinds(Gapless(t, stores[1])); n[audit.SignedOut] != 1 {
		t.Errorf("the log: %v", n)
	}
	other := l
	other.Provider = "guests" // names are a provider's own
	if _, err := stores[1].LogOut(t.Context(), other, ended); err != nil {
		t.Errorf("the same name from another provider: %v", err)
	}
	late := newLogout("k", "bo", "")
	late.Taken = noon.Add(2 * time.Hour)
	_, err := stores[0].LogOut(t.Context(), late, ended)
	must(t, err)
	if _, err := stores[0].LogOut(t.Context(), l, ended); err != nil {
		t.Errorf("what is over is not forgotten: %v", err)
	}
}

func outrunning(t *testing.T, o opener) {
	before, after := noon.Truncate(time.Second), noon.Truncate(time.Second).Add(time.Second)
	for name, tt := range map[string]struct {
		logout  auth.Logout
		in      auth.Session
		vouched time.Time
		want    error
	}{
		"of that sid":                 {newLogout("j", "", "s1"), of("ada", "s1", "x"), before, auth.ErrLoggedOut},
		"of that person":              {newLogout("j", "ada", ""), of("ada", "s1", "x"), before, auth.ErrLoggedOut},
		"of that person, without sid": {newLogout("j", "ada", "s1"), of("ada", "", "x"), before, auth.ErrLoggedOut},
		"of another sid":              {newLogout("j", "ada", "s2"), of("ada", "s1", "x"), before, nil},
		"of another person":           {newLogout("j", "bo", ""), of("ada", "s1", "x"), before, nil},
		"and signed in again":         {newLogout("j", "ada", "s1"), of("ada", "s1", "x"), after, nil},
		"of nobody without sid":       {newLogout("j", "", "s1"), of("ada", "", "x"), before, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := o.open(t)
			if _, err := s.LogOut(t.Context(), tt.logout, ended); err != nil {
				t.Fatal(err)
			}
			tt.in.Vouched = tt.vouched
			err := s.SignIn(t.Context(), tt.in, auth.Hash{}, signedIn())
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if n := kinds(Gapless(t, s)); (n[audit.SignedIn] == 1) != (tt.want == nil) {
				t.Errorf("the log: %v", n)
			}
		})
	}
}

// leavingAll ends more sessions than any list has.
func leavingAll(t *testing.T, o opener) {
	const many = 130
	s := o.open(t)
	for i := range many {
		signIn(t, s, of("ada", "", "a"+strconv.Itoa(i)))
	}
	signIn(t, s, of("bo", "", "b"))
	ada := of("ada", "", "").Principal.ID()
	told := 0
	n, err := s.SignOutAll(t.Context(), ada, event(audit.Administered, noon, lease.Lease{}), func(in auth.Session) auth.Ending {
		told++
		return ended(in)
	})
	must(t, err)
	if n != many || told != many {
		t.Errorf("%d ended, %d told", n, told)
	}
	for _, secret := range []string{"a0", "a129"} {
		if _, err := s.Session(t.Context(), of("", "", secret).Key); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("%s is still there: %v", secret, err)
		}
	}
	if _, err := s.Session(t.Context(), of("", "", "b").Key); err != nil {
		t.Errorf("somebody else is signed out: %v", err)
	}
	if n, err := s.SignOutAll(t.Context(), ada, event(audit.Administered, noon, lease.Lease{}), ended); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

func endedByAnother(t *testing.T, o opener) {
	s := o.open(t)
	in := newSession("a")
	signIn(t, s, in)
	act := event(audit.Administered, noon, lease.Lease{})
	e := ended(in)
	e.Act = &act
	must(t, s.SignOut(t.Context(), in.Key, e))
	if err := s.SignOut(t.Context(), in.Key, e); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("again: %v", err)
	}
	all := Gapless(t, s)
	if len(all) != 3 || all[1].Event.Kind != audit.Administered || all[2].Event.Kind != audit.SignedOut {
		t.Errorf("the log: %v", kinds(all))
	}
}
