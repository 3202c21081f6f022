package chain

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Program is a program of ours, run among the others and in a clean
// environment. What it says is kept apart: Stdout and Stderr are files, which
// grow over all its runs.
type Program struct {
	Path           string
	Args           []string
	Env            []string // added to the clean one
	Ready          string   // a URL that answers 200 once it is up
	Stdout, Stderr string

	running *process
}

// Start runs the program and waits until it is ready. It ends with the test at
// the latest.
func (p *Program) Start(t testing.TB) {
	t.Helper()
	name := filepath.Base(p.Path)
	stdout, stderr := appending(t, p.Stdout), appending(t, p.Stderr)
	defer stdout.Close()
	defer stderr.Close()
	if p.running == nil { // once, though it may be started often
		t.Cleanup(func() { p.running.explain(t); p.running.stop() })
	}
	p.running = start(t, name, output{stdout, stderr}, p.Path, clean(t, p.Env...), p.Args...)
	// A connection kept alive would be one to a run that is gone.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	p.running.await(t, answers(client, p.Ready))
}

// Stop asks the program to end and waits until it has.
func (p *Program) Stop() { p.running.stop() }

// Kill ends the program as a power cut would and waits until it is gone.
func (p *Program) Kill(t testing.TB) {
	t.Helper()
	if err := p.running.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: it was gone already: %v\n%s", p.running.name, err, p.running.tail())
	}
	<-p.running.gone
}

func appending(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
