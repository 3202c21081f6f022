package issuer_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daypass/daypass/issuer"
)

// snippetForm is all that may stand around the file.
var snippetForm = regexp.MustCompile(`(?s)\A \(umask 077 && mkdir -p "\$HOME/\.kube/daypass" && command rm -f "\$HOME/\.kube/daypass/([a-z0-9._-]+)" && command cat > "\$HOME/\.kube/daypass/([a-z0-9._-]+)"\) <<'(DAYPASS_[0-9A-F]{8})' &&
(.*)
(DAYPASS_[0-9A-F]{8})
export KUBECONFIG="\$HOME/\.kube/daypass/([a-z0-9._-]+)" && kubectl auth whoami
\z`)

var fileForm = regexp.MustCompile(`\A[a-z0-9_][a-z0-9._-]{0,150}\.yaml\z`)

func FuzzSnippet(f *testing.F) {
	for _, c := range contexts() {
		f.Add(c, "viewer")
	}
	f.Add("pay", "it's !! $(id)")
	f.Fuzz(func(t *testing.T, context, role string) {
		if !utf8.ValidString(context) {
			t.Skip("names come from a configuration in UTF-8")
		}
		r := rendering{name: context, made: made(nil)}
		r.made.Role = role
		k, err := issuer.Render(r.made, context, "")
		if err != nil {
			return // TestRender and FuzzRender say when
		}
		s, err := issuer.Bash(k)
		must(t, err)
		part := snippetForm.FindStringSubmatch(string(s.Reveal()))
		if part == nil {
			t.Fatalf("not of the form:\n%s", s.Reveal())
		}
		body, end := part[4], part[3]
		if part[1] != part[2] || part[1] != part[6] || part[1] != issuer.FileName(context) || part[5] != end {
			t.Fatalf("its parts disagree:\n%s", s.Reveal())
		}
		quiet(t, s.Reveal(), body, end)
		reads(t, []byte(body), r.means())
	})
}

// quiet checks that no shell reads into the here-document, and no terminal
// acts upon it.
func quiet(t *testing.T, all []byte, body, end string) {
	t.Helper()
	if bytes.ContainsRune(all, '!') {
		t.Errorf("a history would expand:\n%s", all)
	}
	for i, line := range strings.Split(body, "\n") {
		if line == end || strings.HasPrefix(line, "^") {
			t.Errorf("line %d is no part of the file to a shell: %q", i+1, line)
		}
		for _, r := range line {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("line %d holds the control character %U", i+1, r)
			}
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, c := range contexts() {
		f.Add(c, c+"x")
	}
	f.Add("A", "a")
	f.Add("", "kubeconfig--e3b0c442")
	f.Add("a b", "a-b")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := issuer.FileName(a), issuer.FileName(b)
		if !fileForm.MatchString(x) {
			t.Errorf("%q is called %q", a, x)
		}
		if a != b && strings.EqualFold(x, y) {
			t.Errorf("%q and %q are both called %q", a, b, x)
		}
	})
}

func TestFileName(t *testing.T) {
	for context, want := range map[string]string{
		"pay-prod-viewer":       `pay-prod-viewer\.yaml`,
		"a_b.c":                 `a_b\.c\.yaml`,
		"":                      `kubeconfig--[0-9a-f]{8}\.yaml`,
		"..":                    `kubeconfig--[0-9a-f]{8}\.yaml`,
		"Pay":                   `kubeconfig-pay-[0-9a-f]{8}\.yaml`,
		"a/b":                   `kubeconfig-a-b-[0-9a-f]{8}\.yaml`,
		"kubeconfig-x":          `kubeconfig-kubeconfig-x-[0-9a-f]{8}\.yaml`,
		strings.Repeat("a", 99): `a{99}\.yaml`,
	} {
		if got := issuer.FileName(context); !regexp.MustCompile(`\A` + want + `\z`).MatchString(got) {
			t.Errorf("%q is called %q", context, got)
		}
	}
	seen := map[string]string{}
	for i := range 10_000 {
		for _, context := range []string{fmt.Sprintf("c%d", i), fmt.Sprintf("C%d", i), fmt.Sprintf("c/%d", i), fmt.Sprintf("kubeconfig-c%d", i)} {
			name := issuer.FileName(context)
			if other, ok := seen[name]; ok {
				t.Errorf("%q and %q share %s", context, other, name)
			}
			seen[name] = context
		}
	}
}

func TestNoFileIsCalledAsADeviceOfWindows(t *testing.T) {
	for _, device := range []string{"con", "prn", "aux", "nul", "com0", "com1", "com9", "lpt1", "lpt9", "NUL", "Com3"} {
		for _, context := range []string{device, device + ".viewer", device + ".tar.gz"} {
			k, err := issuer.Render(made(nil), context, "")
			must(t, err)
			name := issuer.FileName(context)
			if !fileForm.MatchString(name) || !strings.HasPrefix(name, "kubeconfig-"+strings.ToLower(device)) {
				t.Errorf("%s is called %s", context, name)
			}
			bash, err := issuer.Bash(k)
			must(t, err)
			power, err := issuer.PowerShell(k)
			must(t, err)
			cmd, err := issuer.Cmd(k)
			must(t, err)
			for shell, s := range map[string]issuer.Snippet{"bash": bash, "fish": issuer.Fish(k), "PowerShell": power, "cmd": cmd} {
				if !strings.Contains(string(s.Reveal()), name) {
					t.Errorf("%s writes %s to another file than %s:\n%s", shell, context, name, s.Reveal())
				}
			}
		}
	}
	for _, context := range []string{"console", "com10", "nul-1", "lpt", "auxiliary.nul"} {
		if got := issuer.FileName(context); got != context+".yaml" {
			t.Errorf("%s is called %s", context, got)
		}
	}
}
