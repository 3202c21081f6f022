package view

import (
	"strings"
	"time"
)

// PathToken is where tokens and authorities are explained.
const PathToken = "/token"

// FieldToken is the field for what is pasted.
const FieldToken = "token"

// NavToken is the place of that page.
const NavToken Nav = "token"

// Look is the page that explains. It has no field for what was pasted, so it
// cannot give it back.
type Look struct {
	Frame
	Error     string         // what was pasted holds no token
	Token     *TokenTold     // nil: none was pasted
	Clusters  []string       // whose authority may be looked at
	Authority *AuthorityTold // nil: none was chosen
}

// chosen is the cluster that was looked at.
func (l Look) chosen() string {
	if l.Authority == nil {
		return ""
	}
	return l.Authority.Cluster
}

// TokenTold is what may be told of a token. It holds no secret.
type TokenTold struct {
	From                    string
	Bytes                   string
	SignedAt, Dies          *time.Time
	Host, Partition, Region string
	Asks                    string // action and version
	Expires                 string
	Scope                   string
	AccessKeyID             string
	Headers                 []string
	SignsCluster, Temporary bool
	Problems, Notes         []string
}

func (t TokenTold) headers() string { return strings.Join(t.Headers, ", ") }

// cluster says where the cluster is in a token, which people look for first.
func (t TokenTold) cluster() string {
	if t.SignsCluster {
		return "signed along, its name is not written in it"
	}
	return "not signed"
}

// hidden says what is there and not shown.
func (t TokenTold) hidden() string {
	if t.Temporary {
		return "signature and session token are not shown"
	}
	return "the signature is not shown; there is no session token"
}

// AuthorityTold is a cluster's certificate authority.
type AuthorityTold struct {
	Cluster      string
	Open         string // the cluster's page
	Endpoint     string
	AsOf         *time.Time // when AWS said so
	Digest       string     // caSHA256, as events have it
	Missing      string     // why there is nothing to tell; else empty
	Certificates []CertificateTold
}

// CertificateTold is one certificate.
type CertificateTold struct {
	Subject, Issuer, Serial string
	From, To                time.Time
	SHA256, Key             string
	IsCA, SelfSigned        bool
	Problems, Notes         []string
}

// kind is what the certificate is, in a word or two.
func (c CertificateTold) kind() string {
	kind := "not an authority"
	if c.IsCA {
		kind = "certificate authority"
	}
	if c.SelfSigned {
		kind += ", self-signed"
	}
	return kind
}
