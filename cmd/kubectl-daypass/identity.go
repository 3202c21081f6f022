package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
)

// signIn is session.json. Thumbprint names the key that Secret is bound to.
type signIn struct {
	Server     string    `json:"server"`
	Secret     string    `json:"secret"`
	Session    string    `json:"session"`
	Person     string    `json:"person"`
	Thumbprint string    `json:"thumbprint"`
	SignedIn   time.Time `json:"signedIn"`
	// Until is when it ends by itself, by the local clock. Clients before this
	// one did not keep it.
	Until time.Time `json:"until,omitzero"`
}

func (h home) keyFile() string     { return filepath.Join(h.config, "key.pem") }
func (h home) sessionFile() string { return filepath.Join(h.config, "session.json") }
func (h home) memoryFile() string  { return filepath.Join(h.cache, "memory.json") }

// signedIn reads who is signed in. A damaged file is kept aside, and then
// nobody is.
func (h home) signedIn() (signIn, error) {
	var s signIn
	err := readJSON(h.sessionFile(), &s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return signIn{}, signedOut(h.server.String())
	case errors.Is(err, errDamaged):
		return signIn{}, h.damaged(h.sessionFile())
	case err != nil:
		return signIn{}, err
	case s.Server != h.server.String() || s.Secret == "":
		return signIn{}, signedOut(h.server.String())
	}
	return s, nil
}

func (h home) damaged(path string) error {
	to, err := h.setAside(path)
	if err != nil {
		return err
	}
	return &failure{code: exitSignedOut, say: fmt.Sprintf("%s is damaged and was kept as %s. Run: kubectl daypass login %s", path, to, h.server), err: errDamaged}
}

// key reads the key that the session is bound to.
func (h home) key(s signIn) (*ecdsa.PrivateKey, error) {
	b, err := readPrivate(h.keyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, signedOut(h.server.String())
	}
	if err != nil {
		return nil, err
	}
	key, err := parseKey(b)
	if err != nil {
		return nil, h.damaged(h.keyFile())
	}
	name, err := api.Thumbprint(&key.PublicKey)
	if err != nil {
		return nil, h.damaged(h.keyFile())
	}
	if name != s.Thumbprint {
		return nil, &failure{code: exitSignedOut, say: fmt.Sprintf("%s is not the key that was signed in with. Run: kubectl daypass login %s", h.keyFile(), h.server), err: errTorn}
	}
	return key, nil
}

func parseKey(b []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errDamaged
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errDamaged
	}
	return key, nil
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	return writePrivate(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// errTorn is for a session and a key that do not belong together, as they
// are for a moment while somebody signs in anew.
var errTorn = errors.New("the key is of another sign-in")

func (h home) signInLock() string { return filepath.Join(h.cache, "sign-in.lock") }

// identity reads session and key, again once a login that is under way is done.
func (h home) identity() (signIn, *ecdsa.PrivateKey, error) {
	s, key, err := h.both()
	if !errors.Is(err, errTorn) {
		return s, key, err
	}
	release, busy := lock(context.Background(), h.signInLock(), impatient)
	if busy != nil {
		return signIn{}, nil, err
	}
	defer release()
	return h.both()
}

func (h home) both() (signIn, *ecdsa.PrivateKey, error) {
	s, err := h.signedIn()
	if err != nil {
		return signIn{}, nil, err
	}
	key, err := h.key(s)
	return s, key, err
}

// client asks as whoever is signed in.
func (h home) client(timeout time.Duration) (*api.Client, signIn, error) {
	s, key, err := h.identity()
	if err != nil {
		return nil, signIn{}, err
	}
	return h.asker(s, key, timeout), s, nil
}

func (h home) asker(s signIn, key *ecdsa.PrivateKey, timeout time.Duration) *api.Client {
	c := h.stranger(timeout)
	c.Key, c.Secret = key, s.Secret
	var m api.Memory
	if err := readJSON(h.memoryFile(), &m); err == nil { // without it one question more is asked
		c.Remember(m)
	}
	return c
}

// person is client for somebody who waits for the answer.
func (h home) person() (*api.Client, error) {
	c, _, err := h.client(patient)
	if err != nil {
		return nil, err
	}
	return h.watched(c), nil
}

// stranger asks as nobody.
func (h home) stranger(timeout time.Duration) *api.Client {
	return &api.Client{Server: h.server, HTTP: api.HTTP(timeout), Now: h.now, UserAgent: "kubectl-daypass/" + version + " (" + runtime.GOOS + "; " + runtime.GOARCH + ")"}
}

// remember keeps what the last answer taught. Without it the next run asks one
// question more, which is why a failure is no error.
func (h home) remember(c *api.Client) { _ = writeJSON(h.memoryFile(), c.Memory()) }

// forget takes away the key, the session and all tokens. Locks stay.
func (h home) forget() error {
	var all []error
	for _, path := range []string{h.sessionFile(), h.keyFile()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, fmt.Errorf("cannot take away %s: %w", path, reason(err)))
		}
	}
	return errors.Join(append(all, h.forgetTokens())...)
}

func (h home) forgetTokens() error {
	kept, err := os.ReadDir(h.cache)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", h.cache, reason(err))
	}
	for _, e := range kept {
		if filepath.Ext(e.Name()) == ".lock" || h.beingWritten(e) {
			continue
		}
		path := filepath.Join(h.cache, e.Name())
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot take away %s: %w", path, reason(err))
		}
	}
	return nil
}

// beingWritten says whether a file is one that another process is about to put
// in place. What has been so for a minute was left by one that was killed.
func (h home) beingWritten(e fs.DirEntry) bool {
	if !strings.Contains(e.Name(), ".new-") {
		return false
	}
	info, err := e.Info()
	return err == nil && h.now().Sub(info.ModTime()) < time.Minute
}
