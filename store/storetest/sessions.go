package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

func newSession(secret string) auth.Session {
	return auth.Session{
		Key: sha256.Sum256([]byte(secret)),
		Principal: access.Principal{Provider: "okta", Issuer: "https://okta.example", Subject: "00u\x001", Email: "ada@example.com",
			Name: "Ada \u00e9", Groups: []string{"sre", "a,b", `q"`}, NoGroupsClaim: true},
		UnverifiedEmail: "x@example.com", SignedIn: noon, AsOf: noon, Seen: noon, Expires: noon.Add(12 * time.Hour), Address: "192.0.2.1", UserAgent: "curl",
	}
}

func signedIn() audit.Event { return event(audit.SignedIn, noon, lease.Lease{Principal: "pr_ada"}) }

func testSessions(t *testing.T, o opener) {
	t.Run("gives a session back as it was made", func(t *testing.T) {
		s := o.open(t)
		in, e := newSession("a"), signedIn()
		must(t, s.SignIn(t.Context(), in, auth.Hash{}, e))
		must(t, s.SignIn(t.Context(), in, auth.Hash{}, e)) // its answer was lost
		got, err := s.Session(t.Context(), in.Key)
		must(t, err)
		if diff := cmp.Diff(in, got); diff != "" {
			t.Errorf("-made +read:\n%s", diff)
		}
		if n := kinds(Gapless(t, s)); n[audit.SignedIn] != 1 {
			t.Errorf("the log: %v", n)
		}
	})
	t.Run("takes out the session that is replaced, and those long expired", func(t *testing.T) {
		s := o.open(t)
		old, gone, in := newSession("old"), newSession("gone"), newSession("new")
		gone.Expires, in.SignedIn = noon.Add(time.Second), noon.Add(time.Hour)
		must(t, s.SignIn(t.Context(), old, auth.Hash{}, signedIn()))
		must(t, s.SignIn(t.Context(), gone, auth.Hash{}, signedIn()))
		must(t, s.SignIn(t.Context(), in, old.Key, signedIn()))
		for _, k := range []auth.Hash{old.Key, gone.Key} {
			if _, err := s.Session(t.Context(), k); !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := s.Session(t.Context(), in.Key); err != nil {
			t.Error(err)
		}
	})
	t.Run("moves last use forward only", func(t *testing.T) {
		s := o.open(t)
		in := newSession("a")
		must(t, s.SignIn(t.Context(), in, auth.Hash{}, signedIn()))
		must(t, s.Touch(t.Context(), in.Key, noon.Add(2*time.Minute)))
		must(t, s.Touch(t.Context(), in.Key, noon.Add(time.Minute)))
		if got, err := s.Session(t.Context(), in.Key); err != nil || !got.Seen.Equal(noon.Add(2*time.Minute)) {
			t.Errorf("seen %v, %v", got.Seen, err)
		}
	})
	t.Run("brings no session back that signed out", func(t *testing.T) {
		s := o.open(t)
		in := newSession("a")
		must(t, s.SignIn(t.Context(), in, auth.Hash{}, signedIn()))
		must(t, s.SignOut(t.Context(), in.Key, auth.Ending{Event: event(audit.SignedOut, noon, lease.Lease{})}))
		for attempt, err := range map[string]error{
			"touch":    s.Touch(t.Context(), in.Key, noon.Add(time.Minute)),
			"sign out": s.SignOut(t.Context(), in.Key, auth.Ending{Event: event(audit.SignedOut, noon, lease.Lease{})}),
		} {
			if !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("%s: %v", attempt, err)
			}
		}
		if _, err := s.Session(t.Context(), in.Key); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("got %v", err)
		}
		if n := kinds(Gapless(t, s)); n[audit.SignedOut] != 1 {
			t.Errorf("the log: %v", n)
		}
	})
	t.Run("lists a person's sessions, the newest first", func(t *testing.T) { listing(t, o) })
	t.Run("keeps what leaving needs", func(t *testing.T) { leaving(t, o) })
	t.Run("ends a person's leases with a session, where that is wanted", func(t *testing.T) { leasesEndWith(t, o) })
	t.Run("keeps what somebody else did to end a session with its end, or neither", func(t *testing.T) { endedByAnother(t, o) })
	t.Run("ends all of a person's sessions, however many", func(t *testing.T) { leavingAll(t, o) })
	t.Run("ends the sessions a logout is for", func(t *testing.T) { loggingOut(t, o) })
	t.Run("takes a logout once, on whatever server", func(t *testing.T) { takingLogout(t, o) })
	t.Run("opens no session that was logged out meanwhile", func(t *testing.T) { outrunning(t, o) })
	t.Run("gives a begun sign-in to one", func(t *testing.T) { takingStart(t, o) })
	t.Run("drops begun sign-ins that expired", func(t *testing.T) {
		s := o.open(t)
		old := auth.Start{State: sha256.Sum256([]byte("old")), Begun: noon, Expires: noon.Add(time.Minute)}
		must(t, s.PutStart(t.Context(), old))
		must(t, s.PutStart(t.Context(), auth.Start{State: sha256.Sum256([]byte("new")), Begun: noon.Add(time.Hour), Expires: noon.Add(2 * time.Hour)}))
		if _, err := s.TakeStart(t.Context(), old.State); !errors.Is(err, auth.ErrNoStart) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("drops a crowd of expired sign-ins little by little", func(t *testing.T) { droppingStarts(t, o) })
}

func droppingStarts(t *testing.T, o opener) {
	s := o.open(t)
	state := func(i int) auth.Hash { return sha256.Sum256(fmt.Append(nil, i)) }
	const crowd = 100
	for i := range crowd {
		must(t, s.PutStart(t.Context(), auth.Start{State: state(i), Begun: noon, Expires: noon.Add(time.Minute + time.Duration(i)*time.Microsecond)}))
	}
	later := noon.Add(time.Hour)
	put := func(i int) {
		must(t, s.PutStart(t.Context(), auth.Start{State: state(i), Begun: later, Expires: later.Add(time.Minute)}))
	}
	put(crowd)
	if _, err := s.TakeStart(t.Context(), state(crowd-1)); err != nil {
		t.Errorf("one write dropped them all: %v", err)
	}
	for i := range 5 {
		put(crowd + 1 + i)
	}
	for i := range crowd {
		if _, err := s.TakeStart(t.Context(), state(i)); !errors.Is(err, auth.ErrNoStart) {
			t.Fatalf("sign-in %d is still there: %v", i, err)
		}
	}
}

func takingStart(t *testing.T, o opener) {
	stores := o.several(t, 2)
	want := auth.Start{State: sha256.Sum256([]byte("s")), Browser: sha256.Sum256([]byte("b")), Provider: "okta", Nonce: "n", Verifier: "v",
		Return: "/c/prod?x=\x00", Begun: noon, Expires: noon.Add(time.Minute)}
	must(t, stores[0].PutStart(t.Context(), want))
	got := make([]auth.Start, 8)
	errs := atOnce(8, func(i int) (err error) {
		got[i], err = stores[i%2].TakeStart(t.Context(), want.State)
		return err
	})
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			if diff := cmp.Diff(want, got[i]); diff != "" {
				t.Errorf("-put +taken:\n%s", diff)
			}
		} else if !errors.Is(err, auth.ErrNoStart) {
			t.Errorf("got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d took it", won)
	}
}

func testEndpoints(t *testing.T, o opener) {
	const arn = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
	at := issuer.Endpoint{URL: "https://x.eks", CA: []byte("pem"), Version: "1.36", Status: "ACTIVE", Public: true,
		PublicCIDRs: []string{"0.0.0.0/0"}, AuthenticationMode: "API", AsOf: noon}
	t.Run("gives back what was remembered last", func(t *testing.T) {
		s := o.open(t)
		if _, err := s.Recall(t.Context(), arn); !errors.Is(err, issuer.ErrNoEndpoint) {
			t.Errorf("got %v", err)
		}
		must(t, s.Remember(t.Context(), arn, at))
		newer := at
		newer.URL, newer.AsOf = "https://y.eks", noon.Add(time.Minute)
		must(t, s.Remember(t.Context(), arn, newer))
		must(t, s.Remember(t.Context(), arn, at)) // an older answer comes late
		got, err := s.Recall(t.Context(), arn)
		must(t, err)
		if diff := cmp.Diff(newer, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
