package config

import (
	"fmt"
	"slices"
	"strings"
)

// nearest finds the name that was probably meant, or nothing.
func nearest(word string, names []string) string {
	best, least := "", len(word)/4+2 // a typo, not another word
	for _, name := range names {
		d := distance(strings.ToLower(word), strings.ToLower(name))
		if d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best
}

// instead tells what to write in place of a name that is not known.
func instead(word string, names []string) string {
	if near := nearest(word, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	const few = 20
	switch {
	case len(names) == 0:
		return "there is none yet"
	case len(names) > few:
		return "correct the name"
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return "there is " + strings.Join(names, ", ")
}

// distance counts the letters to add, drop or change to turn a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64 // no typo worth the time
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
