package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// lists are the lists of a kubeconfig.
func lists() []string { return []string{"clusters", "contexts", "users"} }

// bodyOf is the field that holds what an item of a list is about.
func bodyOf(list string) string { return strings.TrimSuffix(list, "s") }

// document is a kubeconfig as text and as what the text means. The root is a
// mapping, also when the text is empty.
type document struct {
	path  string
	text  []byte
	root  *yaml.Node
	json  bool
	spans map[*yaml.Node]span // where each value stands, of JSON only

	beside []document // what kubectl reads with it
}

// at is an error about one line of the file.
func (d document) at(line int, form string, args ...any) error {
	return fmt.Errorf("%s, line %d: %w", d.path, line, fmt.Errorf(form, args...))
}

// parse takes only what Daypass can change without guessing.
func parse(path string, text []byte) (document, error) {
	d := document{path: path, text: text}
	if !utf8.Valid(text) {
		return d, fmt.Errorf("%s is not UTF-8 text, so Daypass leaves it alone; save it as UTF-8 first", path)
	}
	if err := d.readTree(); err != nil {
		return d, fmt.Errorf("%s cannot be read as a kubeconfig and stays as it is; mend it, or name another with --kubeconfig: %w", path, err)
	}
	if d.root.Kind != yaml.MappingNode {
		return d, d.at(d.root.Line, "a kubeconfig is a mapping at its top, this is none; the file stays as it is")
	}
	return d, errors.Join(d.checkKeys(d.root, 0), d.checkHead(), d.checkLists())
}

func (d *document) readTree() (err error) {
	if looksLikeJSON(d.text) {
		d.json = true
		d.root, d.spans, err = readJSON(d.text)
		return err
	}
	d.root, err = readYAML(d.text)
	return err
}

// readYAML reads exactly one document. The library is known to panic on some
// malformed comments; that is malformed input like any other.
func readYAML(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, nil
	} else if err != nil {
		return nil, trueLine(err, text)
	}
	if err := decoder.Decode(&more); err == nil {
		return nil, fmt.Errorf("line %d: there is a second YAML document in the file, and kubectl reads only the first", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, trueLine(err, text)
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, nil
	}
	return doc.Content[0], nil
}

// trueLine mends the line in an error: for what is missing, the library counts
// from 0, except at the text's end.
func trueLine(err error, text []byte) error {
	var line int
	var rest string
	if n, _ := fmt.Sscanf(err.Error(), "yaml: line %d: did not %s", &line, &rest); n < 2 {
		return err
	}
	_, what, _ := strings.Cut(err.Error(), "did not ")
	last := max(1, bytes.Count(text, []byte("\n")))
	return fmt.Errorf("line %d: did not %s", min(line+1, last), what)
}

// checkKeys refuses a key given twice: readers differ in which one counts.
func (d document) checkKeys(n *yaml.Node, depth int) error {
	if depth > 100 {
		return d.at(n.Line, "the file is nested too deep for a kubeconfig")
	}
	seen := map[string]bool{}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if child.Kind != yaml.ScalarNode {
				return d.at(child.Line, "a key must be a plain word")
			}
			if seen[child.Value] {
				return d.at(child.Line, "%q is given twice in one place; remove one", child.Value)
			}
			seen[child.Value] = true
		}
		if err := d.checkKeys(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkHead keeps us from writing into a file that is something else.
func (d document) checkHead() error {
	for _, want := range [][2]string{{"apiVersion", "v1"}, {"kind", "Config"}} {
		value := child(d.root, want[0])
		if value != nil && !isNull(value) && value.Value != want[1] {
			return d.at(value.Line, "%s must be %s in a kubeconfig; the file stays as it is", want[0], want[1])
		}
	}
	if merge := child(d.root, "<<"); merge != nil {
		return d.at(merge.Line, "Daypass cannot add to a file whose top is merged from elsewhere (<<)")
	}
	current := child(d.root, "current-context")
	if current != nil && !isNull(current) && !isText(current) {
		return d.at(current.Line, "current-context must be a name")
	}
	return nil
}

func (d document) checkLists() error {
	for _, list := range lists() {
		if err := d.checkList(list, bodyOf(list)); err != nil {
			return err
		}
	}
	return nil
}

func (d document) checkList(list, body string) error {
	items := child(d.root, list)
	if items == nil || isNull(items) {
		return nil
	}
	if items.Kind != yaml.SequenceNode {
		return d.at(items.Line, "%s must be a list, written in its own place", list)
	}
	seen := map[string]int{}
	for _, item := range items.Content {
		name := field(item, "name")
		if name == nil || !isText(name) {
			return d.at(item.Line, "each of %s needs a name that is text", list)
		}
		if line, twice := seen[name.Value]; twice {
			return d.at(item.Line, "%s %q is there already at line %d; remove one", body, name.Value, line)
		}
		seen[name.Value] = item.Line
	}
	return nil
}

// item is the one of a list with that name, nil when there is none.
func (d document) item(list, name string) *yaml.Node { return itemOf(d.root, list, name) }

// together are the items of a list as kubectl sees them: of several with one
// name, in several files, the first.
func (d document) together(list string) (all []*yaml.Node) {
	seen := map[string]bool{}
	for _, one := range append([]document{d}, d.beside...) {
		for _, item := range one.items(list) {
			name := text(field(item, "name"))
			if !seen[name] {
				all = append(all, item)
			}
			seen[name] = true
		}
	}
	return all
}

// known is the item that kubectl finds under a name, nil when there is none.
func (d document) known(list, name string) *yaml.Node {
	for _, item := range d.together(list) {
		if text(field(item, "name")) == name {
			return item
		}
	}
	return nil
}

func itemOf(root *yaml.Node, list, name string) *yaml.Node {
	items := child(root, list)
	if items == nil {
		return nil
	}
	for _, item := range items.Content {
		if text(field(item, "name")) == name {
			return item
		}
	}
	return nil
}
