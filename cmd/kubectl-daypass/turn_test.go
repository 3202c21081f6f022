package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// delay has the server answer such questions only when the test lets it.
func (d *desk) delay(question string) (asked <-chan struct{}, goOn func()) {
	heard, free := make(chan struct{}, 10), make(chan struct{})
	d.server.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method+" "+r.URL.Path == question {
			heard <- struct{}{}
			<-free
		}
		return false
	})
	return heard, func() { close(free) }
}

func TestSeveralGetsAtOnce(t *testing.T) {
	t.Run("start one lease, which all of them have", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		asked, goOn := d.delay(starts)
		var all []*exec.Cmd
		var outs [3]strings.Builder
		for i := range outs {
			c := d.command("get", "payments-prod", "--role", "viewer", "-o", "json")
			c.Stdout = &outs[i]
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		<-asked
		for d.server.Asked("POST /api/v1/decisions") < len(all) { // all have looked what they may
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond) // for whoever would not wait
		goOn()
		ids, kept := map[string]bool{}, 0
		for i, c := range all {
			var g got
			if err := c.Wait(); err != nil || json.Unmarshal([]byte(outs[i].String()), &g) != nil {
				t.Fatal(err, outs[i].String())
			}
			if ids[g.Lease.ID] = true; g.Kept {
				kept++
			}
		}
		if len(ids) != 1 || kept != 2 || d.server.Asked(starts) != 1 {
			t.Errorf("%v, %d kept, %d asked for", ids, kept, d.server.Asked(starts))
		}
	})
	t.Run("are told of each other's where each wants its own", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		asked, goOn := d.delay(starts)
		first, second := d.command("get", "payments-prod", "--role", "viewer", "--new"), d.command("get", "payments-prod", "--role", "viewer", "--new")
		var errs strings.Builder
		second.Stderr = &errs
		for _, c := range []*exec.Cmd{first, second} {
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if c == first {
				<-asked
			}
		}
		for d.server.Asked("POST /api/v1/decisions") < 2 {
			time.Sleep(5 * time.Millisecond)
		}
		goOn()
		if err := first.Wait(); err != nil {
			t.Error(err)
		}
		if err := second.Wait(); err != nil || strings.Count(errs.String(), "The lease that the context had before, ") != 1 {
			t.Errorf("%v: %s", err, errs.String())
		}
	})
	t.Run("wait a while, and not for another context or file", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		h, _, _ := d.hasty()
		file := filepath.Join(d.home, "kube")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(file, file+"-too"); err != nil {
			t.Fatal(err)
		}
		release, err := h.turn(t.Context(), wish{file: file}, "mine", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []wish{{file: file}, {file: file + "-too"}} {
			if _, err := h.turn(t.Context(), other, "mine", 20*time.Millisecond); exitOf(err) != exitFailed || !strings.Contains(err.Error(), "at mine for 20ms. Nothing was changed; try again when it is done.") {
				t.Errorf("%s: %v", other.file, err)
			}
		}
		for name, other := range map[string]wish{"theirs": {file: file}, "mine": {file: file + "-2"}} {
			free, err := h.turn(t.Context(), other, name, 0)
			if err != nil {
				t.Fatal(err)
			}
			free()
		}
		release()
		if release, err = h.turn(t.Context(), wish{file: file}, "mine", 0); err != nil {
			t.Fatal(err)
		}
		release()
	})
}
