package access

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Principal is a signed-in person as one provider knows them. Two providers'
// accounts of one human are two principals.
type Principal struct {
	Provider string   // the provider's name in daypass.yaml
	Issuer   string   // the iss claim
	Subject  string   // the sub claim
	Email    string   // empty when the provider did not verify it
	Name     string   // for display only; never decides anything
	Groups   []string // as that provider names them; "sre" of okta is not "sre" of guests
	// NoGroupsClaim is true when the ID token had no groups claim at all,
	// which is usually a configuration slip, unlike an empty list.
	NoGroupsClaim bool
}

// ID is a stable pseudonym, pr_ and 26 characters, made from provider, issuer
// and subject. E-mail and groups may change without changing it.
func (p Principal) ID() string {
	return "pr_" + p.Hash()[:26]
}

// IsID reports whether a text has the form of an ID.
func IsID(s string) bool {
	rest, ok := strings.CutPrefix(s, "pr_")
	return ok && len(rest) == 26 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Hash is the whole 52-character digest (lower-case base32 of SHA-256) behind
// ID, for names in other systems that must not collide.
func (p Principal) Hash() string {
	sum := sha256.Sum256([]byte(p.Provider + "\x00" + p.Issuer + "\x00" + p.Subject))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// Label is what a person is called on a page: e-mail, else name, else subject.
func (p Principal) Label() string {
	for _, s := range []string{p.Email, p.Name} {
		if s != "" {
			return s
		}
	}
	return p.Subject
}

// Who selects principals of one provider. Exactly one of Group, Email and
// Subject is set, or none: then everybody of that provider is meant.
type Who struct {
	Provider string
	Group    string
	Email    string // compared without regard to the case of a to z
	Subject  string
}

// Matches reports whether the selector means this principal.
func (w Who) Matches(p Principal) bool {
	if w.Provider != p.Provider {
		return false
	}
	switch {
	case w.Group != "":
		return contains(p.Groups, w.Group)
	case w.Email != "":
		return foldEmail(w.Email) == foldEmail(p.Email)
	case w.Subject != "":
		return w.Subject == p.Subject
	}
	return true
}

// foldEmail disregards the case of ASCII letters only. Unicode's would take the
// sign of kelvin for k, and long s for s: other people's addresses.
func foldEmail(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// String is the selector in the words of daypass.yaml: okta:sre.
func (w Who) String() string {
	switch {
	case w.Group != "":
		return w.Provider + ":" + w.Group
	case w.Email != "":
		return w.Provider + ":" + w.Email
	case w.Subject != "":
		return w.Provider + ":" + w.Subject
	}
	return "everybody of " + w.Provider
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Whos is a list of selectors; one match is enough.
type Whos []Who

// Match gives the first selector that means p.
func (ws Whos) Match(p Principal) (Who, bool) {
	for _, w := range ws {
		if w.Matches(p) {
			return w, true
		}
	}
	return Who{}, false
}
