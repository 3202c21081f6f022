package issuer

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// Snippet is text with a token in it, for pasting into a shell. It cannot
// print itself.
type Snippet struct{ Kubeconfig }

var plainName = regexp.MustCompile(`[^a-z0-9._-]`)

// hashed begins the names that hold a hash; no other name does.
const hashed = "kubeconfig-"

// device are the names that Windows keeps for devices, in every folder and
// whatever extension follows
// (https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions).
var device = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// FileName is what a kubeconfig's file is called: the context's name with all
// that a file system or shell could trip over made a dash, and then a piece of
// its hash, so that two contexts never share a file. A name of a device gets a
// hash as well: on Windows such a file would be the device.
func FileName(context string) string {
	name := plainName.ReplaceAllString(strings.ToLower(context), "-")
	odd := name == "" || len(name) > 100 || name[0] == '.' || name[0] == '-' || strings.HasPrefix(name, hashed) || device.MatchString(name)
	if odd || name != context {
		name = hashed + strings.TrimLeft(name[:min(len(name), 100)], ".-") + "-" + fingerprint([]byte(context))[:8]
	}
	return name + ".yaml"
}

// Bash is one paste for bash, zsh and other POSIX shells. It writes the file,
// private, into a folder of its own, points this one shell at it and ends with
// a proof. No other context and no other shell is touched.
//
// It begins with a blank: shells that are set to leave such commands out of
// their history (HISTCONTROL=ignorespace, HIST_IGNORE_SPACE) then do. An old
// file is removed first, because overwriting would keep its mode, and fails
// where noclobber is set; cat and rm are called past aliases.
func Bash(k Kubeconfig) (Snippet, error) {
	body, err := pasteable(k.Reveal())
	if err != nil {
		return Snippet{}, fmt.Errorf("write the snippet for %s: %w", k.Context, err)
	}
	end := "DAYPASS_" + strings.ToUpper(fingerprint(body)[:8])
	// Only the folder and FileName's own characters stand outside the
	// here-document, whose quoted end keeps the shell from reading into it.
	text := fmt.Sprintf(` (umask 077 && mkdir -p "$HOME/.kube/daypass" && command rm -f "$HOME/.kube/daypass/%[1]s" && command cat > "$HOME/.kube/daypass/%[1]s") <<'%[2]s' &&
%[3]s
%[2]s
export KUBECONFIG="$HOME/.kube/daypass/%[1]s" && kubectl auth whoami
`, FileName(k.Context), end, bytes.TrimRight(body, "\n"))
	return Snippet{Kubeconfig{s: &text, Context: k.Context}}, nil
}

// pasteable takes out the one character that interactive shells read even in a
// here-document: the exclamation mark of history expansion. JSON is YAML, and
// can spell it otherwise.
func pasteable(b []byte) ([]byte, error) {
	if !bytes.ContainsRune(b, '!') {
		return b, nil
	}
	j, err := yaml.YAMLToJSON(b)
	return bytes.ReplaceAll(j, []byte("!"), []byte(`\u0021`)), err
}
