package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/web/webtest"
)

// terminal keeps what the demo says.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (s *terminal) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

func (s *terminal) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// mustSay waits until the terminal says something.
func (s *terminal) mustSay(t *testing.T, want string) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for !strings.Contains(s.String(), want) {
		select {
		case <-s.more:
		case <-patience:
			t.Fatalf("the demo did not say %q but\n%s", want, s.String())
		}
	}
}

// start runs the demo for a test, on a free port and in a temporary folder.
func start(t *testing.T) (*world, *terminal) {
	t.Helper()
	w, out, _ := startWith(t, options{tokenLife: 15 * time.Minute})
	return w, out
}

// startWith runs the demo; stop ends it, and checks that nothing is left.
func startWith(t *testing.T, o options) (_ *world, _ *terminal, stop func()) {
	t.Helper()
	o.listen = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	out := &terminal{more: make(chan struct{}, 1)}
	up, done := make(chan *world, 1), make(chan error, 1)
	t.Setenv("TMPDIR", t.TempDir())
	go func() {
		done <- run(ctx, o, out, func(w *world) { up <- w })
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the demo ended with: %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); len(left) > 0 {
			t.Errorf("the demo left behind %v", left)
		}
	})
	t.Cleanup(stop)
	select {
	case w := <-up:
		return w, out, stop
	case err := <-done:
		done <- nil
		t.Fatalf("the demo did not start: %v", err)
		return nil, nil, nil
	}
}

func kubectl(t *testing.T, kubeconfig string, args ...string) (string, bool) {
	t.Helper()
	path, err := exec.LookPath("kubectl")
	if err != nil && os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal("kubectl is not installed, and DAYPASS_E2E demands it")
	}
	if err != nil {
		t.Skip("kubectl is not installed, so no real client can knock at the demo's doors")
	}
	c := exec.CommandContext(t.Context(), path, append([]string{"--kubeconfig", kubeconfig}, args...)...)
	c.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	out, err := c.CombinedOutput()
	return string(out), err == nil
}

func TestTheDemoTakesTheAddressThatIsDemandedOrNone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, want := range map[string]string{
		l.Addr().String(): "address already in use; give an address of this machine whose port is free",
		"127.0.0.1:99999": "invalid port; give an address of this machine whose port is free",
		"8484":            "missing port in address; give an address of this machine whose port is free",
	} {
		t.Setenv("TMPDIR", t.TempDir())
		err := run(t.Context(), options{listen: address, tokenLife: time.Minute}, io.Discard, func(*world) {})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "-listen "+address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestTheDemoRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for args, want := range map[string]string{
		"now":                `"now" is not understood; the demo takes flags only, see -help`,
		"-token-life=1m now": `"now" is not understood`,
		"-frob":              "flag provided but not defined: -frob; see -help",
	} {
		if _, err := read(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if o, err := read([]string{"-listen", "127.0.0.1:1"}, io.Discard); err != nil || o.listen != "127.0.0.1:1" || o.tokenLife != 15*time.Minute {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestTheDemo(t *testing.T) {
	w, said := start(t)
	var file, secret string

	t.Run("an engineer downloads a kubeconfig that works at once", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-1").MustSay(t, 200, "Where to?", "payments-prod", "payments-dev", "data-dev")
		choose := b.Get("/clusters/payments-dev")
		choose.MustSay(t, 200, "viewer", "editor", "Reads everything but Secrets.")
		lease := b.Post("/clusters/payments-dev", url.Values{"role": {"viewer"}, "for": {"1h"}, "key": {choose.Field(t, "key")}, "namespace": {"payments"}})
		lease.MustSay(t, 200, "Works until", "daypass-viewer", "Started a lease")
		if strings.Contains(lease.Text, "k8s-aws-v1.") {
			t.Error("the lease's page holds the token")
		}
		got := b.Post(lease.URL.Path+"/download", url.Values{"form": {"file"}})
		got.MustSay(t, 200, "current-context: payments-dev-viewer", "namespace: payments", "k8s-aws-v1.")
		if d := got.Header.Get("Content-Disposition"); !strings.Contains(d, "attachment") || !strings.Contains(d, "payments-dev-viewer.yaml") {
			t.Errorf("Content-Disposition %q", d)
		}
		secret = strings.TrimSpace(got.Text[strings.Index(got.Text, "k8s-aws-v1."):])
		file = filepath.Join(t.TempDir(), "k.yaml")
		if err := os.WriteFile(file, []byte(got.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		said.mustSay(t, "engineer@example.com took the kubeconfig away (download)")
		for _, try := range []struct {
			args []string
			ok   bool
			want string
		}{
			{[]string{"auth", "whoami"}, true, "daypass:engineer-"},
			{[]string{"version"}, true, "Server Version: v1.37.0-eks-demo"},
			{[]string{"get", "ns"}, true, "payments"},
			{[]string{"get", "pods"}, true, "ledger-0"},
			{[]string{"get", "pods", "-A", "-o", "name"}, true, "pod/web-"},
			{[]string{"get", "secrets"}, false, "Forbidden"},
			{[]string{"run", "x", "--image=y"}, false, ""},
			{[]string{"auth", "can-i", "list", "pods"}, false, ""},
			{[]string{"exec", "ledger-0", "--", "true"}, false, ""},
			{[]string{"scale", "deployment/web", "--replicas=2"}, false, ""},
			{[]string{"logs", "ledger-0"}, false, ""},
			{[]string{"delete", "pod", "ledger-0"}, false, `cannot delete resource "pods"`},
		} {
			out, ok := kubectl(t, file, try.args...)
			if ok != try.ok || !strings.Contains(out, try.want) {
				t.Errorf("kubectl %s: %v\n%s", strings.Join(try.args, " "), ok, out)
			}
		}
		said.mustSay(t, "may list pods: allowed, under ls_")
		said.mustSay(t, "There is no run, scale, exec, logs, watch or can-i.") // as just tried
	})

	t.Run("a contractor gets one role on one cluster until a date", func(t *testing.T) {
		b := webtest.New(t, w.url)
		home := b.SignIn("guests", "guest-1")
		home.MustSay(t, 200, "payments-dev", "your access ends")
		if strings.Contains(home.Text, "payments-prod") || strings.Contains(home.Text, "data-dev") {
			t.Error("a contractor sees other clusters")
		}
		b.Post("/clusters/payments-dev", url.Values{"role": {"editor"}, "key": {"k"}}).MustSay(t, 403, "No grant lets you be editor on payments-dev.")
		b.Post("/clusters/payments-dev", url.Values{"role": {"viewer"}, "key": {"k"}}).MustSay(t, 200, "Works until")
		said.mustSay(t, "contractor@agency.example was refused editor on payments-dev: no-grant")
	})

	t.Run("whoever is on call breaks the glass, and security is told", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-2")
		b.Get("/clusters/payments-prod").MustSay(t, 200, "Break glass: admin", "#security and whoever leads the incident")
		confirm := b.Get("/clusters/payments-prod/break-glass/admin")
		confirm.MustSay(t, 200, "The incident, and what you are about to do")
		b.Post(confirm.URL.Path, url.Values{"for": {"1h"}, "key": {confirm.Field(t, "key")}}).MustSay(t, 422, "Say why", "Confirm that you know who will be told.")
		b.Post(confirm.URL.Path, url.Values{"for": {"1h"}, "key": {confirm.Field(t, "key")}, "reason": {"ledger is on fire"}, "understood": {"yes"}}).MustSay(t, 200, "Works until", "ledger is on fire")
		b.Get("/").MustSay(t, 200, "payments-prod", "admin")
		said.mustSay(t, `security is told: oncall@example.com is admin on payments-prod, because "ledger is on fire"`)
	})

	t.Run("an auditor reads what happened, and enters nothing", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-3").MustSay(t, 200, "Audit")
		b.Get("/audit").MustSay(t, 200, "lease.break-glass", "issuance.minted", "hand-over", "decision.refused", "engineer@example.com")
		found := b.Get("/audit?kind=hand-over")
		found.MustSay(t, 200, "Downloaded the kubeconfig")
		b.Get("/audit?kind=nonsense").MustSay(t, 422, "There is no kind of event")
		b.Get("/clusters/payments-dev").MustSay(t, 403, "No grant lets you be viewer on payments-dev.")
	})

	t.Run("an engineer is no auditor", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-1")
		b.Get("/audit").MustSay(t, 403, "The audit log is open to auditors only.")
	})

	t.Run("a newcomer is told what is lacking", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-4").MustSay(t, 200, "staff:engineering", "the platform team")
		b.Get("/why?cluster=payments-dev").MustSay(t, 200, "It is for members of staff:engineering.")
	})

	t.Run("an ended lease hands out nothing more", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-1")
		lease := b.Post("/clusters/data-dev", url.Values{"role": {"viewer"}, "key": {"once"}})
		lease.MustSay(t, 200, "Works until")
		again := b.Post("/clusters/data-dev", url.Values{"role": {"viewer"}, "key": {"once"}})
		if again.URL.Path != lease.URL.Path {
			t.Errorf("two clicks made two leases: %s and %s", lease.URL.Path, again.URL.Path)
		}
		b.Post(lease.URL.Path+"/end", nil).MustSay(t, 200, "Ended at", "The last token is already out")
		b.Post(lease.URL.Path+"/download", nil).MustSay(t, 409, "The lease is over")
		b.Post(lease.URL.Path+"/renew", nil).MustSay(t, 409, "The lease is over")
	})

	t.Run("somebody else's lease is no lease", func(t *testing.T) {
		a, b := webtest.New(t, w.url), webtest.New(t, w.url)
		a.SignIn("staff", "staff-1")
		b.SignIn("staff", "staff-2")
		lease := a.Post("/clusters/data-dev", url.Values{"role": {"viewer"}, "key": {"mine"}})
		b.Get(lease.URL.Path).MustSay(t, 404, "There is no such lease of yours.")
		b.Post(lease.URL.Path+"/download", nil).MustSay(t, 404, "There is no such lease of yours.")
		b.Post(lease.URL.Path+"/end", nil).MustSay(t, 404, "There is no such lease of yours.")
	})

	t.Run("signed out is never a file", func(t *testing.T) {
		b := webtest.New(t, w.url)
		b.SignIn("staff", "staff-1")
		lease := b.Post("/clusters/data-dev", url.Values{"role": {"viewer"}, "key": {"gone"}})
		b.Post("/sign-out", nil).MustSay(t, 200, "You are signed out")
		got := b.Post(lease.URL.Path+"/download", nil)
		got.MustSay(t, 401, "You are not signed in")
		if d := got.Header.Get("Content-Disposition"); d != "" {
			t.Errorf("a 401 is offered as a file: %s", d)
		}
	})

	t.Run("the token is nowhere but in the answer", func(t *testing.T) {
		_, encoded, _ := strings.Cut(secret, "k8s-aws-v1.")
		if len(encoded) < 500 {
			t.Fatalf("no token to look for: %q", secret)
		}
		signed, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		_, signature, _ := strings.Cut(string(signed), "X-Amz-Signature=")
		needles := []string{encoded[:60], encoded[len(encoded)-60:], signature[:64]}
		places := map[string]string{"the terminal": said.String()}
		for _, path := range []string{"daypass.db", "daypass.db-wal", "daypass.log"} {
			b, err := os.ReadFile(filepath.Join(w.folder, path))
			if err != nil {
				t.Fatal(err)
			}
			places[path] = string(b)
		}
		if !strings.Contains(places["daypass.db-wal"]+places["daypass.db"], "tokenSHA256") {
			t.Error("the search does not see what is in the database")
		}
		for place, text := range places {
			for _, n := range needles {
				if strings.Contains(text, n) {
					t.Errorf("%s holds a piece of the token", place)
				}
			}
		}
	})
}

func TestTheDemoKeepsItsStateWhenAsked(t *testing.T) {
	data := filepath.Join(t.TempDir(), "kept")
	w, _, stop := startWith(t, options{data: data, tokenLife: 15 * time.Minute})
	b := webtest.New(t, w.url)
	b.SignIn("staff", "staff-1")
	lease := b.Post("/clusters/payments-dev", url.Values{"role": {"viewer"}, "key": {"kept"}})
	lease.MustSay(t, 200, "Works until")
	stop()
	w, _, _ = startWith(t, options{data: data, tokenLife: 15 * time.Minute})
	b = webtest.New(t, w.url)
	b.SignIn("staff", "staff-1").MustSay(t, 200, "payments-dev", "active")
	b.Get(lease.URL.Path).MustSay(t, 200, "payments-dev as viewer", "Works until")
	b.Post(lease.URL.Path+"/download", nil).MustSay(t, 200, "k8s-aws-v1.")
}

func TestTheDemosTokensLiveAsLongAsAsked(t *testing.T) {
	w, said, _ := startWith(t, options{tokenLife: time.Nanosecond})
	b := webtest.New(t, w.url)
	b.SignIn("staff", "staff-1")
	lease := b.Post("/clusters/payments-dev", url.Values{"role": {"viewer"}, "key": {"short"}})
	got := b.Post(lease.URL.Path+"/download", nil)
	_, token, _ := strings.Cut(got.Text, "token: ")
	pem, err := os.ReadFile(w.doors["payments-dev"].caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.doors["payments-dev"].url+"/api/v1/namespaces", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token past its time is answered %s", resp.Status)
	}
	said.mustSay(t, "somebody without a good token was turned away")
}
