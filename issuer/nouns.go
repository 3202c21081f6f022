package issuer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

// Token is an EKS bearer token: k8s-aws-v1. and a presigned URL. It cannot
// print itself.
type Token struct {
	// A pointer prints as an address even where fmt, looking into another
	// struct's unexported fields, passes our methods by. It points to a
	// string: what points to bytes prints them for a verb like %s.
	s *string
}

// NewToken wraps a token.
func NewToken(s string) Token { return Token{&s} }

// Reveal gives the secret. Call it only where it goes to its owner.
func (t Token) Reveal() string {
	if t.s == nil {
		return ""
	}
	return *t.s
}

// SHA256 is the token's fingerprint, 64 hexadecimal digits.
func (t Token) SHA256() string { return fingerprint([]byte(t.Reveal())) }

func (Token) String() string               { return "[token]" }
func (Token) GoString() string             { return "[token]" }
func (Token) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte("[token]")) }
func (Token) LogValue() slog.Value         { return slog.StringValue("[token]") }
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"[token]"`), nil }
func (Token) MarshalText() ([]byte, error) { return []byte("[token]"), nil }

func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Intent is a token about to be minted, as recorded before any call to AWS.
type Intent struct {
	ID          string // is_…
	Lease       string // ls_…
	At          time.Time
	Principal   string // pr_…
	Cluster     string
	ClusterARN  string
	Role        string
	RoleARN     string
	Grant       string
	Policy      string // digest
	SessionName string
}

// mark puts the intent's names on an event.
func (in Intent) mark(e *audit.Event) {
	e.Principal = in.Principal
	e.Cluster, e.Role, e.Grant, e.Policy = in.Cluster, in.Role, in.Grant, in.Policy
	e.Lease, e.Issuance = in.Lease, in.ID
}

// Outcome is what became of an intent. Either Failure is set, or the rest.
type Outcome struct {
	Issuance    string // the intent's ID
	At          time.Time
	Failure     string // a Fault's code
	Text        string // a Fault's sentences
	AccessKeyID string
	TokenSHA256 string
	CASHA256    string // of the PEM certificates handed out
	Expires     time.Time
}

// Issuance is one token minted under a lease, with all that a kubeconfig needs.
type Issuance struct {
	Intent
	Token       Token
	AccessKeyID string
	Expires     time.Time
	Endpoint    Endpoint
	Cluster     access.Cluster
}

// Endpoint is where a cluster's API server is, as DescribeCluster tells
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html).
type Endpoint struct {
	URL                string
	CA                 []byte // PEM
	Version            string // Kubernetes minor version: 1.36
	Status             string // ACTIVE, CREATING, UPDATING, …
	Public             bool   // endpointPublicAccess
	Private            bool   // endpointPrivateAccess
	PublicCIDRs        []string
	AuthenticationMode string    // CONFIG_MAP, API_AND_CONFIG_MAP, API
	AsOf               time.Time // when AWS said so
}

// CASHA256 is the fingerprint of the certificates, 64 hexadecimal digits.
func (e Endpoint) CASHA256() string { return fingerprint(e.CA) }

// Assumption is what to ask STS for. The session always lasts 900 seconds and
// always carries a policy that denies everything.
type Assumption struct {
	Cluster        access.Cluster
	RoleARN        access.ARN
	SessionName    string
	SourceIdentity string // empty: not set
	ExternalID     string // empty: not set
	Tags           map[string]string
}

// Minted is a fresh token. Expires is when it stops working at the latest,
// less a minute for clocks that disagree.
type Minted struct {
	Token       Token
	AccessKeyID string
	Expires     time.Time
}
