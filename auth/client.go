package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/daypass/daypass/audit"
)

// ClientInfo is the program that a session is for.
type ClientInfo struct {
	Name       string // as the person saw it, such as the host it runs on
	Thumbprint string // of the key that must sign its requests (RFC 7638)
	Device     bool   // signed in with a typed code, not on the person's own machine
}

func (c ClientInfo) via() string {
	if c.Device {
		return "device"
	}
	return "loopback"
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

// codeLife is how long a program may take to trade its code.
const codeLife = time.Minute

// freshFor is how old a person's sign-in may be when they let a program in. The
// program outlives the browser's session: whoever has a browser's cookie alone
// must not make more of it.
const freshFor = 15 * time.Minute

// Fresh says whether a person signed in lately enough to let a program in.
func (g *Gate) Fresh(s Session) bool { return g.Now().Sub(s.SignedIn) < freshFor }

// maxClientName bounds what a program calls itself.
const maxClientName = 100

// Check says what is wrong with an Authorization.
func (a Authorization) Check() error {
	switch {
	case !fitClientName(a.Name):
		return fmt.Errorf("client_name must be 1 to %d characters that can be shown", maxClientName)
	case !isDigest(a.Thumbprint):
		return errors.New("dpop_jkt must be the SHA-256 thumbprint of a key in base64url")
	case !isDigest(a.Challenge):
		return errors.New("code_challenge must be a SHA-256 in base64url")
	case !isLoopbackCallback(a.RedirectURI):
		return errors.New("redirect_uri must be http://127.0.0.1:PORT/callback or http://[::1]:PORT/callback")
	}
	return nil
}

func fitClientName(s string) bool { return s != "" && printable(s, maxClientName) == s }

func isDigest(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == sha256.Size && len(s) == base64.RawURLEncoding.EncodedLen(sha256.Size)
}

// isLoopbackCallback wants the address to the letter: nothing is normalized
// that a browser might read in another way.
func isLoopbackCallback(s string) bool {
	m := regexp.MustCompile(`^http://(?:127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})/callback$`).FindStringSubmatch(s)
	if m == nil {
		return false
	}
	port, err := strconv.Atoi(m[1])
	return err == nil && port <= 65535
}

// Authorize makes the code by which a program signs in as the person of a
// browser's session. The error is a *Failure, or says that the book could not
// be written.
func (g *Gate) Authorize(r *http.Request, s Session, a Authorization) (code string, err error) {
	err = a.Check()
	if s.Client != nil {
		err = errors.New("only a browser can allow a program in")
	}
	if err != nil {
		return "", failed(BadAsk, "", "", err)
	}
	if !g.Fresh(s) {
		return "", failed(NotFresh, "", "", nil)
	}
	code, now := newSecret(), g.Now()
	key, _ := hashSecret(code)
	c := Code{Key: key, Authorization: a, Begun: now, Expires: now.Add(codeLife), By: s.Key, Principal: s.Principal.ID(), From: g.caller(r).Address}
	if err := g.Book.PutCode(r.Context(), c); err != nil {
		return "", fmt.Errorf("write the code: %w", err)
	}
	return code, nil
}

// Redeem opens a program's session. The code is spent whatever comes of it,
// except that a typed code stays until it is answered. The error is a
// *Failure, or says that the book could not be read or written.
func (g *Gate) Redeem(w http.ResponseWriter, r *http.Request, grant Grant) (secret string, s Session, err error) {
	secret, s, err = g.trade(w, r, grant)
	if err = g.notedClient(r, err); err != nil {
		return "", Session{}, err
	}
	return secret, s, nil
}

func (g *Gate) trade(w http.ResponseWriter, r *http.Request, grant Grant) (string, Session, error) {
	p, err := g.proofAlone(w, r)
	if err != nil {
		return "", Session{}, err
	}
	code, fail := g.codeOf(grant)
	if fail != nil {
		return "", Session{}, fail
	}
	if err := g.spendFor(r, p, code); err != nil {
		return "", Session{}, err
	}
	thumbprint := p.Thumbprint
	secret, by, now := newSecret(), g.caller(r), g.Now()
	var opened Session
	err = g.Book.Redeem(r.Context(), code, now, g.alive(), func(c Code, from Session) (Session, audit.Event, error) {
		if fail := g.judge(grant, thumbprint, c, from); fail != nil {
			return Session{}, audit.Event{}, fail
		}
		opened = g.opened(secret, c, from, by, now)
		return opened, opened.allowedIn(by, c), nil
	})
	switch {
	case errors.Is(err, ErrNoCode):
		return "", Session{}, failed(BadGrant, "", "", nil)
	case errors.Is(err, ErrLoggedOut), errors.Is(err, ErrNoSession):
		return "", Session{}, failed(BadGrant, "", "", errors.New("the person was signed out meanwhile"))
	case errors.Is(err, ErrManyPrograms):
		return "", Session{}, failed(ManyPrograms, "", "", nil)
	case err != nil:
		return "", Session{}, err
	}
	w.Header().Set("Cache-Control", "no-store")
	return secret, opened, nil
}

// spendFor spends a proof for a code that is there. Whoever brings a code of
// their own making must not have the database remember that they did.
func (g *Gate) spendFor(r *http.Request, p proof, code Hash) error {
	there, err := g.Book.HasCode(r.Context(), code)
	if err != nil {
		return fmt.Errorf("look for the code: %w", err)
	}
	if !there {
		return failed(BadGrant, "", "", nil)
	}
	return g.spend(r, p)
}

// allowedIn is the event of a program's session: which browser's session let
// it in, and where that was.
func (s Session) allowedIn(by audit.Who, c Code) audit.Event {
	e := s.signedIn(by, Hash{})
	e.Facts["by"] = c.By.Mark()
	if c.From != "" {
		e.Details.More = map[string]string{"allowedFrom": c.From}
	}
	return e
}

// codeOf is the one code of a grant.
func (g *Gate) codeOf(grant Grant) (Hash, *Failure) {
	raw := grant.Code
	if grant.DeviceCode != "" {
		if !g.Clients.Device {
			return Hash{}, failed(DeviceOff, "", "", nil)
		}
		raw = grant.DeviceCode
	}
	key, ok := hashSecret(raw)
	if !ok || grant.Code != "" && grant.DeviceCode != "" {
		return Hash{}, failed(BadGrant, "", "", errors.New("there is not one code of our shape"))
	}
	return key, nil
}

// judge says why a code is not good for a session, or nothing.
func (g *Gate) judge(grant Grant, thumbprint string, c Code, from Session) *Failure {
	bad := func(why string) *Failure { return failed(BadGrant, "", "", errors.New(why)) }
	now := g.Now()
	switch device := !c.User.IsZero(); {
	case device != (grant.DeviceCode != ""):
		return bad("the code is of another kind")
	case subtle.ConstantTimeCompare([]byte(c.Thumbprint), []byte(thumbprint)) != 1:
		return bad("the code is another key's")
	case !now.Before(c.Expires):
		return failed(CodeExpired, "", "", nil)
	case device && c.Denied:
		return failed(DeviceDenied, "", "", nil)
	case device && c.By.IsZero() && now.Sub(c.Asked) < deviceInterval-time.Second: // clocks tick in whole seconds
		return failed(DeviceSlowDown, "", "", ErrKeepCode)
	case device && c.By.IsZero():
		return failed(DevicePending, "", "", ErrKeepCode)
	case !device && grant.RedirectURI != c.RedirectURI:
		return bad("the code was sent to another address")
	case !device && !proves(grant.Verifier, c.Challenge):
		return bad("the verifier is not the one of the code")
	case from.Key != c.By || from.Client != nil || from.Principal.ID() != c.Principal || g.over(from) != "":
		return bad("the browser that allowed the program is signed out")
	}
	return nil
}

// proves is RFC 7636, section 4.6, for S256.
func proves(verifier, challenge string) bool {
	return len(verifier) >= 43 && len(verifier) <= 128 && subtle.ConstantTimeCompare([]byte(tokenHash(verifier)), []byte(challenge)) == 1
}

// opened is the session of a program, as good as the browser's that allowed
// it: the same word of the provider is behind both, and ends both.
func (g *Gate) opened(secret string, c Code, from Session, by audit.Who, now time.Time) Session {
	key, _ := hashSecret(secret)
	return Session{
		Key: key, Principal: from.Principal, UnverifiedEmail: from.UnverifiedEmail,
		SignedIn: now, Seen: now, Expires: now.Add(g.Clients.Longest), AsOf: from.AsOf,
		Address: by.Address, UserAgent: by.UserAgent,
		Client:          &ClientInfo{Name: c.Name, Thumbprint: c.Thumbprint, Device: !c.User.IsZero()},
		ProviderSession: from.ProviderSession, Vouched: from.Vouched,
		Refresh: g.resealRefresh(from, key),
	}
}
