package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSize is the largest file that is read, in bytes.
const maxSize = 1 << 20

// document reads the file's one YAML document and refuses what YAML allows but
// people misread. It returns nil when there is nothing to read on.
func (r *reader) document(data []byte) *yaml.Node {
	if text := unreadable(data); text != "" {
		r.failAt(0, "%s", text)
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.failAt(0, "the file is empty; docs/daypass.example.yaml shows what belongs into it")
		return nil
	case err != nil:
		r.syntax(data, err)
		return nil
	}
	r.onlyDocument(d, data)
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		r.failAt(0, "the file is empty; docs/daypass.example.yaml shows what belongs into it")
		return nil
	}
	r.plain(root)
	return root
}

func unreadable(data []byte) string {
	switch {
	case len(data) > maxSize:
		return "the file is larger than 1 MiB; is it the right one?"
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "the file begins with a byte order mark; save it as UTF-8 without one"
	case !utf8.Valid(data):
		return "the file is not UTF-8; save it as UTF-8"
	case oddBreak.Match(data):
		return "the file has a line break that editors do not show as one (a lone CR, U+0085, U+2028 or U+2029); remove it, so that lines can be told"
	}
	return ""
}

// onlyDocument refuses a second document, which a YAML decoder would silently
// leave unread.
func (r *reader) onlyDocument(d *yaml.Decoder, data []byte) {
	var second yaml.Node
	switch err := d.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntax(data, err)
	default:
		r.fail(&second, "a second document begins here and would not be read; keep everything in one and remove the ---")
	}
}

var (
	// YAML 1.1 breaks lines at these (https://yaml.org/spec/1.1/#id871136).
	oddBreak    = regexp.MustCompile("\r[^\n]|\r$|[\u0085\u2028\u2029]")
	yamlLine    = regexp.MustCompile(`^line (\d+): `)
	yamlAnchor  = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	indentedTab = regexp.MustCompile(`^ *\t`)
)

// syntax reports what the YAML library could not read. Its texts are about
// marks of YAML and quote nothing but the names of anchors, which are left out
// here: a password may begin with any mark.
func (r *reader) syntax(data []byte, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
		if strings.HasPrefix(text, "did not find expected") {
			line++ // the library counts the lines of these from zero
		}
	}
	if tab := tabLine(data); tab > 0 {
		r.failAt(tab, "a tab is used to indent, which YAML does not allow; use spaces")
		return
	}
	if m := yamlAnchor.FindStringSubmatch(text); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		r.failAt(1+bytes.Count(before, []byte("\n")), noAlias)
		return
	}
	line = min(line, bytes.Count(data, []byte("\n"))+1)
	r.failAt(line, "the file is not YAML from about here on: %s; look for a missing quote, bracket or space", text)
}

func tabLine(data []byte) int {
	for i, line := range strings.Split(string(data), "\n") {
		if indentedTab.MatchString(line) {
			return i + 1
		}
	}
	return 0
}

// What YAML allows but people misread; the same words serve whoever meant text.
const (
	noAlias  = "an alias (*…) stands for something written elsewhere; write it out here, or quote a text that begins with *"
	noAnchor = "an anchor (&…) is not read; remove it, or quote a text that begins with &"
	noTag    = "a tag (!…) is not read; remove it, or quote a text that begins with !"
	noMerge  = "the merge key << is not read; write the keys out, so that each line says all it means"
)

// plain refuses anchors, aliases, merge keys and tags, each of which makes a
// line mean something that is not written there. What was refused is blanked
// out and met by nobody again.
func (r *reader) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.fail(n, noAlias)
		*n = yaml.Node{Line: n.Line}
		return
	case n.Tag == "!!merge":
		r.fail(n, noMerge)
		*n = yaml.Node{Line: n.Line}
		return
	case n.Style&yaml.TaggedStyle != 0:
		r.fail(n, noTag)
	}
	if n.Anchor != "" {
		r.fail(n, noAnchor)
	}
	for i, child := range n.Content {
		if merged := n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Kind == 0; merged {
			*child = yaml.Node{Line: child.Line}
			continue
		}
		r.plain(child)
	}
}
