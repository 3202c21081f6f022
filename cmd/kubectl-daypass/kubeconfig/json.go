package kubeconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// span is where a value stands in the text.
type span struct{ from, to int }

// looksLikeJSON leaves flow-style YAML, which is no JSON, to the YAML side.
func looksLikeJSON(text []byte) bool {
	bare := bytes.TrimLeft(text, " \t\r\n")
	return len(bare) > 0 && bare[0] == '{' && json.Valid(text)
}

// readJSON reads JSON as the same kind of tree. The YAML library would refuse
// tabs and escaped surrogates, which JSON may have.
func readJSON(text []byte) (*yaml.Node, map[*yaml.Node]span, error) {
	r := jsonReader{text: text, decoder: json.NewDecoder(bytes.NewReader(text)), spans: map[*yaml.Node]span{}}
	r.decoder.UseNumber()
	root, err := r.value(0)
	return root, r.spans, err
}

type jsonReader struct {
	text    []byte
	decoder *json.Decoder
	spans   map[*yaml.Node]span
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth > 100 {
		return nil, errors.New("it is nested too deep for a kubeconfig")
	}
	from := int(r.decoder.InputOffset())
	for from < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[from]) >= 0 {
		from++
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: 1 + bytes.Count(r.text[:from], []byte("\n"))}
	switch token := token.(type) {
	case json.Delim:
		err = r.inside(n, token, depth)
	case string:
		n.Tag, n.Value, n.Style = "!!str", token, yaml.DoubleQuotedStyle
	case nil:
		n.Tag, n.Value = "!!null", "null"
	default:
		n.Value = fmt.Sprint(token)
	}
	r.spans[n] = span{from, int(r.decoder.InputOffset())}
	return n, err
}

func (r *jsonReader) inside(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for r.decoder.More() {
		child, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	_, err := r.decoder.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (p put) jsonSplices(d document) [][]byte {
	items := child(d.root, p.list)
	unit := d.jsonUnit()
	switch old := d.item(p.list, p.name); {
	case items == nil:
		return d.newMember(p.list, list(p.item()))
	case len(items.Content) == 0:
		return d.cutIn(d.spans[items], printJSON(list(p.item()), unit, unit))
	case old != nil:
		next := clone(old)
		if err := p.update(next); err != nil {
			return nil
		}
		return d.cutIn(d.spans[old], printJSON(next, unit+unit, unit))
	default:
		last := d.spans[items.Content[len(items.Content)-1]].to
		return d.cutIn(span{last, last}, d.glue(unit+unit), printJSON(p.item(), unit+unit, unit))
	}
}

func (r drop) jsonSplices(d document) [][]byte {
	items := child(d.root, r.list).Content
	for i, item := range items {
		if text(field(item, "name")) != r.name {
			continue
		}
		gone := d.spans[item]
		switch {
		case len(items) == 1:
			return d.cutIn(d.spans[child(d.root, r.list)], []byte("[]"))
		case i+1 < len(items):
			gone.to = d.spans[items[i+1]].from
		default:
			gone.from = d.spans[items[i-1]].to
		}
		return d.cutIn(gone)
	}
	return nil
}

func (c current) jsonSplices(d document) [][]byte {
	if old := child(d.root, "current-context"); old != nil {
		return d.cutIn(d.spans[old], printJSON(str(c.name), "", ""))
	}
	return d.newMember("current-context", str(c.name))
}

// newMember adds to the top, behind its last member.
func (d document) newMember(key string, value *yaml.Node) [][]byte {
	if len(d.root.Content) == 0 {
		return nil
	}
	unit := d.jsonUnit()
	last := d.spans[d.root.Content[len(d.root.Content)-1]].to
	return d.cutIn(span{last, last}, d.glue(unit), printJSON(str(key), "", ""), []byte(": "), printJSON(value, unit, unit))
}

// glue is what stands between two values.
func (d document) glue(deep string) []byte {
	if d.jsonUnit() == "" {
		return []byte(", ")
	}
	return []byte("," + d.newline() + deep)
}

func (d document) cutIn(s span, parts ...[]byte) [][]byte {
	return [][]byte{concat(d.text[:s.from], concat(parts...), d.text[s.to:])}
}

// jsonUnit is one step of the file's indentation; empty when it has one line.
func (d document) jsonUnit() string {
	_, rest, found := strings.Cut(string(d.text), "\n")
	if !found {
		return ""
	}
	if unit := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]; unit != "" {
		return unit
	}
	return "    "
}

// printJSON writes a tree as JSON, in one line when there is no unit.
func printJSON(n *yaml.Node, deep, unit string) []byte {
	if n.Kind == yaml.ScalarNode {
		return jsonScalar(n)
	}
	open, end := "[", "]"
	if n.Kind == yaml.MappingNode {
		open, end = "{", "}"
	}
	between, before, after := ", ", "", ""
	if unit != "" {
		between, before, after = ",\n"+deep+unit, "\n"+deep+unit, "\n"+deep
	}
	var parts []string
	for i := 0; i < len(n.Content); i++ {
		part := ""
		if n.Kind == yaml.MappingNode {
			part = string(jsonScalar(n.Content[i])) + ": "
			i++
		}
		parts = append(parts, part+string(printJSON(n.Content[i], deep+unit, unit)))
	}
	if len(parts) == 0 {
		return []byte(open + end)
	}
	return []byte(open + before + strings.Join(parts, between) + after + end)
}

// jsonScalar leaves & and < as they are: a kubeconfig is no web page.
func jsonScalar(n *yaml.Node) []byte {
	if !isText(n) {
		return []byte(n.Value)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	// A string always has a form in JSON.
	_ = encoder.Encode(n.Value)
	return bytes.TrimRight(out.Bytes(), "\n")
}
