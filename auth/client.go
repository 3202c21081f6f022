package auth

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ClientInfo is the program that a session is for.
type ClientInfo struct {
	Name       string // as the person saw it, such as the host it runs on
	Thumbprint string // of the key that must sign its requests (RFC 7638)
	Device     bool   // signed in with a typed code, not on the person's own machine
}

// ClientOptions are the limits of programs' sessions.
type ClientOptions struct {
	Device    bool          // signing in with a typed code is allowed
	Longest   time.Duration // a session ends after this; 12 hours when zero
	Staleness time.Duration // how old the membership of groups may be; 12 hours when zero
}

// Authorization is what a program asks a person for.
type Authorization struct{ Name, Thumbprint, Challenge, RedirectURI string }

// Grant is what a program brings for a session: a code with its verifier and
// address, or a device code.
type Grant struct{ Code, Verifier, RedirectURI, DeviceCode string }

// Device is a begun sign-in with a typed code.
type Device struct {
	DeviceCode, UserCode string
	ExpiresIn, Interval  time.Duration
}

// Waiting is a program that waits for a person to allow it.
type Waiting struct {
	Name, Address, Thumbprint string
	Begun                     time.Time
}

var errUnfinished = errors.New("programs cannot sign in yet")

// Check says what is wrong with an Authorization.
func (a Authorization) Check() error { return errUnfinished }

// Client gives the session behind a request that a program signed, and a note
// for the answer.
func (g *Gate) Client(w http.ResponseWriter, r *http.Request) (Session, string, error) {
	return Session{}, "", errUnfinished
}

// Prove gives the key that signed a request.
func (g *Gate) Prove(w http.ResponseWriter, r *http.Request) (thumbprint string, err error) {
	return "", errUnfinished
}

// Authorize lets a program sign in as a person.
func (g *Gate) Authorize(ctx context.Context, s Session, a Authorization) (code string, err error) {
	return "", errUnfinished
}

// Redeem opens a program's session.
func (g *Gate) Redeem(w http.ResponseWriter, r *http.Request, grant Grant) (secret string, s Session, err error) {
	return "", Session{}, errUnfinished
}

// BeginDevice begins a sign-in with a typed code.
func (g *Gate) BeginDevice(w http.ResponseWriter, r *http.Request, name string) (Device, error) {
	return Device{}, errUnfinished
}

// Pending shows the program that waits behind a typed code.
func (g *Gate) Pending(r *http.Request, s Session, userCode string) (Waiting, error) {
	return Waiting{}, errUnfinished
}

// Answer allows or refuses it.
func (g *Gate) Answer(r *http.Request, s Session, userCode string, yes bool) error {
	return errUnfinished
}
