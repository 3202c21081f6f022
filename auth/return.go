package auth

import (
	"net/url"
	"path"
	"strings"
)

// maxReturn bounds a return address; longer ones are nobody's deep link.
const maxReturn = 2048

// ReturnPath gives s when it is a path within this site to which a person may
// be sent after signing in, and "/" otherwise. It is strict rather than
// clever: browsers read backslashes, tabs and dots in ways of their own, so a
// path that holds any is refused. Paths under /auth/ are refused as well, as
// they would start another sign-in.
func ReturnPath(s string) string {
	if !strings.HasPrefix(s, "/") || len(s) > maxReturn || !plain(s) {
		return "/"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !within(u.Path) {
		return "/"
	}
	u.Fragment, u.RawFragment = "", ""            // it never reaches a server
	if out := u.String(); len(out) <= maxReturn { // escaping may have made it longer
		return out
	}
	return "/"
}

// plain allows printable ASCII without space and backslash: a request's
// address, as browsers send it, holds nothing else.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// within looks at the decoded path.
func within(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.Contains(p, "//") || strings.Contains(p, `\`) {
		return false
	}
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	if clean := path.Clean(p); clean != p && clean+"/" != p {
		return false
	}
	return p != "/auth" && !strings.HasPrefix(p, "/auth/")
}
