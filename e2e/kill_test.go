package e2e_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/issuer/awssim"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
	"github.com/daypass/daypass/web/webtest"
)

// crowd is how many people take kubeconfigs at once.
const crowd = 16

// kills is how often the portal is killed: DAYPASS_KILLS, or a handful.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DAYPASS_KILLS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 2 {
		t.Fatalf("DAYPASS_KILLS is %q; it wants a number from 2", text)
	}
	return n
}

// TestNoKillLetsAKubeconfigOutUnrecorded kills the portal at random instants
// while a crowd takes kubeconfigs, starts it again on the same database, and
// in the end holds everything the crowd received against the log.
func TestNoKillLetsAKubeconfigOutUnrecorded(t *testing.T) {
	n := kills(t)
	onPostgresToo := max(1, n/4)
	t.Run("SQLite", func(t *testing.T) { newSiege(t, onSQLite(t)).hold(t, n-onPostgresToo) })
	t.Run("PostgreSQL", func(t *testing.T) { newSiege(t, onPostgres(t)).hold(t, onPostgresToo) })
}

// siege is a portal that is killed again and again, and what its crowd got.
type siege struct {
	*portal
	gate *turnstile

	mu      sync.Mutex
	taken   []taking
	leases  map[string]string // whose, by ID
	answers map[int]int       // by status
	cut     int               // requests that died with the portal
	enough  func(answered int)
}

// taking is a token that reached somebody.
type taking struct{ who, lease, sha256 string }

func newSiege(t *testing.T, db store.Config) *siege {
	t.Helper()
	s := newSite(t, db)
	secret := newOwner().secret
	sim := must[*oidcsim.Server](t)(oidcsim.Start("", oidcsim.Options{
		People: people(), Clients: []oidcsim.Client{{ID: "daypass", Secret: secret, RedirectURIs: []string{s.callback("dex")}}},
	}))
	t.Cleanup(func() { _ = sim.Close() })
	s.rest = strings.NewReplacer("ISSUER", sim.Issuer(), "ARN", "arn:aws:eks:"+region+":"+account, "READER", reader).Replace(roadPolicy)
	s.env = append(nearAWS(t), "DEX_SECRET="+secret)
	return &siege{portal: s.prepare(t), gate: newTurnstile(), leases: map[string]string{}, answers: map[int]int{}, enough: func(int) {}}
}

func people() (all []oidcsim.Person) {
	for i := range crowd * guises {
		all = append(all, oidcsim.Person{Subject: subject(i), Email: subject(i) + "@example.com", Name: subject(i), Groups: []string{"engineering"}})
	}
	return all
}

// A person may have so many leases live and no more, so a visitor goes on as
// somebody else before that.
const (
	guises    = 200
	perPerson = lease.DefaultMost - 5
)

func subject(i int) string { return fmt.Sprintf("person-%d", i) }

// nearAWS serves the simulated AWS on loopback, and says how the SDK finds it.
func nearAWS(t *testing.T) []string {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	ca := must[*awssim.Authority](t)(awssim.NewAuthority())
	o := newOwner()
	at := awssim.Cluster{Endpoint: "https://127.0.0.1:1", CA: ca.PEM(), Created: time.Now(), PublicAccess: true}
	prod, staging := at, at
	prod.ARN, staging.ARN = clusterARN("prod"), clusterARN("staging")
	server := newFace(o, prod, staging).Serve(l, ca)
	t.Cleanup(func() { _ = server.Close() })
	bundle := filepath.Join(t.TempDir(), "aws-ca.pem")
	writeFile(t, bundle, string(ca.PEM()))
	return append(o.env(), "AWS_ENDPOINT_URL_STS="+server.URL, "AWS_ENDPOINT_URL_EKS="+server.URL, "AWS_CA_BUNDLE="+bundle)
}

// hold is the whole siege.
func (s *siege) hold(t *testing.T, kills int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for i := range crowd {
		visitor := &visitor{siege: s, number: i, who: subject(i), browser: webtest.New(t, s.URL).Client}
		all.Go(func() { visitor.take(ctx) })
	}
	for i := range kills {
		s.Start(t)
		s.intact(t)
		s.gate.open()
		s.awaitInstant(i == 0)
		s.Kill(t)
		s.gate.shut()
	}
	cancel()
	all.Wait()
	left := s.overdue(t)
	s.settle(t)
	s.reconcile(t, kills, left)
}

// awaitInstant waits for the instant to strike: by the clock or, so that
// strikes come close upon answers too, by their number. The first one leaves
// the crowd the time to take something.
func (s *siege) awaitInstant(first bool) {
	now := make(chan struct{})
	strike := sync.OnceFunc(func() { close(now) })
	patience, answers := time.Duration(rand.IntN(900))*time.Millisecond, 1+rand.IntN(400)
	if first {
		patience, answers = time.Minute, 100+rand.IntN(200)
	}
	timer := time.AfterFunc(patience, strike)
	defer timer.Stop()
	if first || rand.IntN(2) == 0 {
		s.watch(func(answered int) {
			if answered >= answers {
				strike()
			}
		})
		defer s.watch(func(int) {})
	}
	<-now
}

func (s *siege) watch(enough func(int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answered := 0
	s.enough = func(n int) { answered += n; enough(answered) }
}

// intact holds the log against what every start must find: no gap, and no
// intent that is older than Reconcile waits and is still open after it ran.
func (s *siege) intact(t *testing.T) {
	t.Helper()
	db := database(t, s.Database)
	defer db.Close()
	var count, last int64
	err := db.QueryRowContext(t.Context(), "SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM events").Scan(&count, &last)
	if err != nil || count != last || count == 0 {
		t.Fatalf("after a kill the log holds %d events and ends with number %d: %v", count, last, err)
	}
	if n := open(t, db, time.Now().Add(-2*time.Minute)); n > 0 {
		t.Errorf("%d intents have no outcome after two minutes", n)
	}
}

// open counts intents from before a time that have no outcome.
func open(t *testing.T, db *sql.DB, before time.Time) (n int) {
	t.Helper()
	query := "SELECT COUNT(*) FROM issuances WHERE concluded_us IS NULL AND at_us < " + strconv.FormatInt(before.UnixMicro(), 10)
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// overdue makes the intents that kills left open two minutes older, instead of
// waiting for them, and says how many they are.
func (s *siege) overdue(t *testing.T) int {
	t.Helper()
	db := database(t, s.Database)
	defer db.Close()
	const age = "UPDATE issuances SET at_us = at_us - 120000000 WHERE concluded_us IS NULL"
	return int(must[int64](t)(must[sql.Result](t)(db.ExecContext(t.Context(), age)).RowsAffected()))
}

// settle starts the portal until it has concluded all of them: each start takes
// up to a hundred.
func (s *siege) settle(t *testing.T) {
	t.Helper()
	db := database(t, s.Database)
	defer db.Close()
	for left := open(t, db, time.Now()); left > 0; left = open(t, db, time.Now()) {
		s.Start(t)
		s.settled(t, db, max(0, left-100))
		s.Stop()
	}
}

// settled waits until a running portal has left no more than so many open.
func (s *siege) settled(t *testing.T, db *sql.DB, most int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for open(t, db, time.Now()) > most {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("the portal does not conclude what kills have left open")
		}
	}
}

// ledger is the log, by issuance and by lease.
type ledger struct {
	minted  map[string]audit.Event // by the token's SHA-256
	handed  map[string]int
	intents map[string]int
	ends    map[string][]audit.Event // outcomes
	started map[string]bool          // by lease
}

func (s *siege) ledger(t *testing.T) ledger {
	t.Helper()
	l := ledger{map[string]audit.Event{}, map[string]int{}, map[string]int{}, map[string][]audit.Event{}, map[string]bool{}}
	for _, row := range storetest.Gapless(t, storetest.Open(t, s.Database)) {
		e := row.Event
		switch e.Kind {
		case audit.LeaseStarted:
			l.started[e.Lease] = true
		case audit.Intended:
			l.intents[e.Issuance]++
		case audit.Minted:
			l.minted[e.Facts["tokenSHA256"]] = e
			l.ends[e.Issuance] = append(l.ends[e.Issuance], e)
		case audit.MintFailed:
			l.ends[e.Issuance] = append(l.ends[e.Issuance], e)
		case audit.HandedOver:
			l.handed[handOver(e.Issuance, e.Details.Email)]++
		}
	}
	return l
}

func handOver(issuance, email string) string { return issuance + " to " + email }

// reconcile holds every token that reached somebody against the log.
func (s *siege) reconcile(t *testing.T, kills, left int) {
	t.Helper()
	l := s.ledger(t)
	reached := map[string]int{}
	for _, x := range s.taken {
		e, ok := l.minted[x.sha256]
		if !ok {
			t.Errorf("%s holds a token under %s that is on no record", x.who, x.lease)
			continue
		}
		if e.Lease != x.lease || e.Details.Email != x.who+"@example.com" {
			t.Errorf("%s holds a token under %s that was minted for %s under %s", x.who, x.lease, e.Details.Email, e.Lease)
		}
		reached[handOver(e.Issuance, e.Details.Email)]++
	}
	for what, times := range reached {
		if l.handed[what] < times {
			t.Errorf("%s: reached them %d times, %d hand-overs are on record", what, times, l.handed[what])
		}
	}
	for id, who := range s.leases {
		if !l.started[id] {
			t.Errorf("%s was told of the lease %s, which is on no record", who, id)
		}
	}
	l.concluded(t, left)
	s.wasReal(t, kills, left)
}

// concluded holds that each intent has one outcome, and that kills account for
// as many failures as there were intents left open.
func (l ledger) concluded(t *testing.T, left int) {
	t.Helper()
	interrupted := 0
	for id, times := range l.intents {
		if times != 1 || len(l.ends[id]) != 1 {
			t.Errorf("%s has %d intents and %d outcomes", id, times, len(l.ends[id]))
			continue
		}
		if e := l.ends[id][0]; e.Kind == audit.MintFailed && e.Reason == "interrupted" {
			interrupted++
		} else if e.Kind == audit.MintFailed {
			t.Errorf("%s failed: %s", id, e.Reason)
		}
	}
	if interrupted < left {
		t.Errorf("%d intents were left open, %d are on record as interrupted", left, interrupted)
	}
	for what := range l.handed {
		if id, _, _ := strings.Cut(what, " "); l.ends[id][0].Kind != audit.Minted {
			t.Errorf("%s is on record as handed over and as %s", id, l.ends[id][0].Kind)
		}
	}
}

// wasReal refuses a siege in which nothing happened.
func (s *siege) wasReal(t *testing.T, kills, left int) {
	t.Helper()
	t.Logf("%d kills: %d tokens received under %d leases, %d requests cut off, %d issuances left open in the end, answers %v",
		kills, len(s.taken), len(s.leases), s.cut, left, s.answers)
	if len(s.taken) < kills || s.cut == 0 {
		t.Error("hardly anybody took anything, or no kill hit anybody")
	}
	for status, n := range s.answers {
		if status >= 400 {
			t.Errorf("%d requests were answered with %d; see %s", n, status, s.Stderr)
		}
	}
}

// turnstile lets people through while the portal is up.
type turnstile struct {
	mu sync.Mutex
	up chan struct{} // closed while it is
}

func newTurnstile() *turnstile { return &turnstile{up: make(chan struct{})} }

func (g *turnstile) pass() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.up
}

func (g *turnstile) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.up)
}

func (g *turnstile) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.up = make(chan struct{})
}

// visitor takes kubeconfigs in every way there is, as fast as they come.
type visitor struct {
	*siege
	number  int
	who     string
	asked   int // for leases, as this person
	browser *http.Client
	inside  bool
	held    []string // leases
}

func (v *visitor) take(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.gate.pass():
			v.round(ctx)
		}
	}
}

// round ends at the first thing that fails: the portal is gone.
func (v *visitor) round(ctx context.Context) {
	if !v.inside {
		v.inside = v.signIn(ctx)
		return
	}
	if v.asked++; v.asked > perPerson {
		v.number += crowd
		v.who, v.asked, v.inside, v.held = subject(v.number), 0, false, nil
		return
	}
	to, _, err := v.post(ctx, "/clusters/prod", url.Values{"role": {"reader"}, "for": {"1h"}, "key": {audit.NewID("key", time.Now())}})
	if err != nil || !strings.HasPrefix(to, "/leases/") {
		return
	}
	v.holds(strings.TrimPrefix(to, "/leases/"))
	v.handOver(ctx, v.held[len(v.held)-1])
	old := v.held[rand.IntN(len(v.held))] // often from before a kill: its token is minted anew
	if rand.IntN(3) == 0 {
		_, _, _ = v.post(ctx, "/leases/"+old+"/renew", url.Values{})
	}
	v.handOver(ctx, old)
}

func (v *visitor) holds(lease string) {
	v.held = append(v.held, lease)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.leases[lease] = v.who
}

var wholeToken = regexp.MustCompile(`(k8s-aws-v1\.[A-Za-z0-9_-]+)[^A-Za-z0-9_-]`)

// handOver counts a token as received even if the answer was cut after it.
func (v *visitor) handOver(ctx context.Context, lease string) {
	how := [][2]string{{"download", "file"}, {"show", "raw"}, {"copy", "file"}, {"copy", "bash"}}[rand.IntN(4)]
	_, body, _ := v.post(ctx, "/leases/"+lease+"/"+how[0], url.Values{"form": {how[1]}})
	found := wholeToken.FindSubmatch(body)
	if found == nil {
		return
	}
	sum := sha256.Sum256(found[1])
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = append(v.taken, taking{v.who, lease, hex.EncodeToString(sum[:])})
}

func (v *visitor) signIn(ctx context.Context) bool {
	at, err := v.get(ctx, v.URL+"/auth/dex?return=/")
	if err != nil {
		return false
	}
	home, err := v.get(ctx, at.String()+"&as="+v.who)
	return err == nil && home.String() == v.URL+"/"
}

// get follows redirects and says where they led.
func (v *visitor) get(ctx context.Context, address string) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := v.browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Request.URL, err
}

// post sends a form, follows nothing, and gives as much of the answer as came.
func (v *visitor) post(ctx context.Context, path string, form url.Values) (to string, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", v.URL)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Accept", "text/html")
	stay := *v.browser
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := stay.Do(req)
	if err != nil {
		v.count(0)
		return "", nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		v.count(0)
	} else {
		v.count(resp.StatusCode)
	}
	return resp.Header.Get("Location"), body, err
}

// count counts an answer by its status; zero is one that never came.
func (v *visitor) count(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if status == 0 {
		v.cut++
		return
	}
	v.answers[status]++
	v.enough(1)
}
