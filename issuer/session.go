package issuer

import (
	"strings"

	"github.com/daypass/daypass/access"
)

// MaxSessionName is the longest RoleSessionName, in characters
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const MaxSessionName = 64

// sessionHash is how many base32 characters (80 bits) keep two people's names
// apart.
const sessionHash = 16

// SessionName is what a person is called in CloudTrail and in the cluster's
// audit log: a readable part and a hash of who they are. It is the same each
// time, no two people share it, and it holds no @, which EKS would turn into
// a dash in usernames.
func SessionName(p access.Principal) string {
	readable, _, _ := strings.Cut(p.Email, "@")
	if readable == "" {
		readable = p.Name
	}
	readable = strings.Trim(strings.Map(sessionRune, strings.ToLower(readable)), "-.")
	if readable == "" {
		readable = "someone"
	}
	readable = strings.TrimRight(readable[:min(len(readable), MaxSessionName-1-sessionHash)], "-.")
	return readable + "-" + p.Hash()[:sessionHash]
}

func sessionRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		return r
	case r == ' ':
		return '-'
	}
	return -1
}
