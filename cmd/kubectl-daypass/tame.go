package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A server's names come into shells: by the Tab key, where kubectl's own
// completion has bash run what stands in $( ) or backquotes, and by scripts
// that go through what -o name gave them. So those are held to what a Daypass
// lets its operators call things.

const letters, digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"

// tame says whether a name means nothing but itself to any shell, and no flag
// to any program.
func tame(name string) bool {
	return name != "" && strings.Trim(name, letters+digits+"._:/@+=,-") == "" && strings.Trim(name[:1], letters+digits) == ""
}

// onlyTame leaves the others out.
func onlyTame(names []string) (left []string) {
	for _, n := range names {
		if tame(n) {
			left = append(left, n)
		}
	}
	return left
}

// listed is give for names that the server chose. It gives programs none that
// could become more than a name there; JSON and YAML quote them.
func (h home) listed(c *cobra.Command, v any, names []string, people func() error) error {
	form, err := c.Flags().GetString("output")
	if err != nil {
		return err
	}
	wild := slices.IndexFunc(names, func(n string) bool { return !tame(n) })
	if form == "name" && wild >= 0 {
		return &failure{code: exitFailed, say: fmt.Sprintf("%s calls something %s, which a shell could take for more than a name, as no Daypass does. Nothing is listed so; -o json quotes it.", h.server.Host, quoted(names[wild]))}
	}
	return h.give(c, v, names, people)
}
