package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

const starts = "POST /api/v1/leases"

// get runs get for payments-prod and viewer and gives its answer.
func (d *desk) get(args ...string) (g got, said string) {
	d.Helper()
	r := d.run(append([]string{"get", "payments-prod", "--role", "viewer", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(r.out), &g); err != nil || r.code != 0 {
		d.Fatalf("%v, %+v", err, r)
	}
	return g, r.err
}

// adopt runs get for a lease that there is.
func (d *desk) adopt(lease string, args ...string) (g got, said string) {
	d.Helper()
	r := d.run(append([]string{"get", "--lease", lease, "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(r.out), &g); err != nil || r.code != 0 {
		d.Fatalf("%v, %+v", err, r)
	}
	return g, r.err
}

func TestGetAgain(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second []string
		elapsed       time.Duration
		kept          bool
	}{
		{"keeps a lease that has nine tenths of what is asked for", []string{"--for", "4h"}, []string{"--for", "4h"}, 20 * time.Minute, true},
		{"starts another when less is left", []string{"--for", "4h"}, []string{"--for", "4h"}, 30 * time.Minute, false},
		{"goes by the server's length when none is asked for", nil, nil, 5 * time.Minute, true},
		{"starts another when less than the server's length is left", nil, nil, 10 * time.Minute, false},
		{"keeps a longer one", []string{"--for", "8h"}, []string{"--for", "1h"}, time.Hour, true},
		{"keeps it under a name of the person's own", []string{"--context", "mine"}, []string{"--context", "mine"}, 0, true},
		{"keeps it with the same namespace", []string{"-n", "shop"}, []string{"-n", "shop"}, 0, true},
		{"keeps it where no namespace is named", []string{"--context", "mine", "-n", "shop"}, []string{"--context", "mine"}, 0, true},
		{"starts another for another namespace", []string{"-n", "shop"}, []string{"-n", "till"}, 0, false},
		{"starts another for a context of another name", nil, []string{"--context", "mine"}, 0, false},
		{"leaves one under a name of the person's own alone", []string{"--context", "mine"}, nil, 0, false},
		{"starts another on demand", nil, []string{"--new"}, 0, false},
		{"starts another where a reason is given", nil, []string{"--reason", "a new day"}, 0, false},
		{"starts another for another role", nil, []string{"--role", "operator", "--context", "daypass-payments-prod-viewer"}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.login()
			first, _ := d.get(c.first...)
			d.server.Elapse(first.Lease.ID, c.elapsed)
			second, said := d.get(c.second...)
			if second.Kept != c.kept || (second.Lease.ID == first.Lease.ID) != c.kept || (d.server.Asked(starts) == 1) != c.kept {
				t.Errorf("kept: %v, %s and %s, %d were started: %s", second.Kept, first.Lease.ID, second.Lease.ID, d.server.Asked(starts), said)
			}
			took := !c.kept && second.Context == first.Context
			if tells := strings.Contains(said, first.Lease.ID+" (viewer on payments-prod), goes on until "); tells != took || (second.Before != nil) != took {
				t.Errorf("the one before: %+v, %q", second.Before, said)
			}
			if b, err := os.ReadFile(second.Kubeconfig); err != nil || !strings.Contains(string(b), second.Lease.ID) {
				t.Errorf("%v:\n%s", err, b)
			}
			if out := d.must("list", "leases"); !strings.Contains(out, first.Lease.ID+"   payments-prod   viewer     active") && !strings.Contains(out, first.Lease.ID+"   payments-prod   viewer   active") {
				t.Errorf("the first was ended:\n%s", out)
			}
		})
	}
	t.Run("says what it kept, refreshes the context and makes it the current one on demand", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		file := filepath.Join(d.home, ".kube", "config")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), "interactiveMode: Never", "interactiveMode: Always", 1)
		text = strings.Replace(text, "current-context: daypass-payments-prod-viewer", "current-context: other", 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := d.must("get", "payments-prod", "--for", "4h", "--role", "viewer", "--use")
		if !strings.HasPrefix(out, "You have viewer on payments-prod already, until ") || !strings.Contains(out, " as the context daypass-payments-prod-viewer. --new starts another.") {
			t.Error(out)
		}
		b, err = os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), "interactiveMode: Never") || !strings.Contains(string(b), id) || !strings.Contains(string(b), "current-context: daypass-payments-prod-viewer") {
			t.Errorf("%v:\n%s", err, b)
		}
	})
	t.Run("leaves the namespace as the person has it, unless they name one", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		g, _ := d.get("-n", "shop")
		text := strings.Replace(d.read(g.Kubeconfig), "namespace: shop", "namespace: till", 1)
		if err := os.WriteFile(g.Kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if again, _ := d.get(); !again.Kept || d.read(g.Kubeconfig) != text {
			t.Errorf("%+v:\n%s", again, d.read(g.Kubeconfig))
		}
		if again, _ := d.get("-n", "shop"); !again.Kept || !strings.Contains(d.read(g.Kubeconfig), "namespace: shop") {
			t.Errorf("%+v:\n%s", again, d.read(g.Kubeconfig))
		}
	})
	t.Run("starts another when the first is over or cannot be learnt of", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		first, _ := d.get()
		d.server.Over(first.Lease.ID)
		second, said := d.get()
		if second.Kept || second.Before != nil || strings.Contains(said, first.Lease.ID) {
			t.Errorf("%+v, %s", second, said)
		}
		for n, path := range []string{"GET /api/v1/leases", "POST /api/v1/decisions", "POST /api/v1/leases/" + second.Lease.ID + "/entry"} {
			other := filepath.Join(d.home, "other")
			var status atomic.Int64
			status.Store(404)
			d.must("get", "--lease", second.Lease.ID, "--kubeconfig", other)
			d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method+" "+r.URL.Path == path {
					apitest.Problem(w, int(status.Load()), "no-page", "There is no such thing.", "")
					return true
				}
				return false
			})
			if third, _ := d.get(); third.Kept || d.server.Asked(starts) != 3+n {
				t.Errorf("%s is unknown: %+v", path, third)
			}
			status.Store(503)
			d.refused(d.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", other), exitUnreachable, "There is no such thing.")
			if d.server.Asked(starts) != 3+n {
				t.Errorf("%s does not answer, and a lease was started", path)
			}
			d.server.Instead(nil)
			d.must("get", "--lease", second.Lease.ID)
		}
	})
	t.Run("goes by half of a lease's length where the server tells none", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		first, _ := d.get("--for", "4h")
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/decisions" {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(api.Decision{Answer: "allowed"})
			return true
		})
		d.server.Elapse(first.Lease.ID, 110*time.Minute)
		if again, _ := d.get(); !again.Kept {
			t.Error("more than half is left, and another was started")
		}
		if again, _ := d.get("--for", "2h"); !again.Kept {
			t.Error("two hours and more are left, and another was started")
		}
		if again, _ := d.get("--for", "4h"); again.Kept {
			t.Error("two hours were taken for four")
		}
		d.must("get", "--lease", first.Lease.ID)
		d.server.Elapse(first.Lease.ID, 15*time.Minute)
		if again, _ := d.get(); again.Kept {
			t.Error("less than half is left, and it was kept")
		}
	})
	t.Run("leaves the lease of a broken glass to those who break it", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		d.server.Glass("viewer")
		broken, _ := d.get("--break-glass", "--yes", "--reason", "fire")
		plain, said := d.get()
		if plain.Kept || !strings.Contains(said, "To end it: kubectl daypass end "+broken.Lease.ID+"\n") {
			t.Errorf("%+v, %s", plain, said)
		}
		if again, _ := d.get("--break-glass", "--yes", "--reason", "fire"); again.Kept {
			t.Error("the glass was not broken again")
		}
	})
	t.Run("tells of the lease before also where one from elsewhere takes its place", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		first, _ := d.get("--kubeconfig", filepath.Join(d.home, "other"))
		second, _ := d.get()
		third, said := d.adopt(first.Lease.ID, "--server", d.server.URL)
		if third.Kept || third.Before == nil || third.Before.ID != second.Lease.ID || !strings.Contains(said, "kubectl daypass end "+second.Lease.ID+" --server "+d.server.URL) {
			t.Errorf("%+v, %s", third, said)
		}
		if again, said := d.adopt(first.Lease.ID); again.Before != nil || said != "" {
			t.Errorf("%+v, %s", again, said)
		}
		d.refused(d.run("get", "--lease", first.Lease.ID, "--new"), exitUsage, "--new is for a new lease")
	})
}
