package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/seal"
)

// What a proof may be (RFC 9449, section 4.2).
const (
	maxProof = 4096
	minName  = 22  // of jti: 128 bits in base64url
	maxJTI   = 200 // of jti
)

// proofSkew is what a program's clock may be off by. It is wide, because the
// nonce tells that a proof is fresh.
const proofSkew = time.Hour

// A nonce is good in its window and in the next.
const (
	nonceWindow  = 5 * time.Minute
	noncePurpose = "dpop-nonce"
	// proofLife is how long a proof is remembered: longer than its nonce is
	// good, by a window, because the clocks of two servers may differ.
	proofLife = 3 * nonceWindow
)

// proof is a DPoP proof whose signature holds.
type proof struct {
	Thumbprint string      `json:"-"`
	Name       string      `json:"jti"`
	Method     string      `json:"htm"`
	Address    string      `json:"htu"`
	Issued     json.Number `json:"iat"`
	Token      *string     `json:"ath"`
	Nonce      string      `json:"nonce"`
}

// readProof reads a proof and checks its signature against its own key. What
// the proof says is judged by the caller.
func readProof(raw string) (proof, error) {
	if len(raw) > maxProof {
		return proof{}, errors.New("it is too long")
	}
	// The list of algorithms is what keeps out none and those of shared keys.
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(jws.Signatures) != 1 {
		return proof{}, errors.New("it is no compact JWS of the algorithm ES256 with a public key")
	}
	head := jws.Signatures[0].Protected
	if typ, _ := head.ExtraHeaders[jose.HeaderType].(string); typ != "dpop+jwt" {
		return proof{}, errors.New("its type is not dpop+jwt")
	}
	key, thumbprint, err := proofKey(head.JSONWebKey)
	if err != nil {
		return proof{}, err
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return proof{}, errors.New("its signature does not match its key")
	}
	p := proof{Thumbprint: thumbprint}
	if err := json.Unmarshal(payload, &p); err != nil {
		return proof{}, errors.New("a claim is of another type than it should be")
	}
	return p, nil
}

// proofKey wants a public key on P-256 and gives its thumbprint (RFC 7638).
func proofKey(k *jose.JSONWebKey) (*ecdsa.PublicKey, string, error) {
	if k == nil || !k.Valid() || !k.IsPublic() {
		return nil, "", errors.New("it holds no public key")
	}
	key, ok := k.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, "", errors.New("its key is not on P-256")
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", errors.New("its key has no thumbprint")
	}
	return key, base64.RawURLEncoding.EncodeToString(sum), nil
}

// flaw says what is wrong with a proof for a request, apart from its times.
// secret is what the request brings beside it; empty: nothing.
func (p proof) flaw(method string, target *url.URL, secret string) error {
	switch {
	case len(p.Name) < minName || len(p.Name) > maxJTI || !plain(p.Name):
		return errors.New("its name (jti) is too short, too long or not plain text")
	case p.Method != method:
		return errors.New("it is for another method (htm)")
	case !sameTarget(p.Address, target):
		return errors.New("it is for another address (htu)")
	case secret == "" && p.Token != nil:
		return errors.New("it is for a request with a secret (ath)")
	case secret != "" && (p.Token == nil || subtle.ConstantTimeCompare([]byte(*p.Token), []byte(tokenHash(secret))) != 1):
		return errors.New("it is for another secret (ath)")
	}
	return nil
}

// tokenHash is what ath holds.
func tokenHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sameTarget compares an htu with the address of a request as this server
// knows it. Query and fragment have no place in either.
func sameTarget(htu string, target *url.URL) bool {
	u, err := url.Parse(htu)
	return err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !strings.ContainsAny(htu, "?#") &&
		u.Scheme == target.Scheme && hostOf(u) == hostOf(target) && u.EscapedPath() == target.EscapedPath()
}

// hostOf is host and port, the port also where it goes without saying.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// target is the address of a request by the configured URL: what the request
// itself says of the host is its sender's word.
func (g *Gate) target(r *http.Request) *url.URL {
	return &url.URL{Scheme: g.Site.Scheme, Host: g.Site.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
}

// issued checks the time of a proof against the server's clock.
func (p proof) issued(now time.Time) error {
	seconds, err := p.Issued.Int64()
	if err != nil {
		return errors.New("its time (iat) is not a whole number of seconds")
	}
	at := time.Unix(seconds, 0)
	if d := at.Sub(now); d > proofSkew || d < -proofSkew {
		return fmt.Errorf("%w: it says %s, here it is %s", errClock, at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

var errClock = errors.New("the two clocks differ")

// nonces makes and knows nonces. They hold nothing and are stored nowhere:
// servers that share the sealing key know each other's.
type nonces struct{ keys seal.Keys }

// newNonces uses a key of this process when there is no sealing key.
func newNonces(keys seal.Keys) (nonces, error) {
	if keys.Present() {
		return nonces{keys}, nil
	}
	line, err := seal.NewLine("process")
	if err == nil {
		keys, err = seal.Parse([]byte(line))
	}
	return nonces{keys}, err
}

func windowAt(t time.Time) int64 { return t.Unix() / int64(nonceWindow/time.Second) }

// fresh is the nonce of now.
func (n nonces) fresh(now time.Time) string {
	return base64.RawURLEncoding.EncodeToString(n.keys.Mark(noncePurpose, strconv.AppendInt(nil, windowAt(now), 10)))
}

// good reports whether a nonce is of this window or of the one before.
func (n nonces) good(nonce string, now time.Time) bool {
	mark, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil {
		return false
	}
	for _, w := range []int64{windowAt(now), windowAt(now) - 1} {
		if n.keys.Check(noncePurpose, mark, strconv.AppendInt(nil, w, 10)) == nil {
			return true
		}
	}
	return false
}

// spent is what is remembered of a proof. It begins with the time that the
// proof says it is of, which is the same when it is sent again: so those of one
// time lie side by side in the database. Strewn, each would cost pages of its
// own, and a quarter of an hour of renewals did not fit in memory.
func (p proof) spent() Hash {
	h := sha256.Sum256([]byte(p.Thumbprint + "\n" + p.Name))
	at, _ := p.Issued.Int64() // judged by issued
	var seconds [8]byte
	binary.BigEndian.PutUint64(seconds[:], uint64(at))
	copy(h[:], seconds[3:]) // 27 bytes of the hash are left
	return h
}
