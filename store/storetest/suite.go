// Package storetest is what every database under package store must pass, and
// a PostgreSQL server for tests. Its one danger: it starts a server process;
// the process ends with the test, also when the test is killed.
package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
)

// noon is when the tests take place.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456000, time.UTC)

// Run holds a database to the suite. fresh says where an empty database is, a
// new one each time; Now and Log may be left out.
func Run(t *testing.T, fresh func(t *testing.T) store.Config) {
	for _, part := range []struct {
		name  string
		tests func(*testing.T, opener)
	}{
		{"events", testEvents}, {"search", testSearch}, {"leases", testLeases}, {"issuances", testIssuances},
		{"sessions", testSessions}, {"clients", testClients}, {"endpoints", testEndpoints}, {"outbox", testOutbox}, {"together", testTogether},
	} {
		t.Run(part.name, func(t *testing.T) { part.tests(t, opener{fresh}) })
	}
}

// opener opens stores on fresh databases.
type opener struct {
	fresh func(t *testing.T) store.Config
}

// open opens one store on a fresh database.
func (o opener) open(t *testing.T) *store.Store { return o.several(t, 1)[0] }

// several opens stores on one fresh database, as replicas do.
func (o opener) several(t *testing.T, n int) []*store.Store {
	t.Helper()
	c := o.fresh(t)
	var all []*store.Store
	for range n {
		all = append(all, Open(t, c))
	}
	return all
}

// Open opens a store that is closed with its test. Now and Log may be left out
// of the Config.
func Open(t testing.TB, c store.Config) *store.Store {
	t.Helper()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// event is an event about a lease, full of fields.
func event(kind audit.Kind, at time.Time, l lease.Lease) audit.Event {
	e := audit.New(kind, at, audit.Who{
		Principal: l.Principal, Provider: "okta", Email: "Ada@Example.com", Name: "Ada", Subject: "00u1",
		Address: "192.0.2.7", UserAgent: "curl/8", Request: "rq_1",
	})
	e.Cluster, e.Role, e.Grant, e.Lease, e.Policy = l.Cluster, l.Role, l.Grant, l.ID, l.Policy
	e.Facts = map[string]string{"until": "later", "form": "show"}
	return e
}

// newLease is a lease of an hour.
func newLease(principal, key string, at time.Time) lease.Lease {
	return lease.Lease{
		ID: audit.NewID("ls", at), Key: key, Principal: principal, Provider: "okta", Email: "ada@example.com",
		Cluster: "prod-eu", Role: "reader", Grant: "sre", Policy: "sha256:00", BreakGlass: true,
		Reason: "incident 7: \x00 it's \"down\" \xff", Namespace: "shop", StartedAt: at, EndsAt: at.Add(time.Hour), State: lease.Active,
	}
}

// cleaned is how a lease comes back: text keeps neither NUL nor broken UTF-8.
func cleaned(l lease.Lease) lease.Lease {
	l.Reason = "incident 7: \uFFFD it's \"down\" \uFFFD"
	return l
}

func newIntent(l lease.Lease, at time.Time) issuer.Intent {
	return issuer.Intent{
		ID: audit.NewID("is", at), Lease: l.ID, At: at, Principal: l.Principal, Cluster: l.Cluster,
		ClusterARN: "arn:aws:eks:eu-west-1:111122223333:cluster/prod", Role: l.Role,
		RoleARN: "arn:aws:iam::111122223333:role/reader", Grant: l.Grant, Policy: l.Policy, SessionName: "ada-1234",
	}
}

func opening(l lease.Lease) lease.Opening {
	in := newIntent(l, l.StartedAt)
	return lease.Opening{Lease: l, Intent: in, Events: []audit.Event{
		event(audit.LeaseStarted, l.StartedAt, l), event(audit.Intended, l.StartedAt, l),
	}}
}

// begun opens a lease and gives it.
func begun(t *testing.T, s *store.Store, key string, at time.Time) lease.Lease {
	t.Helper()
	l := newLease("pr_ada", key, at)
	must(t, s.Open(t.Context(), opening(l)))
	return l
}

// log reads the whole log, oldest first.
func log(t testing.TB, s *store.Store) []audit.Row {
	t.Helper()
	var all []audit.Row
	for {
		q := audit.Query{Limit: 500}
		if len(all) > 0 {
			q.Before = all[len(all)-1].Seq
		}
		page, err := s.Events(context.Background(), q)
		if err != nil {
			t.Fatalf("read the log: %v", err)
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// Gapless reads the whole log, oldest first, and fails the test unless it
// counts 1, 2, 3 and on.
func Gapless(t testing.TB, s *store.Store) []audit.Row {
	t.Helper()
	all := log(t, s)
	for i, row := range all {
		if row.Seq != int64(i)+1 {
			t.Fatalf("event %d of the log has the number %d", i+1, row.Seq)
		}
	}
	return all
}

// kinds counts the log by kind.
func kinds(rows []audit.Row) map[audit.Kind]int {
	n := map[audit.Kind]int{}
	for _, r := range rows {
		n[r.Event.Kind]++
	}
	return n
}

// atOnce runs n functions side by side and gives their errors.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func key(prefix string, i int) string { return fmt.Sprintf("%s-%d", prefix, i) }
