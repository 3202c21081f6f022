package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/e2e/chain"
)

// How long the sessions behind tokens live where a test waits for a renewal.
// The portal counts a token as over a minute before it is, gives another two
// minutes before that, and the client tells kubectl an end twenty seconds
// early. So the next token is to be had after ten seconds of the first life,
// and after fifteen seconds of the second kubectl asks by itself.
const (
	oneRenewal = 190 * time.Second
	oneKubectl = 95 * time.Second
)

// renewal is a road on which the client is used: between it and the portal is
// a balancer, between kubectl and the cluster a wire, and AWS is hasty when a
// test wants it to be.
type renewal struct {
	*road
	front *balancer
	wire  *wire
	sts   *hasty
}

func newRenewal(t *testing.T) *renewal {
	t.Helper()
	chain.Need(t, "dex")
	w := newWorld(t)
	r := &renewal{front: newBalancer(t), wire: newWire(t, w.cluster.URL)}
	w.face = newFaceAt(w.clock, w.owner, w.known(r.wire.URL)...)
	r.sts = &hasty{aws: w.face.Handler(), ends: map[string]time.Time{}}
	w.names.Serve(r.sts)
	s := newSite(t, onSQLite(t))
	r.front.lead(s.listen)
	s.url = r.front.URL
	r.road = roadTo(t, w, s)
	return r
}

// laptop is a machine of ada's, signed in, and a lease on it.
func (r *renewal) laptop(t *testing.T) (l laptop, lease string) {
	t.Helper()
	l = newLaptop(t)
	l.signIn(t, r.URL, r.as(t, "ada"))
	return l, l.get(t, "prod")
}

// keys are the access keys of all tokens that were minted under a lease.
func (r *renewal) keys(t *testing.T, lease string) (all []string) {
	t.Helper()
	for _, e := range r.events(t) {
		if e.Event.Lease == lease && e.Event.Kind == audit.Minted {
			all = append(all, e.Event.AccessKeyID)
		}
	}
	return all
}

// watches says whether the cluster has let a key watch namespaces.
func (r *renewal) watches(t *testing.T, key string) bool {
	t.Helper()
	return slices.ContainsFunc(r.cluster.AuditedBy(t, key), func(e chain.AuditEvent) bool {
		return e.Verb == "watch" && strings.HasPrefix(e.RequestURI, "/api/v1/namespaces")
	})
}

// spent waits until the cluster refuses a token whose time is over. For some
// seconds it goes on believing what it has asked about.
func (r *renewal) spent(t *testing.T, token string) {
	t.Helper()
	file, said := r.cluster.Kubeconfig(t, token), ""
	within(t, time.Minute, "the cluster refuses the first token", func() bool {
		_, got := chain.WhoAmI(t, file)
		said = got.Stderr
		return got.Code != 0 && strings.Contains(said, "Unauthorized")
	}, func() string { return said })
}

func (r *renewal) namespace(t *testing.T, name, ready string) {
	t.Helper()
	r.cluster.Apply(t, fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {ready: %q}}\n", name, ready))
}

func TestALeaseOutlivesItsTokens(t *testing.T) {
	r := newRenewal(t)
	t.Run("kubectl and its watches go on when the first token is refused", r.goesOn)
	t.Run("one kubectl takes the next token when its watch is cut", r.takesTheNext)
	t.Run("every kubectl runs the helper", r.everyKubectl)
	t.Run("a lease ended on the laptop is refused at once", r.endedHere)
	t.Run("a lease ended in the browser is refused within a minute", r.endedElsewhere)
	t.Run("twenty kubectls with nothing kept cause one issuance", r.twentyAtOnce)
	t.Run("a portal that is away for a minute is not noticed while the token is good", r.away)
	t.Run("clocks five minutes apart", r.clocks)
	t.Run("nobody called out to the world", func(t *testing.T) {
		if strangers := r.names.Refused(); len(strangers) != 0 {
			t.Errorf("asked for: %v", strangers)
		}
	})
}

func (r *renewal) goesOn(t *testing.T) {
	r.sts.hurry(t, oneRenewal)
	l, lease := r.laptop(t)
	token, got := l.token(t, r.URL, lease)
	if got.Code != 0 {
		t.Fatal(got.Stderr)
	}
	first := l.accessKey(t)
	watch := l.start(t, "kubectl", "get", "namespaces", "--watch-only", "-o", "name")
	within(t, 30*time.Second, "the cluster lets the watch in by the first token", func() bool { return r.watches(t, first) }, watch.err.String)
	second := first
	within(t, time.Minute, "kubectl uses another token", func() bool { second = l.accessKey(t); return second != first }, func() string { return first })

	r.sts.outlive(t, first)
	r.spent(t, token.Status.Token)
	if now := l.accessKey(t); now != second {
		t.Errorf("kubectl is known by %s, and %s is still good", now, second)
	}
	r.namespace(t, "after-the-renewal", "yes")
	watch.says(t, &watch.out, regexp.MustCompile(`namespace/after-the-renewal\n`))
	if minted := r.keys(t, lease); !slices.Equal(minted, []string{first, second}) {
		t.Errorf("minted under the lease: %v, want %v", minted, []string{first, second})
	}
}

// takesTheNext is for one process that lives longer than a token. kubectl get
// --watch ends when its watch does, whoever ends it; kubectl wait goes on, and
// has to prove anew who it is.
func (r *renewal) takesTheNext(t *testing.T) {
	r.sts.hurry(t, oneKubectl)
	r.namespace(t, "awaited", "no")
	l, lease := r.laptop(t)
	waits := l.start(t, "kubectl", "wait", "namespace/awaited", "--for=jsonpath={.metadata.labels.ready}=yes", "--timeout=2m")
	var first string
	watched := func() bool { // by whatever token it got
		for _, key := range r.keys(t, lease) {
			if key != first && r.watches(t, key) {
				first = key
				return true
			}
		}
		return false
	}
	within(t, 30*time.Second, "the cluster lets kubectl watch", watched, waits.err.String)
	token, until := l.kept(t, lease)
	within(t, time.Minute, "kubectl's token is as good as over", func() bool { return time.Now().After(until) }, waits.err.String)

	r.sts.outlive(t, first)
	r.spent(t, token)
	r.wire.cut()
	within(t, 30*time.Second, "the cluster lets the same kubectl watch by another token", watched, waits.err.String)
	r.namespace(t, "awaited", "yes")
	waits.finishes(t)
	if said := waits.out.String(); !strings.Contains(said, "condition met") {
		t.Errorf("kubectl wait says %q", said)
	}
}

func (r *renewal) everyKubectl(t *testing.T) {
	l, lease := r.laptop(t)
	key := r.keys(t, lease)[0]
	for version, program := range chain.Kubectls(t) {
		t.Run(version, func(t *testing.T) {
			before := len(r.cluster.AuditedBy(t, key))
			got := l.run(t, program, "get", "namespaces", "-o", "name")
			if got.Code != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, "namespace/default") {
				t.Errorf("exit %d: %s%s", got.Code, got.Stdout, got.Stderr)
			}
			if len(r.cluster.AuditedBy(t, key)) == before {
				t.Error("the cluster does not know of it")
			}
			said := l.run(t, program, "daypass", "list", "leases", "-o", "name")
			if said.Code != 0 || !strings.Contains(said.Stdout, lease) {
				t.Errorf("as its plugin, the client ends with %d: %s%s", said.Code, said.Stdout, said.Stderr)
			}
		})
	}
}

// refused runs kubectl and the helper, which must give one line and no token.
func (r *renewal) refused(t *testing.T, l laptop, lease string) {
	t.Helper()
	_, got := l.token(t, r.URL, lease)
	if got.Code != 5 || got.Stdout != "" || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, "The lease is over") {
		t.Errorf("the helper ends with %d: %s", got.Code, got.Stderr)
	}
	said := l.run(t, "kubectl", "get", "namespaces")
	if said.Code == 0 || !strings.Contains(said.Stderr, "The lease is over") {
		t.Errorf("kubectl ends with %d: %s%s", said.Code, said.Stdout, said.Stderr)
	}
}

func (r *renewal) endedHere(t *testing.T) {
	l, lease := r.laptop(t)
	l.accessKey(t) // the token is kept, and good
	l.kubectl(t, "daypass", "end", lease)
	before := r.front.tokens(lease)
	r.refused(t, l, lease)
	if n := r.front.tokens(lease) - before; n != 0 {
		t.Errorf("the portal was asked %d times for the token of a lease that was ended here", n)
	}
}

func (r *renewal) endedElsewhere(t *testing.T) {
	l, lease := r.laptop(t)
	l.accessKey(t)
	r.as(t, "ada").Post("/leases/"+lease+"/end", url.Values{}).MustSay(t, 200, "Ended at")
	said := ""
	within(t, time.Minute, "kubectl is refused", func() bool {
		got := l.run(t, "kubectl", "get", "namespaces")
		said = got.Stderr
		return got.Code != 0
	}, func() string { return said })
	before := r.front.tokens(lease)
	for range 3 { // each tries several times
		r.refused(t, l, lease)
	}
	if n := r.front.tokens(lease) - before; n > 1 {
		t.Errorf("after the first refusal the portal was asked %d times more", n)
	}
	if n := len(r.keys(t, lease)); n != 1 {
		t.Errorf("%d tokens were minted", n)
	}
}

// twentyAtOnce begins with a portal that has forgotten the lease's first token,
// and a laptop that never had it.
func (r *renewal) twentyAtOnce(t *testing.T) {
	l, lease := r.laptop(t)
	before, asked := len(r.keys(t, lease)), r.front.tokens(lease)
	r.Stop()
	r.Start(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := l.run(t, "kubectl", "get", "namespaces", "-o", "name"); got.Code != 0 || got.Stderr != "" {
				t.Errorf("exit %d: %s", got.Code, got.Stderr)
			}
		})
	}
	all.Wait()
	if n := len(r.keys(t, lease)) - before; n != 1 {
		t.Errorf("twenty kubectls caused %d issuances", n)
	}
	if n := r.front.tokens(lease) - asked; n > 2 { // once, and once more by a nonce of the new portal's
		t.Errorf("twenty kubectls asked %d times", n)
	}
}

func (r *renewal) away(t *testing.T) {
	r.sts.hurry(t, oneRenewal)
	l, lease := r.laptop(t)
	session := r.session(t, l)
	first := l.accessKey(t)
	r.Stop()
	again := time.NewTicker(2 * time.Second)
	defer again.Stop()
	for gone := time.Now(); time.Since(gone) < time.Minute; <-again.C { // the next token is due after ten seconds
		if key := l.accessKey(t); key != first { // which fails if kubectl says anything beside
			t.Fatalf("known by %s and then, with nobody to mint, by %s", first, key)
		}
	}
	if got := l.run(t, "kubectl", "daypass", "list"); got.Code != 6 {
		t.Errorf("what needs the portal ends with %d: %s", got.Code, got.Stderr)
	}
	r.Start(t)
	within(t, time.Minute, "kubectl uses another token", func() bool { return l.accessKey(t) != first }, func() string { return first })
	if now := r.session(t, l); now != session {
		t.Errorf("the session was %s and is %s", session, now)
	}
	if minted := r.keys(t, lease); len(minted) != 2 {
		t.Errorf("minted under the lease: %v", minted)
	}
}

// session is the ID by which the portal knows the laptop.
func (r *renewal) session(t *testing.T, l laptop) string {
	t.Helper()
	var all struct {
		Sessions []struct {
			ID   string
			This bool
		}
	}
	l.json(t, &all, "list", "sessions")
	for _, s := range all.Sessions {
		if s.This {
			return s.ID
		}
	}
	t.Fatalf("no session is the laptop's: %v", all)
	return ""
}

// clocks sets the portal's clock apart from the laptop's as far as the laptop
// can see it: by all that the portal says of times. So it shows how the client
// counts, and that the portal takes proofs whose time is off. It cannot show a
// kubectl whose clock is off from the cluster's, for which only certificates
// would matter. Between the portal and AWS, the clock that is moved is AWS's.
func (r *renewal) clocks(t *testing.T) {
	for _, ahead := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		t.Run("survived when the portal's is ahead by "+ahead.String(), func(t *testing.T) { r.portalAhead(t, ahead) })
		t.Run("told when AWS's is ahead of the portal's by "+ahead.String(), func(t *testing.T) { r.awsAhead(t, ahead) })
	}
}

func (r *renewal) portalAhead(t *testing.T, ahead time.Duration) {
	r.front.live(ahead)
	defer r.front.live(0)
	l, lease := r.laptop(t)
	c, got := l.token(t, r.URL, lease)
	if got.Code != 0 || got.Stderr != "" {
		t.Fatalf("exit %d: %s", got.Code, got.Stderr)
	}
	if left := time.Until(c.Status.ExpirationTimestamp); left < 12*time.Minute || left > 14*time.Minute {
		t.Errorf("by the laptop's clock the token is good for %v", left)
	}
	key := l.accessKey(t)
	r.front.live(0) // somebody has set the clock right
	if l.accessKey(t) != key {
		t.Error("another token was minted")
	}
	l.kubectl(t, "daypass", "list", "leases")
}

func (r *renewal) awsAhead(t *testing.T, ahead time.Duration) {
	r.sts.set(t, time.Now().Add(ahead))
	l := newLaptop(t)
	l.signIn(t, r.URL, r.as(t, "ada"))
	begun := l.run(t, "kubectl", "daypass", "get", "prod", "--role", "reader", "--for", "1h", "--use", "-o", "json")
	var answer struct{ Lease struct{ ID string } }
	if err := json.Unmarshal([]byte(begun.Stdout), &answer); err != nil || begun.Code != 0 || !strings.Contains(begun.Stderr, "No token yet, it is tried again when kubectl asks: The clock of this server and that of AWS disagree") {
		t.Fatalf("get ends with %d, %v: %s", begun.Code, err, begun.Stderr)
	}
	lease := answer.Lease.ID
	_, got := l.token(t, r.URL, lease)
	if got.Code != 1 || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, "The clock of this server and that of AWS disagree") {
		t.Errorf("the helper ends with %d: %s", got.Code, got.Stderr)
	}
	before := r.front.tokens(lease)
	if said := l.run(t, "kubectl", "get", "namespaces"); said.Code == 0 || !strings.Contains(said.Stderr, "NTP") {
		t.Errorf("kubectl ends with %d: %s%s", said.Code, said.Stdout, said.Stderr)
	}
	if n := r.front.tokens(lease) - before; n > 2 {
		t.Errorf("one kubectl asked the portal %d times", n)
	}
}
