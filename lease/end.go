package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
)

// Whoever ends a lease that is not their own, as the event's fact "by" has it.
const (
	ByAdministrator = "administrator"
	BySignOut       = "sign-out" // it ended with a session of its owner
)

// end ends a lease that was read just now.
func (k *Keeper) end(ctx context.Context, l Lease, by string, events func(at time.Time) []audit.Event) (Lease, error) {
	now := k.Now()
	if l.At(now) != Active {
		return l, ErrOver
	}
	k.Issuer.Forget(l.ID)
	if err := k.Book.End(ctx, l.ID, now, by, events(now)...); err != nil {
		return l, fmt.Errorf("end the lease %s: %w", l.ID, err)
	}
	k.Issuer.Forget(l.ID) // one may have been minted meanwhile
	l.State, l.EndedAt, l.EndedBy = Ended, now, by
	return l, nil
}

// EndAll ends all leases of the asker that are active. What it ended comes
// back, also beside an error.
func (k *Keeper) EndAll(ctx context.Context, who issuer.Asker) ([]Lease, error) {
	return k.endEach(ctx, who.Principal.ID(), func(l Lease) (Lease, error) { return k.End(ctx, l.ID, who) })
}

// EndOf ends anybody's lease for an administrator; that the asker is one, the
// caller has made sure. Ending it twice is ErrOver.
func (k *Keeper) EndOf(ctx context.Context, id string, admin issuer.Asker) (Lease, error) {
	l, err := k.Book.Lease(ctx, id)
	if err != nil {
		return Lease{}, fmt.Errorf("read the lease %s: %w", id, err)
	}
	return k.end(ctx, l, admin.Principal.ID(), func(at time.Time) []audit.Event { return l.endedFor(at, admin) })
}

// endedFor tells of the end twice: as what happened to its owner, and as what
// the administrator did. Whoever searches for one of them finds it.
func (l Lease) endedFor(at time.Time, admin issuer.Asker) []audit.Event {
	ended := l.event(audit.LeaseEnded, at, audit.Who{Principal: l.Principal, Provider: l.Provider, Email: l.Email, Request: admin.Request})
	ended.Facts = map[string]string{"by": ByAdministrator, "administrator": admin.Principal.ID()}
	did := l.event(audit.Administered, at, admin.Who())
	did.Facts = map[string]string{"act": "end-lease", "person": l.Principal}
	if l.Email != "" {
		did.Details.More = map[string]string{"person": l.Email}
	}
	return []audit.Event{ended, did}
}

// EndAllOf is EndOf for all leases of a principal that are active. What it
// ended comes back, also beside an error.
func (k *Keeper) EndAllOf(ctx context.Context, principal string, admin issuer.Asker) ([]Lease, error) {
	return k.endEach(ctx, principal, func(l Lease) (Lease, error) { return k.EndOf(ctx, l.ID, admin) })
}

func (k *Keeper) endEach(ctx context.Context, principal string, end func(Lease) (Lease, error)) (ended []Lease, err error) {
	all, err := k.Book.Of(ctx, principal, 0)
	if err != nil {
		return nil, fmt.Errorf("read the leases to end: %w", err)
	}
	for _, l := range all {
		got, bad := end(l)
		switch {
		case bad == nil:
			ended = append(ended, got)
		case !errors.Is(bad, ErrOver): // over is what was wanted
			err = errors.Join(err, bad)
		}
	}
	return ended, err
}

// EndedBySignOut is the event of a lease that ends together with a session of
// its owner, for books that write both in one transaction.
func (l Lease) EndedBySignOut(at time.Time, by audit.Who) audit.Event {
	e := l.event(audit.LeaseEnded, at, by)
	e.Facts = map[string]string{"by": BySignOut}
	return e
}
