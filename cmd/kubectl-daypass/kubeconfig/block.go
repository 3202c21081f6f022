package kubeconfig

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Splices of block-style YAML work on lines. They may guess, say about whom a
// comment belongs to, because take reads every result again.

func (p put) splices(d document) [][]byte {
	if d.json {
		return p.jsonSplices(d)
	}
	if d.flow(d.root) {
		return nil
	}
	key, items := member(d.root, p.list)
	switch {
	case items == nil:
		return d.newSection(p)
	case len(items.Content) == 0:
		return d.fillSection(p, key, items)
	case d.flow(items):
		return nil
	case d.item(p.list, p.name) != nil:
		return p.replaceItem(d, items)
	}
	return p.addItem(d, items)
}

func (d document) flow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func (p put) addItem(d document, items *yaml.Node) [][]byte {
	depth := items.Column - 1
	block, err := render(p.item(), depth)
	if err != nil {
		return nil
	}
	end := d.sectionEnd(items)
	return [][]byte{
		d.insert(d.trim(items.Line, end, max(depth, 1)), block),
		d.insert(end, block),
	}
}

func (d document) newSection(p put) [][]byte {
	depth := d.listDepth()
	block, err := render(p.item(), depth)
	if err != nil {
		return nil
	}
	return [][]byte{d.insert(d.end(), p.list+":\n"+block)}
}

// fillSection turns "users: []", "users: null" and "users:" into a list.
func (d document) fillSection(p put, key, items *yaml.Node) [][]byte {
	block, err := render(p.item(), d.listDepth())
	if err != nil {
		return nil
	}
	if items.Value == "" && items.Kind == yaml.ScalarNode {
		return [][]byte{d.insert(key.Line+1, block)}
	}
	from := d.offset(items.Line, items.Column)
	raw := items.Value
	if items.Kind == yaml.SequenceNode {
		raw = upTo(d.text[from:], ']')
	}
	if from+len(raw) > len(d.text) || strings.Contains(raw, "\n") {
		return nil
	}
	before := bytes.TrimRight(d.text[:from], " ")
	cut := d
	cut.text = concat(before, d.text[from+len(raw):])
	return [][]byte{cut.insert(key.Line+1, block)}
}

// replaceItem writes one item anew, from its own lines, so that comments
// within it stay with it and comments around it are not touched.
func (p put) replaceItem(d document, items *yaml.Node) [][]byte {
	depth := items.Column - 1
	from, to := d.itemLines(items, p.name)
	lines := d.lines()
	if to > len(lines)+1 {
		return nil
	}
	var piece strings.Builder
	for _, line := range lines[from-1 : to-1] {
		cut := min(depth, len(line)-len(strings.TrimLeft(line, " ")))
		piece.WriteString(line[cut:])
	}
	alone, err := readYAML([]byte(piece.String()))
	if err != nil || alone.Kind != yaml.SequenceNode || len(alone.Content) != 1 {
		return nil
	}
	if err := p.update(alone.Content[0]); err != nil {
		return nil
	}
	block, err := render(alone.Content[0], depth)
	if err != nil {
		return nil
	}
	return [][]byte{d.swap(from, to, block)}
}

func (r drop) splices(d document) [][]byte {
	if d.json {
		return r.jsonSplices(d)
	}
	key, items := member(d.root, r.list)
	if d.flow(d.root) || d.flow(items) {
		return nil
	}
	from, to := d.itemLines(items, r.name)
	cut := d
	cut.text = d.swap(from, to, "")
	if len(items.Content) > 1 {
		return [][]byte{cut.text}
	}
	colon := d.afterColon(key)
	if colon > len(cut.text) {
		return nil
	}
	return [][]byte{concat(cut.text[:colon], []byte(" []"), cut.text[colon:])}
}

func (c current) splices(d document) [][]byte {
	if d.json {
		return c.jsonSplices(d)
	}
	if d.flow(d.root) {
		return nil
	}
	value, err := encodeYAML(str(c.name), 2)
	if err != nil {
		return nil
	}
	value = bytes.TrimSpace(value)
	key, old := member(d.root, "current-context")
	if old == nil {
		return [][]byte{d.insert(d.end(), "current-context: "+string(value)+"\n")}
	}
	if isNull(old) && old.Value == "" {
		colon := d.afterColon(key)
		return [][]byte{concat(d.text[:colon], []byte(" "), value, d.text[colon:])}
	}
	from := d.offset(old.Line, old.Column)
	to := min(from+len(rawScalar(old, d.text[from:])), len(d.text))
	return [][]byte{concat(d.text[:from], value, d.text[to:])}
}

// rawScalar is how a short scalar stands in the text; with an escaped quote
// it is cut too soon, which the reading again finds.
func rawScalar(n *yaml.Node, text []byte) string {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0 && len(text) > 0:
		return `"` + upTo(text[1:], '"')
	case n.Style&yaml.SingleQuotedStyle != 0 && len(text) > 0:
		return `'` + upTo(text[1:], '\'')
	}
	return n.Value
}

// upTo is the text up to and with its first such byte.
func upTo(text []byte, end byte) string {
	return string(text[:bytes.IndexByte(text, end)+1])
}

// render writes one item of a list, each line that deep.
func render(item *yaml.Node, depth int) (string, error) {
	alone := *item
	out, err := encodeYAML(list(&alone), 2)
	if err != nil {
		return "", err
	}
	if len(out) == 0 {
		return "", errors.New("nothing came of an item")
	}
	var block strings.Builder
	for _, line := range strings.SplitAfter(string(out), "\n") {
		if strings.TrimSpace(line) != "" {
			block.WriteString(strings.Repeat(" ", depth))
		}
		block.WriteString(line)
	}
	return block.String(), nil
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
