package issuer

import (
	"bytes"
	"fmt"
	"strings"
)

// Fish is one paste for fish, which has no here-documents: the file is one
// quoted word, and sh writes it as in Bash. fish keeps what begins with a
// blank out of its history.
// https://fishshell.com/docs/current/interactive.html#history-search
func Fish(k Kubeconfig) Snippet {
	text := fmt.Sprintf(` builtin printf '%%s\n' %[2]s | command sh -c 'umask 077 && mkdir -p "$HOME/.kube/daypass" && rm -f "$HOME/.kube/daypass/%[1]s" && cat > "$HOME/.kube/daypass/%[1]s"'; and set -gx KUBECONFIG "$HOME/.kube/daypass/%[1]s"; and kubectl auth whoami
`, FileName(k.Context), fishWord(string(bytes.TrimRight(k.Reveal(), "\n"))))
	return Snippet{Kubeconfig{s: &text, Context: k.Context}}
}

// fishWord quotes one word. Between single quotes fish reads nothing but \\
// and \'. https://fishshell.com/docs/current/language.html#quotes
func fishWord(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
