package kubeconfig

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Lines are counted from 1, as people and the YAML library do.

func (d document) lines() []string {
	lines := strings.SplitAfter(string(d.text), "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	return lines
}

// countable says that our lines are the library's: it also ends one at a lone
// carriage return and at three rare characters.
func (d document) countable() bool {
	plain := strings.ReplaceAll(string(d.text), "\r\n", "\n")
	return !strings.ContainsAny(plain, "\r\u0085\u2028\u2029")
}

// end is the line after the document's last: where a new section goes.
func (d document) end() int {
	lines := d.lines()
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.TrimRight(lines[i], " \r\n") == "..." {
			return i + 1
		}
	}
	return len(lines) + 1
}

// insert puts a block before a line.
func (d document) insert(line int, block string) []byte { return d.swap(line, line, block) }

// swap puts a block in the place of the lines from one up to another. The
// block takes the line ends of the file.
func (d document) swap(from, to int, block string) []byte {
	lines, newline := d.lines(), d.newline()
	from = min(max(from, 1), len(lines)+1)
	to = min(max(to, from), len(lines)+1)
	before, after := strings.Join(lines[:from-1], ""), strings.Join(lines[to-1:], "")
	if before != "" && block != "" && !strings.HasSuffix(before, "\n") {
		before += newline
	}
	if newline != "\n" {
		block = strings.ReplaceAll(block, "\n", newline)
	}
	return []byte(before + block + after)
}

func (d document) newline() string {
	if first, _, found := strings.Cut(string(d.text), "\n"); found && strings.HasSuffix(first, "\r") {
		return "\r\n"
	}
	return "\n"
}

// sectionEnd is the line of the next key at the top, or the document's end.
func (d document) sectionEnd(items *yaml.Node) int {
	end := d.end()
	for i := 0; i < len(d.root.Content); i += 2 {
		if line := d.root.Content[i].Line; line > items.Line && line < end {
			end = line
		}
	}
	return end
}

// trim moves an end up over blank lines and over comments that stand further
// left than keep: those belong to what follows.
func (d document) trim(start, end, keep int) int {
	lines := d.lines()
	for end = min(end, len(lines)+1); end > start+1; end-- {
		line := strings.TrimRight(lines[end-2], " \t\r\n")
		bare := strings.TrimLeft(line, " ")
		comment := strings.HasPrefix(bare, "#") && len(line)-len(bare) < keep
		if bare != "" && !comment {
			break
		}
	}
	return end
}

// itemLines are an item's first line and the line after its last.
func (d document) itemLines(items *yaml.Node, name string) (from, to int) {
	depth := items.Column - 1
	to = d.sectionEnd(items)
	for i, item := range items.Content {
		if text(field(item, "name")) != name {
			continue
		}
		from = d.dashLine(item, depth)
		if i+1 < len(items.Content) {
			to = d.dashLine(items.Content[i+1], depth)
		}
	}
	return from, max(from, d.trim(from, to, depth+1))
}

// dashLine is where an item begins: its own line, or one further up when the
// dash stands alone.
func (d document) dashLine(item *yaml.Node, depth int) int {
	lines := d.lines()
	for line := min(item.Line, len(lines)); line > 0; line-- {
		if strings.HasPrefix(lines[line-1], strings.Repeat(" ", depth)+"-") {
			return line
		}
	}
	return max(item.Line, 1)
}

// offset is where a line's column begins; columns count characters.
func (d document) offset(line, column int) int {
	lines := d.lines()
	if line < 1 || line > len(lines) {
		return len(d.text)
	}
	at := len(strings.Join(lines[:line-1], ""))
	left := column - 1
	for i := range lines[line-1] {
		if left == 0 {
			return at + i
		}
		left--
	}
	return at + len(lines[line-1])
}

// afterColon is the place behind a key's colon.
func (d document) afterColon(key *yaml.Node) int {
	from := d.offset(key.Line, key.Column)
	return from + len(upTo(d.text[from:], ':'))
}

// listDepth is how far the lists of this file are set in.
func (d document) listDepth() int {
	for _, name := range lists() {
		if items := child(d.root, name); items != nil && len(items.Content) > 0 && !d.flow(items) {
			return max(items.Column-1, 0)
		}
	}
	return 0
}

// indent is the step of a file that has to be written anew.
func (d document) indent() int {
	for i := 0; i+1 < len(d.root.Content); i += 2 {
		value := d.root.Content[i+1]
		if value.Kind == yaml.MappingNode && !d.flow(value) && value.Column > 2 {
			return min(value.Column-1, 8)
		}
	}
	return 2
}
