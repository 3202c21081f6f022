package cmd

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which of our rooms each room may import. What is not listed may
// be imported by nobody: an arrow that is needed is written down here first.
var arrows = map[string][]string{
	"access":          {},
	"audit":           {},
	"notify":          {"audit"},
	"config":          {"access", "download"},
	"download":        {},
	"auth":            {"access", "audit", "seal"},
	"auth/oidcsim":    {},
	"issuer":          {"access", "audit"},
	"issuer/eks":      {"access", "issuer"},
	"issuer/awssim":   {},
	"lease":           {"access", "audit", "issuer", "notify"},
	"migrations":      {},
	"seal":            {},
	"explain":         {},
	"store":           {"access", "audit", "auth", "issuer", "lease", "migrations", "notify", "seal"},
	"store/storetest": {"access", "audit", "auth", "issuer", "lease", "migrations", "notify", "store"},
	"web":             {"access", "api", "audit", "auth", "download", "explain", "issuer", "lease", "web/assets", "web/view"},
	"web/assets":      {},
	"web/view":        {},
	"web/webtest":     {},
	"cmd":             {"access", "audit", "auth", "config", "download", "explain", "issuer", "issuer/eks", "lease", "notify", "seal", "store", "web"},
	"cmd/daypass":     {"cmd"},
	"cmd/demo":        {"auth/oidcsim", "cmd", "cmd/demo/door", "issuer/awssim", "seal"},
	"cmd/demo/door":   {},

	"api":                            {},
	"api/apitest":                    {"api"},
	"cmd/kubectl-daypass":            {"api", "cmd/kubectl-daypass/kubeconfig"},
	"cmd/kubectl-daypass/kubeconfig": {},
}

const module = "github.com/daypass/daypass"

// imports lists, per room, what a go list template says, ours alone.
func imports(t *testing.T, format string, packages ...string) map[string][]string {
	t.Helper()
	c := exec.Command("go", append([]string{"list", "-f", format}, packages...)...)
	c.Dir = ".."
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		var ours []string
		for _, w := range words[1:] {
			if room, ok := strings.CutPrefix(w, module+"/"); ok {
				ours = append(ours, room)
			}
		}
		found[strings.TrimPrefix(words[0], module+"/")] = ours
	}
	return found
}

func TestArrowsPointDownOnly(t *testing.T) {
	for room, used := range imports(t, `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		if room == "docs" || room == module { // no code but tests
			continue
		}
		allowed, known := arrows[room]
		if !known {
			t.Errorf("the room %s is not on the plan: say in this test what it may import", room)
		}
		for _, other := range used {
			if !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s, which the plan does not allow", room, other)
			}
		}
	}
}

func TestNoSimulatorIsInTheServer(t *testing.T) {
	for _, rooms := range imports(t, `{{.ImportPath}} {{join .Deps " "}}`, "./cmd/daypass") {
		for _, r := range rooms {
			if strings.HasSuffix(r, "sim") || strings.HasPrefix(r, "cmd/demo") || r == "store/storetest" {
				t.Errorf("the server contains %s", r)
			}
		}
	}
}
