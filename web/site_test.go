package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/web"
	"github.com/daypass/daypass/web/webtest"
)

// cloud is AWS for these tests: it mints what it is told to.
type cloud struct {
	mu    sync.Mutex
	fault *issuer.Fault
	calls int
}

func (c *cloud) Describe(_ context.Context, cl access.Cluster) (issuer.Endpoint, error) {
	return endpoint(cl), nil
}

func endpoint(cl access.Cluster) issuer.Endpoint {
	return issuer.Endpoint{URL: "https://" + cl.Name + ".example", CA: caOf(cl.Name), Version: "1.36", Status: "ACTIVE", Private: cl.Name == "hidden", Public: cl.Name != "hidden"}
}

func (c *cloud) Mint(context.Context, issuer.Assumption) (issuer.Minted, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return issuer.Minted{}, c.fault
	}
	c.calls++
	return issuer.Minted{Token: issuer.NewToken(secretToken), AccessKeyID: "ASIATEST", Expires: time.Now().Add(14 * time.Minute)}, nil
}

func (c *cloud) failWith(f *issuer.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

const secretToken = "k8s-aws-v1.c2VjcmV0LXRva2Vu"

// site is a whole site in one process, with everything real but AWS.
type site struct {
	*httptest.Server
	store  *store.Store
	cloud  *cloud
	logged *logbook
	issuer *issuer.Issuer
	policy atomic.Pointer[access.Policy] // in force
	asked  func()                        // runs when an endpoint is asked for; may be nil
	idp    *oidcsim.Server
}

func clusterNamed(t testing.TB, name string) access.Cluster {
	t.Helper()
	arn, err := access.ParseARN("arn:aws:eks:eu-west-1:111122223333:cluster/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return access.Cluster{Name: name, ARN: arn, Account: "prod", Labels: map[string]string{"env": "prod"}}
}

func policy(t testing.TB) *access.Policy {
	t.Helper()
	staff := access.Whos{{Provider: "staff", Group: "eng"}}
	p, err := access.Compile(
		[]access.Cluster{clusterNamed(t, "pay"), clusterNamed(t, "hidden")},
		[]access.Role{{Name: "viewer", ARN: "arn:aws:iam::{account}:role/v"}, {Name: "admin", ARN: "arn:aws:iam::{account}:role/a"}, {Name: "deputy", ARN: "arn:aws:iam::{account}:role/d"}},
		[]access.Grant{
			{Name: "view", Who: staff, Clusters: []access.Where{{}}, Role: "viewer", Longest: 2 * time.Hour},
			{Name: "admin", Who: staff, Clusters: []access.Where{{Name: "pay"}}, Role: "admin", Longest: time.Hour, Reason: true, ReasonHint: "The ticket"},
			{Name: "glass", Who: staff, Clusters: []access.Where{{Name: "hidden"}}, Role: "admin", Longest: time.Hour, BreakGlass: true, TellsWhom: "#security"},
			{Name: "solo", Who: access.Whos{{Provider: "staff", Group: "solo"}}, Clusters: []access.Where{{Name: "pay"}}, Role: "deputy", Longest: time.Hour},
			{Name: "soloGlass", Who: access.Whos{{Provider: "staff", Group: "soloGlass"}}, Clusters: []access.Where{{Name: "hidden"}}, Role: "admin", Longest: time.Hour, BreakGlass: true},
			{Name: "office", Who: access.Whos{{Provider: "staff", Group: "office"}}, Clusters: []access.Where{{}}, Role: "viewer", Longest: time.Hour, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
		})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// typedCodes lets programs sign in by a typed code.
func typedCodes(o *web.Options) { o.DeviceLogin, o.SignIn.Clients.Device = true, true }

func newSite(t testing.TB, with ...func(*web.Options)) *site {
	t.Helper()
	logged := &logbook{}
	log := slog.New(slog.NewTextHandler(logged, nil))
	s := &site{cloud: &cloud{}, logged: logged, Server: httptest.NewUnstartedServer(nil)}
	home := &url.URL{Scheme: "http", Host: s.Listener.Addr().String()}
	var err error
	if s.store, err = store.Open(t.Context(), store.Config{SQLite: filepath.Join(t.TempDir(), "d.db"), Now: time.Now, Log: log}); err != nil {
		t.Fatal(err)
	}
	idp, err := oidcsim.Start("", oidcsim.Options{
		People: []oidcsim.Person{
			{Subject: "eng", Email: "eng@example.com", Groups: []string{"eng"}}, {Subject: "none", Email: "none@example.com"},
			{Subject: "solo", Email: "solo@example.com", Groups: []string{"solo"}}, {Subject: "sologlass", Email: "sg@example.com", Groups: []string{"solo", "soloGlass"}},
			{Subject: "office", Email: "office@example.com", Groups: []string{"office"}}, {Subject: "audit", Email: "audit@example.com", Groups: []string{"audit"}},
			{Subject: "root", Email: "root@example.com", Groups: []string{"platform"}},
		},
		Clients: []oidcsim.Client{{ID: "daypass", Secret: "x", RedirectURIs: []string{home.String() + auth.CallbackPath("staff")},
			SignedOut: []string{home.String() + auth.SignedOutPath}, BackChannel: home.String() + auth.LogoutPath("staff")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.idp = idp
	gate, err := auth.New(auth.Options{Site: home, Book: s.store, Log: log, Caller: web.Caller,
		Providers: []auth.Provider{{Name: "staff", Label: "Staff", Issuer: idp.Issuer(), ClientID: "daypass", ClientSecret: auth.NewSecret("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	s.policy.Store(policy(t))
	iss := issuer.New(issuer.Options{Policy: s.policy.Load, Cloud: s.cloud, Outcomes: s.store, Recorder: s.store, Now: time.Now, Log: log})
	s.issuer = iss
	keeper := lease.New(lease.Options{Issuer: iss, Book: s.store, Now: time.Now, Log: log, Link: func(id string) string { return home.String() + web.StoryPath(id) }})
	o := web.Options{
		URL: home, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Contact: func() string { return "#platform" },
		Auditors: func() access.Whos { return access.Whos{{Provider: "staff", Group: "audit"}} }, SignIn: gate, Keeper: keeper, Book: s.store,
		Administrators: func() access.Whos { return access.Whos{{Provider: "staff", Group: "platform"}} },
		ContextName:    func(c access.Cluster, role string) string { return c.Name + "-" + role },
		Policy:         s.policy.Load,
		Endpoints: func(arn access.ARN) (issuer.Endpoint, bool) {
			if s.asked != nil {
				s.asked()
			}
			return endpoint(access.Cluster{Name: arn.Name()}), true
		},
		Log: s.store, Now: time.Now, Slog: log, Programs: true, Version: "test",
	}
	for _, w := range with {
		w(&o)
	}
	s.Config.Handler = web.New(o)
	s.Start()
	t.Cleanup(func() {
		s.Close()
		_ = idp.Close()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// as signs somebody in.
func (s *site) as(t testing.TB, subject string) *webtest.Browser {
	t.Helper()
	b := webtest.New(t, s.URL)
	b.SignIn("staff", subject).MustSay(t, 200)
	return b
}

// events reads the newest events of a kind.
func (s *site) events(t testing.TB, k audit.Kind) []audit.Row {
	t.Helper()
	rows, err := s.store.Events(t.Context(), audit.Query{Kind: k})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// request is a bare request to the site.
func (s *site) request(t testing.TB, method, path, body string, set func(*http.Request)) webtest.Page {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if set != nil {
		set(req)
	}
	b := webtest.New(t, s.URL)
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b.Do(req)
}
