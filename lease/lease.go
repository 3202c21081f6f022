// Package lease keeps the life of a lease: one principal's time-boxed use of
// one role on one cluster. A lease is started, used and ended here; whether a
// token is minted under it is the issuer's to say. Its one danger: ending a
// lease stops new tokens, it cannot take back one that is out.
package lease

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/notify"
)

// State is where a lease is in its life. It only moves forward.
type State string

// The states so far. Time alone ends a lease: Active in the database and past
// its end is Expired, whether or not a sweep has written so.
const (
	Active  State = "active"
	Ended   State = "ended"   // by somebody
	Expired State = "expired" // by time
)

// Lease is one principal's time-boxed use of one role on one cluster.
type Lease struct {
	ID         string // ls_…
	Key        string // makes starting idempotent, per principal
	Principal  string // pr_…
	Provider   string
	Email      string // for display; may be empty
	Cluster    string
	Role       string
	Grant      string // that allowed the start
	Policy     string // digest of the policy that allowed the start
	BreakGlass bool
	Reason     string
	Namespace  string // default namespace of its kubeconfigs; may be empty
	StartedAt  time.Time
	EndsAt     time.Time // exclusive
	State      State     // as written; use At
	EndedAt    time.Time // zero while active
	EndedBy    string    // pr_… of whoever ended it; empty when time did

	// What happened under it, as the book keeps it up to date.
	LastHandOver time.Time // zero: never
	TokenExpires time.Time // of the token minted last; zero: none was
	LastUsed     time.Time // when a helper last fetched its token; zero: never
	Uses         int64     // how often one did
}

// At is the state of the lease at a time.
func (l Lease) At(now time.Time) State {
	if l.State == Active && !now.Before(l.EndsAt) {
		return Expired
	}
	return l.State
}

// Issuance is a token minted, or not, under a lease, as far as it may be known
// later: never the token.
type Issuance struct {
	issuer.Intent
	issuer.Outcome // zero while it is not known
}

// Opening is all that is written when a lease starts: one transaction.
type Opening struct {
	Lease   Lease
	Intent  issuer.Intent
	Events  []audit.Event
	Notices []notify.Notice
	Most    int    // leases of one person that may be live; zero: any number
	Session string // the one that asks; empty: it is not looked at
}

// Use is what is to be added to a lease: how often its token was fetched, and
// when last.
type Use struct {
	Lease string
	Last  time.Time
	More  int64
}

// Book keeps leases. Every write is one durable transaction with its events,
// and refuses by comparing the lease's state in that same transaction.
type Book interface {
	// Open writes a new lease with its first intent. ErrSignedOut when
	// o.Session is not there any more; else ErrStarted when the principal
	// already started one under the same key; else ErrMany when they have
	// o.Most or more that are active when this one starts.
	Open(ctx context.Context, o Opening) error
	// Renew writes a further intent. ErrOver unless the lease is active at
	// the intent's time.
	Renew(ctx context.Context, in issuer.Intent, events ...audit.Event) error
	// HandOver writes that something was handed out. ErrOver unless the
	// lease is active at the event's time.
	HandOver(ctx context.Context, lease string, e audit.Event) error
	// End moves an active lease to Ended, or to Expired when by is empty.
	// ErrOver when it is neither active nor past its end unwritten.
	End(ctx context.Context, lease string, at time.Time, by string, events ...audit.Event) error

	// Used adds to the counts of leases, each named once, and moves the times
	// of their last uses forward: of all or of none. It changes nothing else,
	// and nothing of a lease that is gone. A write that failed and had persisted
	// is made again, so a count may run high; it is for people to look at.
	Used(ctx context.Context, uses []Use) error

	// Lease reads one lease; ErrNone when there is none, ErrAltered when it
	// was changed by somebody else than Daypass, ErrBehind when this server
	// cannot tell. Lists leave such leases out.
	Lease(ctx context.Context, id string) (Lease, error)
	// Bare is Lease without LastHandOver and TokenExpires, which are looked for
	// elsewhere and take longer the older a lease is.
	Bare(ctx context.Context, id string) (Lease, error)
	// Started finds the lease that a principal started under a key; ErrNone
	// when there is none.
	Started(ctx context.Context, principal, key string) (Lease, error)
	// Of lists a principal's leases: first all that are active, even beyond
	// the limit, then others until there are limit in all; of both the newest
	// first. A limit of zero asks for the active ones.
	Of(ctx context.Context, principal string, limit int) ([]Lease, error)
	// Live lists leases of everybody's that are active, the newest first.
	Live(ctx context.Context, p Pick, limit int) ([]Lease, error)
	// Issuances lists what was minted under a lease, newest first.
	Issuances(ctx context.Context, lease string, limit int) ([]Issuance, error)
	// Overdue lists leases that are written Active but past their end.
	Overdue(ctx context.Context, now time.Time, limit int) ([]Lease, error)
}

// Errors of this package and of Book.
var (
	ErrNone    = errors.New("there is no such lease")
	ErrStarted = errors.New("the lease was started already")
	ErrOver    = errors.New("the lease is over")
	ErrAltered = errors.New("the lease is not as it was written")
	// ErrSignedOut says that the session ended while it asked.
	ErrSignedOut = errors.New("the session that asked has ended")
	ErrMany      = errors.New("the person has as many leases as there may be")
	// ErrBehind is passing: another server can read the lease, and this one
	// after a restart.
	ErrBehind = errors.New("this server lacks a sealing key that another one uses")
)

// Over is ErrOver, and which lease it is.
type Over struct{ Lease Lease }

func (o *Over) Error() string { return ErrOver.Error() + ": " + o.Lease.ID }

// Unwrap makes it ErrOver.
func (o *Over) Unwrap() error { return ErrOver }

// Pick narrows leases; what is empty does not.
type Pick struct {
	Person  string // a principal's ID, or an e-mail address in any case
	Cluster string
}

// Want is what somebody asks for when starting a lease.
type Want struct {
	access.Ask
	Key       string // the same key twice starts one lease
	Namespace string
}
