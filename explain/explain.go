// Package explain says in words what an EKS token and a cluster's certificate
// authority are. It asks nobody and keeps nothing.
//
// Its one danger: what it is given is a secret, so neither its answers nor its
// errors hold the signature, the session token, or any part of the text that
// is not of a form that no secret has. It judges what can be judged from
// outside: whether the signature is right, and who signed, STS alone knows.
package explain

import (
	"errors"
	"strings"
	"unicode"
)

// ErrNone says that the text holds nothing to explain. What wraps it says what
// was found instead, and what to give.
var ErrNone = errors.New("there is nothing to explain")

// none is an ErrNone that is told in its own words.
type none string

func (n none) Error() string        { return string(n) }
func (n none) Is(target error) bool { return target == ErrNone }

// maxText is far more than any kubeconfig, and little enough to read at once.
const maxText = 1 << 20

// plain makes foreign text fit for a page and a terminal.
func plain(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
