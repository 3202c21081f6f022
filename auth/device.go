package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/daypass/daypass/audit"
)

// Device is a begun sign-in with a typed code.
type Device struct {
	DeviceCode, UserCode string
	ExpiresIn, Interval  time.Duration
}

// Waiting is a program that waits for a person to allow it.
type Waiting struct {
	Name, Address, Thumbprint string
	UserCode                  string // as the program shows it
	Begun                     time.Time
}

// userLetters spell no words and read like no digits.
const userLetters = "BCDFGHJKLMNPQRSTVWXZ"

const (
	userCodeSize   = 8
	deviceLife     = 10 * time.Minute
	deviceInterval = 5 * time.Second
	// mostGuesses is how many wrong codes a person, and an address, may type
	// in ten minutes. There are 20^8 codes, and few of them wait.
	mostGuesses = 10
	// mostBegun is how many such sign-ins an address may begin in ten minutes.
	mostBegun = 30
)

// BeginDevice begins a sign-in with a typed code, for the key that signed the
// request. The error is a *Failure, or says that the book could not be written.
func (g *Gate) BeginDevice(w http.ResponseWriter, r *http.Request, name string) (Device, error) {
	d, err := g.beginDevice(w, r, name)
	return d, g.notedClient(r, err)
}

func (g *Gate) beginDevice(w http.ResponseWriter, r *http.Request, name string) (Device, error) {
	if !g.Clients.Device {
		g.offer(w)
		return Device{}, failed(DeviceOff, "", "", nil)
	}
	p, err := g.proofAlone(w, r)
	if err != nil {
		return Device{}, err
	}
	thumbprint, by, now := p.Thumbprint, g.caller(r), g.Now()
	switch {
	case !fitClientName(name):
		return Device{}, failed(BadAsk, "", "", fmt.Errorf("the name must be 1 to %d characters that can be shown", maxClientName))
	case !g.begun.take(network(by.Address), mostBegun, now):
		return Device{}, failed(DeviceSlowDown, "", "", nil)
	}
	if err := g.spend(r, p); err != nil {
		return Device{}, err
	}
	secret := newSecret()
	key, _ := hashSecret(secret)
	c := Code{Key: key, Authorization: Authorization{Name: name, Thumbprint: thumbprint},
		Address: by.Address, UserAgent: by.UserAgent, Begun: now, Expires: now.Add(deviceLife)}
	typed, err := g.putTyped(r, c)
	if err != nil {
		return Device{}, fmt.Errorf("write the code: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return Device{DeviceCode: secret, UserCode: shownCode(typed), ExpiresIn: deviceLife, Interval: deviceInterval}, nil
}

// putTyped stores a code under what a person is to type, which must not be in
// use.
func (g *Gate) putTyped(r *http.Request, c Code) (typed string, err error) {
	for range 3 {
		typed = newUserCode()
		c.User = hashUserCode(typed)
		if err = g.Book.PutCode(r.Context(), c); !errors.Is(err, ErrCodeTaken) {
			break
		}
	}
	return typed, err
}

func newUserCode() string {
	var b strings.Builder
	for range userCodeSize {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(userLetters))))
		if err != nil { // never fails since Go 1.24
			panic("auth: " + err.Error())
		}
		b.WriteByte(userLetters[i.Int64()])
	}
	return b.String()
}

func hashUserCode(typed string) Hash { return sha256.Sum256([]byte("typed " + typed)) }

// shownCode is a code as people read it.
func shownCode(bare string) string { return bare[:userCodeSize/2] + "-" + bare[userCodeSize/2:] }

// bare is a code without what people put into it to read it better.
func bare(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// readUserCode takes a code as people type it.
func readUserCode(s string) (Hash, bool) {
	if len(s) > 40 {
		return Hash{}, false
	}
	s = bare(s)
	if len(s) != userCodeSize || strings.Trim(s, userLetters) != "" {
		return Hash{}, false
	}
	return hashUserCode(s), true
}

// Pending shows the program that waits behind a typed code. The error is a
// *Failure that does not tell a wrong code from an old one or from too many
// tries, or says that the book could not be read.
func (g *Gate) Pending(r *http.Request, s Session, userCode string) (Waiting, error) {
	c, err := g.typed(r, s, userCode)
	if err != nil {
		return Waiting{}, g.notedClient(r, err)
	}
	return Waiting{Name: c.Name, Address: c.Address, Thumbprint: c.Thumbprint, UserCode: shownCode(bare(userCode)), Begun: c.Begun}, nil
}

// Answer allows or refuses the program that waits behind a typed code. The
// error is as for Pending.
func (g *Gate) Answer(r *http.Request, s Session, userCode string, yes bool) error {
	c, err := g.typed(r, s, userCode)
	if err != nil {
		return g.notedClient(r, err)
	}
	if yes && !g.Fresh(s) {
		return failed(NotFresh, "", "", nil)
	}
	c.By, c.Principal, c.Denied, c.From = s.Key, s.Principal.ID(), !yes, g.caller(r).Address
	var events []audit.Event
	if !yes {
		e := audit.New(audit.SignInFailed, g.Now(), s.by(g.caller(r)))
		e.Reason = string(DeviceDenied)
		e.Facts = map[string]string{"client": c.Name, "thumbprint": c.Thumbprint, "via": "device"}
		events = append(events, e)
	}
	err = g.Book.AnswerCode(r.Context(), c, events...)
	if errors.Is(err, ErrNoCode) {
		return failed(UnknownUserCode, "", "", nil)
	}
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// typed finds the code that a person typed, while it waits.
func (g *Gate) typed(r *http.Request, s Session, userCode string) (Code, error) {
	if !g.Clients.Device {
		return Code{}, failed(DeviceOff, "", "", nil)
	}
	if s.Client != nil {
		return Code{}, failed(BadAsk, "", "", errors.New("only a browser can allow a program in"))
	}
	now := g.Now()
	names := []string{"person " + s.Principal.ID(), "address " + network(g.caller(r).Address)}
	if !g.guesses.takeAll(names, mostGuesses, now) { // counted before it is looked up: guesses at once count too
		return Code{}, failed(UnknownUserCode, "", "", errors.New("too many wrong codes were typed"))
	}
	c, err := Code{}, ErrNoCode
	if key, ok := readUserCode(userCode); ok {
		c, err = g.Book.TypedCode(r.Context(), key)
	}
	if errors.Is(err, ErrNoCode) || err == nil && (!c.By.IsZero() || !now.Before(c.Expires)) {
		return Code{}, failed(UnknownUserCode, "", "", nil)
	}
	g.guesses.giveBack(names)
	if err != nil {
		return Code{}, fmt.Errorf("look for the code: %w", err)
	}
	return c, nil
}
