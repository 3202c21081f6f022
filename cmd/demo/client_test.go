package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/web/webtest"
)

// laptop is a machine with the client on it.
type laptop struct {
	*testing.T
	client, home string
	env          []string
}

func newLaptop(t *testing.T) laptop {
	t.Helper()
	home := t.TempDir()
	l := laptop{t, filepath.Join(home, "kubectl-daypass"), home,
		[]string{"HOME=" + home, "PATH=" + home + ":" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(home, "config")}}
	c := exec.Command("go", "build", "-o", l.client, "../kubectl-daypass")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return l
}

func (l laptop) run(program string, args ...string) (string, string, int) {
	l.Helper()
	c := exec.CommandContext(l.Context(), program, args...)
	var out, said bytes.Buffer
	c.Env, c.Stdout, c.Stderr = l.env, &out, &said
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		l.Fatal(err)
	}
	return out.String(), said.String(), c.ProcessState.ExitCode()
}

func (l laptop) must(program string, args ...string) string {
	l.Helper()
	out, said, code := l.run(program, args...)
	if code != 0 {
		l.Fatalf("%v ended with %d\n%s%s", args, code, out, said)
	}
	return out
}

// login has the client wait for the browser, and the browser let it in.
func (l laptop) login(server string, b *webtest.Browser) {
	l.Helper()
	c := exec.CommandContext(l.Context(), l.client, "login", "--server", server, "--no-browser")
	said := &terminal{more: make(chan struct{}, 1)}
	c.Env, c.Stdout, c.Stderr = l.env, said, said
	if err := c.Start(); err != nil {
		l.Fatal(err)
	}
	said.mustSay(l.T, "code_challenge_method=S256")
	said.mustSay(l.T, "\n")
	var link *url.URL
	for _, word := range strings.Fields(said.String()) {
		if u, err := url.Parse(word); err == nil && u.Path == "/client/authorize" {
			link = u
		}
	}
	if link == nil {
		l.Fatalf("no link in %q", said.String())
	}
	b.Get(link.RequestURI()).MustSay(l, 200, "act for you?")
	form := link.Query()
	form.Set("answer", "allow")
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	back := b.Post("/client/authorize", form).Header.Get("Location")
	b.Client.CheckRedirect = nil
	res, err := http.Get(back)
	if err != nil {
		l.Fatal(err)
	}
	res.Body.Close()
	if err := c.Wait(); err != nil {
		l.Fatalf("login: %v\n%s", err, said.String())
	}
}

// TestTheClientAtTheDemo is the road of somebody who works for hours, with the
// real client, the real server, and kubectl where there is one.
func TestTheClientAtTheDemo(t *testing.T) {
	w, _ := start(t)
	b := webtest.New(t, w.url)
	b.SignIn("staff", "staff-1").MustSay(t, 200)
	l := newLaptop(t)
	if _, said, code := l.run(l.client, "list", "--server", w.url); code != 3 || !strings.Contains(said, "login") {
		t.Errorf("not signed in ends with %d and %q", code, said)
	}
	l.login(w.url, b)
	if out := l.must(l.client, "list"); !strings.Contains(out, "payments-dev") {
		t.Errorf("list says\n%s", out)
	}
	var got struct {
		Lease   struct{ ID string }
		Context string
	}
	if err := json.Unmarshal([]byte(l.must(l.client, "get", "payments-dev", "--role", "viewer", "--for", "1h", "--use", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(l.home, "config"))
	if err != nil || bytes.Contains(config, []byte("k8s-aws-v1.")) || !bytes.Contains(config, []byte(got.Lease.ID)) {
		t.Errorf("the kubeconfig is (%v)\n%s", err, config)
	}
	token := func() string {
		var c struct {
			Status struct {
				Token               string
				ExpirationTimestamp time.Time
			}
		}
		if err := json.Unmarshal([]byte(l.must(l.client, "token", "--server", w.url, "--lease", got.Lease.ID)), &c); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(c.Status.Token, "k8s-aws-v1.") || time.Until(c.Status.ExpirationTimestamp) < 5*time.Minute {
			t.Errorf("the credential is good until %s", c.Status.ExpirationTimestamp)
		}
		return c.Status.Token
	}
	if first := token(); first != token() {
		t.Error("two calls got two tokens")
	}
	if _, err := exec.LookPath("kubectl"); err == nil {
		if out := l.must("kubectl", "get", "pods", "-A"); !strings.Contains(out, "NAMESPACE") {
			t.Errorf("kubectl says\n%s", out)
		}
	} else if os.Getenv("DAYPASS_E2E") == "require" {
		t.Error("kubectl is not installed, and DAYPASS_E2E demands it")
	}
	b.Get("/access").MustSay(t, 200, "kubectl daypass on ")
	l.must(l.client, "end", got.Lease.ID)
	if _, said, code := l.run(l.client, "token", "--server", w.url, "--lease", got.Lease.ID); code != 5 || strings.Count(strings.TrimSpace(said), "\n") != 0 {
		t.Errorf("a lease that is over ends with %d and %q", code, said)
	}
	l.must(l.client, "logout")
	if _, said, code := l.run(l.client, "list"); code != 3 {
		t.Errorf("signed out, list ends with %d and %q", code, said)
	}
}
