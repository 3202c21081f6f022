package lease

import (
	"context"
	"fmt"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
)

// Direct tells the lease's owner which cluster to enter and through which role,
// for somebody who has an AWS identity of their own. It mints nothing, so what
// it tells opens no door. The decision is made again, and the hand-over is on
// record before this returns.
func (k *Keeper) Direct(ctx context.Context, id string, form Form, who issuer.Asker) (Lease, access.Decision, error) {
	l, t, err := k.again(ctx, id, who)
	if err != nil {
		return l, access.Decision{}, err
	}
	d := t.Decision()
	e := l.event(audit.HandedOver, k.Now(), who.Who())
	e.Policy, e.Facts = d.Policy, map[string]string{"form": string(form)}
	e.Details.More = who.Names.Details()
	if err := k.Book.HandOver(ctx, l.ID, e); err != nil {
		return l, access.Decision{}, fmt.Errorf("record the hand-over, it is withheld: %w", err)
	}
	return l, d, nil
}
