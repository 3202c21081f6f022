package chain

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Kubectls are the programs of all versions of kubectl that tests run, by
// version: those that build-parts builds, or those of the Google Cloud SDK,
// which keeps several beside its own kubectl. A version that is nowhere skips
// the test, or fails it, as Need does.
func Kubectls(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, version := range []string{"1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"} {
		name := "kubectl." + version
		path, err := Find(name)
		if err != nil {
			path, err = besideKubectl(name)
		}
		if err != nil {
			absent(t, name)
		}
		all[version] = path
	}
	return all
}

func besideKubectl(name string) (string, error) {
	kubectl, err := Find("kubectl")
	if err != nil {
		return "", err
	}
	at, err := filepath.EvalSymlinks(kubectl)
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(at), name)
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return exec.LookPath(path)
}
