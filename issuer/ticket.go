package issuer

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

// Asker is who asks, and from where.
type Asker struct {
	access.Standing
	UserAgent string
	Request   string // the HTTP request's ID
	Session   string // the hash of the session that asks, as text; empty: none is known
	Names     Names  // of what they are handed; zero: they are handed nothing
}

// Names are how a kubeconfig that is handed over names things. People choose
// them, so on record they are details.
type Names struct{ Context, Namespace string }

// Details are the names as the details of a hand-over have them.
func (n Names) Details() map[string]string {
	out := map[string]string{}
	if n.Context != "" {
		out["context"] = n.Context
	}
	if n.Namespace != "" {
		out["namespace"] = n.Namespace
	}
	return out
}

// Who is the asker as events tell it.
func (a Asker) Who() audit.Who {
	p := a.Principal
	w := audit.Who{Principal: p.ID(), Provider: p.Provider, Email: p.Email, Name: p.Name, Subject: p.Subject, UserAgent: a.UserAgent, Request: a.Request}
	if a.Address.IsValid() {
		w.Address = a.Address.Unmap().String()
	}
	return w
}

// Ticket is a yes of the policy. Only Decide makes one, and Issue redeems it
// once.
type Ticket struct {
	decision access.Decision
	asker    Asker
	at       time.Time
	used     atomic.Bool
}

// Decision is the yes itself.
func (t *Ticket) Decision() access.Decision { return t.decision }

// Decide asks the policy in force. Anything but a yes is a *NotAllowed; a
// refusal is put on record, repeats within a minute as a count.
func (i *Issuer) Decide(ctx context.Context, ask access.Ask, who Asker) (*Ticket, error) {
	now := i.Now()
	d := i.Policy().Decide(ask, who.Standing, now)
	if d.Answer == access.Allowed {
		return &Ticket{decision: d, asker: who, at: now}, nil
	}
	if d.Answer == access.Refused {
		i.refused(ctx, d, who, now)
	}
	return nil, &NotAllowed{d}
}

func (t *Ticket) redeem(now time.Time) error {
	if t == nil || now.Sub(t.at) > ticketLife || !t.used.CompareAndSwap(false, true) {
		return ErrTicket
	}
	return nil
}

func (t *Ticket) intent(lease string, now time.Time) Intent {
	d := t.decision
	in := Intent{
		ID: audit.NewID("is", now), Lease: lease, At: now,
		Principal: t.asker.Principal.ID(),
		Cluster:   d.Cluster.Name, ClusterARN: d.Cluster.ARN.String(),
		Role: d.Role.Name, RoleARN: d.RoleARN.String(),
		Grant: d.Grant.Name, Policy: d.Policy,
		SessionName: SessionName(t.asker.Principal),
	}
	return in
}

func (t *Ticket) assumption(in Intent) Assumption {
	r := t.decision.Role
	a := Assumption{Cluster: t.decision.Cluster, RoleARN: t.decision.RoleARN, SessionName: in.SessionName, ExternalID: r.ExternalID}
	if !r.NoSourceIdentity {
		a.SourceIdentity = in.SessionName
	}
	if !r.NoSessionTags {
		a.Tags = map[string]string{"daypass:lease": in.Lease, "daypass:issuance": in.ID}
	}
	return a
}

// intended is the event of an intent.
func (t *Ticket) intended(in Intent, under Under) audit.Event {
	e := audit.New(audit.Intended, in.At, t.asker.Who())
	in.mark(&e)
	e.Facts = map[string]string{
		"roleARN": in.RoleARN, "clusterARN": in.ClusterARN, "until": under.Ends.UTC().Format(time.RFC3339),
	}
	// Both may hold a part of an e-mail address, so they can be erased.
	e.Details.More = map[string]string{"sessionName": in.SessionName, "through": t.decision.Through.String()}
	e.Details.Text = t.decision.Ask.Reason
	return e
}

func (t *Ticket) outcome(in Intent, made Issuance, err error, now time.Time) (Outcome, audit.Event) {
	e := audit.New(audit.Minted, now, t.asker.Who())
	in.mark(&e)
	if err != nil {
		f := err.(*Fault) // mint returns nothing else
		e.Kind, e.Reason, e.Details.Text = audit.MintFailed, f.Code, f.Error()
		return Outcome{Issuance: in.ID, At: now, Failure: f.Code, Text: f.Error()}, e
	}
	o := Outcome{
		Issuance: in.ID, At: now, AccessKeyID: made.AccessKeyID, Expires: made.Expires,
		TokenSHA256: made.Token.SHA256(), CASHA256: made.Endpoint.CASHA256(),
	}
	e.AccessKeyID = o.AccessKeyID
	e.Facts = map[string]string{
		"tokenSHA256": o.TokenSHA256, "caSHA256": o.CASHA256, "endpoint": made.Endpoint.URL,
		"expires": o.Expires.UTC().Format(time.RFC3339), "tokenBytes": strconv.Itoa(len(made.Token.Reveal())),
	}
	return o, e
}
