package kubeconfig

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHoldingsAreTheContextsOfOursThatAreForALease(t *testing.T) {
	for name, text := range forms(t) {
		t.Run(name, func(t *testing.T) {
			path := place(t, text)
			one, two := entry(), entry()
			two.Context, two.User, two.Command = "by-another-name", "by-another-name", "/opt/dp"
			two.Args = []string{"token", "--lease=l-0", "--server=https://daypass.example.org/", "--lease=l-2"}
			two.Use = true
			merge(t, path, one)
			merge(t, path, two)
			want := []Holding{{one.Context, "https://daypass.example.com", "l-1", false}, {two.Context, "https://daypass.example.org/", "l-2", true}}
			got, err := Holdings(path, "dp")
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if got, err = Holdings(path, "kubectl-daypass"); err != nil || len(got) != 1 {
				t.Errorf("%v, %+v", err, got)
			}
			if !want[1].At("https://daypass.example.org") || want[1].At("https://daypass.example.com") {
				t.Error("a server is taken for another")
			}
		})
	}
}

func TestHoldingsAreNoneWhereNothingIsOurs(t *testing.T) {
	const ours = "{exec: {command: kubectl-daypass, args: [token, --server, 'https://a', --lease, l-1]}}"
	for name, user := range map[string]string{
		"a token":          "{token: x}",
		"another helper":   strings.Replace(ours, "kubectl-daypass", "aws", 1),
		"another deed":     strings.Replace(ours, "[token", "[login", 1),
		"no lease":         strings.Replace(ours, ", --lease, l-1", "", 1),
		"no server":        strings.Replace(ours, "--server, 'https://a', ", "", 1),
		"no arguments":     "{exec: {command: kubectl-daypass}}",
		"a lease unnamed":  strings.Replace(ours, ", l-1", "", 1),
		"nothing to it":    "",
		"a list for a map": "[]",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Holdings(place(t, theirs("{}", "{cluster: prod, user: prod-reader}", user)), "kubectl-daypass")
			if err != nil || len(got) != 0 {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
	got, err := Holdings(place(t, theirs("{}", "{cluster: prod, user: nobody}", ours)), "kubectl-daypass")
	if err != nil || len(got) != 0 {
		t.Errorf("a context without its user: %v, %+v", err, got)
	}
	if got, err := Holdings(filepath.Join(t.TempDir(), "none"), "kubectl-daypass"); err != nil || len(got) != 0 {
		t.Errorf("a file that is not there: %v, %+v", err, got)
	}
	if _, err := Holdings(place(t, "a: [\n"), "kubectl-daypass"); err == nil {
		t.Error("a damaged file was read")
	}
}
