package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

// TestTheServerTakesTheConfiguration asks the server itself, because the chart
// only passes on what it does not understand.
func TestTheServerTakesTheConfiguration(t *testing.T) {
	chain.Need(t, "helm")
	daypass := built(t)
	eachValues(t, func(t *testing.T, _, values string) {
		if got := checked(t, daypass, rendered(t, values, "--show-only=templates/configmap.yaml")); got.Code != 0 {
			t.Errorf("%s%s", got.Stdout, got.Stderr)
		}
	})
	t.Run("and every key of the annotated example", func(t *testing.T) {
		if got := checked(t, daypass, rendered(t, example(t), "--show-only=templates/configmap.yaml")); got.Code != 0 {
			t.Errorf("%s%s", got.Stdout, got.Stderr)
		}
	})
	t.Run("would not pass a role that nobody described", func(t *testing.T) {
		manifest := rendered(t, "testdata/values/sqlite.yaml", "--show-only=templates/configmap.yaml")
		got := checked(t, daypass, strings.Replace(manifest, "role: viewer", "role: editor", 1))
		if got.Code == 0 || !strings.Contains(got.Stderr, "editor") {
			t.Errorf("exit code %d: %s%s", got.Code, got.Stdout, got.Stderr)
		}
	})
}

// built compiles the product from this work tree.
func built(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "daypass")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/daypass")
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build daypass: %v\n%s", err, out)
	}
	return binary
}

// checked runs daypass check on the file in a rendered ConfigMap, with its
// secrets in a folder of the test's own.
func checked(t *testing.T, daypass, configMap string) chain.Answer {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"okta-client-secret", "database-url", "guests-client-secret", "webhook-secret", "sealing-key"} {
		secret := "made-for-this-test-only-0123456789abcdef"
		switch name {
		case "database-url":
			secret = "postgres://daypass@127.0.0.1/daypass"
		case "sealing-key":
			secret = chain.Run(t, nil, daypass, "sealing-key", "new").Stdout
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := strings.ReplaceAll(daypassYAML(t, configMap), "/etc/daypass/secrets", dir)
	return chain.Run(t, []string{"DAYPASS_OKTA_SECRET=made-for-this-test-only"}, daypass,
		"check", "--config", written(t, "daypass.yaml", file))
}

// daypassYAML takes the one file out of a rendered ConfigMap.
func daypassYAML(t *testing.T, configMap string) string {
	t.Helper()
	_, block, found := strings.Cut(configMap, "\n  daypass.yaml: |\n")
	if !found {
		t.Fatalf("no daypass.yaml in\n%s", configMap)
	}
	var file strings.Builder
	for line := range strings.Lines(block) {
		text, inside := strings.CutPrefix(line, "    ")
		if !inside {
			break
		}
		file.WriteString(text)
	}
	return file.String()
}

// example turns docs/daypass.example.yaml into values, without the two
// addresses that the chart sets itself.
func example(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../docs/daypass.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	values := "image: {repository: images.example.com/daypass}\nconfig:\n"
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "listen:") || strings.HasPrefix(line, "operations:") {
			continue
		}
		values += "  " + strings.ReplaceAll(line, "file: secrets/", "file: /etc/daypass/secrets/")
	}
	return written(t, "example.yaml", values)
}
