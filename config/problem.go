package config

import (
	"fmt"
	"strings"
)

// Problem is something wrong with a file, at a line of it. Line 0 is the file
// as a whole. No Problem ever quotes a secret.
type Problem struct {
	File string
	Line int
	Text string // what is wrong, with which name; what to do
}

// String is file:line: text.
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Errors is everything that is wrong with a file, in the order of its lines.
// It is never empty when it is an error.
type Errors []Problem

// maxProblems bounds what is told at once; a file with more is another file.
const maxProblems = 1000

func (es Errors) upTo(limit int) Errors {
	if len(es) <= limit {
		return es
	}
	more := Problem{File: es[0].File, Line: es[limit].Line, Text: fmt.Sprintf("%d more problems from here on; correct those above first", len(es)-limit)}
	return append(es[:limit:limit], more)
}

// Error is one line per problem.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.String()
	}
	return strings.Join(lines, "\n")
}

// Warning is something that works and is probably not meant.
type Warning Problem

// String is file:line: text.
func (w Warning) String() string { return Problem(w).String() }
