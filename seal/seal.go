// Package seal keeps the keys that live outside the database: it seals what
// must be readable again, and marks rows so that whoever can write to the
// database cannot make one up.
//
// Keys have names and can be rotated: the first key of a file seals, all of
// them open. Its one danger: who has the file can do both, so it is refused
// when it is open to others.
package seal

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// KeySize is the length of a key, in bytes.
const KeySize = 32

// Errors of opening and checking.
var (
	// ErrKey says that a thing was sealed by a key that is not there.
	ErrKey = errors.New("it was sealed by a key that is not in the sealing key file")
	// ErrBroken says that a thing is not as it was sealed, or not by us.
	ErrBroken = errors.New("it is not as it was sealed")
)

// key is one key with its name.
type key struct {
	id     string
	secret [KeySize]byte
}

// Keys seal and open. It cannot print itself; it is safe for use by many
// goroutines.
type Keys struct{ all *[]key }

func (Keys) String() string             { return "[sealing keys]" }
func (Keys) GoString() string           { return "[sealing keys]" }
func (Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[sealing keys]")) }
func (Keys) LogValue() slog.Value       { return slog.StringValue("[sealing keys]") }

// idForm is what a key may be called.
var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Load reads a key file: a line for each key, its name and 32 bytes in base64,
// the one that seals first. Empty lines and lines that begin with # are
// passed over. A file that others can read is refused.
func Load(path string) (Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read the sealing keys: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return Keys{}, fmt.Errorf("the sealing key file %s is open to others (mode %04o); chmod 600 it, and rotate the key if others were about", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read the sealing keys: %w", err)
	}
	return Parse(b)
}

// Parse reads keys from the text of a file. Errors name the line and hold
// nothing of a key.
func Parse(text []byte) (Keys, error) {
	var all []key
	sc := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if !isKey(line) {
			continue
		}
		k, err := parseLine(line)
		if err != nil {
			return Keys{}, fmt.Errorf("sealing keys, line %d: %w", n, err)
		}
		for _, other := range all {
			if other.id == k.id {
				return Keys{}, fmt.Errorf("sealing keys, line %d: the name %s stands twice", n, k.id)
			}
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		return Keys{}, errors.New("there is no sealing key; make one with 'daypass sealing-key new'")
	}
	return Keys{&all}, nil
}

func parseLine(line string) (key, error) {
	id, text, _ := strings.Cut(line, " ")
	if !idForm.MatchString(id) {
		return key{}, errors.New("want a name of lower-case letters, digits and dashes, a space, and a key in base64")
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) != KeySize {
		return key{}, fmt.Errorf("the key %s is not %d bytes in base64; make one with 'daypass sealing-key new'", id, KeySize)
	}
	return key{id: id, secret: [KeySize]byte(secret)}, nil
}

// NewLine makes a key and gives its line for a key file.
func NewLine(id string) (string, error) {
	if !idForm.MatchString(id) {
		return "", fmt.Errorf("%q cannot name a key: want lower-case letters, digits and dashes", id)
	}
	var secret [KeySize]byte
	_, _ = rand.Read(secret[:]) // never fails since Go 1.24
	return id + " " + base64.StdEncoding.EncodeToString(secret[:]), nil
}

// Present reports whether there are keys at all; the zero Keys has none.
func (k Keys) Present() bool { return k.all != nil }

// ID names the key that seals.
func (k Keys) ID() string { return (*k.all)[0].id }

// IDs names all keys, the one that seals first.
func (k Keys) IDs() []string {
	out := make([]string, len(*k.all))
	for i, x := range *k.all {
		out[i] = x.id
	}
	return out
}

// Seal encrypts what must be readable again, for one purpose and place: it
// opens for the same purpose and place only. Both may be public.
func (k Keys) Seal(purpose, place string, plain []byte) []byte {
	own := (*k.all)[0]
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce)
	out := append([]byte{byte(len(own.id))}, own.id...)
	out = append(out, nonce...)
	return own.aead(purpose).Seal(out, nonce, plain, []byte(place))
}

// Open decrypts. The error is ErrKey or ErrBroken.
func (k Keys) Open(purpose, place string, sealed []byte) ([]byte, error) {
	own, rest, err := k.named(sealed)
	if err != nil {
		return nil, err
	}
	if len(rest) < 12 {
		return nil, ErrBroken
	}
	plain, err := own.aead(purpose).Open(nil, rest[:12], rest[12:], []byte(place))
	if err != nil {
		return nil, ErrBroken
	}
	return plain, nil
}

// Mark makes a mark over the fields of a row, for one purpose. The fields are
// taken in order, each with its length, so that none can borrow from another.
func (k Keys) Mark(purpose string, fields ...[]byte) []byte {
	own := (*k.all)[0]
	out := append([]byte{byte(len(own.id))}, own.id...)
	return append(out, own.mac(purpose, fields)...)
}

// Check checks a mark. The error is ErrKey or ErrBroken.
func (k Keys) Check(purpose string, mark []byte, fields ...[]byte) error {
	own, rest, err := k.named(mark)
	if err != nil {
		return err
	}
	if !hmac.Equal(rest, own.mac(purpose, fields)) {
		return ErrBroken
	}
	return nil
}

// named finds the key that a sealed thing or a mark names.
func (k Keys) named(b []byte) (key, []byte, error) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return key{}, nil, ErrBroken
	}
	id, rest := string(b[1:1+b[0]]), b[1+b[0]:]
	for _, x := range *k.all {
		if x.id == id {
			return x, rest, nil
		}
	}
	return key{}, nil, ErrKey
}

// derive keeps purposes apart: each works with a key of its own.
func (k key) derive(use, purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k.secret[:], nil, "daypass "+use+" "+purpose, KeySize)
	if err != nil { // the length is within bounds
		panic("seal: " + err.Error())
	}
	return out
}

func (k key) aead(purpose string) cipher.AEAD {
	block, err := aes.NewCipher(k.derive("seal", purpose))
	if err != nil { // the length is right
		panic("seal: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil { // the block size is right
		panic("seal: " + err.Error())
	}
	return gcm
}

func (k key) mac(purpose string, fields [][]byte) []byte {
	h := hmac.New(sha256.New, k.derive("mark", purpose))
	for _, f := range fields {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(f)))
		h.Write(n[:])
		h.Write(f)
	}
	return h.Sum(nil)
}
