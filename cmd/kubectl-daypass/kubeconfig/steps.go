package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// step is one change: what it means, and the ways to write it that leave all
// other bytes alone, best first.
type step interface {
	apply(root *yaml.Node) error
	splices(d document) [][]byte
}

// take makes one change. A splice counts only if, read again, it means
// exactly what the change means; when none does, the whole file is written
// anew from its tree, and that has to pass the same test.
func (d document) take(s step) (document, error) {
	want, err := d.after(s)
	if err != nil || same(d.root, want) {
		return d, err
	}
	for _, text := range d.tries(s) {
		if next, err := parse(d.path, text); err == nil && same(next.root, want) {
			return next, nil
		}
	}
	text, err := d.encode(want)
	if err != nil {
		return d, err
	}
	next, err := parse(d.path, text)
	if err != nil || !same(next.root, want) {
		return d, errors.Join(fmt.Errorf("%s has a form that Daypass cannot change without harm; it stays as it is", d.path), err)
	}
	return next, nil
}

// tries are the splices of a text whose lines can be counted.
func (d document) tries(s step) [][]byte {
	if !d.json && !d.countable() {
		return nil
	}
	return s.splices(d)
}

// after is the tree as it is to be. It is parsed anew, so that the document's
// own stays what the text says.
func (d document) after(s step) (*yaml.Node, error) {
	fresh, err := parse(d.path, d.text)
	if err != nil {
		return nil, err
	}
	if err := s.apply(fresh.root); err != nil {
		return nil, fmt.Errorf("%s: %w; the file stays as it is", d.path, err)
	}
	return fresh.root, nil
}

func (d document) encode(root *yaml.Node) (text []byte, err error) {
	if d.json {
		return printJSON(root, "", d.jsonUnit()), nil
	}
	return encodeYAML(root, d.indent())
}

func encodeYAML(n *yaml.Node, indent int) (text []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			text, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(indent)
	err = errors.Join(encoder.Encode(n), encoder.Close())
	return out.Bytes(), err
}

// begin says what an empty file is going to be.
type begin struct{}

func (begin) apply(root *yaml.Node) error {
	set(root, "apiVersion", str("v1"))
	set(root, "kind", str("Config"))
	return nil
}

func (begin) splices(d document) [][]byte {
	if d.json {
		return nil
	}
	return [][]byte{d.insert(d.end(), "apiVersion: v1\nkind: Config\n")}
}

// put adds an item to a list, or brings the one with its name up to date.
type put struct {
	list, name string
	fill       func(body *yaml.Node)
}

func (p put) apply(root *yaml.Node) error {
	if item := itemOf(root, p.list, p.name); item != nil {
		return p.update(item)
	}
	items := child(root, p.list)
	if items == nil || isNull(items) {
		items = list()
		set(root, p.list, items)
	}
	items.Content = append(items.Content, p.item())
	return nil
}

func (p put) item() *yaml.Node {
	body := mapping()
	p.fill(body)
	return mapping(str("name"), str(p.name), str(bodyOf(p.list)), body)
}

// update changes an item in place. One that is shared through an alias would
// change elsewhere too.
func (p put) update(item *yaml.Node) error {
	key := bodyOf(p.list)
	body := child(item, key)
	if body == nil && field(item, key) == nil || body != nil && isNull(body) {
		body = mapping()
		set(item, key, body)
	}
	if body == nil || body.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s %q is shared with other places (an alias) or is no mapping", item.Line, key, p.name)
	}
	p.fill(body)
	return nil
}

// drop takes an item out of a list.
type drop struct{ list, name string }

func (r drop) apply(root *yaml.Node) error {
	items := child(root, r.list)
	if items == nil {
		return nil
	}
	var kept []*yaml.Node
	for _, item := range items.Content {
		if text(field(item, "name")) != r.name {
			kept = append(kept, item)
		}
	}
	items.Content = kept
	return nil
}

// current makes a context the current one; no name means none.
type current struct{ name string }

func (c current) apply(root *yaml.Node) error {
	set(root, "current-context", str(c.name))
	return nil
}
