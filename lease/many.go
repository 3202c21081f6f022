package lease

import (
	"context"
	"fmt"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// DefaultMost is how many leases one person may have live where Options do not
// say. Nobody works on so many clusters at once; a script that runs away does.
const DefaultMost = 50

// TooMany is the code of a lease refused because its person has as many as
// there may be. It is not the policy's: what it depends on is in the book.
const TooMany access.RefusalCode = "too-many-leases"

func (k *Keeper) most() int {
	if k.Most > 0 {
		return k.Most
	}
	return DefaultMost
}

// tooMany refuses a lease that the policy gives, and puts that on record.
func (k *Keeper) tooMany(ctx context.Context, d access.Decision, who issuer.Asker) error {
	no := access.Refusal{Code: TooMany,
		Say:  fmt.Sprintf("You have %d leases that are active; nobody may have more.", k.most()),
		Next: "End some that you no longer need on My access, or wait until they end."}
	k.Issuer.Refused(ctx, issuer.Refusal{Code: string(no.Code), Text: no.Say, Cluster: d.Cluster.Name, Role: d.Role.Name, BreakGlass: d.Ask.BreakGlass}, who)
	return &issuer.NotAllowed{Decision: access.Decision{Answer: access.Refused, Ask: d.Ask, Policy: d.Policy,
		Cluster: d.Cluster, Role: d.Role, Refusals: []access.Refusal{no}}}
}
