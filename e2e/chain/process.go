package chain

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 2 * time.Minute  // shared machines are slow at their worst
	stopWithin  = 10 * time.Second // then it is killed
	tailBytes   = 4 << 10
)

// process is one running program. It is only ever signalled by its
// own process ID.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	gone chan struct{}
	err  error // how it ended; read only after gone is closed

	deaf time.Duration // after this long a first SIGTERM was not heard
}

// launch starts a third-party program with exactly the environment given and
// ends it, with as many SIGTERMs as needed, when the test does. Its output goes
// to a file among the test's artifacts and, when the test fails, its end to the
// test log.
func launch(t testing.TB, name string, env []string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.ArtifactDir(), name+"-*.log")
	if err != nil {
		t.Fatalf("open a log for %s: %v", name, err)
	}
	defer log.Close()
	p := start(t, name, output{log, log}, Path(t, name), env, args...)
	t.Cleanup(func() { p.explain(t); p.stop() })
	return p
}

// output is where a program's words go.
type output struct{ stdout, stderr *os.File }

// start starts a program with exactly the environment given. The caller sees
// to its end.
func start(t testing.TB, name string, out output, path string, env []string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out.stdout, out.stderr
	cmd.SysProcAttr = tied()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	p := &process{name: name, cmd: cmd, log: out.stderr.Name(), gone: make(chan struct{}), deaf: stopWithin}
	go p.reap()
	return p
}

func (p *process) reap() {
	p.err = p.cmd.Wait()
	close(p.gone)
}

// stop asks twice because the authenticator does not heed the first SIGTERM,
// and kills what heeds neither.
func (p *process) stop() {
	if p.heeds(syscall.SIGTERM, p.deaf) || p.heeds(syscall.SIGTERM, stopWithin) {
		return
	}
	_ = p.cmd.Process.Kill() // fails only if it has ended
	<-p.gone
}

// heeds says whether the process has ended in time after a signal.
func (p *process) heeds(signal os.Signal, within time.Duration) bool {
	_ = p.cmd.Process.Signal(signal) // fails only if it has ended
	return p.endsWithin(within)
}

func (p *process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.gone:
		return true
	case <-timer.C:
		return false
	}
}

func (p *process) explain(t testing.TB) {
	if t.Failed() {
		t.Logf("the end of %s's log:\n%s", p.name, p.tail())
	}
}

func (p *process) tail() string {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if len(log) > tailBytes {
		log = log[len(log)-tailBytes:]
	}
	return strings.TrimSpace(string(log))
}

// await asks probe until it agrees; it gives up when the program ends, when
// the test does, or after startWithin.
func (p *process) await(t testing.TB, probe func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for err := probe(ctx); err != nil; err = probe(ctx) {
		select {
		case <-again.C:
		case <-p.gone:
			t.Fatalf("%s ended before it was ready: %v", p.name, p.err)
		case <-ctx.Done():
			t.Fatalf("%s was not ready in %v: %v", p.name, startWithin, err)
		}
	}
}

// answers is a probe: a GET of the URL must be answered with 200.
func answers(client *http.Client, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
			return fmt.Errorf("GET %s: %s: %s", url, resp.Status, body)
		}
		return nil
	}
}
