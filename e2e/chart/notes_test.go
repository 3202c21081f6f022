package chart

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

// noted is what the notes after an installation say, and do not say, by the
// name of the values.
var noted = map[string]struct{ says, hides []string }{
	"sqlite": {[]string{
		"will be at https://daypass.example.com", "rollout status statefulset/daypass",
		"Nothing outside this cluster reaches it yet", "config.trustedProxies is empty",
		"serviceAccount.roleArn is empty", "SQLite file on the volume claim daypass",
	}, []string{"existingSecret is empty"}},
	"postgres": {[]string{"rollout status deployment/daypass"}, []string{"SQLite", "config.trustedProxies is empty"}},
	"irsa":     {[]string{"existingSecret is empty", "volume claim daypass-log", "statefulset/access"}, []string{"roleArn is empty"}},
	"ingress":  {[]string{"https://daypass.example.com:8443"}, []string{"Nothing outside this cluster reaches it"}},
}

// install installs or upgrades the chart for real and checks its notes.
func (in room) install(t *testing.T, command, values string) {
	t.Helper()
	got := chain.Run(t, []string{"KUBECONFIG=" + in.admin}, "helm", command, "daypass", chart(t),
		"--namespace="+in.name, "--values="+values)
	_, notes, found := strings.Cut(got.Stdout, "\nNOTES:\n")
	if got.Code != 0 || got.Stderr != "" || !found {
		t.Fatalf("helm %s: exit code %d, want no word of warning: %s", command, got.Code, got.Stderr)
	}
	want, listed := noted[in.name]
	if !listed {
		t.Fatalf("nobody has written down what the notes for %s say", in.name)
	}
	for _, words := range want.says {
		if !strings.Contains(notes, words) {
			t.Errorf("the notes do not say %q:\n%s", words, notes)
		}
	}
	for _, words := range want.hides {
		if strings.Contains(notes, words) {
			t.Errorf("the notes say %q:\n%s", words, notes)
		}
	}
}
