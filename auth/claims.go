package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/daypass/daypass/access"
)

// What a provider may send of a person. Every one of these ends up in a row.
const (
	maxSubject = 255 // OpenID Connect Core 1.0, section 2
	maxEmail   = 320
	maxName    = 200
	maxGroup   = 512
	maxGroups  = 2000
)

// claims are the claims of an ID token that are used, unjudged.
type claims struct {
	Subject string `json:"sub"`
	Party   string `json:"azp"`
	Email   string `json:"email"`
	Name    string `json:"name"`

	Verified *verified `json:"email_verified"`

	Session  string     `json:"sid"`
	Class    string     `json:"acr"`
	AuthTime *claimTime `json:"auth_time"`
	NotYet   *claimTime `json:"nbf"`
	Issued   time.Time  `json:"-"`

	nonce string
	all   map[string]json.RawMessage
}

// UnmarshalJSON is json.Unmarshaler. It keeps all claims, because the one with
// the groups has a configurable name.
func (c *claims) UnmarshalJSON(b []byte) error {
	type plain claims
	if err := json.Unmarshal(b, (*plain)(c)); err != nil {
		return err
	}
	return json.Unmarshal(b, &c.all)
}

// claimTime is a time in seconds since 1970, with or without a fraction.
type claimTime struct{ time.Time }

// UnmarshalJSON is json.Unmarshaler.
func (t *claimTime) UnmarshalJSON(b []byte) error {
	var s float64
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	t.Time = time.Unix(int64(s), 0)
	return nil
}

// verified is a boolean that some providers send as text (Cognito).
type verified bool

// UnmarshalJSON is json.Unmarshaler.
func (v *verified) UnmarshalJSON(b []byte) error {
	*v = string(b) == "true" || string(b) == `"true"`
	return nil
}

// person is who the claims say signed in.
type person struct {
	access.Principal
	unverified string // an e-mail the provider does not vouch for
	session    string // sid: the provider's own session; may be empty
	issued     time.Time
	idToken    string // raw
	refresh    string // raw; empty where the provider gave none
}

func (p *provider) person(c claims) (person, *Failure) {
	who := person{session: c.Session, issued: c.Issued, Principal: access.Principal{
		// The issuer is the configured one: Google's tokens may name theirs
		// with or without https://, and a person must stay the same.
		Provider: p.Name, Issuer: p.Issuer, Subject: c.Subject, Name: printable(c.Name, maxName),
	}}
	if fitEmail(c.Email) {
		if p.vouches(c.Verified) {
			who.Email = c.Email
		} else {
			who.unverified = c.Email
		}
	}
	raw, ok := c.all[p.GroupsClaim]
	if !ok || string(raw) == "null" {
		who.NoGroupsClaim = true
		return who, nil
	}
	groups, err := readGroups(raw)
	if err != nil {
		kind := GroupsShape
		if errors.Is(err, errTooMany) {
			kind = GroupsMany
		}
		return person{}, p.failed(kind, fmt.Errorf("claim %q: %w", p.GroupsClaim, err))
	}
	who.Groups = groups
	return who, nil
}

func (p *provider) vouches(v *verified) bool {
	if v == nil {
		return p.TrustUnstatedEmail
	}
	return bool(*v)
}

var errTooMany = errors.New("too many groups")

// readGroups reads a list of texts, or one text, which is one group whatever
// it holds: a comma may be part of a name.
func readGroups(raw json.RawMessage) ([]string, error) {
	var list []string
	var one string
	switch {
	case json.Unmarshal(raw, &one) == nil:
		if one != "" {
			list = []string{one}
		}
	case json.Unmarshal(raw, &list) != nil:
		return nil, errors.New("neither a text nor a list of texts")
	}
	if len(list) > maxGroups {
		return nil, fmt.Errorf("%w: %d, at most %d are taken", errTooMany, len(list), maxGroups)
	}
	for _, g := range list {
		if g == "" || len(g) > maxGroup || strings.ContainsFunc(g, unicode.IsControl) {
			return nil, fmt.Errorf("a group's name is empty, longer than %d bytes or holds control characters", maxGroup)
		}
	}
	return append([]string{}, list...), nil
}

func fitSubject(s string) bool {
	return s != "" && len(s) <= maxSubject && !strings.ContainsFunc(s, unicode.IsControl)
}

// fitEmail looks only for what could mislead a reader or a comparison.
func fitEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= maxEmail && printable(s, maxEmail) == s && !strings.ContainsAny(s, " <>")
}
