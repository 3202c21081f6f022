// Package chart checks what the Helm chart promises: that it renders what was
// looked at, refuses what cannot work in words that help, fits the Kubernetes
// API and its restricted pod security, and hands the server a configuration
// the server takes.
package chart

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/e2e/chain"
)

var update = flag.Bool("update", false, "write what the chart renders to the golden files")

// kubernetes is the release to render for: the one whose description
// build-chart-tools installs.
const kubernetes = "1.36.3"

func chart(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../charts/daypass")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func helm(t testing.TB, command string, args ...string) chain.Answer {
	t.Helper()
	return chain.Run(t, nil, "helm", append([]string{command, "--namespace=access"}, args...)...)
}

func template(t testing.TB, args ...string) chain.Answer {
	t.Helper()
	return helm(t, "template", append([]string{"daypass", chart(t), "--kube-version=" + kubernetes}, args...)...)
}

// rendered is the chart's whole output for a values file.
func rendered(t testing.TB, values string, args ...string) string {
	t.Helper()
	got := template(t, append([]string{"--values=" + values}, args...)...)
	if got.Code != 0 {
		t.Fatalf("render %s: %s", values, got.Stderr)
	}
	return got.Stdout
}

// eachValues runs a subtest for every values file, by its name.
func eachValues(t *testing.T, check func(t *testing.T, name, values string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no values to render: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) { check(t, name, file) })
	}
}

func written(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLint(t *testing.T) {
	chain.Need(t, "helm")
	eachValues(t, func(t *testing.T, _, values string) {
		got := helm(t, "lint", "--strict", "--kube-version="+kubernetes, "--values="+values, chart(t))
		if got.Code != 0 {
			t.Fatalf("%s\n%s", got.Stdout, got.Stderr)
		}
	})
}

func TestGolden(t *testing.T) {
	chain.Need(t, "helm")
	eachValues(t, func(t *testing.T, name, values string) {
		golden := filepath.Join("testdata", "golden", name+".yaml")
		got := rendered(t, values)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v; go test ./chart -update writes it", err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("rendered otherwise than looked at; if that is right, go test ./chart -update (-want +got):\n%s", diff)
		}
	})
}

func TestSecretsAreOnlyReferredTo(t *testing.T) {
	chain.Need(t, "helm")
	eachValues(t, func(t *testing.T, _, values string) {
		if strings.Contains(rendered(t, values), "kind: Secret\n") {
			t.Error("the chart makes a Secret")
		}
	})
}
