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

// FileName is what a kubeconfig's file is called: the context's name with all
// that a file system or shell could trip over made a dash, and then a piece of
// its hash, so that two contexts never share a file.
func FileName(context string) string {
	name := plainName.ReplaceAllString(strings.ToLower(context), "-")
	if name != context || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || len(name) > 100 {
		name = "kubeconfig-" + strings.TrimLeft(name[:min(len(name), 100)], ".-") + "-" + fingerprint([]byte(context))[:8]
	}
	return name + ".yaml"
}

// Bash is one paste for bash, zsh and other POSIX shells. It writes the file,
// private, into a folder of its own, points this one shell at it and ends with
// a proof. No other context and no other shell is touched.
func Bash(k Kubeconfig) (Snippet, error) {
	body, err := pasteable(k.Reveal())
	if err != nil {
		return Snippet{}, fmt.Errorf("write the snippet for %s: %w", k.Context, err)
	}
	end := "DAYPASS_" + strings.ToUpper(fingerprint(body)[:8])
	// Only the folder and FileName's own characters stand outside the
	// here-document, whose quoted end keeps the shell from reading into it.
	text := fmt.Appendf(nil, `(umask 077 && mkdir -p "$HOME/.kube/daypass" && cat > "$HOME/.kube/daypass/%[1]s") <<'%[2]s' &&
%[3]s
%[2]s
export KUBECONFIG="$HOME/.kube/daypass/%[1]s" && kubectl auth whoami
`, FileName(k.Context), end, bytes.TrimRight(body, "\n"))
	return Snippet{Kubeconfig{b: &text, Context: k.Context}}, nil
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
