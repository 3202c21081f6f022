package audit

import (
	"errors"
	"time"
)

// Query picks events. Zero fields pick everything. Results are newest first.
type Query struct {
	Person      string // pr_…, or an exact e-mail address
	Cluster     string
	Role        string
	Kind        Kind
	NotKind     Kind // all but these
	Lease       string
	Issuance    string
	AccessKeyID string
	Address     string
	From        time.Time // inclusive
	To          time.Time // exclusive
	Before      int64     // only events with a smaller sequence number; zero: from the newest
	After       int64     // only events with a larger one, for going back; oldest of them first in choice, newest first in the result
	Limit       int       // at most this many; zero: 50; never more than 500
}

// ErrNone says that there is no such event.
var ErrNone = errors.New("there is no such event")
