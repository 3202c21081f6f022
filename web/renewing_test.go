package web_test

import (
	"bufio"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web"
	"github.com/daypass/daypass/web/webtest"
)

// current is the tab that a lease's page opens with.
func current(p webtest.Page) string {
	_, rest, _ := strings.Cut(p.Text, `aria-label="Forms of the kubeconfig"`)
	nav, _, _ := strings.Cut(rest, "</nav>")
	_, after, _ := strings.Cut(nav, "aria-current")
	_, text, _ := strings.Cut(after, ">")
	name, _, _ := strings.Cut(text, "<")
	return name
}

func TestTheRenewingFormComesFirstWhereItFits(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"2h"}, "key": {"a"}}).URL.Path
	short := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"15m"}, "key": {"b"}}).URL.Path
	if got := current(b.Get(lease)); got != "File" {
		t.Errorf("without the client, the page opens with %q", got)
	}
	signedIn(t, s, b)
	p := b.Get(lease)
	if got := current(p); got != "kubectl daypass" {
		t.Errorf("with the client, it opens with %q", got)
	}
	p.MustSay(t, 200, "nothing to renew", "kubectl daypass login "+s.URL, "kubectl daypass get --lease "+strings.TrimPrefix(lease, "/leases/"), "kubectl --context pay-viewer auth whoami")
	if got := current(b.Get(lease + "?form=file")); got != "File" {
		t.Errorf("the file is asked for, and it opens with %q", got)
	}
	if p := b.Get(short); current(p) != "File" || strings.Contains(p.Text, "form=renewing") {
		t.Errorf("a lease as short as a token opens with %q", current(p))
	}
	b.Get(lease+"?form=renewing&context=my+pay&namespace=shop").MustSay(t, 200, "--context &#39;my pay&#39; --namespace shop", "kubectl --context &#39;my pay&#39; auth whoami")
}

func TestTheRenewingFileHoldsNoSecret(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"2h"}, "namespace": {"shop"}, "key": {"a"}}).URL.Path
	for _, how := range []string{"/download", "/copy"} {
		p := b.Post(lease+how, url.Values{"form": {"renewing"}, "context": {"mine"}})
		var c clientcmd.Config
		if err := yaml.UnmarshalStrict([]byte(p.Text), &c); err != nil || p.Status != 200 || len(c.AuthInfos) != 1 {
			t.Fatalf("%s: %d, %v:\n%s", how, p.Status, err, p.Text)
		}
		x := c.AuthInfos[0].AuthInfo
		if x.Token != "" || x.Exec == nil || x.Exec.Command != "kubectl-daypass" || strings.Join(x.Exec.Args, " ") != "token --server "+s.URL+" --lease "+strings.TrimPrefix(lease, "/leases/") ||
			x.Exec.InteractiveMode != clientcmd.NeverExecInteractiveMode || c.CurrentContext != "mine" || c.Contexts[0].Context.Namespace != "shop" || c.Clusters[0].Cluster.Server != "https://pay.example" {
			t.Errorf("%s gives %+v", how, c)
		}
	}
	b.Post(lease+"/show", url.Values{"form": {"renewing"}}).MustSay(t, 200, "it works where kubectl daypass is signed in as you")
	rows := s.events(t, audit.HandedOver)
	for _, r := range rows {
		if r.Event.Facts["form"] != "exec" || r.Event.AccessKeyID != "" {
			t.Errorf("on record: %+v", r.Event)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d hand-overs are on record", len(rows))
	}
	b.Post(lease+"/end", nil)
	b.Post(lease+"/download", url.Values{"form": {"renewing"}}).MustSay(t, 409, "The lease is over")
}

// laptop is a machine with the program, which a person let in.
type laptop struct {
	*testing.T
	program, home, server string
}

func newLaptop(t *testing.T, s *site, b *webtest.Browser) *laptop {
	t.Helper()
	l := &laptop{T: t, program: filepath.Join(t.TempDir(), "kubectl-daypass"), home: t.TempDir(), server: s.URL}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", l.program, "../cmd/kubectl-daypass").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := l.command("login", "--no-browser", s.URL)
	said, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if _, link, found := strings.Cut(lines.Text(), s.URL+"/client/authorize?"); found {
			q, _ := url.ParseQuery(link)
			q.Set("answer", "allow")
			b.Post("/client/authorize", q)
		}
	}
	if err := c.Wait(); err != nil {
		t.Fatal("login: ", err)
	}
	return l
}

func (l *laptop) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(l.Context(), l.program, args...)
	c.Env = []string{"HOME=" + l.home, "PATH=" + l.home}
	return c
}

// run gives what the program says, and its exit code.
func (l *laptop) run(args ...string) (string, int) {
	l.Helper()
	c := l.command(args...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// stanza is the one cluster of a kubeconfig.
func stanza(t *testing.T, text string) clientcmd.Cluster {
	t.Helper()
	var c clientcmd.Config
	if err := yaml.UnmarshalStrict([]byte(text), &c); err != nil || len(c.Clusters) != 1 {
		t.Fatalf("%v:\n%s", err, text)
	}
	return c.Clusters[0].Cluster
}

// oneCluster has all clusters be one, under one authority that can be read.
func oneCluster(o *web.Options) {
	at := endpoint(access.Cluster{Name: "pay"})
	o.Endpoints = func(access.ARN) (issuer.Endpoint, bool) { return at, true }
}

func TestPageAndClientLeadToAClusterTheSameWay(t *testing.T) {
	s := newSite(t, oneCluster)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"2h"}, "key": {"a"}}).URL.Path
	l := newLaptop(t, s, b)
	file := filepath.Join(l.home, "config")
	for _, way := range [][2]string{{"http://egress.example.com:3128", "eks.internal.example.com"}, {"socks5://localhost:1080", ""}, {"", ""}} {
		c := clusterNamed(t, "pay")
		c.ProxyURL, c.TLSServerName = way[0], way[1]
		p, err := access.Compile([]access.Cluster{c}, []access.Role{{Name: "viewer", ARN: "arn:aws:iam::{account}:role/v"}},
			[]access.Grant{{Name: "view", Who: access.Whos{{Provider: "staff", Group: "eng"}}, Clusters: []access.Where{{}}, Role: "viewer", Longest: 2 * time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		s.policy.Store(p)
		if out, code := l.run("get", "--lease", strings.TrimPrefix(lease, "/leases/"), "--kubeconfig", file); code != 0 {
			t.Fatal(out)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := stanza(t, b.Post(lease+"/copy", url.Values{"form": {"renewing"}}).Text)
		if diff := cmp.Diff(page, stanza(t, string(text))); diff != "" || page.ProxyURL != way[0] || page.TLSServerName != way[1] {
			t.Errorf("the page leads to %+v:\n%s", page, diff)
		}
	}
}

func TestNoGlassIsBrokenForANameThatIsTaken(t *testing.T) {
	s := newSite(t, oneCluster)
	l := newLaptop(t, s, s.as(t, "eng"))
	file := filepath.Join(l.home, "config")
	glass := []string{"get", "hidden", "--role", "admin", "--break-glass", "--yes", "--reason", "it is on fire", "--kubeconfig", file}
	for _, taken := range []string{
		"users: [{name: hidden-admin, user: {token: mine}}]\n",
		"contexts: [{name: hidden-admin, context: {cluster: mine, user: mine}}]\n",
		"clusters: [{name: hidden-admin, cluster: {server: 'https://mine.example.com'}}]\n",
	} {
		if err := os.WriteFile(file, []byte(taken), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := l.run(glass...); code == 0 || !strings.Contains(out, `"hidden-admin" already`) {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	if n := len(s.events(t, audit.GlassBroken)) + len(s.events(t, audit.LeaseStarted)); n != 0 {
		t.Errorf("%d events are on record", n)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if out, code := l.run(glass...); code != 0 || len(s.events(t, audit.GlassBroken)) != 1 {
		t.Errorf("exit code %d: %s", code, out)
	}
}
