package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/daypass/daypass/api/apitest"
	"github.com/daypass/daypass/e2e/chain"
)

const (
	rounds = 25 // in each, every program runs, one after the other
	often  = 4  // as often in each round, where a program takes milliseconds
)

// BenchmarkWhatKubectlPays runs what kubectl runs for a token, in turn, so that
// a busy machine slows all of it alike, and tells the medians. The metrics are
// the processor's time of each in that of our helper. What is not here is named
// and left out.
func BenchmarkWhatKubectlPays(b *testing.B) {
	all := contestants(b)
	for b.Loop() {
		for range rounds {
			for _, c := range all {
				for range c.times {
					c.run(b)
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of the whole comparison: it says nothing
	for _, c := range all {
		if c.absent == "" && c != all[0] {
			b.ReportMetric(float64(median(c.cpu))/float64(median(all[0].cpu)), "helpers/"+c.unit)
		}
	}
	b.Log(table(all))
}

// contestant is a command line and what its runs took. The first is ours.
type contestant struct {
	name, unit string
	wanted     string // how many of ours it should cost
	path       string
	args, env  []string
	says       string       // what its answer has in it
	times      int          // in each round
	absent     string       // why it is left out
	before     func() error // what has to be done before each run; nil: nothing

	cpu, wall []time.Duration
}

func (c *contestant) run(b *testing.B) {
	if c.absent != "" {
		return
	}
	if c.before != nil {
		if err := c.before(); err != nil {
			b.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(b.Context(), c.path, c.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &out, &errs
	start := time.Now()
	err := cmd.Run()
	c.wall = append(c.wall, time.Since(start))
	if err != nil || !strings.Contains(out.String(), c.says) {
		b.Fatalf("%s: %v\n%s%s", c.name, err, out.String(), errs.String())
	}
	c.cpu = append(c.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// table is for whoever reads: each program in milliseconds and in ours.
func table(all []*contestant) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "medians of %d rounds\tprocessor\twall\tin ours\twanted\n", rounds)
	for _, c := range all {
		if c.absent != "" {
			fmt.Fprintf(w, "%s\tleft out: %s\n", c.name, c.absent)
			continue
		}
		fmt.Fprintf(w, "%s\t%.1f ms\t%.1f ms\t%.2f\t%s\n", c.name, millis(c.cpu), millis(c.wall), millis(c.cpu)/millis(all[0].cpu), c.wanted)
	}
	_ = w.Flush()                                        // to memory
	return "\n" + strings.TrimSuffix(out.String(), "\n") // a benchmark may log ten lines
}

func millis(all []time.Duration) float64 { return float64(median(all)) / float64(time.Millisecond) }

// contestants makes everything ready. Without a role the others only sign, and
// ask nobody; with one they ask the simulated AWS, whose own work is not
// counted.
func contestants(b *testing.B) []*contestant {
	dir := b.TempDir()
	aws, o := chain.StartAWS(b), newOwner()
	aws.Serve(newFace(o).Handler())
	bare := append(plain(dir), "LANG=C.UTF-8", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	alone := append(slices.Clone(bare), o.env()...)
	served := append(slices.Clone(alone), aws.Env()...)
	authenticator, cli := chain.Find, unwrapped
	ours := helper(b, dir)
	return []*contestant{
		ours,
		asking(dir, *ours),
		{name: "a Go program that prints one line", unit: "line", wanted: "≥ 0.33", path: line(b, dir), says: "one line", times: often},
		found("aws-iam-authenticator", authenticator, contestant{name: "aws-iam-authenticator token", unit: "authenticator", wanted: "≥ 4",
			args: []string{"token", "-i", "prod"}, env: alone, times: often}),
		found("aws-iam-authenticator", authenticator, contestant{name: "aws-iam-authenticator token --role", unit: "authenticator-role",
			args: []string{"token", "-i", "prod", "--role", reader, "--session-name", "ada@example.com"}, env: served, times: often}),
		found("aws", cli, contestant{name: "aws eks get-token", unit: "aws", wanted: "≥ 100",
			args: []string{"eks", "get-token", "--cluster-name", "prod"}, env: alone, times: 1}),
		found("aws", cli, contestant{name: "aws eks get-token --role-arn", unit: "aws-role",
			args: []string{"eks", "get-token", "--cluster-name", "prod", "--role-arn", reader}, env: served, times: 1}),
	}
}

// plain is what kubectl gives to all of them, its question included.
func plain(home string) []string {
	return []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"),
		`KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false}}`}
}

// found completes a contestant of others, or says that it is not here.
func found(program string, find func(string) (string, error), c contestant) *contestant {
	var err error
	if c.path, err = find(program); err != nil {
		c.absent = program + " is not installed here"
	}
	c.says = "k8s-aws-v1."
	return &c
}

// unwrapped finds the program itself, also where pyenv has put a script in
// front of it, which takes time that nobody else pays.
func unwrapped(program string) (string, error) {
	path, err := chain.Find(program)
	if err != nil || filepath.Base(filepath.Dir(path)) != "shims" {
		return path, err
	}
	out, err := exec.Command("pyenv", "which", program).Output()
	if err != nil {
		return path, nil
	}
	return strings.TrimSpace(string(out)), nil
}

// compile builds a program as releases are built.
func compile(b *testing.B, to, from string) string {
	b.Helper()
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", to, from)
	c.Dir, c.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", from, err, out)
	}
	return to
}

const oneLine = `package main

import "os"

func main() { _, _ = os.Stdout.WriteString("one line\n") }
`

func line(b *testing.B, dir string) string {
	b.Helper()
	source := filepath.Join(dir, "line.go")
	if err := os.WriteFile(source, []byte(oneLine), 0o600); err != nil {
		b.Fatal(err)
	}
	return compile(b, filepath.Join(dir, "line"), source)
}

// helper is ours with a token that is good: it signs in at a server of the
// client's tests, starts a lease, and fetches the token. The server stays,
// since each half minute one call asks it whether the lease still lives.
func helper(b *testing.B, dir string) *contestant {
	b.Helper()
	server := apitest.New()
	b.Cleanup(server.Close)
	c := &contestant{name: "kubectl-daypass token", unit: "helper", path: compile(b, filepath.Join(dir, "kubectl-daypass"), "./cmd/kubectl-daypass"),
		env: plain(dir), says: "k8s-aws-v1.", times: often}
	signIn(b, c, server.URL)
	var got struct{ Lease struct{ ID string } }
	if err := json.Unmarshal(said(b, c, "get", "payments-prod", "--role", "viewer", "--for", "4h", "-o", "json"), &got); err != nil {
		b.Fatal(err)
	}
	c.args = []string{"token", "--server", server.URL, "--lease", got.Lease.ID}
	said(b, c, c.args...)
	return c
}

// asking is the call of ours that asks, by a cache that is made older.
func asking(home string, c contestant) *contestant {
	c.name, c.unit = "the same, the call of each half minute that asks the server", "asking"
	lease := c.args[len(c.args)-1]
	c.before = func() error {
		kept, err := filepath.Glob(filepath.Join(home, ".cache", "daypass", "servers", "*", lease+".json"))
		if err != nil || len(kept) != 1 {
			return fmt.Errorf("the caches of %s are %q (%v)", lease, kept, err)
		}
		var k map[string]any
		text, err := os.ReadFile(kept[0])
		if err == nil {
			err = json.Unmarshal(text, &k)
		}
		if err != nil {
			return err
		}
		k["at"] = time.Now().Add(-time.Minute)
		if text, err = json.Marshal(k); err != nil {
			return err
		}
		return os.WriteFile(kept[0], text, 0o600)
	}
	return &c
}

// signIn answers the client's link as a browser would.
func signIn(b *testing.B, c *contestant, server string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), c.path, "login", "--no-browser", server)
	cmd.Env, cmd.Stderr = c.env, &clicker{}
	if out, err := cmd.Output(); err != nil {
		b.Fatalf("login: %v\n%s", err, out)
	}
}

// clicker goes to each link that it reads.
type clicker struct{ rest []byte }

func (v *clicker) Write(text []byte) (int, error) {
	v.rest = append(v.rest, text...)
	for {
		line, rest, whole := bytes.Cut(v.rest, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		v.rest = rest
		if bytes.HasPrefix(line, []byte("http")) {
			res, err := http.Get(string(line))
			if err != nil {
				return 0, err
			}
			_ = res.Body.Close()
		}
	}
}

func said(b *testing.B, c *contestant, args ...string) []byte {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), c.path, args...)
	cmd.Env = c.env
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s %s: %v", c.name, args[0], err)
	}
	return out
}
