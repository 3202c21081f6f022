package seal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrFile says that a key file cannot be changed as was asked.
var ErrFile = errors.New("the sealing key file stays as it is")

// Append puts a key's line behind all others: every server that has read the
// file opens and checks with the key, and none seals with it yet.
func Append(text []byte, line string) ([]byte, error) {
	out := slices.Clone(text)
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	out = append(out, line+"\n"...)
	_, err := Parse(out)
	return out, err
}

// Promote moves a key before all others, so that it is the one that seals.
func Promote(text []byte, id string) ([]byte, error) {
	lines, at, err := find(text, id)
	if err != nil {
		return nil, err
	}
	first := slices.IndexFunc(lines, isKey)
	if at == first {
		return nil, fmt.Errorf("%w: the key %s seals already", ErrFile, id)
	}
	own := lines[at]
	return join(slices.Insert(slices.Delete(lines, at, at+1), first, own))
}

// Retire takes a key out. The one that seals cannot be taken out: another is
// promoted first.
func Retire(text []byte, id string) ([]byte, error) {
	lines, at, err := find(text, id)
	if err != nil {
		return nil, err
	}
	if at == slices.IndexFunc(lines, isKey) {
		return nil, fmt.Errorf("%w: the key %s is the one that seals; promote another with 'daypass sealing-key promote KEYID', restart every server, and retire %[2]s a day later", ErrFile, id)
	}
	return join(slices.Delete(lines, at, at+1))
}

// find splits a file into lines and says in which one the key is.
func find(text []byte, id string) ([]string, int, error) {
	keys, err := Parse(text)
	if err != nil {
		return nil, 0, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return isKey(l) && nameOf(l) == id })
	if at < 0 {
		return nil, 0, fmt.Errorf("%w: it has no key %q; it has %s", ErrFile, id, strings.Join(keys.IDs(), ", "))
	}
	return lines, at, nil
}

// isKey tells a key's line from an empty one and a comment.
func isKey(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && !strings.HasPrefix(line, "#")
}

func nameOf(line string) string {
	id, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return id
}

// join writes lines, and reads them once more before anybody relies on them.
func join(lines []string) ([]byte, error) {
	out := []byte(strings.Join(lines, "\n") + "\n")
	_, err := Parse(out)
	return out, err
}
