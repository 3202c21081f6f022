package awssim

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// session is an assumed role. The session token holds all of it, sealed, as
// STS's own tokens do: the simulator remembers nobody and forgets nobody.
type session struct {
	AccessKeyID    string    `json:"k"`
	Role           string    `json:"r"`
	RoleID         string    `json:"i"`
	Name           string    `json:"n"`
	SourceIdentity string    `json:"s,omitempty"`
	Issued         time.Time `json:"t"`
	Expires        time.Time `json:"e"`
	Packed         []byte    `json:"p,omitempty"`
	luggage        `json:"-"`
}

// luggage is what STS calls the packed part: it makes tokens longer.
type luggage struct {
	Tags       map[string]string `json:"t,omitempty"`
	Transitive []string          `json:"x,omitempty"` // keys of Tags
	Policy     string            `json:"p,omitempty"`
}

// tokenHead begins every token, so that ours begins as STS's do: IQoJb3JpZ2lu.
const tokenHead = "!\n\torigin_ec"

// packedLimit is the size at which PackedPolicySize says 100. AWS does not
// publish its own; this is a guess.
const packedLimit = 2048

func (s *Sim) setKey(key []byte) {
	if key == nil {
		key = random(32)
	}
	s.key = mac(key, "secrets")
	block, err := aes.NewCipher(mac(key, "session tokens"))
	if err != nil {
		panic(fmt.Sprintf("awssim: a 32-byte key was refused: %v", err))
	}
	s.seal, err = cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("awssim: AES-GCM was refused: %v", err))
	}
}

// random never fails: crypto/rand ends the program instead.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func newAccessKeyID() string {
	return "ASIA" + base32.StdEncoding.EncodeToString(random(10))
}

// secretOf derives the secret of a temporary key: 40 characters, as AWS's.
func (s *Sim) secretOf(accessKeyID string) Secret {
	return Secret(base64.StdEncoding.EncodeToString(mac(s.key, accessKeyID)[:30]))
}

// pack compresses the luggage. Nothing to pack is nothing.
func (l luggage) pack() ([]byte, error) {
	if len(l.Tags) == 0 && l.Policy == "" {
		return nil, nil
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack policy and tags: %w", err)
	}
	if err := json.NewEncoder(w).Encode(l); err != nil {
		return nil, fmt.Errorf("pack policy and tags: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack policy and tags: %w", err)
	}
	return packed.Bytes(), nil
}

// packedPercent is what AssumeRole answers as PackedPolicySize.
func packedPercent(packed []byte) int { return (len(packed)*100 + packedLimit - 1) / packedLimit }

// token seals the session. A session without luggage gives a token of the
// configured size; luggage comes on top.
func (s *Sim) token(of session) (string, error) {
	plain, err := json.Marshal(of)
	if err != nil {
		return "", fmt.Errorf("write session: %w", err)
	}
	overhead := len(tokenHead) + s.seal.NonceSize() + s.seal.Overhead()
	bare := len(plain) - base64.StdEncoding.EncodedLen(len(of.Packed))
	if pad := s.size*3/4 - overhead - bare; pad > 0 {
		plain = append(plain, bytes.Repeat([]byte(" "), pad)...)
	}
	sealed := append([]byte(tokenHead), random(s.seal.NonceSize())...)
	sealed = s.seal.Seal(sealed, sealed[len(tokenHead):], plain, nil)
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// open reads a session token and refuses what this simulator did not seal, a
// token of another access key, and one whose session is over.
func (s *Sim) open(token, accessKeyID string) (session, error) {
	unknown := refuse(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	sealed, err := base64.StdEncoding.DecodeString(token)
	rest, ok := strings.CutPrefix(string(sealed), tokenHead)
	if err != nil || !ok || len(rest) < s.seal.NonceSize() {
		return session{}, unknown
	}
	nonce, box := []byte(rest[:s.seal.NonceSize()]), []byte(rest[s.seal.NonceSize():])
	plain, err := s.seal.Open(nil, nonce, box, nil)
	if err != nil {
		return session{}, unknown
	}
	var of session
	if err := json.Unmarshal(plain, &of); err != nil {
		return session{}, unknown
	}
	if !hmac.Equal([]byte(of.AccessKeyID), []byte(accessKeyID)) {
		return session{}, unknown
	}
	if !s.now().Before(of.Expires) {
		return session{}, refuse(403, "ExpiredToken", "The security token included in the request is expired")
	}
	return of, of.unpack()
}

func (of *session) unpack() error {
	if len(of.Packed) == 0 {
		return nil
	}
	r := flate.NewReader(bytes.NewReader(of.Packed))
	plain, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("unpack policy and tags: %w", err)
	}
	if err := json.Unmarshal(plain, &of.luggage); err != nil {
		return fmt.Errorf("unpack policy and tags: %w", err)
	}
	return nil
}

// arn is the session's ARN: of sts, and without the role's path.
func (of session) arn() string {
	a, _ := parseARN(of.Role)
	return fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", a.partition, a.account, a.base(), of.Name)
}
