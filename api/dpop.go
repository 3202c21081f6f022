package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// jwk is a public key as RFC 7517 writes it. The members are in the order that
// RFC 7638 hashes them in.
type jwk struct {
	Curve string `json:"crv"`
	Type  string `json:"kty"`
	X     string `json:"x"`
	Y     string `json:"y"`
}

type header struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	Key       jwk    `json:"jwk"`
}

// claims are those of a DPoP proof: RFC 9449, section 4.2.
type claims struct {
	ID     string `json:"jti"`
	Method string `json:"htm"`
	URL    string `json:"htu"`
	At     int64  `json:"iat"`
	Token  string `json:"ath,omitempty"`
	Nonce  string `json:"nonce,omitempty"`
}

var b64 = base64.RawURLEncoding

// NewKey makes a key for a client's session.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Thumbprint names a key: RFC 7638 with SHA-256.
func Thumbprint(key *ecdsa.PublicKey) (string, error) {
	k, err := public(key)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(k)
	if err != nil {
		return "", fmt.Errorf("writing the key: %w", err)
	}
	return hashed(string(b)), nil
}

// public writes a key's public half. Its bytes are a 4, X and Y, each of the
// two in full length.
func public(key *ecdsa.PublicKey) (jwk, error) {
	if key == nil || key.Curve != elliptic.P256() {
		return jwk{}, errors.New("the key is not one on the curve P-256")
	}
	b, err := key.Bytes()
	if err != nil {
		return jwk{}, fmt.Errorf("reading the key: %w", err)
	}
	return jwk{"P-256", "EC", b64.EncodeToString(b[1:33]), b64.EncodeToString(b[33:])}, nil
}

// hashed is the SHA-256 of what is said, and nothing of nothing.
func hashed(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return b64.EncodeToString(sum[:])
}

// proof signs the claims, under an ID that no other proof has.
func proof(key *ecdsa.PrivateKey, c claims) (string, error) {
	k, err := public(&key.PublicKey)
	if err != nil {
		return "", err
	}
	c.ID = rand.Text() // 130 bits
	head, err := json.Marshal(header{"dpop+jwt", "ES256", k})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	said := b64.EncodeToString(head) + "." + b64.EncodeToString(body)
	sum := sha256.Sum256([]byte(said))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	sig := make([]byte, 64) // RFC 7518, section 3.4: both numbers, 32 bytes each
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return said + "." + b64.EncodeToString(sig), nil
}
