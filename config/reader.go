package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// reader walks a file and gathers everything that is wrong with it.
type reader struct {
	file     string
	env      func(string) string
	now      time.Time
	errors   Errors
	warnings []Warning
}

func (r *reader) failAt(line int, format string, args ...any) {
	r.errors = append(r.errors, Problem{r.file, line, fmt.Sprintf(format, args...)})
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.failAt(n.Line, format, args...)
}

func (r *reader) warn(n *yaml.Node, format string, args ...any) {
	r.warnings = append(r.warnings, Warning{r.file, n.Line, fmt.Sprintf(format, args...)})
}

// table is a mapping whose keys are all known.
type table struct {
	*reader
	node   *yaml.Node
	what   string // how messages name it; empty: the file itself
	keys   []key
	at     map[string]*yaml.Node
	broken bool // no mapping at all, which is told already
	lacks  bool // a required key is not there, which is told already
}

// table reads a mapping, refuses keys that are not described and reports those
// that are required and not there.
func (r *reader) table(n *yaml.Node, what string, keys []key) table {
	t := table{reader: r, node: n, what: what, keys: keys, at: map[string]*yaml.Node{}}
	known := names(keys)
	if n.Kind != yaml.MappingNode {
		t.broken = true
		r.wrong(n, what, "a mapping with the keys "+strings.Join(known, ", "))
		return t
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		t.put(n.Content[i], n.Content[i+1], known)
	}
	for _, k := range keys {
		if k.required() && !t.has(k.name) {
			t.missing(k)
			t.lacks = true
		}
	}
	return t
}

// wordForm is what may be quoted of a key that is not known: a typo, yes; a
// connection string in the wrong place, no.
var wordForm = regexp.MustCompile(`^[\w.-]{1,40}$`)

func (t table) put(key, value *yaml.Node, keys []string) {
	where := "the file"
	if t.what != "" {
		where = t.what
	}
	first, twice := t.at[key.Value]
	switch {
	case key.Kind == 0: // told already
	case key.Kind != yaml.ScalarNode || !wordForm.MatchString(key.Value):
		t.fail(key, "%s has something that is no key; its keys are %s", where, strings.Join(keys, ", "))
	case !slices.Contains(keys, key.Value):
		t.fail(key, "%s has no key %q; %s", where, key.Value, instead(key.Value, keys))
	case twice:
		t.fail(key, "%s has the key %q twice, first on line %d; keep one", where, key.Value, first.Line)
	default:
		t.at[key.Value] = value
	}
}

// wrong reports a node of the wrong kind without quoting it.
func (r *reader) wrong(n *yaml.Node, what, want string) {
	if what == "" {
		what = "the file"
	}
	found := "text"
	switch {
	case n.Kind == 0: // told already
		return
	case n.Kind == yaml.SequenceNode:
		found = "a list"
	case n.Kind == yaml.MappingNode:
		found = "a mapping"
	case n.Tag == "!!null":
		r.fail(n, "%s has no value; give it %s, or leave it out", what, want)
		return
	}
	r.fail(n, "%s is %s; want %s", what, found, want)
}

// of names a key of the table in messages.
func (t table) of(key string) string {
	if t.what == "" {
		return key
	}
	return t.what + ": " + key
}

// has tells whether the key is there, whatever its value.
func (t table) has(key string) bool { return t.at[key] != nil }

// missing reports a required key that is not there.
func (t table) missing(k key) {
	where := "the file"
	if t.what != "" {
		where = t.what
	}
	t.fail(t.node, "%s has no %s; add one, such as %s", where, k.name, k.such)
}

// oneOf finds which one of the keys is there, and reports none and several.
func (t table) oneOf(keys ...string) string {
	found := ""
	for _, key := range keys {
		switch {
		case !t.has(key):
		case found != "":
			t.fail(t.at[key], "%s has both %s and %s; keep one", t.what, found, key)
			return ""
		default:
			found = key
		}
	}
	if !t.broken && len(t.node.Content) == 0 {
		t.fail(t.node, "%s is empty; give it one of %s", t.what, strings.Join(keys, ", "))
	}
	return found
}

// maxText bounds every text, in bytes; the pages have no room for more.
const maxText = 1000

// text reads a key's text; empty when there is none, or none to be used.
func (t table) text(key string) string {
	n := t.at[key]
	if n == nil {
		return ""
	}
	return t.scalar(n, t.of(key))
}

func (r *reader) scalar(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.wrong(n, what, "text")
		return ""
	}
	s := strings.TrimSpace(n.Value)
	switch {
	case s == "":
		r.fail(n, "%s is empty; give it text, or leave it out", what)
		return ""
	case len(s) > maxText:
		r.fail(n, "%s is longer than %d bytes; shorten it", what, maxText)
		return ""
	case strings.ContainsFunc(s, func(c rune) bool { return c != '\n' && unicode.IsControl(c) }):
		r.fail(n, "%s has a control character in it; remove it", what)
		return ""
	}
	return s
}

// flag reads true or false.
func (t table) flag(key string, otherwise bool) bool {
	n := t.at[key]
	switch {
	case n == nil || n.Kind == 0:
	case n.Kind == yaml.ScalarNode && n.Tag == "!!bool":
		return strings.EqualFold(n.Value, "true")
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		t.fail(n, "%s is neither true nor false; write one of them, without quotes", t.of(key))
	default:
		t.wrong(n, t.of(key), "true or false")
	}
	return otherwise
}

// list reads a list's entries.
func (t table) list(key string) []*yaml.Node {
	n := t.at[key]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		t.wrong(n, t.of(key), "a list")
		return nil
	}
	return n.Content
}

// section reads a mapping within the table; not ok when there is none.
func (t table) section(key string) (table, bool) {
	n := t.at[key]
	if n == nil {
		return table{reader: t.reader, node: t.node, broken: true}, false
	}
	s := t.table(n, t.of(key), find(t.keys, key).keys)
	return s, !s.broken
}

// entries reads a list of mappings that have names.
func (t table) entries(key, kind string) []table {
	var out []table
	keys := find(t.keys, key).keys
	for i, n := range t.list(key) {
		out = append(out, t.table(n, entryName(n, kind, i), keys))
	}
	return out
}

func entryName(n *yaml.Node, kind string, i int) string {
	for j := 0; n.Kind == yaml.MappingNode && j+1 < len(n.Content); j += 2 {
		value := n.Content[j+1]
		if n.Content[j].Value == "name" && value.Kind == yaml.ScalarNode && wordForm.MatchString(value.Value) {
			return fmt.Sprintf("%s %q", kind, value.Value)
		}
	}
	return fmt.Sprintf("%s number %d", kind, i+1)
}

// read parses a key's text; the zero T when there is none, or none to be used.
func read[T any](t table, key string, parse func(string) (T, error)) T {
	var zero T
	s := t.text(key)
	if s == "" {
		return zero
	}
	v, err := parse(s)
	if err != nil {
		t.fail(t.at[key], "%s: %v", t.of(key), err)
		return zero
	}
	return v
}

// readAll parses every text of a list.
func readAll[T any](t table, key string, parse func(string) (T, error)) []T {
	var out []T
	for _, n := range t.list(key) {
		s := t.scalar(n, "an entry of "+t.of(key))
		if s == "" {
			continue
		}
		v, err := parse(s)
		if err != nil {
			t.fail(n, "%s: %v", t.of(key), err)
			continue
		}
		out = append(out, v)
	}
	return out
}

// shelf keeps declared things by name, in the order of the file.
type shelf[T any] struct {
	register
	items []T
	nodes []*yaml.Node // where each is declared
	sound []bool       // no error in the entry, so that others may be checked against it
}

// register knows the names of declared things.
type register struct {
	names   []string
	index   map[string]int
	unnamed bool // the name of an entry is in error: it may be any
}

func (g *register) has(name string) bool {
	_, ok := g.index[name]
	return ok
}

// put keeps an item and refuses a second one of the same name. Before is the
// number of errors before the item was read.
func (s *shelf[T]) put(t table, kind, name string, item T, before int) {
	first, twice := s.index[name]
	switch {
	case name == "":
		s.unnamed = true
	case twice:
		t.fail(t.at["name"], "two %ss are named %q, first on line %d; rename one", kind, name, s.nodes[first].Line)
	default:
		if s.index == nil {
			s.index = map[string]int{}
		}
		s.index[name] = len(s.items)
		s.names = append(s.names, name)
	}
	s.items, s.nodes = append(s.items, item), append(s.nodes, t.node)
	s.sound = append(s.sound, len(t.errors) == before && name != "" && !t.lacks)
}

// whole tells whether every entry was read without an error.
func (s *shelf[T]) whole() bool { return !slices.Contains(s.sound, false) }
