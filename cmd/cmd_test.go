package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/config"
)

// address finds a free loopback address, with a port below those that systems
// pick for outgoing connections: it is let go of before it is used.
func address(t *testing.T) string {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 22000+rand.IntN(8000)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

// written writes a configuration whose provider and AWS are both down.
func written(t *testing.T, listen, operations, more string) string {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_STS": "https://127.0.0.1:1", "AWS_ENDPOINT_URL_EKS": "https://127.0.0.1:1", "DAYPASS_TEST_SECRET": "hush-hush",
	} {
		t.Setenv(name, value)
	}
	path := filepath.Join(t.TempDir(), "daypass.yaml")
	text := fmt.Sprintf(`url: http://%s
listen: %[1]s
operations: %s
database: {sqlite: daypass.db}
signIn: {providers: [{name: staff, issuer: "http://127.0.0.1:1", clientID: daypass, clientSecret: {env: DAYPASS_TEST_SECRET}}]}
clusters: [{name: pay, arn: "arn:aws:eks:eu-west-1:111122223333:cluster/pay"}]
roles: [{name: viewer, arn: "arn:aws:iam::111122223333:role/v", description: Reads.}]
grants: [{name: g, who: [{group: "staff:eng"}], clusters: [{name: pay}], role: viewer, longest: 1h}]
%s`, listen, operations, more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommands(t *testing.T) {
	good := written(t, address(t), address(t), "")
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("url: http://127.0.0.1:1\nfrob: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		claim  string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"version prints one", []string{"version"}, exitOK, "daypass development", ""},
		{"no command prints help", nil, exitOK, "Hands out short-lived kubeconfigs", ""},
		{"check takes a good file", []string{"check", "-c", good}, exitOK, "is valid: 1 provider, 1 cluster, 1 role, 1 grant; 0 warnings.", ""},
		{"check names file and line", []string{"check", "--config", bad}, exitConfig, "", bad + ":2:"},
		{"serve refuses the same file", []string{"serve", "--config", bad}, exitConfig, "", "frob"},
		{"a file that is not there", []string{"check", "-c", "/nowhere/daypass.yaml"}, exitConfig, "", "/nowhere/daypass.yaml: the file does not exist; name your file of configuration with -c PATH"},
		{"serve with no file to be found", []string{"serve"}, exitConfig, "", "daypass.yaml: the file does not exist; name your file of configuration with -c PATH"},
		{"migrate makes the database", []string{"migrate", "-c", good}, exitOK, "The database went from version 0 to", ""},
		{"migrate again does nothing", []string{"migrate", "-c", good}, exitOK, "already", ""},
		{"an unknown flag", []string{"serve", "--frob"}, exitUsage, "", "unknown flag: --frob; see 'daypass serve --help'"},
		{"an unknown command", []string{"frob"}, exitUsage, "", `"frob" is not understood`},
		{"a stray word", []string{"check", "now"}, exitUsage, "", `"now" is not understood`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			code, out, errs := run(t, tt.args...)
			if code != tt.code || !strings.Contains(out, tt.stdout) || !strings.Contains(errs, tt.stderr) {
				t.Errorf("exit code %d\nstdout %s\nstderr %s", code, out, errs)
			}
			if strings.Contains(out+errs, "hush-hush") {
				t.Error("the secret is told")
			}
		})
	}
}

// output is a writer that can be waited on.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// started runs serve until it is ready; stop ends it and gives its exit code.
func started(t *testing.T, config, operations string) (stdout, stderr *output, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, stderr = &output{}, &output{}
	done := make(chan int, 1)
	go func() { done <- Run(ctx, []string{"serve", "-c", config}, stdout, stderr) }()
	stop = sync.OnceValue(func() int { cancel(); return <-done })
	t.Cleanup(func() { stop() })
	for deadline := time.Now().Add(30 * time.Second); ; {
		if code, _ := get(t, "http://"+operations+"/readyz"); code == http.StatusOK {
			return stdout, stderr, stop
		}
		select {
		case code := <-done:
			done <- code
			t.Fatalf("serve ended with %d\n%s", code, stderr)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("serve is not ready\n%s", stderr)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServeStartsAndStops(t *testing.T) {
	listen, operations := address(t), address(t)
	config := written(t, listen, operations, "")
	stdout, stderr, stop := started(t, config, operations)

	t.Run("with provider and AWS down it is ready all the same, and says what is amiss", func(t *testing.T) {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			code, body := get(t, "http://"+operations+"/readyz")
			if code != 200 {
				t.Fatalf("%d %s", code, body)
			}
			if strings.Contains(body, "sign-in provider staff could not be reached") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the note is missing: %s", body)
			}
		}
		if code, body := get(t, "http://"+listen+"/sign-in?stay=1"); code != 200 || !strings.Contains(body, "Continue with staff") {
			t.Errorf("the sign-in page answers %d %s", code, body)
		}
		if code, body := get(t, "http://"+listen+"/auth/staff"); code != 502 || !strings.Contains(body, "does not answer, so nobody can sign in with it right now.") {
			t.Errorf("signing in answers %d %s", code, body)
		}
	})
	t.Run("it is alive, and counts", func(t *testing.T) {
		if code, body := get(t, "http://"+operations+"/healthz"); code != 200 || body != "ok\n" {
			t.Errorf("%d %s", code, body)
		}
		_, body := get(t, "http://"+operations+"/metrics")
		for _, want := range []string{`daypass_events_total{kind="server.started"} 1`, "daypass_http_request_seconds_count", "go_goroutines"} {
			if !strings.Contains(body, want) {
				t.Errorf("metrics lack %s", want)
			}
		}
	})
	t.Run("health and metrics are not on the public listener", func(t *testing.T) {
		for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
			if code, _ := get(t, "http://"+listen+path); code != 404 {
				t.Errorf("%s answers %d", path, code)
			}
		}
	})
	t.Run("a second server on the same address says so and ends", func(t *testing.T) {
		if code, _, errs := run(t, "serve", "-c", config); code != exitFailed || !strings.Contains(errs, "choose another address in daypass.yaml") {
			t.Errorf("exit code %d\n%s", code, errs)
		}
	})
	t.Run("it stops cleanly, and all of it is on record", func(t *testing.T) {
		if code := stop(); code != exitOK {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		kinds := map[string]int{}
		for sc := bufio.NewScanner(strings.NewReader(stdout.String())); sc.Scan(); {
			var line struct {
				Event struct {
					Kind, Policy string
					Facts        map[string]string
				}
			}
			if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
				t.Fatalf("%v in %s", err, sc.Text())
			}
			kinds[line.Event.Kind]++
			if line.Event.Kind == "config.loaded" && (!strings.HasPrefix(line.Event.Policy, "sha256:") || !strings.HasPrefix(line.Event.Facts["file"], "sha256:")) {
				t.Errorf("no digests in %s", sc.Text())
			}
		}
		for _, want := range []string{"server.started", "config.loaded", "sign-in.failed", "server.stopped"} {
			if kinds[want] == 0 {
				t.Errorf("%s is not on record: %v", want, kinds)
			}
		}
	})
}

func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	asked, answer := make(chan struct{}, 8), make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		w.WriteHeader(http.StatusTeapot)
	}))
	defer provider.Close()
	listen, operations := address(t), address(t)
	config := written(t, listen, operations, "")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, bytes.ReplaceAll(text, []byte("http://127.0.0.1:1"), []byte(provider.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, stop := started(t, config, operations)
	<-asked // the server itself, warming up
	type reply struct {
		code int
		body string
	}
	slow := make(chan reply, 1)
	go func() {
		code, body := get(t, "http://"+listen+"/auth/staff")
		slow <- reply{code, body}
	}()
	waitFor(t, func() bool {
		_, body := get(t, "http://"+operations+"/metrics")
		return strings.Contains(body, "daypass_http_requests_under_way 1")
	})
	ended := make(chan int, 1)
	go func() { ended <- stop() }()
	waitFor(t, func() bool {
		code, body := get(t, "http://"+operations+"/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "stopping")
	})
	close(answer)
	if r := <-slow; r.code != http.StatusBadGateway || !strings.Contains(r.body, "staff") {
		t.Errorf("the request under way was answered %d %s", r.code, r.body)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func waitFor(t *testing.T, fact func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !fact(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited too long")
		}
	}
}

func TestReload(t *testing.T) {
	listen, operations := address(t), address(t)
	path := written(t, listen, operations, "")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	h, err := build(t.Context(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil)), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	change := func(old, new string) {
		t.Helper()
		if err := os.WriteFile(path, bytes.ReplaceAll(good, []byte(old), []byte(new)), 0o600); err != nil {
			t.Fatal(err)
		}
		h.look(t.Context())
	}
	events := func(k audit.Kind) []audit.Row {
		t.Helper()
		rows, err := h.store.Events(t.Context(), audit.Query{Kind: k})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	ready := func() (int, string) {
		w := httptest.NewRecorder()
		h.readyz(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code, w.Body.String()
	}
	first := h.snapshot.policy().Digest()

	h.look(t.Context())
	if n := len(events(audit.ConfigLoaded)); n != 0 {
		t.Errorf("a file that did not change was loaded %d times", n)
	}

	change("roles:", "frob: 1\nroles:")
	change("roles:", "frob: 1\nroles:")
	if rows := events(audit.ConfigRefused); len(rows) != 1 || !strings.Contains(rows[0].Event.Details.Text, "frob") || rows[0].Event.Policy != first {
		t.Errorf("on record: %+v", rows)
	}
	if h.snapshot.policy().Digest() != first {
		t.Error("a bad file took force")
	}
	if code, body := ready(); code != 200 || !strings.Contains(body, "has not been valid since") {
		t.Errorf("just after, readiness is %d %s", code, body)
	}
	h.snapshot.badFrom = time.Now().Add(-toleratesBad - time.Second)
	if code, body := ready(); code != 503 || !strings.Contains(body, "the configuration on disk has not been valid since") {
		t.Errorf("ten minutes later, readiness is %d %s", code, body)
	}

	change("group: \"staff:eng\"", "group: \"staff:ops\"")
	if h.snapshot.policy().Digest() == first {
		t.Error("a good file did not take force")
	}
	row := events(audit.ConfigLoaded)[0].Event
	if want := "staff:eng loses viewer on pay\nstaff:ops gains viewer on pay"; row.Details.Text != want || row.Facts["before"] != first || row.Policy != h.snapshot.policy().Digest() {
		t.Errorf("on record: %q, %v", row.Details.Text, row)
	}
	if code, body := ready(); code != 200 || strings.Contains(body, "valid since") {
		t.Errorf("mended, readiness is %d %s", code, body)
	}

	change("clientID: daypass", "clientID: another")
	if code, body := ready(); code != 200 || !strings.Contains(body, "changes of signIn wait for a restart") {
		t.Errorf("readiness is %d %s", code, body)
	}

	t.Setenv("DAYPASS_TEST_SECRET", "")
	change("longest: 1h", "longest: 2h")
	if n := len(events(audit.ConfigRefused)); n != 2 {
		t.Errorf("a secret that is missing is on record %d times", n-1)
	}
	t.Setenv("DAYPASS_TEST_SECRET", "here again")
	h.look(t.Context())
	if g := h.snapshot.policy().Grants(); g[0].Longest != 2*time.Hour {
		t.Error("once the secret is there, the file that waited for it did not take force")
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h.look(t.Context())
	h.look(t.Context())
	if n := len(events(audit.ConfigRefused)); n != 3 {
		t.Errorf("the loss of the file is on record %d times, with two refusals before", n-2)
	}
}
