package chain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// witness lets a failure of the harness be looked at instead of ending the test.
type witness struct {
	testing.TB
	fatal string
}

func (w *witness) Helper() {}

func (w *witness) Fatalf(format string, args ...any) {
	w.fatal = fmt.Sprintf(format, args...)
	panic(w)
}

func watch(t *testing.T, do func(testing.TB)) (fatal string) {
	w := &witness{TB: t}
	defer func() {
		if got := recover(); got != nil && got != any(w) {
			panic(got)
		}
		fatal = w.fatal
	}()
	do(w)
	return ""
}

// script puts a program into a parts folder of its own.
func script(t *testing.T, name, body string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DAYPASS_PARTS", dir)
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestProcess(t *testing.T) {
	never := func(context.Context) error { return errors.New("not yet") }

	t.Run("a part that ends before it is ready fails the test at once", func(t *testing.T) {
		script(t, "stillborn", "echo no luck today; exit 3\n")
		var p *process
		fatal := watch(t, func(w testing.TB) {
			p = launch(w, "stillborn", clean(t))
			p.await(w, never)
		})
		if !strings.Contains(fatal, "stillborn ended before it was ready: exit status 3") {
			t.Errorf("failed with %q", fatal)
		}
		if got := p.tail(); got != "no luck today" {
			t.Errorf("its log ends with %q", got)
		}
	})
	t.Run("a part that heeds only the second SIGTERM is stopped with it", func(t *testing.T) {
		script(t, "stubborn", "n=0; trap 'n=$((n+1)); echo term $n; [ $n -lt 2 ] || exit 0' TERM; echo up; while :; do sleep 0.05; done\n")
		p := launch(t, "stubborn", clean(t))
		p.deaf = time.Second
		p.await(t, says(p, "up"))
		p.stop()
		if p.err != nil {
			t.Errorf("ended with %v after:\n%s", p.err, p.tail())
		}
	})
	t.Run("a part gets nothing of the machine's AWS settings", func(t *testing.T) {
		t.Setenv("AWS_PROFILE", "somebody's own")
		t.Setenv("KUBECONFIG", "somebody's own")
		script(t, "prints-env", "env\n")
		if got := Run(t, nil, "prints-env"); strings.Contains(got.Stdout, "somebody") {
			t.Error(got.Stdout)
		}
	})
}

func says(p *process, words string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(p.tail(), words) {
			return fmt.Errorf("it has not said %q", words)
		}
		return nil
	}
}
