package main

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/api"
)

// sound refuses an entry that no Daypass gives: what is in it stands in the
// kubeconfig from then on, for kubectl and other programs to take as their
// person's own.
func sound(e api.Entry, want wish) error {
	switch {
	case want.context == "" && !tame(e.Context):
		return badContext(e.Context)
	case e.Namespace != "" && !label(e.Namespace):
		return odd("names the namespace %s, which is none", quoted(e.Namespace))
	}
	return nil
}

func badContext(name string) error {
	return odd("would have the context be called %s, which a shell could take for more than a name; --context calls it something else", quoted(name))
}

func odd(format string, args ...any) error {
	return &failure{code: exitFailed, say: "Nothing was put into the kubeconfig: the server " + fmt.Sprintf(format, args...) + "."}
}

// label says whether a name can be a namespace's: RFC 1123, section 2.1.
func label(s string) bool {
	return len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz"+digits+"-") == "" && strings.Trim(s, "-") == s
}
