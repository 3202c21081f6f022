package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

// wild are names by which a server gets more out of a shell than a name.
func wild() []string {
	return []string{"$(touch ran)", "`touch ran`", "$HOME", "a b", "a;b", "a|b", "a&b", "a>b", "*", "~", "{a,b}", "a'b", `a"b`, `a\b`, "#a", "!a", "-x", "--server=https://other.example", "=ls", "", "_activeHelp_ a", "a\tb", "é"}
}

// answers has the server give this to one question.
func (d *desk) answers(question string, v any) { d.all(map[string]any{question: v}) }

// all has it give these to theirs.
func (d *desk) all(answers map[string]any) {
	d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
		v, ours := answers[r.Method+" "+r.URL.Path]
		if ours {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
		return ours
	})
}

func TestNamesThatAShellWouldRun(t *testing.T) {
	d := newDesk(t)
	d.login()
	all, leases, sessions := api.Clusters{}, api.Leases{}, api.Sessions{}
	roles := []api.Choice{{Role: "viewer"}, {Role: "a.b-c:d/e@f+g=h,i_J9"}}
	for _, name := range wild() {
		all.Clusters = append(all.Clusters, api.Cluster{Name: name})
		leases.Leases = append(leases.Leases, api.Lease{ID: name, State: active})
		sessions.Sessions = append(sessions.Sessions, api.Session{ID: name})
		roles = append(roles, api.Choice{Role: name})
	}
	all.Clusters = append(all.Clusters, api.Cluster{Name: "pay", Choices: roles})
	leases.Leases = append(leases.Leases, api.Lease{ID: "ls_1", State: active})

	t.Run("are not offered at the Tab key", func(t *testing.T) {
		for _, c := range []struct {
			question, args string
			answer         any
			want           string
		}{
			{"GET /api/v1/clusters", "get", all, "pay\n:4\n"},
			{"GET /api/v1/clusters", "get pay --role", all, "viewer\na.b-c:d/e@f+g=h,i_J9\n:4\n"},
			{"GET /api/v1/leases", "end", leases, "ls_1\n:4\n"},
		} {
			d.answers(c.question, c.answer)
			if out := d.must(append(append([]string{"__complete"}, strings.Fields(c.args)...), "")...); out != c.want {
				t.Errorf("%s offers %q", c.args, out)
			}
		}
	})
	t.Run("are run by no bash that completes a kubectl command", func(t *testing.T) {
		bash, err := exec.LookPath("bash")
		if err != nil && os.Getenv("DAYPASS_E2E") == "require" {
			t.Fatal("bash is not on the PATH, and DAYPASS_E2E=require demands it")
		}
		if err != nil {
			t.Skip("there is no bash here")
		}
		d.answers("GET /api/v1/clusters", all)
		c := exec.CommandContext(t.Context(), bash, "-c", `compgen -W "$("$0" __complete get "" 2>/dev/null)"`, built)
		c.Env, c.Dir = d.env, t.TempDir()
		out, err := c.CombinedOutput()
		if left, _ := os.ReadDir(c.Dir); err != nil || len(left) != 0 || !strings.HasPrefix(string(out), "pay\n") {
			t.Errorf("%v, made %v: %s", err, left, out)
		}
	})
	t.Run("are no line of -o name, and quoted in JSON", func(t *testing.T) {
		for args, c := range map[string][2]any{"list": {"GET /api/v1/clusters", all}, "list leases": {"GET /api/v1/leases", leases}, "list sessions": {"GET /api/v1/sessions", sessions}} {
			d.answers(c[0].(string), c[1])
			d.refused(d.run(append(strings.Fields(args), "-o", "name")...), exitFailed, "'$(touch ran)'", "-o json")
			if out := d.must(append(strings.Fields(args), "-o", "json")...); !strings.Contains(out, `"$(touch ran)"`) {
				t.Errorf("%s: %s", args, out)
			}
			d.must(strings.Fields(args)...)
		}
	})
	t.Run("become no context's, which kubectl would complete", func(t *testing.T) {
		d.server.Instead(nil)
		id := d.lease()
		file := filepath.Join(d.home, "file")
		for _, name := range wild() {
			d.answers("POST /api/v1/leases/"+id+"/entry", api.Entry{Lease: api.Lease{ID: id, Cluster: "payments-prod", Role: "viewer"}, Server: "https://pay.example", Context: name})
			d.refused(d.run("get", "--lease", id, "--kubeconfig", file), exitFailed, "more than a name", "--context")
		}
		for _, ns := range []string{"$(touch ran)", "Shop", "-shop", strings.Repeat("a", 64)} {
			d.answers("POST /api/v1/leases/"+id+"/entry", api.Entry{Lease: api.Lease{ID: id, Cluster: "payments-prod", Role: "viewer"}, Server: "https://pay.example", Context: "pay-viewer", Namespace: ns})
			d.refused(d.run("get", "--lease", id, "--kubeconfig", file), exitFailed, "the namespace "+quoted(ns)+", which is none")
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("a kubeconfig was made")
		}
		d.answers("POST /api/v1/leases/"+id+"/entry", api.Entry{Lease: api.Lease{ID: id, Cluster: "payments-prod", Role: "viewer"}, Server: "https://pay.example", CA: []byte(apitest.CA), Context: "$(touch ran)"})
		d.must("get", "--lease", id, "--kubeconfig", file, "--context", "my own")
	})
}
