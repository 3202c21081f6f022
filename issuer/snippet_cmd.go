package issuer

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// Cmd is one paste for Windows' cmd. It has no quotes that keep text as it is,
// so the file is spelled with characters that mean nothing to it and written by
// echo, line by line. certutil -decode would do too, but scanners for malware
// look out for it, and nobody could read what they paste.
//
// Each line stays far below the 8,191 characters that cmd takes
// (https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation)
// and begins with a blank, which keeps macros of doskey from it. Nothing runs
// after the line that failed.
func Cmd(k Kubeconfig) (Snippet, error) {
	body, err := spelled(k.Reveal())
	if err != nil {
		return Snippet{}, fmt.Errorf("write the snippet for %s: %w", k.Context, err)
	}
	var b strings.Builder
	folder := `%USERPROFILE%\.kube\daypass`
	file := folder + `\` + FileName(k.Context)
	fmt.Fprintf(&b, " if not exist \"%s\" mkdir \"%[1]s\"\n", folder)
	fmt.Fprintf(&b, " if exist \"%s\" del /f \"%[1]s\"\n", file)
	fmt.Fprintf(&b, " icacls \"%s\" /inheritance:r /grant:r \"%%USERDOMAIN%%\\%%USERNAME%%:(OI)(CI)F\" >nul && (\n", folder)
	for line := range strings.Lines(string(body)) {
		b.WriteString(" echo " + line)
	}
	fmt.Fprintf(&b, " ) >\"%s\" && set \"KUBECONFIG=%[1]s\" && kubectl auth whoami\n", file)
	text := b.String()
	return Snippet{Kubeconfig{s: &text, Context: k.Context}}, nil
}

// foldAt is where a string goes on in the next line. Keys, which YAML does not
// allow to, are shorter and begin their lines.
const foldAt = 160

// spelled writes a file anew in printable ASCII without any character that cmd
// reads, inside or outside quotes: & | < > ^ ( ) % !
// (https://learn.microsoft.com/windows-server/administration/windows-commands/cmd#remarks).
// It is YAML in its flow style with double quotes, which spells every
// character by number and continues a string after a backslash
// (https://yaml.org/spec/1.2.2/#731-double-quoted-style).
func spelled(b []byte) ([]byte, error) {
	j, err := yaml.YAMLToJSON(b)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	var s speller
	for rest := string(j); rest != ""; {
		var part string
		part, rest = cutPart(rest)
		s.add(part)
	}
	return append(s.out, '\n'), nil
}

// cutPart cuts off a character of JSON, or an escape as a whole.
func cutPart(s string) (part, rest string) {
	n := 1
	switch {
	case strings.HasPrefix(s, `\u`):
		n = len(`\u0000`)
	case s[0] == '\\':
		n = 2
	default:
		for n < len(s) && s[n]&0xc0 == 0x80 { // the rest of a character in UTF-8
			n++
		}
	}
	return s[:n], s[n:]
}

type speller struct {
	out    []byte
	line   int // how long the last line is
	inside bool
}

func (s *speller) add(part string) {
	if part == `"` {
		s.inside = !s.inside
	}
	if s.inside && s.line >= foldAt {
		s.out, s.line = append(s.out, "\\\n "...), 1
		if part == " " { // would count as indentation
			part = `\x20`
		}
	}
	part = spell(part)
	s.out, s.line = append(s.out, part...), s.line+len(part)
	if !s.inside && (part == "{" || part == ",") {
		s.out, s.line = append(s.out, '\n'), 0
	}
}

// spell spells one character of JSON for YAML.
func spell(part string) string {
	r := []rune(part)[0]
	switch {
	case r > 0xffff: // YAML has no surrogates
		return fmt.Sprintf(`\U%08x`, r)
	case r > '~' || strings.ContainsRune("&|<>^()%!", r):
		return fmt.Sprintf(`\u%04x`, r)
	}
	return part
}
