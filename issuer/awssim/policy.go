package awssim

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxPolicy is the longest inline session policy
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const maxPolicy = 2048

// policy is a session policy as far as the simulator evaluates one.
type policy struct {
	Version   string
	ID        string
	Statement statements
}

type statement struct {
	Sid         string
	Effect      string
	Action      words
	NotAction   words
	Resource    words
	NotResource words
}

// statements may be written as one object or as a list of them.
type statements []statement

func (s *statements) UnmarshalJSON(b []byte) error {
	var many []statement
	if err := strictly(b, &many); err == nil {
		*s = many
		return nil
	}
	var one statement
	if err := strictly(b, &one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

// words may be written as one string or as a list of them.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	*w = many
	return nil
}

// strictly refuses unknown keys. Condition is one of them: the simulator does
// not evaluate conditions, and one ignored would be worse than one refused.
func strictly(b []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func parsePolicy(text string) (policy, error) {
	var p policy
	malformed := refuse(400, "MalformedPolicyDocument", "Syntax errors in policy.")
	if !json.Valid([]byte(text)) {
		return p, refuse(400, "MalformedPolicyDocument", "This policy contains invalid Json")
	}
	if err := strictly([]byte(text), &p); err != nil {
		return p, malformed
	}
	if !slices.Contains([]string{"", "2008-10-17", "2012-10-17"}, p.Version) || len(p.Statement) == 0 {
		return p, malformed
	}
	for _, s := range p.Statement {
		if !s.wellFormed() {
			return p, malformed
		}
	}
	return p, nil
}

func (s statement) wellFormed() bool {
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return false
	}
	if (len(s.Action) == 0) == (len(s.NotAction) == 0) || (len(s.Resource) == 0) == (len(s.NotResource) == 0) {
		return false
	}
	for _, a := range slices.Concat(s.Action, s.NotAction) {
		if service, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || service == "" || name == "") {
			return false
		}
	}
	return true
}

// allows needs a statement that allows and none that denies.
func (p policy) allows(action Action, resource string) bool {
	allowed := false
	for _, s := range p.Statement {
		if !s.covers(action, resource) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s statement) covers(action Action, resource string) bool {
	name := strings.ToLower(string(action))
	named := func(pattern string) bool { return like(strings.ToLower(pattern), name) }
	meant := func(pattern string) bool { return like(pattern, resource) }
	if len(s.Action) > 0 && !slices.ContainsFunc(s.Action, named) {
		return false
	}
	if len(s.NotAction) > 0 && slices.ContainsFunc(s.NotAction, named) {
		return false
	}
	if len(s.Resource) > 0 {
		return slices.ContainsFunc(s.Resource, meant)
	}
	return !slices.ContainsFunc(s.NotResource, meant)
}

// like matches IAM's wildcards: * is any run of characters, ? any one.
func like(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark, p = p, i, p+1
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
