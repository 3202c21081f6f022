package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// hang has the server say nothing to such questions, and tells when it was
// asked one. It answers nobody before the test lets it go on.
func (d *desk) hang(question string) (asked <-chan struct{}, goOn func()) {
	heard, free := make(chan struct{}, 10), make(chan struct{})
	d.server.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method+" "+r.URL.Path == question {
			_, _ = io.Copy(io.Discard, r.Body) // only then it is noticed when the other side leaves
			heard <- struct{}{}
			select {
			case <-free:
			case <-r.Context().Done():
			}
		}
		return false
	})
	return heard, func() { close(free) }
}

// interrupted runs a command, presses Ctrl-C once the server was asked, and
// gives how it ended.
func (d *desk) interrupted(asked <-chan struct{}, args ...string) ran {
	d.Helper()
	c := d.command(args...)
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		d.Fatal(err)
	}
	<-asked
	if err := c.Process.Signal(os.Interrupt); err != nil {
		d.Fatal(err)
	}
	_ = c.Wait() // the exit code tells
	return ran{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

func TestCtrlC(t *testing.T) {
	const stopped = "Stopped before HOST answered"
	const see = " all the same; see: kubectl daypass list leases\n"
	for _, c := range []struct {
		name, hangs string
		args        []string
		say         string
	}{
		{"while clusters are listed", "GET /api/v1/clusters", []string{"list"}, stopped + "\n"},
		{"while a lease begins", starts, []string{"get", "payments-prod", "--role", "viewer", "--new"}, stopped + ". The lease may have begun" + see},
		{"while it is learnt what is there", "POST /api/v1/leases/%s/entry", []string{"get", "--lease", "%s"}, stopped + "\n"},
		{"while a lease is ended", "POST /api/v1/leases/%s/end", []string{"end", "%s"}, stopped + ". What was to end may be over" + see},
		{"while all are", "POST /api/v1/leases/end", []string{"end", "--all"}, stopped + ". What was to end may be over" + see},
		{"while contexts are looked through", "GET /api/v1/leases", []string{"prune"}, "Stopped. Nothing was taken out of %s.\n"},
		{"while it is looked whether there is a lease", "GET /api/v1/leases", []string{"get", "payments-prod", "--role", "viewer"}, "Stopped. No lease was started.\n"},
	} {
		t.Run(c.name+" is one clear line", func(t *testing.T) {
			d := newDesk(t)
			d.login()
			g, _ := d.get("--kubeconfig", filepath.Join(d.home, "first"))
			d.env = append(d.env, "KUBECONFIG="+filepath.Join(d.home, "first"))
			for i := range c.args {
				c.args[i] = strings.Replace(c.args[i], "%s", g.Lease.ID, 1)
			}
			asked, _ := d.hang(strings.Replace(c.hangs, "%s", g.Lease.ID, 1))
			before := d.read(g.Kubeconfig)
			r := d.interrupted(asked, c.args...)
			host := strings.TrimPrefix(d.server.URL, "http://")
			d.refused(r, exitFailed, "kubectl-daypass: "+strings.NewReplacer("HOST", host, "%s", g.Kubeconfig).Replace(c.say))
			if d.read(g.Kubeconfig) != before {
				t.Error(d.read(g.Kubeconfig))
			}
		})
	}
	t.Run("at the question about the glass breaks none", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		d.server.Glass("admin")
		c := d.command("get", "payments-prod", "--break-glass", "--reason", "fire")
		said, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		c.Stdin = r
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(said)
		if asks, err := lines.ReadString(':'); err != nil || !strings.Contains(asks, "Break glass") {
			t.Fatal(asks, err)
		}
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(lines)
		_ = c.Wait()
		if c.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(rest), "Nothing was done.") || d.server.Asked(starts) != 0 {
			t.Errorf("%d, %q", c.ProcessState.ExitCode(), rest)
		}
	})
}

// terminals are a terminal's two ends: what a program writes to one comes out
// at the other.
func terminals(t *testing.T) (program, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var n, unlocked uint32
	for _, c := range []struct {
		request uintptr
		value   *uint32
	}{{syscall.TIOCSPTLCK, &unlocked}, {syscall.TIOCGPTN, &n}} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), c.request, uintptr(unsafe.Pointer(c.value))); e != 0 {
			t.Fatal(e)
		}
	}
	program, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return program, person
}

func TestWaiting(t *testing.T) {
	d := newDesk(t)
	d.login()
	asked, goOn := d.hang("GET /api/v1/clusters")
	program, person := terminals(t)
	defer person.Close()
	seen, quiet := d.command("list"), d.command("list")
	var out, errs strings.Builder
	seen.Stderr, quiet.Stdout, quiet.Stderr = program, &out, &errs
	for _, c := range []*exec.Cmd{seen, quiet} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		<-asked
	}
	program.Close()
	said := bufio.NewReader(person)
	line, err := said.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "Waiting for "+d.server.URL+" ..." {
		t.Errorf("%v, %q", err, line)
	}
	goOn()
	if err := seen.Wait(); err != nil {
		t.Error(err)
	}
	if more, _ := said.ReadString('\n'); more != "" { // the other end is closed
		t.Errorf("more was said: %q", more)
	}
	if err := quiet.Wait(); err != nil || errs.String() != "" || out.String() == "" {
		t.Errorf("%v: %q where nobody reads along", err, errs.String())
	}
}
