// Package auth says who is at the other end: it signs people in with OpenID
// Connect and keeps their sessions.
//
// It promises that a session exists only after an answer that was asked for by
// this browser, for this provider, once, and that was verified in full; and
// that the sign-in stood in the audit log first. Every other answer becomes a
// Failure with a sentence, an event and no session. A program's session exists
// only after such a person allowed it, and is good only for requests signed by
// its key, each once (RFC 9449). Its one danger: whoever holds a session's
// cookie is that person, so the cookie's value is in no log and the database
// holds its hash only.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

// Hash is the SHA-256 of a secret that a browser or a program holds. It finds a row and
// opens nothing.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Mark is the part of the hash by which events name a session.
func (h Hash) Mark() string { return h.String()[:16] }

// IsZero reports whether this is the hash of nothing at all.
func (h Hash) IsZero() bool { return h == Hash{} }

// Session is one sign-in, of a browser or of a program.
type Session struct {
	Key       Hash
	Principal access.Principal
	// UnverifiedEmail is an address that the provider gave without vouching
	// for it. It is for pages that explain; it decides nothing.
	UnverifiedEmail string
	SignedIn        time.Time
	Seen            time.Time // last request, to the minute
	Expires         time.Time // the absolute limit
	Address         string    // where the sign-in came from
	UserAgent       string
	// Client is the program that the session is for; nil: a browser.
	Client *ClientInfo `json:",omitempty"`
	// AsOf is when the provider last vouched for the person and the groups.
	AsOf time.Time `json:"-"`

	// ProviderSession is the provider's own name for its session (sid), by
	// which it ends ours; empty where it gives none.
	ProviderSession string
	Vouched         time.Time // when the provider issued the ID token, by its clock
	// IDToken is the raw ID token, sealed, for signing out at the provider;
	// nil without a sealing key. It is kept and not read back with the rest.
	IDToken []byte `json:"-"`
	// Refresh is the provider's refresh token, sealed; nil where there is
	// none.
	Refresh []byte `json:"-"`
}

// Departure is a session that ended here and that the person may end at the
// provider too.
type Departure struct {
	Key      Hash // of the browser's handle
	Session  Hash
	Provider string
	IDToken  []byte `json:"-"` // sealed, as the session had it; may be nil
	Left     time.Time
	Expires  time.Time
}

// Logout is a provider's word that somebody signed out there. Principal or
// Session may be empty, not both.
type Logout struct {
	Token     Hash // of the notice's own name (jti)
	Provider  string
	Principal string // pr_…
	Session   string // sid
	Issued    time.Time
	Taken     time.Time
	Until     time.Time // until when it is remembered, so that it cannot be used again
}

// Start is a sign-in that was begun and awaits the provider's answer.
type Start struct {
	State    Hash // of the state parameter
	Browser  Hash // of the browser's handle
	Provider string
	Nonce    string
	Verifier string // PKCE
	Return   string
	Begun    time.Time
	Expires  time.Time
}

// Absence, as the ports tell it.
var (
	ErrNoSession = errors.New("no such session")
	ErrNoStart   = errors.New("no such sign-in was begun")

	ErrNoDeparture = errors.New("nobody left by this handle")
)

// ErrBehind says that something is there, but was marked with a sealing key
// that this server does not have yet. It may be good on another server, and
// here after a restart: nobody is signed out for it, and nothing is opened.
var ErrBehind = errors.New("this server lacks a sealing key that another one uses")

// ErrReplayed says that a logout or a proof was taken before. ErrLoggedOut says that the
// provider ended its session after it issued the ID token.
var (
	ErrReplayed  = errors.New("this was taken before")
	ErrLoggedOut = errors.New("the provider signed the person out meanwhile")
)

// Sessions keeps sessions. Every method is atomic, and a write and its event
// are stored together or not at all.
type Sessions interface {
	// SignIn adds a session. It deletes the session replaced, when replaced is
	// not zero and there is one, and may drop sessions that expired before
	// s.SignedIn. When a Logout that is remembered was for s, and not issued
	// before s.Vouched, it is ErrLoggedOut and nothing is stored.
	SignIn(ctx context.Context, s Session, replaced Hash, e audit.Event) error
	// Session gives a session, however old, or ErrNoSession, or ErrBehind. It
	// reads its own writes.
	Session(ctx context.Context, key Hash) (Session, error)
	// Touch moves Seen forward. It updates a row and never makes one: a
	// session deleted meanwhile stays deleted, and ErrNoSession comes back.
	Touch(ctx context.Context, key Hash, seen time.Time) error
	// SignOut deletes a session. Without one it is ErrNoSession, and no event
	// is stored.
	SignOut(ctx context.Context, key Hash, e Ending) error
	// Leave is SignOut that also adds d, with the session's ID token, and
	// drops departures that expired before d.Left.
	Leave(ctx context.Context, key Hash, d Departure, e Ending) error
	// Departure gives one, however old, or ErrNoDeparture, or ErrBehind.
	Departure(ctx context.Context, key Hash) (Departure, error)
	// Forget deletes a departure; without one it does nothing.
	Forget(ctx context.Context, key Hash) error
	// SessionsOf lists a principal's sessions that are alive, the newest
	// sign-in first: all programs, and at most 100 browsers, so that nobody
	// hides a program behind sign-ins. It leaves out those that Session would
	// not give: one of them must not hide the rest.
	SessionsOf(ctx context.Context, principal string, alive Alive) ([]Session, error)
	// Marked gives a principal's session of that mark, listed or not, however
	// old; ErrNoSession when there is none, and otherwise as Session.
	Marked(ctx context.Context, principal, mark string) (Session, error)
	// SignOutAll deletes all sessions of a principal, and stores an event for
	// each, and one for the act.
	SignOutAll(ctx context.Context, principal string, act audit.Event, ending func(Session) Ending) (ended int, err error)
	// LogOut remembers a logout until l.Until, deletes the sessions it is for,
	// and stores an event for each. Those are the ones of l.Session; of
	// l.Principal all, when l.Session is empty, or else those without a
	// ProviderSession. A second time, on whatever server, it is ErrReplayed.
	LogOut(ctx context.Context, l Logout, ending func(Session) Ending) (ended int, err error)
}

// Ending is how a session ends: with its event, and with all leases of By, in
// the same step, or without.
type Ending struct {
	Event  audit.Event
	By     audit.Who
	Leases bool
	Act    *audit.Event // what somebody else did to end it; nil: its own person did, or nobody
}

// Events are all that is on record of it, in their order.
func (e Ending) Events() []audit.Event {
	if e.Act == nil {
		return []audit.Event{e.Event}
	}
	return []audit.Event{*e.Act, e.Event}
}

// MostPrograms is how many programs of one person may be signed in at a time.
// All of them fit on the page where the person ends them.
const MostPrograms = 50

// Alive says which sessions still count. For those of programs, ClientsAfter
// stands in place of SignedInAfter and SeenAfter.
type Alive struct{ SignedInAfter, SeenAfter, ExpiresAfter, ClientsAfter time.Time }

// Starts keeps the sign-ins that await an answer.
type Starts interface {
	// PutStart adds one. It may drop some of those that expired before
	// s.Begun, the oldest first, and no others: whoever comes back for one
	// that was dropped meets ErrNoStart where they would have met one that is
	// expired, and is told that it was used already or never begun here in
	// place of that it took too long. Nothing else follows from it.
	PutStart(ctx context.Context, s Start) error
	// TakeStart gives one and deletes it in the same step: of any number of
	// callers at once, one gets it and the rest get ErrNoStart. It gives
	// expired ones too. One that is ErrBehind stays.
	TakeStart(ctx context.Context, state Hash) (Start, error)
}

// Book is all that auth needs kept.
type Book interface {
	Sessions
	Starts
	Clients
	// Record stores an event that changes nothing else.
	Record(ctx context.Context, e audit.Event) error
}

// secretSize is the number of random bytes in every secret made here.
const secretSize = 32

// newSecret gives 256 random bits as text for cookies and URLs.
func newSecret() string {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashSecret hashes a secret of newSecret's shape; anything else is not ours.
func hashSecret(s string) (Hash, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != secretSize || len(s) != base64.RawURLEncoding.EncodedLen(secretSize) {
		return Hash{}, false
	}
	return sha256.Sum256([]byte(s)), true
}
