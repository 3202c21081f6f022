package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/notify"
)

// Keeper starts, uses and ends leases. All fields of Options but Most
// are required.
type Keeper struct {
	Options
	minting singleflight.Group // by lease
	fetches fetches
}

// Options are what a Keeper works with.
type Options struct {
	Issuer *issuer.Issuer
	Book   Book
	Now    func() time.Time
	Log    *slog.Logger
	// Link gives the address where those who are told can read about a
	// lease.
	Link func(lease string) string
	Most int // leases that one person may have live; DefaultMost when zero
}

// New makes a Keeper.
func New(o Options) *Keeper { return &Keeper{Options: o} }

// Start starts a lease and mints its first token. Starting again with the same
// key gives the lease that was started before and mints nothing; with the same
// key for something else it is *Used. Beyond Most live leases of the person it
// is *issuer.NotAllowed, as where the policy says no.
//
// When the lease was started but minting failed, both a lease and an error
// come back; the lease is good and its token can be tried for again.
func (k *Keeper) Start(ctx context.Context, w Want, who issuer.Asker) (Lease, error) {
	if err := issuer.CheckNamespace(w.Namespace); err != nil {
		return Lease{}, &BadNamespace{err}
	}
	if old, err := k.Book.Started(ctx, who.Principal.ID(), w.Key); err == nil {
		return old.same(w)
	} else if !errors.Is(err, ErrNone) {
		return Lease{}, fmt.Errorf("look for the lease: %w", err)
	}
	t, err := k.Issuer.Decide(ctx, w.Ask, who)
	if err != nil {
		return Lease{}, err
	}
	return k.open(ctx, t, w, who)
}

// same gives the lease if it is what is wanted again. A key that comes with
// another wish is a page from before, not a second click.
func (l Lease) same(w Want) (Lease, error) {
	if l.Cluster != w.Cluster || l.Role != w.Role || l.BreakGlass != w.BreakGlass {
		return Lease{}, &Used{l}
	}
	return l, nil
}

// Used is the error of a key that started another lease before.
type Used struct{ Lease Lease }

func (u *Used) Error() string {
	return "the key was used for the lease " + u.Lease.ID + ", of " + u.Lease.Role + " on " + u.Lease.Cluster
}

// BadNamespace is the error of an ask whose namespace cannot be one.
type BadNamespace struct{ error }

func (k *Keeper) open(ctx context.Context, t *issuer.Ticket, w Want, who issuer.Asker) (Lease, error) {
	l := begin(t.Decision(), w, who.Principal, k.Now())
	opened := false
	_, err := k.Issuer.Issue(ctx, t, l.under(), func(ctx context.Context, in issuer.Intent, e audit.Event) error {
		err := k.Book.Open(ctx, Opening{
			Lease: l, Intent: in,
			Events:  []audit.Event{k.started(l, who), e},
			Notices: k.notices(l, t.Decision(), who),
			Most:    k.most(),
			Session: who.Session,
		})
		opened = err == nil
		return err
	})
	switch {
	case errors.Is(err, ErrStarted): // two clicks at once
		old, err := k.Book.Started(ctx, l.Principal, l.Key)
		if err != nil {
			return Lease{}, err
		}
		return old.same(w)
	case errors.Is(err, ErrMany):
		return Lease{}, k.tooMany(ctx, t.Decision(), who)
	case err != nil && !opened:
		return Lease{}, err
	}
	return l, err
}

func begin(d access.Decision, w Want, p access.Principal, now time.Time) Lease {
	return Lease{
		ID: audit.NewID("ls", now), Key: w.Key,
		Principal: p.ID(), Provider: p.Provider, Email: p.Email,
		Cluster: d.Cluster.Name, Role: d.Role.Name, Grant: d.Grant.Name, Policy: d.Policy,
		BreakGlass: d.Grant.BreakGlass, Reason: w.Reason, Namespace: w.Namespace,
		StartedAt: now, EndsAt: d.EndsAt, State: Active,
	}
}

func (k *Keeper) started(l Lease, who issuer.Asker) audit.Event {
	e := l.event(audit.LeaseStarted, l.StartedAt, who.Who())
	if l.BreakGlass {
		e.Kind = audit.GlassBroken
	}
	e.Policy = l.Policy
	e.Facts = map[string]string{"until": l.EndsAt.UTC().Format(time.RFC3339)}
	e.Details.Text = l.Reason
	return e
}

// event is an event about the lease.
func (l Lease) event(kind audit.Kind, at time.Time, by audit.Who) audit.Event {
	e := audit.New(kind, at, by)
	e.Cluster, e.Role, e.Grant, e.Lease = l.Cluster, l.Role, l.Grant, l.ID
	return e
}

func (l Lease) under() issuer.Under { return issuer.Under{Lease: l.ID, Ends: l.EndsAt} }

// notices tells whoever the grant names that the glass was broken.
func (k *Keeper) notices(l Lease, d access.Decision, who issuer.Asker) []notify.Notice {
	var out []notify.Notice
	for _, to := range d.Grant.Tells {
		n := notify.Notice{ID: audit.NewID("nt", l.StartedAt), To: to, Type: string(audit.GlassBroken), Lease: l.ID, At: l.StartedAt}
		n.Body = k.body(n, l, who)
		out = append(out, n)
	}
	return out
}

func (k *Keeper) body(n notify.Notice, l Lease, who issuer.Asker) []byte {
	b, err := json.Marshal(map[string]any{
		"type": n.Type, "timestamp": n.At.UTC().Format(time.RFC3339), "id": n.ID,
		"data": map[string]any{
			"person": who.Principal.Label(), "provider": l.Provider, "principal": l.Principal,
			"cluster": l.Cluster, "role": l.Role, "grant": l.Grant, "reason": l.Reason,
			"lease": l.ID, "until": l.EndsAt.UTC().Format(time.RFC3339),
			"address": who.Who().Address, "link": k.Link(l.ID),
		},
	})
	if err != nil { // strings only
		panic("lease: a notice does not marshal: " + err.Error())
	}
	return b
}

// Mine gives one of the asker's own leases; ErrNone for anybody else's.
func (k *Keeper) Mine(ctx context.Context, id string, p access.Principal) (Lease, error) {
	return mine(ctx, k.Book.Lease, id, p)
}

func mine(ctx context.Context, read func(context.Context, string) (Lease, error), id string, p access.Principal) (Lease, error) {
	l, err := read(ctx, id)
	if err == nil && l.Principal != p.ID() {
		err = ErrNone
	}
	if err != nil {
		return Lease{}, fmt.Errorf("read the lease %s: %w", id, err)
	}
	return l, nil
}

// Form is how something was handed out, and as what.
type Form string

// The forms of a hand-over.
const (
	Downloaded       Form = "download"  // the file, as a file
	Shown            Form = "show"      // the file, on a page
	Copied           Form = "copy"      // the file, into the clipboard
	ShownBash        Form = "show-bash" // one paste for bash and zsh
	CopiedBash       Form = "copy-bash"
	ShownFish        Form = "show-fish"
	CopiedFish       Form = "copy-fish"
	ShownPowerShell  Form = "show-powershell"
	CopiedPowerShell Form = "copy-powershell"
	ShownCmd         Form = "show-cmd"
	CopiedCmd        Form = "copy-cmd"
	AWS              Form = "aws"      // a file without a secret, for the AWS CLI
	AWSRole          Form = "aws-role" // the same, through the role
	Exec             Form = "exec"     // a file without a secret, for kubectl-daypass
	Helper           Form = "helper"   // the token, to kubectl-daypass
)

// HandOver gives the kubeconfig's ingredients to the lease's owner, minting
// anew when the last token is nearly spent. The decision is made again, and
// the hand-over is on record before this returns.
func (k *Keeper) HandOver(ctx context.Context, id string, form Form, who issuer.Asker) (Lease, issuer.Issuance, error) {
	l, t, err := k.again(ctx, id, who)
	if err != nil {
		return Lease{}, issuer.Issuance{}, err
	}
	made, err := k.current(ctx, l, t)
	if err != nil {
		return l, issuer.Issuance{}, err
	}
	now := k.Now()
	e := l.event(audit.HandedOver, now, who.Who())
	e.Issuance, e.AccessKeyID, e.Policy = made.ID, made.AccessKeyID, t.Decision().Policy
	e.Facts, e.Details.More = map[string]string{"form": string(form)}, who.Names.Details()
	if err := k.Book.HandOver(ctx, l.ID, e); err != nil {
		return l, issuer.Issuance{}, fmt.Errorf("record the hand-over, the token is withheld: %w", err)
	}
	return l, made, nil
}

// Renew mints a fresh token under a lease, whatever the last one is still
// worth. The decision is made again.
func (k *Keeper) Renew(ctx context.Context, id string, who issuer.Asker) (Lease, error) {
	l, t, err := k.again(ctx, id, who)
	if err != nil {
		return Lease{}, err
	}
	_, err = k.once("renew "+flight(l, t), func() (issuer.Issuance, error) { return k.mint(ctx, l, t) })
	return l, err
}

// current gives the live token of a lease, or mints one. A token for another
// role than the one decided on just now, because the configuration changed in
// between, is not given again.
func (k *Keeper) current(ctx context.Context, l Lease, t *issuer.Ticket) (issuer.Issuance, error) {
	fits := func(made issuer.Issuance) bool {
		d := t.Decision()
		return made.RoleARN == d.RoleARN.String() && made.ClusterARN == d.Cluster.ARN.String()
	}
	if made, ok := k.Issuer.Live(l.ID); ok && fits(made) {
		return made, nil
	}
	return k.once(flight(l, t), func() (issuer.Issuance, error) {
		if made, ok := k.Issuer.Live(l.ID); ok && fits(made) { // minted since
			return made, nil
		}
		return k.mint(ctx, l, t)
	})
}

// again reads the lease and asks the policy in force whether it would still be
// given.
func (k *Keeper) again(ctx context.Context, id string, who issuer.Asker) (Lease, *issuer.Ticket, error) {
	return k.asToday(ctx, k.Book.Lease, id, who)
}

func (k *Keeper) asToday(ctx context.Context, read func(context.Context, string) (Lease, error), id string, who issuer.Asker) (Lease, *issuer.Ticket, error) {
	l, err := mine(ctx, read, id, who.Principal)
	if err != nil {
		return Lease{}, nil, err
	}
	if l.At(k.Now()) != Active {
		return Lease{}, nil, &Over{l}
	}
	t, err := k.decide(ctx, l, who)
	return l, t, err
}

// decide asks today for the lease as it was given.
func (k *Keeper) decide(ctx context.Context, l Lease, who issuer.Asker) (*issuer.Ticket, error) {
	ask := access.Ask{Cluster: l.Cluster, Role: l.Role, Reason: l.Reason, BreakGlass: l.BreakGlass, Confirmed: l.BreakGlass}
	lasts := l.EndsAt.Sub(l.StartedAt)
	if lasts < access.ShortestLease { // the grant's end cut it short: nobody could ask for so little
		t, err := k.Issuer.Decide(ctx, ask, who)
		if err != nil || lasts <= t.Decision().Grant.Longest {
			return t, err
		}
	}
	ask.For = lasts
	return k.Issuer.Decide(ctx, ask, who)
}

// mint mints under a lease, to its end even when the asker goes away: others
// may wait for the same token.
func (k *Keeper) mint(ctx context.Context, l Lease, t *issuer.Ticket) (issuer.Issuance, error) {
	return k.Issuer.Issue(context.WithoutCancel(ctx), t, l.under(), func(ctx context.Context, in issuer.Intent, e audit.Event) error {
		return k.Book.Renew(ctx, in, e)
	})
}

// flight is what those share who wait for the same token: one for another role
// than was decided on just now is not theirs.
func flight(l Lease, t *issuer.Ticket) string {
	d := t.Decision()
	return l.ID + " " + d.RoleARN.String() + " " + d.Cluster.ARN.String()
}

// once mints one token at a time; who comes while it is under way on this
// server shares it.
func (k *Keeper) once(flight string, mint func() (issuer.Issuance, error)) (issuer.Issuance, error) {
	v, err, _ := k.minting.Do(flight, func() (any, error) { return mint() })
	if err != nil {
		return issuer.Issuance{}, err
	}
	return v.(issuer.Issuance), nil
}

// End ends one of the asker's own leases: no new token is minted under it, on
// any server. Ending it twice is ErrOver.
func (k *Keeper) End(ctx context.Context, id string, who issuer.Asker) (Lease, error) {
	l, err := k.Mine(ctx, id, who.Principal)
	if err != nil {
		return Lease{}, err
	}
	return k.end(ctx, l, who.Principal.ID(), func(at time.Time) []audit.Event {
		return []audit.Event{l.event(audit.LeaseEnded, at, who.Who())}
	})
}

// Sweep writes down which leases time has ended. It changes nothing that At
// does not tell already.
func (k *Keeper) Sweep(ctx context.Context) error {
	now := k.Now()
	over, err := k.Book.Overdue(ctx, now, 500)
	if err != nil {
		return fmt.Errorf("look for leases that are over: %w", err)
	}
	for _, l := range over {
		e := l.event(audit.LeaseExpired, now, audit.Who{Principal: l.Principal, Provider: l.Provider})
		e.Facts = map[string]string{"until": l.EndsAt.UTC().Format(time.RFC3339)}
		if err := k.Book.End(ctx, l.ID, l.EndsAt, "", e); err != nil && !errors.Is(err, ErrOver) {
			return fmt.Errorf("write that lease %s expired: %w", l.ID, err)
		}
	}
	return nil
}
