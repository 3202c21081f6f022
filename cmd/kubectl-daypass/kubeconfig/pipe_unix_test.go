//go:build unix

package kubeconfig

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soon fails a test whose deed waits for a pipe.
func soon(t *testing.T, deed func()) {
	t.Helper()
	done := make(chan bool)
	go func() { defer close(done); deed() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for somebody to write into the pipe")
	}
}

func TestNothingWaitsForAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	soon(t, func() {
		if _, err := Merge(pipe, entry()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("in place of the kubeconfig: %v", err)
		}
		e := entry()
		e.Beside = []string{pipe}
		path := filepath.Join(t.TempDir(), "config")
		if _, err := Merge(path, e); err != nil {
			t.Errorf("beside it: %v", err)
		}
		if _, err := slurp(pipe); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("where a file was a moment ago: %v", err)
		}
	})
	if _, err := os.Lstat(pipe); err != nil {
		t.Error(err)
	}
}
