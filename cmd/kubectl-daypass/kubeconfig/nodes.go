package kubeconfig

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// child is the value of a mapping's own key; nil when it has none.
func child(n *yaml.Node, key string) *yaml.Node {
	_, value := member(n, key)
	return value
}

func member(n *yaml.Node, key string) (name, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// field is child as a reader sees it: through aliases and merged mappings.
func field(n *yaml.Node, key string) *yaml.Node { return fieldWithin(n, key, 8) }

func fieldWithin(n *yaml.Node, key string, depth int) *yaml.Node {
	n = resolve(n)
	if n == nil || depth == 0 {
		return nil
	}
	if own := child(n, key); own != nil {
		return resolve(own)
	}
	merged := resolve(child(n, "<<"))
	if merged == nil {
		return nil
	}
	if merged.Kind != yaml.SequenceNode {
		return fieldWithin(merged, key, depth-1)
	}
	for _, one := range merged.Content {
		if found := fieldWithin(one, key, depth-1); found != nil {
			return found
		}
	}
	return nil
}

// others are the keys by which a reader finds something in a mapping besides
// those.
func others(n *yaml.Node, known ...string) []string { return othersWithin(n, known, 8) }

func othersWithin(n *yaml.Node, known []string, depth int) (keys []string) {
	n = resolve(n)
	if n == nil || depth == 0 {
		return nil
	}
	if n.Kind == yaml.SequenceNode { // of mappings that are merged in
		for _, one := range n.Content {
			keys = append(keys, othersWithin(one, known, depth-1)...)
		}
		return keys
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, resolve(n.Content[i+1])
		switch {
		case key == "<<":
			keys = append(keys, othersWithin(value, known, depth-1)...)
		case !slices.Contains(known, key) && (text(value) != "" || value != nil && len(value.Content) > 0):
			keys = append(keys, key)
		}
	}
	return keys
}

func resolve(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode && i < 8; i++ {
		n = n.Alias
	}
	return n
}

// text is a scalar's value; empty for anything else.
func text(n *yaml.Node) string {
	if n = resolve(n); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str"
}

// same says whether two trees mean the same. Comments, quotes and places do
// not matter; order does.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor || a.ShortTag() != b.ShortTag() || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yaml.ScalarNode && !isNull(a) && a.Value != b.Value {
		return false
	}
	if a.Kind == yaml.AliasNode && a.Value != b.Value {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// set gives a mapping's key a value. What means the same already stays.
func set(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if old := n.Content[i+1]; !same(old, value) {
			value.LineComment, value.FootComment = old.LineComment, old.FootComment
			n.Content[i+1] = value
		}
		return
	}
	n.Content = append(n.Content, str(key), value)
}

// setDefault gives a mapping's key a value unless a reader finds that there.
func setDefault(n *yaml.Node, key string, value *yaml.Node) {
	if found := field(n, key); found != nil && same(found, value) {
		return
	}
	set(n, key, value)
}

// settle gives a mapping's key a text, or none. What is merged in from elsewhere
// is covered by an empty one, for to readers that is none.
func settle(n *yaml.Node, key, value string) {
	if value == "" {
		unset(n, key)
	}
	if text(field(n, key)) != value {
		set(n, key, str(value))
	}
}

func unset(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return
		}
	}
}

func mapping(pairs ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: pairs}
}

func list(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items}
}

func boolean(yes bool) *yaml.Node {
	value := "false"
	if yes {
		value = "true"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: value}
}

// str is text that every reader of YAML takes as text. kubectl reads by the
// rules of YAML 1.1, where a bare yes, 1:30 or 0o7 is something else.
func str(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	plain := regexp.MustCompile(`^(--[a-z]|[A-Za-z/])[A-Za-z0-9._/:@=+-]*[A-Za-z0-9=/+]$`)
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off", "true", "false", "null":
		n.Style = yaml.DoubleQuotedStyle
	default:
		if !plain.MatchString(s) {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	return n
}

func clone(n *yaml.Node) *yaml.Node {
	if n == nil {
		return mapping()
	}
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, clone(child))
	}
	return &c
}
