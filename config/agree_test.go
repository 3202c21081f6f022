package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// walk visits every key with those it is in.
func walk(keys []key, above []key, visit func(path []key)) {
	for _, k := range keys {
		path := append(append([]key{}, above...), k)
		visit(path)
		walk(k.keys, path, visit)
	}
}

func dotted(path []key) string { return strings.Join(names(path), ".") }

// exampleNode is the annotated example, to be changed.
func exampleNode(t *testing.T) *yaml.Node {
	t.Helper()
	data, err := os.ReadFile("../docs/daypass.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return node(t, string(data))
}

// holder is the mapping that the last key of the path belongs to, made where
// the file has none. Of a list it is the first entry.
func holder(root *yaml.Node, path []key) *yaml.Node {
	n, alone := root, false
	for _, k := range path[:len(path)-1] {
		child := get(n, k.name)
		if child == nil || child.Kind == yaml.ScalarNode {
			child = &yaml.Node{Kind: yaml.MappingNode}
			if k.kind == isMappings {
				child = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
			}
			if alone {
				n.Content = nil
			}
			put(n, k.name, child)
		}
		alone = k.rule == oneKey
		if n = child; k.kind == isMappings {
			n = child.Content[0]
		}
	}
	return n
}

func get(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func remove(n *yaml.Node, name string) {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return
		}
	}
}

func put(n *yaml.Node, name string, value *yaml.Node) {
	remove(n, name)
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
}

// set gives the example with another value of one key.
func set(t *testing.T, path []key, text string) *yaml.Node {
	t.Helper()
	root, k := exampleNode(t), path[len(path)-1]
	n := holder(root, path)
	if len(path) > 1 && path[len(path)-2].rule == oneKey {
		n.Content = nil
	}
	put(n, k.name, node(t, text))
	return root
}

// judge asks the reader and the schema about a file.
type judge struct {
	dir    string
	schema map[string]any
}

func judges(t *testing.T) judge {
	t.Helper()
	return judge{folder(t), schema(t)}
}

func (j judge) verdicts(t *testing.T, root *yaml.Node) (*Config, string, string) {
	t.Helper()
	data, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := Parse(filepath.Join(j.dir, "daypass.yaml"), data, environment, today)
	told := ""
	if err != nil {
		told = err.Error()
	}
	return c, told, strings.Join(refusals(t, j.schema, plainValue(t, root), ""), "\n")
}

func TestReaderAndSchemaKnowTheSameKeys(t *testing.T) {
	j := judges(t)
	wrong := map[kind]string{isText: "[x]", isFlag: "[x]", isTexts: "x", isMapping: "x", isMappings: "x", isLabels: "x", isFlagOrMapping: "x"}
	walk(fileKeys(), nil, func(path []key) {
		k := path[len(path)-1]
		t.Run(dotted(path)+" is read and checked", func(t *testing.T) {
			_, told, refused := j.verdicts(t, set(t, path, wrong[k.kind]))
			if !strings.Contains(told, k.name+" is ") && !strings.Contains(told, k.name+" does not say where") {
				t.Errorf("the reader says %q", told)
			}
			if !strings.Contains(refused, dotted(path)+": type") {
				t.Errorf("the schema says %q", refused)
			}
		})
		t.Run(dotted(path)+" is required in both or in none", func(t *testing.T) {
			root := exampleNode(t)
			remove(holder(root, path), k.name)
			_, told, refused := j.verdicts(t, root)
			reader := strings.Contains(told, " has no "+k.name+"; add one")
			if schema := strings.Contains(refused, dotted(path)+": required"); reader != k.required() || schema != k.required() {
				t.Errorf("the reader says %q, the schema %q", told, refused)
			}
		})
	})
	inside := [][]key{nil}
	walk(fileKeys(), nil, func(path []key) {
		if path[len(path)-1].keys != nil {
			inside = append(inside, path)
		}
	})
	for _, path := range inside {
		t.Run(dotted(path)+" takes no other key", func(t *testing.T) {
			root := exampleNode(t)
			put(holder(root, append(append([]key{}, path...), key{})), "nonsense", node(t, "x"))
			_, told, refused := j.verdicts(t, root)
			if !strings.Contains(told, `has no key "nonsense"`) && !strings.Contains(told, "does not say where") {
				t.Errorf("the reader says %q", told)
			}
			if !strings.Contains(refused, strings.TrimPrefix(dotted(path)+".nonsense: unknown", ".")) {
				t.Errorf("the schema says %q", refused)
			}
		})
	}
}

func TestWhatTheKeysSayOfValuesHolds(t *testing.T) {
	j := judges(t)
	elsewhere := regexp.MustCompile(`does not exist|is not set or empty`) // true of this machine, not of the value
	walk(fileKeys(), nil, func(path []key) {
		k := path[len(path)-1]
		for _, text := range append(append([]string{k.such, k.fallback}, k.examples...), k.enum...) {
			if text == "" || strings.Contains(text, "…") {
				continue
			}
			t.Run(dotted(path)+" can be "+text, func(t *testing.T) {
				_, told, refused := j.verdicts(t, set(t, path, text))
				for _, line := range strings.Split(told, "\n") {
					if strings.Contains(line, k.name+": ") && !elsewhere.MatchString(line) {
						t.Errorf("the reader says %q", line)
					}
				}
				if strings.Contains(refused, dotted(path)) {
					t.Errorf("the schema says %q", refused)
				}
			})
		}
		if k.fallback == "" {
			return
		}
		t.Run(dotted(path)+" left out is "+k.fallback, func(t *testing.T) {
			with, told, _ := j.verdicts(t, set(t, path, k.fallback))
			root := exampleNode(t)
			remove(holder(root, path), k.name)
			without, toldToo, _ := j.verdicts(t, root)
			if with == nil || without == nil {
				t.Fatal(told, toldToo)
			}
			with.Digest = without.Digest
			if !reflect.DeepEqual(with, without) {
				t.Error("it is not the same configuration")
			}
		})
	})
}
