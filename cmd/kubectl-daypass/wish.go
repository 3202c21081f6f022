package main

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
)

// wish is what get was asked for.
type wish struct {
	role, reason, namespace, context, file, lease string
	length                                        length
	use, breakGlass, yes, anew                    bool
}

// check holds a wish to one of the two that there are.
func (w wish) check(c *cobra.Command, args []string) error {
	if err := checkContext(w.context); err != nil {
		return err
	}
	if w.lease == "" {
		if len(args) == 0 {
			return usage("which cluster? Give its name, or a lease that you have with --lease. See: kubectl daypass list")
		}
		return nil
	}
	for _, name := range []string{"role", "for", "reason", "break-glass", "yes", "new"} {
		if c.Flags().Changed(name) {
			return usage("--%s is for a new lease; with --lease there is one already", name)
		}
	}
	if len(args) > 0 {
		return usage("with --lease there is no cluster to name")
	}
	return checkLease(w.lease)
}

// checkContext holds a name of the person's own to what the pages take. Empty:
// the server's.
func checkContext(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n > 253:
		return usage("--context: a context's name has 1 to 253 characters, not %d", n)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return usage("--context %q holds a character that nobody sees", name)
	}
	return nil
}

// ask is the wish as the server takes it.
func (w wish) ask(cluster string) api.Ask {
	return api.Ask{Cluster: cluster, Role: w.role, Seconds: int64(time.Duration(w.length) / time.Second), Reason: w.reason, BreakGlass: w.breakGlass, Confirmed: w.breakGlass}
}

// called is the context's name.
func (w wish) called(entry api.Entry) string {
	if w.context != "" {
		return w.context
	}
	return entry.Context
}

// is says whether a lease is of what is wanted, its length aside. Who names no
// namespace wants the one that the context has.
func (w wish) is(l api.Lease, ask api.Ask) bool {
	return l.Cluster == ask.Cluster && l.Role == ask.Role && (w.namespace == "" || l.Namespace == w.namespace) && !l.BreakGlass
}

// line is the command that asks for the wish.
func (w wish) line(cluster string) string {
	say := "get " + quoted(cluster) + " --role " + quoted(w.role)
	for _, flag := range [][2]string{{"for", w.length.written()}, {"namespace", w.namespace}, {"context", w.context}, {"kubeconfig", w.file}} {
		if flag[1] != "" {
			say += " --" + flag[0] + " " + quoted(flag[1])
		}
	}
	if w.use {
		say += " --use"
	}
	if w.breakGlass {
		say += " --break-glass"
	}
	if w.reason != "" {
		say += " --reason " + quoted(w.reason)
	}
	return say
}

// quoted is a word as shells read it.
func quoted(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/~") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
