package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// loggingIn is a login that waits for somebody to follow its link.
type loggingIn struct {
	*desk
	command *exec.Cmd
	said    *bufio.Reader
	link    string
	out     strings.Builder
}

func (d *desk) begin() *loggingIn {
	d.Helper()
	w := &loggingIn{desk: d, command: d.command("login", "--no-browser", d.server.URL)}
	w.command.Stdout = &w.out
	pipe, err := w.command.StderrPipe()
	if err == nil {
		err = w.command.Start()
	}
	w.said = bufio.NewReader(pipe)
	for err == nil && !strings.HasPrefix(w.link, "http") {
		w.link, err = w.said.ReadString('\n')
	}
	if err != nil {
		d.Fatal(err)
	}
	return w
}

// finish follows the link.
func (w *loggingIn) finish() {
	w.Helper()
	w.open(strings.NewReader(w.link))
	rest, _ := io.ReadAll(w.said) // Wait tells how it ended
	if err := w.command.Wait(); err != nil || !strings.Contains(w.out.String(), "Signed in to ") {
		w.Fatalf("%v: %s%s", err, w.out.String(), rest)
	}
}

// keys are those of logins under way.
func (d *desk) keys() []string {
	all, _ := filepath.Glob(filepath.Join(d.files(), "key.pem.next*"))
	return all
}

func TestTwoLoginsAtOnce(t *testing.T) {
	t.Run("both go well, and the last to end counts", func(t *testing.T) {
		d := newDesk(t)
		first, second := d.begin(), d.begin()
		first.finish()
		d.must("list")
		second.finish()
		d.must("list")
		if n := d.server.Sessions(); n != 1 || d.server.Replaced() != 1 {
			t.Errorf("%d sessions, %d replaced", n, d.server.Replaced())
		}
		if left := d.keys(); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("the second goes well when the first is given up", func(t *testing.T) {
		d := newDesk(t)
		first, second := d.begin(), d.begin()
		if err := first.command.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := first.command.Wait(); err == nil {
			t.Error("the first went well")
		}
		second.finish()
		d.must("list")
	})
	t.Run("take each other's keys for no leftovers, but those of an hour ago", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		for name, age := range map[string]time.Duration{"": 2 * time.Hour, "-A": 61 * time.Minute, "-A.new-B": 2 * time.Hour, "-B": 59 * time.Minute} {
			path := filepath.Join(d.files(), "key.pem.next"+name)
			at := time.Now().Add(-age)
			if err := os.WriteFile(path, []byte("a key"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
		d.login()
		if diff := cmp.Diff([]string{filepath.Join(d.files(), "key.pem.next-B")}, d.keys()); diff != "" {
			t.Error(diff)
		}
		d.must("list")
	})
}
