package kubeconfig

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// kubectl runs the real one, unless there is none; under DAYPASS_E2E=require
// there has to be.
func kubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("kubectl")
	if err != nil && os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal("kubectl is not on the PATH, and DAYPASS_E2E=require demands it")
	}
	if err != nil {
		t.Skip("kubectl is not on the PATH, so what it reads was not tried")
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	return string(out), err
}

func TestKubectlReadsWhatWasMerged(t *testing.T) {
	for name, text := range forms(t) {
		t.Run(name, func(t *testing.T) {
			path := place(t, text)
			e := entry()
			e.Use = true
			merge(t, path, e)
			out, err := kubectl(t, "config", "view", "--minify", "--raw", "-o", "json", "--kubeconfig", path)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var got struct {
				Current string `json:"current-context"`
				Users   []struct {
					User struct {
						Exec struct {
							Command         string
							Args            []string
							Env             []any
							InteractiveMode string
						}
					}
				}
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			if got.Current != e.Context || len(got.Users) != 1 {
				t.Fatalf("kubectl sees %+v", got)
			}
			exec := got.Users[0].User.Exec
			if exec.Command != e.Command || strings.Join(exec.Args, " ") != strings.Join(e.Args, " ") || exec.Env != nil || exec.InteractiveMode != "Never" {
				t.Errorf("kubectl sees %+v", exec)
			}
		})
	}
}

func TestMergeKnowsItsEntryAgainAfterKubectlWroteTheFile(t *testing.T) {
	path := place(t, rich(t))
	merge(t, path, entry())
	if out, err := kubectl(t, "config", "use-context", entry().Context, "--kubeconfig", path); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := contents(t, path)
	if backup := merge(t, path, entry()); backup != "" || contents(t, path) != before {
		t.Errorf("it was written again:\n%s", contents(t, path))
	}
}

func TestKubectlAndMergeHonourEachOthersLock(t *testing.T) {
	path := place(t, rich(t))
	held, err := quick().lock(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := kubectl(t, "config", "use-context", "old", "--kubeconfig", path)
	if err == nil || !strings.Contains(out, ".lock") {
		t.Errorf("kubectl wrote under our lock: %s", out)
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	untouched(t, path, rich(t))
}
