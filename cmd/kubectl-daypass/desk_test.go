package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/api/apitest"
)

// built is the program as people have it.
var built string

func TestMain(m *testing.M) {
	if os.Getenv("DAYPASS_TEST_ITSELF") != "" {
		main() // by which go test knows to run again when the program changed
	}
	dir, err := os.MkdirTemp("", "daypass-client-")
	if err != nil {
		panic(err)
	}
	built = filepath.Join(dir, "kubectl-daypass")
	c := exec.Command("go", "build", "-o", built, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	if err := os.Chmod(dir, 0o755); err != nil { // also for tests that run it as nobody
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// desk is a person's machine, with a server that is up.
type desk struct {
	*testing.T
	server *apitest.Server
	home   string
	env    []string
	stdin  string
	out    io.Writer // instead of what ran gives; nil: that
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s := apitest.New()
	t.Cleanup(s.Close)
	home := t.TempDir()
	return &desk{T: t, server: s, home: home, env: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}}
}

// ran is how a run of the program ended.
type ran struct {
	out, err string
	code     int
}

func (d *desk) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(d.Context(), built, args...)
	c.Env = d.env
	c.Stdin = strings.NewReader(d.stdin)
	return c
}

func (d *desk) run(args ...string) ran {
	d.Helper()
	return d.finish(d.command(args...))
}

func (d *desk) finish(c *exec.Cmd) ran {
	d.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if d.out != nil {
		c.Stdout = d.out
	}
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.Fatal(err)
	}
	return ran{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// must runs what has to go well.
func (d *desk) must(args ...string) string {
	d.Helper()
	r := d.run(args...)
	if r.code != 0 {
		d.Fatalf("%v: exit code %d: %s", args, r.code, r.err)
	}
	return r.out
}

// login signs in by the browser.
func (d *desk) login() {
	d.Helper()
	if r := d.visit(); r.code != 0 || !strings.Contains(r.out, "as ann@example.com") {
		d.Fatalf("login: %+v", r)
	}
}

// visit is a login whose link somebody reads and follows.
func (d *desk) visit() ran {
	d.Helper()
	c := d.command("login", "--no-browser", d.server.URL)
	var out, said bytes.Buffer
	c.Stdout = &out
	pipe, err := c.StderrPipe()
	if err != nil {
		d.Fatal(err)
	}
	if err := c.Start(); err != nil {
		d.Fatal(err)
	}
	errs := io.TeeReader(pipe, &said)
	d.open(errs)
	_, _ = io.Copy(io.Discard, errs) // Wait tells how it ended
	_ = c.Wait()
	return ran{out.String(), said.String(), c.ProcessState.ExitCode()}
}

// open is a browser that finds the link in what is said.
func (d *desk) open(said io.Reader) {
	d.Helper()
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "http") {
			continue
		}
		res, err := http.Get(lines.Text())
		if err != nil {
			d.Fatal(err)
		}
		page, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 200 || !strings.Contains(string(page), "close this page") {
			d.Fatalf("the browser sees %d: %s", res.StatusCode, page)
		}
		return
	}
	d.Fatal("no link was printed")
}

// lease signs in and starts one.
func (d *desk) lease() string {
	d.Helper()
	d.login()
	out := d.must("get", "payments-prod", "--role", "viewer", "--for", "4h", "-o", "json")
	var g got
	if err := json.Unmarshal([]byte(out), &g); err != nil {
		d.Fatalf("%v: %s", err, out)
	}
	return g.Lease.ID
}

func (d *desk) token(lease string) ran {
	d.Helper()
	return d.run("token", "--server", d.server.URL, "--lease", lease)
}

// credential reads what kubectl would.
func (d *desk) credential(r ran) execCredential {
	d.Helper()
	var c execCredential
	dec := json.NewDecoder(strings.NewReader(r.out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil || r.code != 0 || c.Kind != "ExecCredential" || c.Status.Token == "" {
		d.Fatalf("exit code %d, %v: %s%s", r.code, err, r.out, r.err)
	}
	return c
}

// refused holds a run to one line, an exit code and words.
func (d *desk) refused(r ran, code int, words ...string) {
	d.Helper()
	if r.code != code || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "kubectl-daypass: ") {
		d.Errorf("exit code %d, want %d and one line: %q%q", r.code, code, r.out, r.err)
	}
	for _, w := range words {
		if !strings.Contains(r.err, w) {
			d.Errorf("%q does not say %q", r.err, w)
		}
	}
}

func (d *desk) files() string {
	return filepath.Join(d.home, ".config", "daypass", "servers", strings.NewReplacer("http://", "", ":", "_").Replace(d.server.URL))
}

func (d *desk) cached(lease string) string {
	return filepath.Join(d.home, ".cache", "daypass", "servers", filepath.Base(d.files()), lease+".json")
}

// change rewrites what is kept of a lease.
func (d *desk) change(lease string, f func(*kept)) {
	d.Helper()
	var k kept
	b, err := os.ReadFile(d.cached(lease))
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	if err != nil {
		d.Fatal(err)
	}
	f(&k)
	if b, err = json.Marshal(k); err == nil {
		err = os.WriteFile(d.cached(lease), b, 0o600)
	}
	if err != nil {
		d.Fatal(err)
	}
}

// age makes what is kept of a lease as old as if so long had passed.
func (d *desk) age(lease string, by time.Duration) {
	d.Helper()
	d.server.Age(lease, by)
	d.change(lease, func(k *kept) {
		k.At, k.Until, k.NextAt = k.At.Add(-by), k.Until.Add(-by), k.NextAt.Add(-by)
		if k.Refusal != nil {
			k.Refusal.Until = k.Refusal.Until.Add(-by)
		}
	})
}

func asks(lease string) string { return "POST /api/v1/leases/" + lease + "/token" }
