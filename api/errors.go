package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// The codes of problems that a client acts on.
const (
	CodeNonce       = "use-dpop-nonce"
	CodeReplayed    = "proof-replayed"
	CodeProof       = "proof"
	CodeClock       = "clock"
	CodeNotSignedIn = "not-signed-in"
	CodeTooOld      = "sign-in-too-old"
	CodeOver        = "lease-over"
	CodeNoLease     = "no-lease"
	CodePending     = "authorization-pending"
	CodeSlowDown    = "slow-down"
	CodeDenied      = "access-denied"
	CodeExpired     = "expired-code"
	CodeDown        = "provider-down"
	CodeNeeds       = "needs"
	CodeGlassOnly   = "break-glass-only"
	CodeNoGlass     = "not-break-glass"
	CodeUnknownRole = "unknown-role"
)

// ErrNoSession is for questions that only somebody may ask.
var ErrNoSession = errors.New("not signed in")

// Error says what went wrong and what to do, in one line.
func (p *Problem) Error() string {
	said := p.Detail
	if said == "" {
		said = p.Title
	}
	if said == "" {
		said = "The server refused and did not say why (" + p.Code + ")."
	}
	if p.Next != "" {
		said += " " + p.Next
	}
	if p.Status >= 500 && p.Request != "" {
		said += " (request " + p.Request + ")"
	}
	return said
}

// Unreachable is a question that got no answer. It may have been heard.
type Unreachable struct {
	Host string
	Err  error
}

func (u *Unreachable) Error() string {
	if errors.Is(u.Err, context.Canceled) { // whoever asked did not wait
		return "Stopped before " + u.Host + " answered"
	}
	return fmt.Sprintf("%s cannot be reached: %s", u.Host, short(u.Err.Error(), sentence))
}

// Timeout says whether it was waited for as long as there was to wait.
func (u *Unreachable) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(u.Err, &t) && t.Timeout()
}

// Unheard says whether the question cannot have arrived: nothing was there to
// send it to.
func (u *Unreachable) Unheard() bool {
	var op *net.OpError
	return errors.As(u.Err, &op) && op.Op == "dial"
}

// Unwrap gives what the network said.
func (u *Unreachable) Unwrap() error { return u.Err }

// NotDaypass is an answer by somebody else, such as a proxy in between.
type NotDaypass struct {
	Host   string
	Status int // zero: a good one
	Got    string
}

func (n *NotDaypass) Error() string {
	status := ""
	if n.Status != 0 {
		status = fmt.Sprintf(" (HTTP %d)", n.Status)
	}
	return fmt.Sprintf("%s answered with %s%s, not as Daypass: a proxy or a sign-in page of your network may be in between, or the address is another", n.Host, n.Got, status)
}

// unreachable leaves the address out of what the network said: the person
// knows it, and it makes the line long.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return &Unreachable{c.Server.Host, fmt.Errorf("it did not answer in time: %w", stripped(u.Err))}
		}
		err = u.Err
	}
	return &Unreachable{c.Server.Host, stripped(err)}
}

// stripped takes away the advice that net/http adds for programmers.
func stripped(err error) error {
	if said, _, found := strings.Cut(err.Error(), " (Client.Timeout"); found {
		return &retold{said, err}
	}
	return err
}

type retold struct {
	say string
	err error
}

func (s *retold) Error() string { return s.say }
func (s *retold) Unwrap() error { return s.err }
