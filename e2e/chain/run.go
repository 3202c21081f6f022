package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"testing"
	"time"
)

// Answer is what a command said.
type Answer struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a program to its end, with a home of its own and, of the machine's
// settings, PATH only. A minute is all it gets.
func Run(t testing.TB, env []string, program string, args ...string) Answer {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, Path(t, program), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = clean(t, env...), &stdout, &stderr
	cmd.SysProcAttr, cmd.WaitDelay = tied(), 5*time.Second
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("run %s: %v\n%s", program, err, stderr.String())
	}
	return Answer{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// Kubectl runs kubectl with a kubeconfig file.
func Kubectl(t testing.TB, kubeconfig string, args ...string) Answer {
	t.Helper()
	return Run(t, []string{"KUBECONFIG=" + kubeconfig}, "kubectl", args...)
}

// Person is whom a cluster takes a bearer for.
type Person struct {
	Username string              `json:"username"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra"`
}

// WhoAmI asks the cluster behind a kubeconfig who its bearer is. When the
// cluster refuses, the Answer says how.
func WhoAmI(t testing.TB, kubeconfig string) (Person, Answer) {
	t.Helper()
	return WhoAmIBy(t, []string{"KUBECONFIG=" + kubeconfig})
}

// WhoAmIBy is WhoAmI for a kubectl whose environment says where its kubeconfig
// is, and whatever that needs.
func WhoAmIBy(t testing.TB, env []string) (Person, Answer) {
	t.Helper()
	got := Run(t, env, "kubectl", "auth", "whoami", "-o", "json")
	var review struct {
		Status struct {
			UserInfo Person `json:"userInfo"`
		} `json:"status"`
	}
	if got.Code != 0 {
		return Person{}, got
	}
	if err := json.Unmarshal([]byte(got.Stdout), &review); err != nil {
		t.Fatalf("kubectl auth whoami said what is not JSON: %v\n%s", err, got.Stdout)
	}
	return review.Status.UserInfo, got
}
