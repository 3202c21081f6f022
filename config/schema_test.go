package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const schemaPath = "../docs/daypass.schema.json"

var update = flag.Bool("update", false, "write the schema and the reference's tables anew")

func TestTheSchemaIsCurrent(t *testing.T) {
	want := schemaText(t)
	if *update {
		if err := os.WriteFile(schemaPath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("docs/daypass.schema.json is not what the keys say; run go generate ./config\n%s", diff)
	}
}

func schemaText(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema(t)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// schema is a JSON Schema of draft 07: the newest of which all that editors
// build on the YAML language server check and complete (for 2020-12 see
// https://github.com/redhat-developer/yaml-language-server/issues/1112).
func schema(t *testing.T) map[string]any {
	t.Helper()
	s := object(t, fileKeys(), anyKeys)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "daypass.yaml"
	s["description"] = "The configuration of Daypass. What keys mean together is checked by daypass check."
	return s
}

func object(t *testing.T, keys []key, r rule) map[string]any {
	t.Helper()
	properties := map[string]any{}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	var required []any
	for _, k := range keys {
		properties[k.name] = property(t, k)
		if k.required() {
			required = append(required, k.name)
		}
		if k.not != "" {
			s["not"] = map[string]any{"required": []any{k.not, k.name}}
		}
	}
	if required != nil {
		s["required"] = required
	}
	switch r {
	case oneKey:
		s["oneOf"] = eachAlone(keys)
	case someKeys:
		s["minProperties"] = 1.0
	}
	return s
}

// eachAlone demands exactly one of the keys. maxProperties would say it
// shorter, but where it stands the YAML language server (1.25) completes no
// key: it counts the one being written.
func eachAlone(keys []key) (out []any) {
	for _, k := range keys {
		out = append(out, map[string]any{"required": []any{k.name}})
	}
	return out
}

func property(t *testing.T, k key) map[string]any {
	t.Helper()
	s := valueSchema(t, k)
	s["description"] = plain(k.says)
	if k.fallback != "" {
		s["default"] = value(t, k.fallback)
	}
	examples := k.examples
	if k.required() && k.kind == isText {
		examples = append([]string{k.such}, examples...)
	}
	if len(examples) > 0 {
		var list []any
		for _, e := range examples {
			list = append(list, value(t, e))
		}
		s["examples"] = list
	}
	return s
}

func valueSchema(t *testing.T, k key) map[string]any {
	t.Helper()
	switch k.kind {
	case isFlag:
		return map[string]any{"type": "boolean"}
	case isTexts:
		return array(k, textSchema(k))
	case isMapping:
		return object(t, k.keys, k.rule)
	case isMappings:
		return array(k, object(t, k.keys, k.rule))
	case isLabels:
		return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": []any{"string", "number", "boolean"}}}
	case isFlagOrMapping:
		s := object(t, k.keys, k.rule)
		s["type"] = []any{"boolean", "object"}
		return s
	}
	return textSchema(k)
}

func array(k key, items map[string]any) map[string]any {
	s := map[string]any{"type": "array", "items": items}
	if k.some {
		s["minItems"] = 1.0
	}
	return s
}

// textSchema takes a number without quotes where the reader takes its digits.
func textSchema(k key) map[string]any {
	s := map[string]any{"type": "string"}
	if k.enum != nil {
		var all []any
		for _, e := range k.enum {
			all = append(all, e)
		}
		s["enum"] = all
		return s
	}
	if k.form.pattern != "" {
		s["pattern"], s["patternErrorMessage"] = k.form.pattern, k.form.hint
	}
	if regexp.MustCompile(k.form.pattern).MatchString("111122223333") {
		s["type"] = []any{"string", "number"}
	}
	return s
}

var (
	linkForm = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	starForm = regexp.MustCompile(`(^|[ (])\*([^*]+)\*`)
)

// plain takes Markdown away, which editors would show as it is.
func plain(s string) string {
	parts := strings.Split(linkForm.ReplaceAllString(s, "$1"), "`")
	for i := 0; i < len(parts); i += 2 { // outside of code
		parts[i] = starForm.ReplaceAllString(parts[i], "$1$2")
	}
	return strings.Join(parts, "")
}

// value reads YAML of one line the way editors do, as version 1.2 has it.
func value(t *testing.T, text string) any {
	t.Helper()
	return plainValue(t, node(t, text))
}

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return doc.Content[0]
}

func plainValue(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch {
	case n.Kind == yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, plainValue(t, c))
		}
		return out
	case n.Kind == yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = plainValue(t, n.Content[i+1])
		}
		return out
	case slices.Contains([]string{"!!int", "!!float", "!!bool", "!!null"}, n.Tag):
		var v any
		if err := n.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if i, whole := v.(int); whole {
			return float64(i)
		}
		return v
	}
	return n.Value
}
