package store_test

import (
	"errors"
	"fmt"
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

func sealingKeys(t *testing.T) seal.Keys {
	t.Helper()
	line, err := seal.NewLine("test")
	if err != nil {
		t.Fatal(err)
	}
	k, err := seal.Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func withKeys(t *testing.T, c store.Config) *store.Store {
	t.Helper()
	c.Keys = sealingKeys(t)
	return storetest.Open(t, c)
}

// altered changes rows as somebody with the database's password would.
func altered(t *testing.T, s *store.Store, change string) {
	t.Helper()
	if err := execute(t, s, change); err != nil {
		t.Fatalf("%s: %v", change, err)
	}
}

func openLease(t *testing.T, s *store.Store, id string, now time.Time) lease.Lease {
	t.Helper()
	l := lease.Lease{ID: id, Key: id, Principal: "pr_1", Provider: "p", Cluster: "pay", Role: "viewer", Grant: "g", Reason: "r\x00", StartedAt: now, EndsAt: now.Add(time.Hour), State: lease.Active}
	in := issuer.Intent{ID: "is" + id, Lease: l.ID, At: now, Principal: l.Principal, Cluster: "pay", Role: "viewer"}
	if err := s.Open(t.Context(), lease.Opening{Lease: l, Intent: in, Events: []audit.Event{audit.New(audit.LeaseStarted, now, audit.Who{})}}); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestARowThatSomebodyElseWroteGivesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		openLease(t, s, "ls_good", now)
		changes := []string{"role = 'admin'", "cluster = 'prod'", "ends_us = ends_us + 1", "principal = 'pr_2'", "break_glass = 1",
			"grant_name = 'h'", "mark = NULL", "reason = 'another'", "mark = (SELECT mark FROM leases WHERE id = 'ls_good')"}
		for i, change := range changes {
			id := fmt.Sprint("ls_", i)
			openLease(t, s, id, now)
			altered(t, s, "UPDATE leases SET "+change+" WHERE id = '"+id+"'")
			for range 2 {
				if _, err := s.Bare(t.Context(), id); !errors.Is(err, lease.ErrAltered) {
					t.Errorf("%s, without its use: got %v", change, err)
				}
				if _, err := s.Lease(t.Context(), id); !errors.Is(err, lease.ErrAltered) {
					t.Errorf("%s: %v", change, err)
				}
			}
			if _, err := s.Started(t.Context(), "pr_1", id); !errors.Is(err, lease.ErrAltered) && change != "principal = 'pr_2'" {
				t.Errorf("%s, by its key: %v", change, err)
			}
		}
		if _, err := s.Lease(t.Context(), "ls_good"); err != nil {
			t.Errorf("untouched: %v", err)
		}
		for who, want := range map[string]int{"pr_1": 1, "pr_2": 0} {
			if list, err := s.Of(t.Context(), who, 100); err != nil || len(list) != want {
				t.Errorf("listed to %s: %d, want %d; %v", who, len(list), want, err)
			}
		}
		rows, err := s.Events(t.Context(), audit.Query{Kind: audit.RowRefused})
		if err != nil || len(rows) != len(changes) || rows[0].Event.Reason != "lease" || rows[0].Event.Facts["why"] != "mark" {
			t.Errorf("on record, once a minute each: %d, %v", len(rows), err)
		}
	})
}

func TestAnEndedLeaseThatIsPutBackGivesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		l := openLease(t, s, "ls_1", now)
		e := audit.New(audit.LeaseEnded, now, audit.Who{})
		e.Lease = l.ID
		if err := s.End(t.Context(), l.ID, now, l.Principal, e); err != nil {
			t.Fatal(err)
		}
		altered(t, s, `UPDATE leases SET state = 'active', ended_us = NULL, ended_by = ''`)
		h := audit.New(audit.HandedOver, now, audit.Who{})
		h.Lease = l.ID
		if err := s.HandOver(t.Context(), l.ID, h); !errors.Is(err, lease.ErrOver) {
			t.Errorf("a hand-over: %v", err)
		}
		if err := s.Renew(t.Context(), issuer.Intent{ID: "is_2", Lease: l.ID, At: now}); !errors.Is(err, lease.ErrOver) {
			t.Errorf("a renewal: %v", err)
		}
	})
}

func TestAnEndpointThatSomebodyElseWroteIsForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		const arn = "arn:aws:eks:eu-west-1:111122223333:cluster/pay"
		if err := s.Remember(t.Context(), arn, issuer.Endpoint{URL: "https://pay", AsOf: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if e, err := s.Recall(t.Context(), arn); err != nil || e.URL != "https://pay" {
			t.Fatalf("%v, %v", e, err)
		}
		altered(t, s, `UPDATE endpoints SET as_of_us = as_of_us + 1000000000000`)
		if _, err := s.Recall(t.Context(), arn); !errors.Is(err, issuer.ErrNoEndpoint) {
			t.Errorf("with another age: %v", err)
		}
		if err := s.Remember(t.Context(), arn, issuer.Endpoint{URL: "https://pay2", AsOf: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if e, err := s.Recall(t.Context(), arn); err != nil || e.URL != "https://pay2" {
			t.Errorf("what cannot be believed was not replaced: %v, %v", e, err)
		}
		altered(t, s, `UPDATE endpoints SET cluster_arn = cluster_arn || 'x'`)
		if _, err := s.Recall(t.Context(), arn+"x"); !errors.Is(err, issuer.ErrNoEndpoint) {
			t.Errorf("another cluster's: %v", err)
		}
		rows, err := s.Events(t.Context(), audit.Query{Kind: audit.RowRefused})
		if err != nil || len(rows) != 2 || rows[0].Event.Reason != "endpoint" || rows[1].Event.Reason != "endpoint" {
			t.Errorf("on record: %v, %v", rows, err)
		}
	})
}

func TestASessionThatSomebodyElseWroteIsNone(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		for i, change := range []string{"bytes = (SELECT bytes FROM sessions ORDER BY key_hash LIMIT 1)", "expires_us = expires_us + 1", "signed_in_us = signed_in_us + 1", "mark = NULL",
			"provider = 'another'", "sid = 'x'", "id_token = mark",
			"seen_us = seen_us + 1", "seen_us = seen_us - 1", "seen_mark = NULL", "seen_mark = mark", "seen_mark = (SELECT seen_mark FROM sessions ORDER BY key_hash LIMIT 1)"} {
			key := auth.Hash{0: 9, 1: byte(i + 1)}
			in := auth.Session{Key: key, Principal: access.Principal{Provider: "p", Subject: fmt.Sprint(i)}, SignedIn: now, Seen: now, Expires: now.Add(time.Hour)}
			if err := s.SignIn(t.Context(), in, auth.Hash{}, audit.New(audit.SignedIn, now, audit.Who{})); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Session(t.Context(), key); err != nil || got.Principal.Subject != fmt.Sprint(i) {
				t.Fatalf("untouched: %v, %v", got, err)
			}
			if i == 0 { // somebody else's, to copy from
				other := in
				other.Key, other.Principal.Subject = auth.Hash{0: 1}, "boss"
				if err := s.SignIn(t.Context(), other, auth.Hash{}, audit.New(audit.SignedIn, now, audit.Who{})); err != nil {
					t.Fatal(err)
				}
			}
			altered(t, s, fmt.Sprintf("UPDATE sessions SET %s WHERE principal = '%s'", change, in.Principal.ID()))
			if got, err := s.Session(t.Context(), key); !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("%s: %v, %v", change, got, err)
			}
		}
		rows, err := s.Events(t.Context(), audit.Query{Kind: audit.RowRefused})
		if err != nil || len(rows) != 12 || rows[0].Event.Reason != "session" {
			t.Errorf("on record: %d, %v", len(rows), err)
		}
	})
}

func TestADepartureThatSomebodyElseWroteOpensNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := withKeys(t, fresh(t))
		now := time.Now()
		in := auth.Session{Key: auth.Hash{0: 1}, Principal: access.Principal{Provider: "p", Subject: "s"}, SignedIn: now, Seen: now, Expires: now.Add(time.Hour), IDToken: []byte("sealed")}
		if err := s.SignIn(t.Context(), in, auth.Hash{}, audit.New(audit.SignedIn, now, audit.Who{})); err != nil {
			t.Fatal(err)
		}
		d := auth.Departure{Key: auth.Hash{0: 2}, Left: now, Expires: now.Add(time.Minute)}
		if err := s.Leave(t.Context(), in.Key, d, auth.Ending{Event: audit.New(audit.SignedOut, now, audit.Who{})}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Departure(t.Context(), d.Key); err != nil || string(got.IDToken) != "sealed" {
			t.Fatalf("untouched: %q, %v", got.IDToken, err)
		}
		altered(t, s, "UPDATE departures SET id_token = bytes")
		if got, err := s.Departure(t.Context(), d.Key); !errors.Is(err, auth.ErrNoDeparture) || got.IDToken != nil {
			t.Errorf("with another's ID token: %q, %v", got.IDToken, err)
		}
	})
}
