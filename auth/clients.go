package auth

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/audit"
)

// Code is what a program trades for a session, once.
type Code struct {
	Key  Hash
	User Hash // of the code that a person types; zero: a browser carries the code
	Authorization
	Address   string // where a typed code was asked for
	UserAgent string
	Begun     time.Time
	Expires   time.Time

	By        Hash   // the browser's session of whoever answered; zero: nobody did
	Principal string // pr_… of them
	Denied    bool   // the answer was no
	From      string // where they answered

	Asked time.Time `json:"-"` // when the program last asked
}

// What the port of programs tells of.
var (
	ErrNoCode    = errors.New("no such code")
	ErrCodeTaken = errors.New("there is such a code already")
	// ErrKeepCode is what judges of a code return when it is to stay.
	ErrKeepCode = errors.New("the code is not due yet")
	// ErrManyPrograms says that a person has as many programs signed in as
	// there may be.
	ErrManyPrograms = errors.New("as many programs are signed in as there may be")
	// ErrMoved says that another server was faster.
	ErrMoved = errors.New("the session was changed meanwhile")
)

// Clients keeps what programs sign in with. Every method is atomic, and a
// write and its event are stored together or not at all.
type Clients interface {
	// Spend remembers a proof until a time. A second time before, on whatever
	// server, it is ErrReplayed.
	Spend(ctx context.Context, proof Hash, until time.Time) error
	// HasCode says whether there is a code, however old, and whoever's.
	HasCode(ctx context.Context, code Hash) (bool, error)
	// PutCode adds a code, and may drop some that expired before c.Begun. When
	// what the person types is in use it is ErrCodeTaken.
	PutCode(ctx context.Context, c Code) error
	// TypedCode finds a code by what a person types, however old, or is
	// ErrNoCode, or ErrBehind.
	TypedCode(ctx context.Context, user Hash) (Code, error)
	// AnswerCode stores By, Principal and Denied of a code that nobody
	// answered yet. Where there is no such code it is ErrNoCode.
	AnswerCode(ctx context.Context, c Code, events ...audit.Event) error
	// Redeem takes a code, of any number of callers at once for one, and has
	// it judged together with the session c.By as it is now; that is zero when
	// it is gone. The judge gives the session to open, and its event. When it
	// gives an error, that comes back and the code is gone all the same;
	// unless it is ErrKeepCode: then the code stays, as asked for at now. When
	// the opened session has a refresh token, c.By loses its own.
	// ErrLoggedOut is as for SignIn. It is ErrManyPrograms when the person has
	// MostPrograms signed in by alive. Without the code it is ErrNoCode, or
	// ErrBehind.
	Redeem(ctx context.Context, code Hash, now time.Time, alive Alive, judge func(Code, Session) (Session, audit.Event, error)) error
	// ClaimSession keeps others from asking the provider about a session until a
	// time. It is ErrMoved when another did so, or s.AsOf is not the session's
	// any more, or it is gone.
	ClaimSession(ctx context.Context, s Session, now, until time.Time) error
	// Regroup stores the groups, AsOf and Refresh of a session whose AsOf was
	// was. It is ErrMoved when that is not so any more, or it is gone.
	Regroup(ctx context.Context, s Session, was time.Time, events ...audit.Event) error
}
