// Package docs_test holds the pages under docs, and the others of this
// repository, to what they say.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/config"
)

// today is when the examples are read, so that none of their grants is over.
var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pages are the Markdown files of the repository, by path from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "vendor"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".md"):
			return nil
		}
		b, err := os.ReadFile(path)
		out[filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```[ ]*$")

// blocks gives the fenced blocks of a page whose first line says info.
func blocks(page, info string) (out []string) {
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if strings.TrimSpace(m[1]) == info {
			out = append(out, m[2])
		}
	}
	return out
}

var secretFile = regexp.MustCompile(`\b(?:file|urlFile): (secrets/[a-z-]+)`)

// withSecrets gives a folder that holds every secret a configuration names.
func withSecrets(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, m := range secretFile.FindAllStringSubmatch(yaml, -1) {
		secret := "a secret of a good length\n"
		if strings.HasSuffix(m[1], "url") {
			secret = "postgres://daypass@db.example.com/daypass\n"
		}
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEveryConfigurationInThePagesIsAccepted(t *testing.T) {
	found := 0
	for name, page := range pages(t) {
		for _, yaml := range blocks(page, "yaml daypass.yaml") {
			found++
			path := filepath.Join(withSecrets(t, yaml), "daypass.yaml")
			_, warnings, err := config.Parse(path, []byte(yaml), func(string) string { return "a secret of a good length" }, today)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, w := range warnings {
				t.Errorf("%s: warning: %s", name, w)
			}
		}
	}
	if found == 0 {
		t.Error("no page has a block that begins with ```yaml daypass.yaml")
	}
}

var (
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)|(?:src|srcset|href)="([^"]+)"`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	// What a heading loses on its way into an address.
	unspoken = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)
)

// anchors are the addresses of a page's headings.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		name := unspoken.ReplaceAllString(strings.ToLower(m[1]), "")
		out[strings.ReplaceAll(name, " ", "-")] = true
	}
	return out
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	all, found := pages(t), 0
	for name, page := range all {
		text := code.ReplaceAllString(fence.ReplaceAllString(page, ""), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1]+m[2], "#")
			if strings.Contains(target, ":") { // elsewhere
				continue
			}
			found++
			to := name
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			}
			if _, err := os.Stat(filepath.Join("..", to)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1]+m[2])
			} else if strings.HasSuffix(to, ".md") && anchor != "" && !anchors(all[to])[anchor] {
				t.Errorf("%s: %s has no heading #%s", name, to, anchor)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d links were found; the test no longer reads them", found)
	}
}

// source gives what a pattern captures in a file of the code.
func source(t *testing.T, path, pattern string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(b), -1) {
		out = append(out, m[1])
	}
	if len(out) < 5 {
		t.Fatalf("%s has no such names any more", path)
	}
	return out
}

func TestTheAuditPageNamesEveryKindAndCode(t *testing.T) {
	page := pages(t)["docs/audit.md"]
	var names []string
	for _, k := range audit.Kinds() {
		names = append(names, string(k))
	}
	names = append(names, source(t, "auth/failure.go", `(?m)^\t\w+ +Kind = "([a-z-]+)"`)...)
	names = append(names, source(t, "access/refusal.go", `(?m)^\t\w+ +RefusalCode = "([a-z-]+)"`)...)
	for _, name := range names {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/audit.md does not explain %s", name)
		}
	}
}

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	page := pages(t)["docs/decisions/dependencies.md"]
	for _, module := range source(t, "go.mod", `(?m)^\t(\S+) v\S+$`) {
		if !strings.Contains(page, "`"+module+"`") {
			t.Errorf("docs/decisions/dependencies.md does not say why %s is there", module)
		}
	}
}

func TestNoPageSaysThatATokenCanBeRevoked(t *testing.T) {
	said := regexp.MustCompile(`(?i)revok\w* (?:a|the|that|any|its|every) (?:token|kubeconfig)|tokens? (?:is|are|was|were|can be) revoked`)
	for name, page := range pages(t) {
		if m := said.FindString(page); m != "" {
			t.Errorf("%s says %q; a token that is out cannot be", name, m)
		}
	}
}
