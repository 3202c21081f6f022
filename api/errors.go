package api

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
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
	Host   string
	Err    error
	Waited time.Duration // for an answer
}

func (u *Unreachable) Error() string {
	if errors.Is(u.Err, context.Canceled) { // whoever asked did not wait
		return "Stopped before " + u.Host + " answered"
	}
	if say := u.plainly(); say != "" {
		return u.Host + " " + say
	}
	said := u.Err
	if op := u.dialled(); op != nil {
		said = op.Err // without the address once more
	}
	return fmt.Sprintf("%s cannot be reached: %s", u.Host, short(said.Error(), sentence))
}

// plainly is what the network said in words for people, for what happens often
// and what they can do something about. Empty: it is neither.
func (u *Unreachable) plainly() string {
	if say := cmp.Or(unnamed(u.Err), distrusted(u.Err)); say != "" {
		return say
	}
	op := u.dialled()
	switch {
	case op != nil && op.Op == "proxyconnect":
		return "cannot be reached by the proxy that this machine's settings name (HTTPS_PROXY): " + short(op.Err.Error(), sentence)
	case op != nil && u.Timeout():
		return "cannot be reached: nothing answers there. Check the address, and whether you are on the right network"
	case u.Timeout() && u.Waited < time.Second:
		return "did not answer in time"
	case u.Timeout():
		return fmt.Sprintf("did not answer within %d s", u.Waited.Round(time.Second)/time.Second)
	case errors.Is(u.Err, syscall.ECONNREFUSED):
		return "refuses connections: is the server running there?"
	case errors.Is(u.Err, http.ErrSchemeMismatch) && local((&url.URL{Host: u.Host}).Hostname()):
		return "speaks http, not https: write http://" + u.Host
	case errors.Is(u.Err, http.ErrSchemeMismatch):
		return "speaks http, not https, and secrets would travel in clear: ask whoever runs it for its https address"
	case errors.Is(u.Err, io.EOF), errors.Is(u.Err, io.ErrUnexpectedEOF), errors.Is(u.Err, syscall.ECONNRESET):
		return "closed the connection without an answer: try again"
	}
	return ""
}

// unnamed is for hosts that have no address.
func unnamed(err error) string {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return ""
	case dns.IsNotFound:
		return "is no host that this machine knows: check its name, and whether you are on the right network"
	}
	return "cannot be looked up: this machine's name server does not answer; check the network"
}

// distrusted is for certificates.
func distrusted(err error) string {
	var by x509.UnknownAuthorityError
	var name x509.HostnameError
	var other x509.CertificateInvalidError
	switch {
	case errors.As(err, &by):
		return "shows a certificate that this machine does not trust. If it is by an authority of your company's own, have that added to the system's, or on Linux name its file in SSL_CERT_FILE; otherwise somebody may be in between"
	case errors.As(err, &name):
		return "shows a certificate for another name: check the address; otherwise somebody may be in between"
	case errors.As(err, &other) && other.Reason == x509.Expired:
		return "shows a certificate that is over or does not count yet: check this machine's clock, and tell whoever runs the server"
	}
	return ""
}

// dialled is for questions that cannot have arrived, since nothing was there to
// send them to.
func (u *Unreachable) dialled() *net.OpError {
	var op *net.OpError
	if errors.As(u.Err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		return op
	}
	return nil
}

// Timeout says whether it was waited for as long as there was to wait.
func (u *Unreachable) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(u.Err, &t) && t.Timeout()
}

// Unheard says whether the question cannot have arrived.
func (u *Unreachable) Unheard() bool { return u.dialled() != nil }

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
func (c *Client) unreachable(err error, waited time.Duration) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Unreachable{c.Server.Host, err, waited}
}
