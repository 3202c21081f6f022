package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

// definitions is what the Kubernetes API says of its own types.
type definitions map[string]map[string]any

const reference = "#/definitions/"

// schemas writes one JSON Schema per kind of the Kubernetes API, named as
// kubeconform looks for them, and returns the name pattern. They are stricter
// than the API server, which drops what it does not know.
func schemas(t testing.TB) string {
	t.Helper()
	all := described(t)
	dir := t.TempDir()
	for name, definition := range all {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			content, err := json.Marshal(all.schema(name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file(kind.(map[string]any))), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return filepath.Join(dir, "{{.ResourceKind}}{{.KindSuffix}}.json")
}

// described reads the API's description and closes every object in it.
func described(t testing.TB) definitions {
	t.Helper()
	// build-chart-tools puts it beside the program that needs it.
	content, err := os.ReadFile(filepath.Join(filepath.Dir(chain.Path(t, "kubeconform")), "kubernetes-api.json"))
	if err != nil {
		t.Fatalf("%v; e2e/build-chart-tools installs it", err)
	}
	var api struct{ Definitions definitions }
	if err := json.Unmarshal(content, &api); err != nil {
		t.Fatal(err)
	}
	for _, definition := range api.Definitions {
		closeObjects(definition)
	}
	api.Definitions.loosen()
	return api.Definitions
}

// loosen undoes what OpenAPI 2 cannot say: two types may be numbers as well.
func (all definitions) loosen() {
	for _, name := range []string{"util.intstr.IntOrString", "api.resource.Quantity"} {
		all["io.k8s.apimachinery.pkg."+name] = map[string]any{"type": []string{"string", "number"}}
	}
}

func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, object := node["properties"].(map[string]any); object && node["additionalProperties"] == nil {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

// schema holds a definition and all it refers to, so that no file needs
// another one.
func (all definitions) schema(name string) map[string]any {
	needed := definitions{}
	all.gather(name, needed)
	return map[string]any{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"$ref":        reference + name,
		"definitions": needed,
	}
}

func (all definitions) gather(name string, into definitions) {
	if into[name] != nil {
		return
	}
	into[name] = all[name]
	for _, other := range referred(all[name]) {
		all.gather(other, into)
	}
}

func referred(node any) (names []string) {
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			names = append(names, strings.TrimPrefix(ref, reference))
		}
		for _, child := range node {
			names = append(names, referred(child)...)
		}
	case []any:
		for _, child := range node {
			names = append(names, referred(child)...)
		}
	}
	return names
}

// file is deployment-apps-v1.json for apps/v1 Deployment, service-v1.json for
// a kind without a group.
func file(kind map[string]any) string {
	group, _, _ := strings.Cut(kind["group"].(string), ".")
	if group != "" {
		group += "-"
	}
	return strings.ToLower(fmt.Sprintf("%s-%s%s.json", kind["kind"], group, kind["version"]))
}
