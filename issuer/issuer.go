// Package issuer hands out EKS tokens and kubeconfigs. None leaves unrecorded.
//
// One issuance goes through five steps, in this order and no other:
//
//  1. Decide: the policy is asked. A yes is a Ticket that can be redeemed once.
//  2. Record the intent, durably, with the change of the lease it belongs to.
//     Without it no call to AWS is made.
//  3. Assume the role and presign at once.
//  4. Record the outcome, durably. Without it the token is withheld.
//  5. Give the token to the caller, who records each hand-over in turn.
//
// Its one danger: whoever holds an Issuance holds a secret.
package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

// Limits of one issuance.
const (
	// CloudTimeout bounds the calls to AWS of one issuance.
	CloudTimeout = 20 * time.Second
	// recordTimeout bounds each write, so that Reconcile can tell an issuance
	// that is under way from one that was interrupted.
	recordTimeout = 10 * time.Second
	// ticketLife is how long a Ticket can be redeemed: a decision is about now.
	ticketLife = time.Minute
	// Cushion is what Minted.Expires lies before the token's true end, for
	// clocks that disagree.
	Cushion = time.Minute
	// MaxToken is what verifiers accept, in bytes (aws-iam-authenticator,
	// pkg/token/token.go, maxTokenLenBytes).
	MaxToken = 4096
)

// Cloud is AWS as the issuer needs it. Both calls heed the context.
type Cloud interface {
	// Describe gives where a cluster is and whom to trust there. It may
	// answer from a cache; Endpoint.AsOf tells how old the answer is.
	// Failures are a *Fault.
	Describe(ctx context.Context, c access.Cluster) (Endpoint, error)
	// Mint assumes a role and presigns at once. Failures are a *Fault.
	Mint(ctx context.Context, a Assumption) (Minted, error)
}

// Outcomes keeps what became of issuances.
type Outcomes interface {
	// Conclude writes an outcome and its event in one durable transaction,
	// once per issuance: a second outcome is ErrConcluded.
	Conclude(ctx context.Context, o Outcome, e audit.Event) error
	// Unconcluded lists intents from before a time that have no outcome,
	// oldest first.
	Unconcluded(ctx context.Context, before time.Time, limit int) ([]Intent, error)
}

// Recorder writes an event that belongs to no other change, durably.
type Recorder interface {
	Record(ctx context.Context, e audit.Event) error
}

// Errors of this package and its ports.
var (
	ErrConcluded  = errors.New("the issuance has an outcome already")
	ErrTicket     = errors.New("the ticket was redeemed already or is too old")
	ErrNoEndpoint = errors.New("no endpoint is known for the cluster")
)

// NotAllowed is the error of a decision that was not a yes.
type NotAllowed struct{ Decision access.Decision }

func (e *NotAllowed) Error() string {
	if e.Decision.Answer == access.Needs {
		return fmt.Sprintf("%s on %s needs: %v", e.Decision.Ask.Role, e.Decision.Ask.Cluster, e.Decision.Needs)
	}
	r := e.Decision.Refusals[0]
	return fmt.Sprintf("%s on %s refused (%s): %s", e.Decision.Ask.Role, e.Decision.Ask.Cluster, r.Code, r.Say)
}

// Fault is a failure on the way to or at AWS, told so that a person can act.
// Neither its sentence nor its cause ever holds a presigned URL.
type Fault struct {
	Code string // stable: access-denied, throttled, unreachable, not-found, timeout, token-too-long, …
	Say  string // what happened, naming the role or cluster
	Next string // the likely cause, and what to do
	Err  error  // for the log; nil when there is no more to say
}

func (f *Fault) Error() string { return f.Say + " " + f.Next }
func (f *Fault) Unwrap() error { return f.Err }

// Issuer decides, records and mints. All fields of Options are required.
type Issuer struct {
	Options
	live     live
	refusals refusals
}

// Options are what an Issuer works with.
type Options struct {
	Policy   func() *access.Policy // the policy in force
	Cloud    Cloud
	Outcomes Outcomes
	Recorder Recorder
	Now      func() time.Time
	Log      *slog.Logger
}

// New makes an Issuer.
func New(o Options) *Issuer {
	return &Issuer{Options: o}
}

// Under is the lease that a token is minted under, and when that ends.
type Under struct {
	Lease string
	Ends  time.Time
}

// Issue redeems a ticket for a token under a lease. record must write the
// intent with its event durably, in one transaction with the change of the
// lease; its error ends the issuance before any call to AWS.
func (i *Issuer) Issue(ctx context.Context, t *Ticket, under Under, record func(context.Context, Intent, audit.Event) error) (Issuance, error) {
	now := i.Now()
	if err := t.redeem(now); err != nil {
		return Issuance{}, err
	}
	in := t.intent(under.Lease, now)
	if err := intend(ctx, record, in, t.intended(in, under)); err != nil {
		return Issuance{}, fmt.Errorf("record the intent of %s: %w", in.ID, err)
	}
	made, err := i.mint(ctx, t, in)
	out, ev := t.outcome(in, made, err, i.Now())
	if rec := i.conclude(ctx, out, ev); rec != nil {
		return Issuance{}, fmt.Errorf("record the outcome of %s, its token is withheld: %w", in.ID, errors.Join(rec, err))
	}
	if err != nil {
		return Issuance{}, fmt.Errorf("mint for %s: %w", in.ID, err)
	}
	i.live.put(under.Lease, made)
	return made, nil
}

func intend(ctx context.Context, record func(context.Context, Intent, audit.Event) error, in Intent, e audit.Event) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return record(ctx, in, e)
}

// mint is the part of an issuance that talks to AWS.
func (i *Issuer) mint(ctx context.Context, t *Ticket, in Intent) (Issuance, error) {
	ctx, cancel := context.WithTimeout(ctx, CloudTimeout)
	defer cancel()
	at, err := i.Cloud.Describe(ctx, t.decision.Cluster)
	if err != nil {
		return Issuance{}, asFault(ctx, err, "describing the cluster "+in.Cluster)
	}
	m, err := i.Cloud.Mint(ctx, t.assumption(in))
	if err != nil {
		return Issuance{}, asFault(ctx, err, "assuming the role "+in.RoleARN)
	}
	if err := check(m, in, i.Now()); err != nil {
		return Issuance{}, err
	}
	return Issuance{Intent: in, Token: m.Token, AccessKeyID: m.AccessKeyID, Expires: m.Expires, Endpoint: at, Cluster: t.decision.Cluster}, nil
}

// conclude writes the outcome even when the asker has gone away: what AWS did
// is done, and the log must say so.
func (i *Issuer) conclude(ctx context.Context, o Outcome, e audit.Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return i.Outcomes.Conclude(ctx, o, e)
}

// check refuses a token that would not work.
func check(m Minted, in Intent, now time.Time) error {
	if n := len(m.Token.Reveal()); n > MaxToken {
		return &Fault{Code: "token-too-long",
			Say:  fmt.Sprintf("The token for %s as %s is %d bytes long; clusters accept %d at most.", in.Cluster, in.Role, n, MaxToken),
			Next: "Session tags and long names enlarge it: set sessionTags: false on the role."}
	}
	if !m.Expires.After(now) {
		return &Fault{Code: "clock",
			Say:  fmt.Sprintf("The token for %s as %s would be dead on arrival.", in.Cluster, in.Role),
			Next: "The clock of this server and that of AWS disagree; set it by NTP."}
	}
	return nil
}

// asFault makes sure that a failure can be shown to a person.
func asFault(ctx context.Context, err error, doing string) error {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Fault{Code: "timeout", Say: "AWS did not answer in time while " + doing + ".", Next: "Try again in a minute.", Err: err}
	}
	if ctx.Err() != nil {
		return &Fault{Code: "cancelled", Say: "The request was given up while " + doing + ".", Next: "Try again.", Err: err}
	}
	return &Fault{Code: "failed", Say: "Something failed while " + doing + ".", Next: "Try again; the server's log has more under this request's ID.", Err: err}
}

// Reconcile concludes intents that were left without an outcome, by a process
// that died in between. Their tokens were never handed out.
func (i *Issuer) Reconcile(ctx context.Context) error {
	now := i.Now()
	left, err := i.Outcomes.Unconcluded(ctx, now.Add(-2*(CloudTimeout+recordTimeout)), 100)
	if err != nil {
		return fmt.Errorf("look for issuances without an outcome: %w", err)
	}
	for _, in := range left {
		e := audit.New(audit.MintFailed, now, audit.Who{})
		in.mark(&e)
		e.Reason = "interrupted"
		o := Outcome{Issuance: in.ID, At: now, Failure: "interrupted", Text: "The server stopped before the outcome was known. No token was handed out."}
		if err := i.Outcomes.Conclude(ctx, o, e); err != nil && !errors.Is(err, ErrConcluded) {
			return fmt.Errorf("conclude %s: %w", in.ID, err)
		}
	}
	return nil
}
