package chart

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

func TestFitsTheKubernetesAPI(t *testing.T) {
	chain.Need(t, "helm", "kubeconform")
	pattern := schemas(t)
	conform := func(t *testing.T, manifest string) chain.Answer {
		t.Helper()
		return chain.Run(t, nil, "kubeconform", "-strict", "-summary", "-output=json",
			"-schema-location="+pattern, written(t, "manifest.yaml", manifest))
	}
	eachValues(t, func(t *testing.T, _, values string) {
		manifest := rendered(t, values)
		got := conform(t, manifest)
		if got.Code != 0 {
			t.Errorf("%s\n%s", got.Stdout, got.Stderr)
		}
		if objects := strings.Count(manifest, "\nkind: "); objects < 4 {
			t.Errorf("only %d objects were looked at", objects)
		}
	})
	t.Run("would not pass a field that does not exist", func(t *testing.T) {
		manifest := rendered(t, "testdata/values/sqlite.yaml")
		mistaken := strings.Replace(manifest, "readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", 1)
		if got := conform(t, mistaken); got.Code == 0 || !strings.Contains(got.Stdout, "readOnlyRootFileSystem") {
			t.Errorf("exit code %d: %s%s", got.Code, got.Stdout, got.Stderr)
		}
	})
	t.Run("would not pass a value of the wrong type", func(t *testing.T) {
		manifest := rendered(t, "testdata/values/sqlite.yaml")
		mistaken := strings.Replace(manifest, "runAsUser: 65532", "runAsUser: nobody", 1)
		if got := conform(t, mistaken); got.Code == 0 || !strings.Contains(got.Stdout, "runAsUser") {
			t.Errorf("exit code %d: %s%s", got.Code, got.Stdout, got.Stderr)
		}
	})
}
