package lease_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

// onBoth runs a test on both databases. fresh gives an empty one each time.
func onBoth(t *testing.T, test func(t *testing.T, fresh func(*testing.T) store.Config)) {
	t.Run("SQLite", func(t *testing.T) {
		test(t, func(t *testing.T) store.Config {
			return store.Config{SQLite: filepath.Join(t.TempDir(), "daypass.db")}
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server := storetest.StartPostgres(t)
		test(t, func(t *testing.T) store.Config { return store.Config{Postgres: server.Database(t)} })
	})
}

// world is one database with the servers on it, and an AWS that is not there.
type world struct {
	t      *testing.T
	config store.Config
	store  *store.Store // of the newest server
	keeper *lease.Keeper
	now    func() time.Time
	aws    *aws
	log    logged
	policy atomic.Pointer[access.Policy]
	faults faults
	most   int // of the servers that are made from now on

	mu       sync.Mutex
	received []issuer.Issuance // what callers were given
	told     int               // how often callers were told the role
	states   []lease.State     // as read, over time
}

func newWorld(t *testing.T, c store.Config, now func() time.Time) *world {
	t.Helper()
	w := &world{t: t, config: c, now: now}
	w.config.Now = now
	w.aws = &aws{w: w}
	w.policy.Store(policy(t, grant()))
	w.start()
	return w
}

// start starts a further server on the same database.
func (w *world) start() {
	w.t.Helper()
	w.store = storetest.Open(w.t, w.config)
	w.keeper = w.serve(w.store)
}

// restart ends the newest server as a crash would: what it has in memory is
// gone.
func (w *world) restart() {
	w.t.Helper()
	must(w.t, w.store.Close())
	w.start()
}

func (w *world) serve(s *store.Store) *lease.Keeper {
	i := issuer.New(issuer.Options{
		Policy: w.policy.Load, Cloud: w.aws, Now: w.now,
		Outcomes: outcomes{s, &w.faults}, Recorder: recorder{s, &w.faults},
		Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	})
	return lease.New(lease.Options{
		Issuer: i, Book: book{s, &w.faults}, Now: w.now, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
		Link: func(id string) string { return "https://daypass.example/leases/" + id }, Most: w.most,
	})
}

// take hands over and remembers what came out.
func (w *world) take(ctx context.Context, k *lease.Keeper, id string) error {
	_, made, err := k.HandOver(ctx, id, lease.Downloaded, ada())
	return w.took(made, err)
}

// fetch is take as a helper does it.
func (w *world) fetch(ctx context.Context, k *lease.Keeper, id string) error {
	_, made, err := k.Fetch(ctx, id, ada())
	return w.took(made, err)
}

// took remembers a token that came out. None may come with an error.
func (w *world) took(made issuer.Issuance, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if token := made.Token.Reveal(); err == nil {
		w.received = append(w.received, made)
	} else if token != "" {
		w.t.Errorf("an error came with a token: %v", err)
	}
	return err
}

// direct directs and counts what was told.
func (w *world) direct(ctx context.Context, k *lease.Keeper, id string) error {
	_, d, err := k.Direct(ctx, id, lease.AWSRole, ada())
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.told++
	} else if d.Answer != "" || d.RoleARN != (access.ARN{}) {
		w.t.Errorf("an error came with the role: %v", err)
	}
	return err
}

// look notes the lease's state as it is written now.
func (w *world) look(id string) lease.Lease {
	w.t.Helper()
	l, err := w.store.Lease(context.Background(), id)
	must(w.t, err)
	w.states = append(w.states, l.At(w.now()))
	return l
}

// aws mints tokens that are good for fourteen minutes.
type aws struct {
	w      *world
	mu     sync.Mutex
	tokens []string
	hold   chan struct{} // when set, nothing is minted before it is closed
}

func (a *aws) Describe(ctx context.Context, c access.Cluster) (issuer.Endpoint, error) {
	open, err := a.w.store.Unconcluded(context.Background(), a.w.now().Add(time.Hour), 1)
	if err != nil || len(open) == 0 {
		a.w.t.Errorf("AWS was called without a durable intent (%v)", err)
	}
	err = a.w.faults.through(ctx, describing, func() error { return nil })
	return issuer.Endpoint{URL: "https://" + c.Name + ".example", CA: []byte("a certificate"), AsOf: a.w.now()}, err
}

func (a *aws) Mint(ctx context.Context, as issuer.Assumption) (issuer.Minted, error) {
	id := as.Tags["daypass:issuance"]
	rows, err := a.w.store.Events(context.Background(), audit.Query{Issuance: id, Kind: audit.Intended})
	if err != nil || len(rows) != 1 {
		a.w.t.Errorf("AWS was called for %s with %d intents (%v)", id, len(rows), err)
	}
	if a.hold != nil {
		<-a.hold
	}
	var made issuer.Minted
	err = a.w.faults.through(ctx, minting, func() error {
		made = a.mint()
		return nil
	})
	return made, err
}

func (a *aws) mint() issuer.Minted {
	a.mu.Lock()
	defer a.mu.Unlock()
	token := "k8s-aws-v1." + rand.Text()
	a.tokens = append(a.tokens, token)
	return issuer.Minted{Token: issuer.NewToken(token), AccessKeyID: "ASIA" + rand.Text()[:16], Expires: a.w.now().Add(14 * time.Minute)}
}

func (a *aws) minted() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.tokens)
}

// logged is a log that many may write.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func grant() access.Grant {
	return access.Grant{
		Name: "eng", Who: access.Whos{{Provider: "okta", Group: "eng"}}, Clusters: []access.Where{{}}, Role: "viewer",
		Longest: 8 * time.Hour,
	}
}

func policy(t testing.TB, grants ...access.Grant) *access.Policy {
	return policyWith(t, "daypass-viewer", grants...)
}

func policyWith(t testing.TB, iamRole string, grants ...access.Grant) *access.Policy {
	t.Helper()
	arn, err := access.ParseARN("arn:aws:eks:eu-west-1:111122223333:cluster/pay")
	must(t, err)
	p, err := access.Compile(
		[]access.Cluster{{Name: "pay-prod", ARN: arn, Account: arn.Account}},
		[]access.Role{{Name: "viewer", ARN: "arn:{partition}:iam::{account}:role/" + iamRole}},
		grants)
	must(t, err)
	return p
}

func ada() issuer.Asker { return person("ada", "203.0.113.9") }

func person(name, address string) issuer.Asker {
	return issuer.Asker{
		Standing: access.Standing{
			Principal: access.Principal{Provider: "okta", Issuer: "https://okta.example", Subject: name, Email: name + "@example.com", Groups: []string{"eng"}},
			Address:   netip.MustParseAddr(address),
		},
		UserAgent: "curl/8", Request: "rq_1",
	}
}

func want(key string) lease.Want {
	return lease.Want{Ask: access.Ask{Cluster: "pay-prod", Role: "viewer", For: 4 * time.Hour}, Key: key}
}

// begun starts a lease without a fault.
func (w *world) begun(key string) lease.Lease {
	w.t.Helper()
	l, err := w.keeper.Start(context.Background(), want(key), ada())
	must(w.t, err)
	return l
}

// clock is a clock that stands still until it is moved.
type clock struct{ us atomic.Int64 }

func (c *clock) now() time.Time { return noon.Add(time.Duration(c.us.Load())) }

func (c *clock) move(d time.Duration) { c.us.Add(int64(d)) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456000, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

func kinds(rows []audit.Row) map[audit.Kind]int {
	n := map[audit.Kind]int{}
	for _, r := range rows {
		n[r.Event.Kind]++
	}
	return n
}

func describe(rows []audit.Row) string {
	var s string
	for _, r := range rows {
		s += fmt.Sprintf("\n%3d %s %s %s %s", r.Seq, r.Event.Kind, r.Event.Lease, r.Event.Issuance, r.Event.Reason)
	}
	return s
}
