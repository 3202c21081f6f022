package oidcsim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// keyring holds the key whose public half is published, and makes another that
// is not when a lie needs it. They live in memory only and are made anew for
// each provider.
type keyring struct {
	id    string
	key   *rsa.PrivateKey
	other func() (*rsa.PrivateKey, error)
}

func newKeyring() (keyring, error) {
	key, err := newKey()
	return keyring{id: random(6), key: key, other: sync.OnceValues(newKey)}, err
}

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// Rotate replaces the published key, as a provider does from time to time.
func (p *Provider) Rotate() error {
	keys, err := newKeyring()
	if err != nil {
		return fmt.Errorf("make the signing keys: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
	return nil
}

func (p *Provider) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	keys := p.keys
	p.mu.Unlock()
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key: keys.key.Public(), KeyID: keys.id, Algorithm: string(jose.RS256), Use: "sig",
	}}})
}

// sign makes a compact JWS of the claims in the way the present lie wants.
func (p *Provider) sign(claims map[string]any, how Lies) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	keys := p.keys
	p.mu.Unlock()
	kid := keys.id
	if how.KeyID != "" {
		kid = how.KeyID
	}
	switch how.Sign {
	case Unsigned:
		return encode(`{"alg":"none","typ":"JWT"}`) + "." + encode(string(payload)) + ".", nil
	case ConfusedHMAC:
		return confused(payload, kid, keys.key)
	case OtherKey:
		other, err := keys.other()
		if err != nil {
			return "", err
		}
		return signed(payload, kid, how.Type, other)
	}
	return signed(payload, kid, how.Type, keys.key)
}

func signed(payload []byte, kid, typ string, key *rsa.PrivateKey) (string, error) {
	options := &jose.SignerOptions{}
	switch typ {
	case "":
		options.WithType("JWT")
	case "-":
	default:
		options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: kid}},
		options)
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// confused signs with HMAC and the public key's PEM as the secret: a verifier
// that lets the token choose the algorithm would be satisfied.
func confused(payload []byte, kid string, key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	head, err := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT", "kid": kid})
	if err != nil {
		return "", err
	}
	body := encode(string(head)) + "." + encode(string(payload))
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(body))
	return body + "." + encode(string(mac.Sum(nil))), nil
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// random gives n random bytes as text that is safe in URLs.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}
