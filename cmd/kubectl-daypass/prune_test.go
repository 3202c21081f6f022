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

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/api/apitest"
)

func (d *desk) prune(args ...string) (p pruning, said string) {
	d.Helper()
	r := d.run(append([]string{"prune", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(r.out), &p); err != nil || r.code != 0 {
		d.Fatalf("%v, %+v", err, r)
	}
	return p, r.err
}

// states are the contexts by what became of them.
func (p pruning) states() map[string]string {
	all := map[string]string{}
	for _, s := range p.Contexts {
		all[s.Context] = s.State
		if s.Pruned {
			all[s.Context] += ", pruned"
		}
		if s.WouldGo {
			all[s.Context] += ", would go"
		}
	}
	return all
}

// config is a kubeconfig with comments and an entry of somebody else's.
func (d *desk) config() string {
	d.Helper()
	file := filepath.Join(d.home, "kube")
	if err := os.WriteFile(file, []byte("# mine\ncurrent-context: other # as ever\n"+before), 0o600); err != nil {
		d.Fatal(err)
	}
	return file
}

func (d *desk) signedIn() *desk {
	d.Helper()
	d.login()
	return d
}

func (d *desk) read(file string) string {
	d.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		d.Fatal(err)
	}
	return string(b)
}

func TestPrune(t *testing.T) {
	t.Run("takes out what is over or unknown, and nothing else", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		file := d.config()
		d.get("--kubeconfig", file, "--context", "lives")
		golden := d.read(file)
		ended, _ := d.get("--kubeconfig", file, "--context", "ended", "--new")
		unknown, _ := d.get("--kubeconfig", file, "--context", "unknown", "--new")
		d.server.Over(ended.Lease.ID)
		text := strings.Replace(d.read(file), unknown.Lease.ID, "ls_gone", 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"lives": "active", "ended": "ended, pruned", "unknown": "unknown, pruned"}
		dry, _ := d.prune("--kubeconfig", file, "--dry-run")
		would := map[string]string{"lives": "active", "ended": "ended, would go", "unknown": "unknown, would go"}
		if diff := cmp.Diff(would, dry.states()); diff != "" || !dry.DryRun || d.read(file) != text {
			t.Errorf("%s\n%s", diff, d.read(file))
		}
		out := d.must("prune", "--kubeconfig", file, "--dry-run")
		if !strings.Contains(out, "Would take ended out: its lease "+ended.Lease.ID+" ended 20") || !strings.Contains(out, "Would take unknown out: you have no lease ls_gone.\n"+file+" is as it was.\n") {
			t.Error(out)
		}
		p, said := d.prune("--kubeconfig", file)
		if diff := cmp.Diff(want, p.states()); diff != "" || said != "" {
			t.Error(diff, said)
		}
		if diff := cmp.Diff(golden, d.read(file)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(text, d.read(p.Backup)); diff != "" {
			t.Error(diff)
		}
		if d.server.Asked("GET /api/v1/leases/"+ended.Lease.ID) != 0 {
			t.Error("what was listed was asked for again")
		}
		if out := d.must("prune", "--kubeconfig", file); out != "Nothing was taken out of "+file+".\n" {
			t.Error(out)
		}
	})
	t.Run("tells when the current context went, which kubectl copes with", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease() // in a file of its own, whose current context it becomes
		d.must("end", id)
		file := filepath.Join(d.home, ".kube", "config")
		out := d.must("prune")
		if !strings.Contains(out, "Took daypass-payments-prod-viewer out: its lease "+id+" ended 20") || !strings.Contains(out, " daypass-payments-prod-viewer was the current context, and now there is none.\n") {
			t.Error(out)
		}
		if !strings.Contains(d.read(file), "current-context: \"\"\n") {
			t.Error(d.read(file))
		}
		if out := d.must("prune", "-o", "name"); out != "" {
			t.Error(out)
		}
		if out := d.must("prune"); out != "No context in "+file+" is of Daypass.\n" {
			t.Error(out)
		}
		if out := d.must("prune", "--server", "https://daypass.example.com"); out != "No context in "+file+" is of https://daypass.example.com.\n" {
			t.Error(out)
		}
		d.reads(file)
		mine := d.config()
		g, _ := d.get("--kubeconfig", mine, "--use")
		d.server.Over(g.Lease.ID)
		if out := d.must("prune", "--kubeconfig", mine); !strings.Contains(out, "and now there is none; choose one: kubectl config use-context NAME\n") {
			t.Error(out)
		}
	})
	t.Run("keeps what cannot be asked about, and says why", func(t *testing.T) {
		d, other := newDesk(t), newDesk(t)
		other.home, other.env = d.home, d.env
		file := d.config()
		other.login()
		theirs, _ := other.get("--kubeconfig", file, "--context", "theirs")
		other.server.Over(theirs.Lease.ID)
		d.login()
		mine, _ := d.get("--kubeconfig", file, "--context", "mine", "--server", d.server.URL)
		d.server.Over(mine.Lease.ID)
		before := d.read(file)
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			apitest.Problem(w, 503, "internal", "Not now.", "")
			return true
		})
		d.must("logout", "--server", other.server.URL)
		p, said := d.prune("--kubeconfig", file)
		if diff := cmp.Diff(map[string]string{"theirs": "unasked", "mine": "unasked"}, p.states()); diff != "" || d.read(file) != before {
			t.Errorf("%s\n%s", diff, d.read(file))
		}
		for _, want := range []string{
			"Kept theirs, since " + other.server.URL + " cannot be asked: You are not signed in. Run: kubectl daypass login " + other.server.URL + "\n",
			"Kept mine, since " + d.server.URL + " cannot be asked: Not now.",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("%q does not say %q", said, want)
			}
		}
		d.server.Instead(nil)
		if p, said := d.prune("--kubeconfig", file, "--server", d.server.URL); len(p.Contexts) != 1 || said != "" || !p.Contexts[0].Pruned || strings.Contains(d.read(file), "mine\n  user:") {
			t.Errorf("%+v, %s", p, said)
		}
	})
	t.Run("leaves what another file of $KUBECONFIG needs", func(t *testing.T) {
		d := newDesk(t)
		first, _ := d.signedIn().get()
		d.server.Over(first.Lease.ID)
		other := filepath.Join(d.home, "other")
		text := "contexts:\n- name: mine\n  context: {cluster: " + first.Context + ", user: " + first.Context + "}\n"
		if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d.env = append(d.env, "KUBECONFIG="+first.Kubeconfig+string(filepath.ListSeparator)+other)
		if p, _ := d.prune(); !p.Contexts[0].Pruned || strings.Count(d.read(first.Kubeconfig), "name: "+first.Context+"\n") != 2 || d.read(other) != text {
			t.Errorf("%+v:\n%s", p, d.read(first.Kubeconfig))
		}
	})
	t.Run("asks for one that is not listed by its name", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		long, _ := d.get()
		d.server.Elapse(long.Lease.ID, 2*time.Hour)
		d.server.Over(long.Lease.ID)
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/api/v1/leases" {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"leases":[]}`))
			}
			return r.URL.Path == "/api/v1/leases"
		})
		if p, _ := d.prune("--dry-run"); p.Contexts[0].State != "ended" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("asks nobody about what is no lease's name", func(t *testing.T) {
		d := newDesk(t)
		first, _ := d.signedIn().get()
		text := strings.Replace(d.read(first.Kubeconfig), first.Lease.ID, "ls_x/../../me", 1)
		if err := os.WriteFile(first.Kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := d.server.Asked("")
		if p, _ := d.prune(); p.Contexts[0].State != "unknown" || !p.Contexts[0].Pruned || d.server.Asked("") != before+1 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("says how to be able to ask again", func(t *testing.T) {
		d := newDesk(t)
		d.signedIn().get()
		d.server.Revoke()
		if p, said := d.prune(); p.Contexts[0].Pruned || !strings.Contains(said, "This sign-in has ended. Run: kubectl daypass login "+d.server.URL+"\n") {
			t.Errorf("%+v, %s", p, said)
		}
	})
	t.Run("leaves a file alone that it cannot read, and one that is not there", func(t *testing.T) {
		d := newDesk(t)
		file := filepath.Join(d.home, "broken")
		if out := d.must("prune", "--kubeconfig", file); out != "No context in "+file+" is of Daypass.\n" {
			t.Error(out)
		}
		if err := os.WriteFile(file, []byte("a: [\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.refused(d.run("prune", "--kubeconfig", file), exitFailed, file, "mend it")
		d.refused(d.run("prune", "all"), exitUsage)
	})
}

// reads holds a kubeconfig to what kubectl can read.
func (d *desk) reads(file string) {
	d.Helper()
	program, err := exec.LookPath("kubectl")
	if err != nil && os.Getenv("DAYPASS_E2E") == "require" {
		d.Fatal("kubectl is not on the PATH, and DAYPASS_E2E=require demands it")
	}
	if err != nil {
		d.Skip("kubectl is not on the PATH, so what it reads was not tried")
	}
	if out, err := exec.CommandContext(d.Context(), program, "config", "view", "--kubeconfig", file).CombinedOutput(); err != nil || !strings.Contains(string(out), "current-context: \"\"") {
		d.Errorf("%v: %s", err, out)
	}
}
