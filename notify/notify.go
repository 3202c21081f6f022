// Package notify tells people outside Daypass what happened, by signed
// webhooks. A notice is written in the same transaction as the event it tells
// of and sent afterwards, so telling can neither be forgotten nor slow anybody
// down. Its one danger: a notice may arrive twice; its ID is the same then.
package notify

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/audit"
)

// Notice is one message to one webhook.
type Notice struct {
	ID      string // nt_…, the receiver's key against doubles
	To      string // the webhook's name in daypass.yaml
	Type    string // the kind of the event it tells of
	Body    []byte // JSON
	Lease   string // ls_… it is about; may be empty
	At      time.Time
	Attempt int // how many times sending was tried
}

// Outbox keeps notices until they are delivered or given up.
type Outbox interface {
	// Claim takes up to limit notices that are due and makes them due again
	// only at until, so that no other server sends them meanwhile. Each has
	// its Attempt counted up.
	Claim(ctx context.Context, now, until time.Time, limit int) ([]Notice, error)
	// Retry makes a claimed notice due at next, and keeps the error's text.
	Retry(ctx context.Context, id string, next time.Time, why string) error
	// Settle takes a notice out, delivered or given up, with the event that
	// says so. ErrSettled when it is out already.
	Settle(ctx context.Context, id string, delivered bool, e audit.Event) error
}

// ErrSettled says that a notice is not in the outbox any more.
var ErrSettled = errors.New("the notice is settled already")
