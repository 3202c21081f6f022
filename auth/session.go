package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/daypass/daypass/audit"
)

// ErrSignedOut says that nobody is signed in. ErrLapsed is the same, where a
// sign-in came to its end by itself.
var (
	ErrSignedOut = errors.New("not signed in")
	ErrLapsed    = fmt.Errorf("the sign-in came to its end: %w", ErrSignedOut)
)

// touchEvery spares the database: Seen is right to the minute.
const touchEvery = time.Minute

// open makes a session and hands its cookie out, in that order: a cookie
// without its record must not exist, a record without its cookie opens nothing.
func (g *Gate) open(w http.ResponseWriter, r *http.Request, who person) error {
	by, now := g.caller(r), g.Now()
	token := newSecret() // always a new one: a planted cookie stays worthless
	key, _ := hashSecret(token)
	s := Session{
		Key: key, Principal: who.Principal, UnverifiedEmail: who.unverified,
		SignedIn: now, AsOf: now, Seen: now, Expires: now.Add(g.Longest),
		Address: by.Address, UserAgent: by.UserAgent,
		ProviderSession: who.session, Vouched: who.issued, IDToken: g.sealed(key, who.idToken),
		Refresh: g.sealRefresh(key, who.refresh),
	}
	replaced, err := g.replaced(r)
	if err != nil {
		return err
	}
	if err := g.Book.SignIn(r.Context(), s, replaced, s.signedIn(by, replaced)); err != nil {
		return fmt.Errorf("record the sign-in: %w", err)
	}
	g.session.set(w, token, g.Longest)
	w.Header().Set("Cache-Control", "no-store")
	return nil
}

// replaced is the session that this browser had until now, or zero.
func (g *Gate) replaced(r *http.Request) (Hash, error) {
	_, key, _ := g.session.read(r)
	if key.IsZero() {
		return Hash{}, nil
	}
	s, err := g.Book.Session(r.Context(), key)
	if errors.Is(err, ErrNoSession) || s.Client != nil {
		return Hash{}, nil
	}
	if err != nil && !errors.Is(err, ErrBehind) { // it is this browser's, whatever it says
		return Hash{}, fmt.Errorf("look for the session before: %w", err)
	}
	return key, nil
}

// by is the session's person at a client.
func (s Session) by(client audit.Who) audit.Who {
	client.Principal, client.Provider = s.Principal.ID(), s.Principal.Provider
	client.Email, client.Name, client.Subject = s.Principal.Email, s.Principal.Name, s.Principal.Subject
	return client
}

func (s Session) signedIn(client audit.Who, replaced Hash) audit.Event {
	e := audit.New(audit.SignedIn, s.SignedIn, s.by(client))
	e.Facts = map[string]string{
		"session": s.Key.Mark(), "expires": s.Expires.UTC().Format(time.RFC3339),
		"groups": strconv.Itoa(len(s.Principal.Groups)),
	}
	if s.Principal.NoGroupsClaim {
		e.Facts["groups"] = "no claim"
	}
	if s.UnverifiedEmail != "" {
		e.Facts["email"] = "unverified"
	}
	if !replaced.IsZero() {
		e.Facts["replaced"] = replaced.Mark()
	}
	if c := s.Client; c != nil {
		e.Facts["client"], e.Facts["thumbprint"], e.Facts["via"] = c.Name, c.Thumbprint, c.via()
	}
	return e
}

func (s Session) ended(why string, at time.Time, client audit.Who) audit.Event {
	e := audit.New(audit.SignedOut, at, s.by(client))
	e.Reason = why
	e.Facts = map[string]string{"session": s.Key.Mark()}
	if c := s.Client; c != nil {
		e.Facts["client"] = c.Name
	}
	return e
}

// left is how a session ends that somebody left: its person, or whoever signed
// them out.
func (g *Gate) left(s Session, e audit.Event, client audit.Who) Ending {
	return Ending{Event: e, By: s.by(client), Leases: g.EndLeases}
}

// Person gives the session behind a request. Without one the error is
// ErrSignedOut, or ErrLapsed which is one too; a cookie that is broken or
// leads nowhere is cleared on the way, so that it is no dead end. Any other
// error says that the book could not be read, or, as ErrBehind, not understood
// by this server yet; it clears nothing.
func (g *Gate) Person(w http.ResponseWriter, r *http.Request) (Session, error) {
	value, key, present := g.session.read(r)
	if !present {
		return Session{}, ErrSignedOut
	}
	if value == "" {
		return Session{}, g.heal(w, ErrSignedOut)
	}
	s, err := g.Book.Session(r.Context(), key)
	if errors.Is(err, ErrNoSession) {
		return Session{}, g.heal(w, ErrSignedOut)
	}
	if err != nil {
		return Session{}, fmt.Errorf("look for the session: %w", err)
	}
	if s.Client != nil { // a program's secret is worth nothing without its key
		return Session{}, g.heal(w, ErrSignedOut)
	}
	if why := g.over(s); why != "" {
		g.lapse(r, s, why)
		return Session{}, g.heal(w, ErrLapsed)
	}
	return g.touch(w, r.Context(), s)
}

func (g *Gate) heal(w http.ResponseWriter, err error) error {
	g.session.clear(w)
	return err
}

// over says why a session is no longer good, or nothing. The limits of today's
// configuration count, also for sessions of yesterday.
func (g *Gate) over(s Session) string {
	now, longest := g.Now(), g.Longest
	if s.Client != nil {
		longest = g.Clients.Longest
	}
	p, ok := g.provider(s.Principal.Provider)
	switch {
	case !ok || p.Issuer != s.Principal.Issuer:
		return "provider-removed"
	case !now.Before(s.Expires) || now.Sub(s.SignedIn) >= longest:
		return "expired"
	case s.Client == nil && now.Sub(s.Seen) >= g.Idle: // programs rest at night
		return "idle"
	}
	return ""
}

// lapse deletes a session that is over. It is refused whether or not that
// works, so a failure is logged and tried again with the next request.
func (g *Gate) lapse(r *http.Request, s Session, why string) {
	err := g.Book.SignOut(context.WithoutCancel(r.Context()), s.Key, Ending{Event: s.ended(why, g.Now(), g.caller(r))})
	if err != nil && !errors.Is(err, ErrNoSession) {
		g.Log.Error("a lapsed session could not be deleted", "session", s.Key.Mark(), "err", err)
	}
}

// touch notes that the session is in use. When it was deleted meanwhile it is
// over, and so is its cookie.
func (g *Gate) touch(w http.ResponseWriter, ctx context.Context, s Session) (Session, error) {
	s, err := g.touched(ctx, s)
	if errors.Is(err, ErrNoSession) {
		return Session{}, g.heal(w, ErrSignedOut)
	}
	return s, err
}

// touched moves a session's Seen forward; ErrNoSession when it was deleted
// meanwhile. When noting fails otherwise the person goes on, and only the idle
// limit may come early.
func (g *Gate) touched(ctx context.Context, s Session) (Session, error) {
	now := g.Now()
	if now.Sub(s.Seen) < touchEvery {
		return s, nil
	}
	err := g.Book.Touch(ctx, s.Key, now)
	if errors.Is(err, ErrNoSession) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		g.Log.Warn("a session's use could not be noted", "session", s.Key.Mark(), "err", err)
		return s, nil
	}
	s.Seen = now
	return s, nil
}
