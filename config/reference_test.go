package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const referencePath = "../docs/configuration.md"

// tableForm finds the places of tables in the reference.
var tableForm = regexp.MustCompile(`(?s)(<!-- keys of ([\w.]+), written by go generate \./config -->\n).*?(<!-- end of keys -->)`)

func TestTheTablesOfTheReferenceAreCurrent(t *testing.T) {
	page, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	left := tables("", key{keys: fileKeys(), table: "file"}, map[string]string{})
	current := tableForm.ReplaceAllStringFunc(string(page), func(place string) string {
		m := tableForm.FindStringSubmatch(place)
		text, ok := left[m[2]]
		if !ok {
			t.Errorf("the reference has a second table of %s, or one that no keys belong to", m[2])
		}
		delete(left, m[2])
		return m[1] + text + m[3]
	})
	for name := range left {
		t.Errorf("the reference has no place for the keys of %s", name)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(referencePath, []byte(current), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(page), current); diff != "" {
		t.Errorf("docs/configuration.md is not what the keys say; run go generate ./config\n%s", diff)
	}
}

// tables renders the tables of a key and of all below it, by name.
func tables(path string, k key, out map[string]string) map[string]string {
	if k.kind == isFlagOrMapping || len(k.keys) == 0 {
		return out // its keys stand in the table it is in
	}
	name := k.table
	if name == "" {
		name = path
	}
	if k.rule == anyKeys {
		out[name] = "| key | default | what it is |\n|---|---|---|\n" + rows("", k.keys)
	} else {
		out[name] = "| key | what it is |\n|---|---|\n" + choices(k.keys)
	}
	for _, child := range k.keys {
		tables(strings.TrimPrefix(path+"."+child.name, "."), child, out)
	}
	return out
}

func rows(prefix string, keys []key) string {
	var b strings.Builder
	for _, k := range keys {
		otherwise := k.words
		switch {
		case k.required():
			otherwise = "required"
		case k.fallback != "":
			otherwise = "`" + strings.Trim(k.fallback, `"`) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", prefix+k.name, otherwise, k.says)
		if k.kind == isFlagOrMapping {
			b.WriteString(rows(prefix+k.name+".", k.keys))
		}
	}
	return b.String()
}

// choices renders keys of which one is chosen, each with an example.
func choices(keys []key) string {
	var b strings.Builder
	for _, k := range keys {
		shown := k.name
		if len(k.examples) > 0 {
			shown += ": " + k.examples[0]
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", shown, k.says)
	}
	return b.String()
}

func TestEveryKeySaysWhatItIs(t *testing.T) {
	walk(fileKeys(), nil, func(path []key) {
		k := path[len(path)-1]
		otherwise := 0
		for _, said := range []string{k.such, k.fallback, k.words} {
			if said != "" {
				otherwise++
			}
		}
		chosen := len(path) > 1 && path[len(path)-2].rule != anyKeys
		if !strings.HasSuffix(k.says, ".") || strings.ContainsAny(k.says, "|\n") || otherwise > 1 || otherwise == 0 && !chosen {
			t.Errorf("%s: %q, and %d answers to what leaving it out means", dotted(path), k.says, otherwise)
		}
	})
}
