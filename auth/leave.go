package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/audit"
)

// sealPurpose is what ID tokens are sealed for; their place is the session.
const sealPurpose = "id-token"

// leaveLife is how long after signing out here one may do so at the provider.
const leaveLife = 10 * time.Minute

// maxHint bounds the ID token that goes into an address. Those with many
// groups outgrow what servers take there; the provider then asks the person.
const maxHint = 6000

// LeavePath leads on to the provider, to sign out there.
func LeavePath(provider string) string { return StartPath(provider) + "/leave" }

// LogoutPath is where a provider tells that somebody signed out there: the
// path of the back-channel logout address to register with it.
func LogoutPath(provider string) string { return StartPath(provider) + "/logout" }

// sealed seals an ID token for a session; nil when there is no key.
func (g *Gate) sealed(session Hash, raw string) []byte {
	if !g.Keys.Present() || raw == "" || len(raw) > maxHint {
		return nil
	}
	return g.Keys.Seal(sealPurpose, session.String(), []byte(raw))
}

// SignOut ends the session behind a request. The browser forgets it in any
// case; an error says that the server could not, and that it ends by its idle
// limit instead. Only on ErrBehind nothing is done and nothing forgotten, so that
// it can be tried again. Signing out twice is no error. For ten minutes the browser
// may sign out at the provider too: Farewell tells, Leave leads there.
func (g *Gate) SignOut(w http.ResponseWriter, r *http.Request) error {
	_, key, present := g.session.read(r)
	if !present {
		return nil
	}
	s, err := Session{}, ErrNoSession
	if !key.IsZero() {
		s, err = g.Book.Session(r.Context(), key)
	}
	if errors.Is(err, ErrBehind) { // another server can end it: the cookie is needed there
		return fmt.Errorf("end the session: %w", err)
	}
	g.session.clear(w)
	if err == nil && s.Client == nil { // a program's secret in a cookie is nobody's sign-in
		err = g.leave(w, r, s)
	}
	if err != nil && !errors.Is(err, ErrNoSession) {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

func (g *Gate) leave(w http.ResponseWriter, r *http.Request, s Session) error {
	now := g.Now()
	handle := newSecret()
	hash, _ := hashSecret(handle)
	d := Departure{Key: hash, Session: s.Key, Provider: s.Principal.Provider, Left: now, Expires: now.Add(leaveLife)}
	by := g.caller(r)
	if err := g.Book.Leave(r.Context(), s.Key, d, g.left(s, s.ended("signed-out", now, by), by)); err != nil {
		return err
	}
	g.leaving.set(w, handle, leaveLife)
	return nil
}

// Farewell is what can be told to a browser that signed out. Zero: nothing.
type Farewell struct {
	Label string // of the provider
	Leave string // where to sign out there; empty: it is not known how
	Done  bool   // that was done
}

// Farewell tells a browser that signed out whether it may do so at the
// provider, or that it did. Nothing is known of it after that.
func (g *Gate) Farewell(w http.ResponseWriter, r *http.Request) (Farewell, error) {
	d, p, handle, err := g.departure(w, r)
	if err != nil || p == nil {
		return Farewell{}, err
	}
	out := Farewell{Label: p.Label}
	state := r.URL.Query()["state"]
	if len(state) == 1 && subtle.ConstantTimeCompare([]byte(state[0]), []byte(leaveState(handle))) == 1 {
		g.leaving.clear(w)
		out.Done = true
		return out, g.Book.Forget(r.Context(), d.Key)
	}
	if p.leaves() {
		out.Leave = LeavePath(p.Name)
	}
	return out, nil
}

// departure finds what a browser left behind when it signed out; the provider
// is nil when there is nothing of use.
func (g *Gate) departure(w http.ResponseWriter, r *http.Request) (Departure, *provider, string, error) {
	handle, key, present := g.leaving.read(r)
	if !present {
		return Departure{}, nil, "", nil
	}
	d, err := Departure{}, ErrNoDeparture
	if handle != "" {
		d, err = g.Book.Departure(r.Context(), key)
	}
	if err != nil && !errors.Is(err, ErrNoDeparture) {
		return Departure{}, nil, "", fmt.Errorf("look for what was left: %w", err)
	}
	p, ok := g.provider(d.Provider)
	if err != nil || !ok || !g.Now().Before(d.Expires) {
		g.leaving.clear(w)
		return Departure{}, nil, "", nil
	}
	return d, p, handle, nil
}

// leaveState is the state of a logout at the provider. It is made from the
// handle, so that nobody else can make it, and does not give it away.
func leaveState(handle string) string {
	sum := sha256.Sum256([]byte("leave " + handle))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// leaves reports whether the provider, as far as it is known without asking,
// can be told that somebody signs out.
func (p *provider) leaves() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known != nil && p.known.leave != ""
}

// Leave sends a browser that signed out here on to the provider, to sign out
// there; one that did not, or whose provider cannot be told, goes back to the
// page of those who signed out. The error is a *Failure, or says that the book
// could not be read.
func (g *Gate) Leave(w http.ResponseWriter, r *http.Request, name string) error {
	d, p, handle, err := g.departure(w, r)
	if err != nil {
		return err
	}
	to := SignedOutPath
	if p != nil && p.Name == name {
		m, fail := p.discover(r.Context())
		if fail != nil {
			return fail
		}
		if m.leave != "" {
			to = p.leaveURL(m, g.hint(r.Context(), d), leaveState(handle))
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// hint is the ID token of a session that ended, or nothing.
func (g *Gate) hint(ctx context.Context, d Departure) string {
	if !g.Keys.Present() || len(d.IDToken) == 0 {
		return ""
	}
	raw, err := g.Keys.Open(sealPurpose, d.Session.String(), d.IDToken)
	if err != nil {
		g.Log.WarnContext(ctx, "an ID token cannot be opened; the provider is told without it", "session", d.Session.Mark(), "err", err)
		return ""
	}
	return string(raw)
}

// leaveURL is OpenID Connect RP-Initiated Logout 1.0, section 2.
func (p *provider) leaveURL(m *metadata, hint, state string) string {
	u, err := url.Parse(m.leave)
	if err != nil { // fetch has parsed it
		return SignedOutPath
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", p.home)
	q.Set("state", state)
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	// FACT Cognito wants its own name for it
	// (docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html).
	if strings.HasPrefix(p.Issuer, "https://cognito-idp.") {
		q.Set("logout_uri", p.home)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// alive is what over says of times, for the book to pick by.
func (g *Gate) alive() Alive {
	now := g.Now()
	return Alive{SignedInAfter: now.Add(-g.Longest), SeenAfter: now.Add(-g.Idle), ExpiresAfter: now,
		ClientsAfter: now.Add(-g.Clients.Longest)}
}

// SessionsOf lists where a person is signed in, the newest first.
func (g *Gate) SessionsOf(ctx context.Context, who Session) ([]Session, error) {
	return g.SessionsOfPrincipal(ctx, who.Principal.ID())
}

// SessionsOfPrincipal is SessionsOf for whoever may ask about others.
func (g *Gate) SessionsOfPrincipal(ctx context.Context, principal string) ([]Session, error) {
	all, err := g.Book.SessionsOf(ctx, principal, g.alive())
	if err != nil {
		return nil, fmt.Errorf("list the sessions: %w", err)
	}
	var out []Session
	for _, s := range all {
		if g.over(s) == "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// EndSession signs a person out elsewhere: it ends the session of that mark
// if it is one of who's, and is ErrNoSession if it is not.
func (g *Gate) EndSession(r *http.Request, who Session, mark string) error {
	s, err := g.sessionOf(r.Context(), who.Principal.ID(), mark)
	if err != nil {
		return err
	}
	by := g.caller(r)
	e := s.ended("ended-by-person", g.Now(), by)
	e.Facts["by"] = who.Key.Mark()
	if err := g.Book.SignOut(r.Context(), s.Key, g.left(s, e, by)); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// sessionOf finds the session of that mark among a principal's, or is
// ErrNoSession.
func (g *Gate) sessionOf(ctx context.Context, principal, mark string) (Session, error) {
	s, err := g.Book.Marked(ctx, principal, mark)
	if err == nil && g.over(s) != "" {
		err = ErrNoSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("look for the session: %w", err)
	}
	return s, nil
}

// Replaced ends a program's own session because another has taken its place:
// the person did not sign out, so their leases stay. Where no program of theirs
// signed in later, nothing has, and it is a sign-out.
func (g *Gate) Replaced(r *http.Request, who Session) error {
	all, err := g.SessionsOf(r.Context(), who)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(s Session) bool { return s.Client != nil && s.SignedIn.After(who.SignedIn) }) {
		return g.EndSession(r, who, who.Key.Mark())
	}
	e := who.ended("replaced", g.Now(), g.caller(r))
	if err := g.Book.SignOut(r.Context(), who.Key, Ending{Event: e}); err != nil && !errors.Is(err, ErrNoSession) {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// EndOneSessionOf signs a person out at one place for an administrator; that
// admin is one, the caller has made sure. Where the session of that mark is not
// this principal's, or ended meanwhile, it is ErrNoSession and not on record.
func (g *Gate) EndOneSessionOf(r *http.Request, admin Session, principal, mark string) error {
	s, err := g.sessionOf(r.Context(), principal, mark)
	if err != nil {
		return err
	}
	act := audit.New(audit.Administered, g.Now(), admin.by(g.caller(r)))
	act.Facts = map[string]string{"act": "sign-out", "person": principal, "session": mark}
	if s.Client != nil {
		act.Facts["client"] = s.Client.Name
	}
	act.Details.More = s.named()
	ending := g.left(s, s.endedByAdministrator(act), audit.Who{Request: act.Request})
	ending.Act = &act
	if err := g.Book.SignOut(r.Context(), s.Key, ending); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// named is by what an act upon the session's person tells who that is.
func (s Session) named() map[string]string {
	if s.Principal.Email == "" {
		return nil
	}
	return map[string]string{"person": s.Principal.Email}
}

// endedByAdministrator tells of the end as what happened to the session's
// person; from where the administrator did it is theirs alone.
func (s Session) endedByAdministrator(act audit.Event) audit.Event {
	e := s.ended("ended-by-administrator", act.At, audit.Who{Request: act.Request})
	e.Facts["administrator"] = act.Principal
	return e
}

// EndSessionsOf signs a person out everywhere for an administrator; that admin
// is one, the caller has made sure. It says how many sessions that ended: all
// in one step, so that none begins meanwhile and stays.
func (g *Gate) EndSessionsOf(r *http.Request, admin Session, principal string) (ended int, err error) {
	act := audit.New(audit.Administered, g.Now(), admin.by(g.caller(r)))
	act.Facts = map[string]string{"act": "sign-out-everywhere", "person": principal}
	// What cannot be read keeps nobody from being signed out.
	if all, err := g.Book.SessionsOf(r.Context(), principal, g.alive()); err == nil && len(all) > 0 {
		act.Details.More = all[0].named()
	}
	ended, err = g.Book.SignOutAll(r.Context(), principal, act, func(s Session) Ending {
		return Ending{Event: s.endedByAdministrator(act)}
	})
	if err != nil {
		return 0, fmt.Errorf("end the sessions: %w", err)
	}
	return ended, nil
}
