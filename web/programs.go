package web

import (
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/lease"
)

// nextOf is what somebody at a program does next, where a page would send them
// to another page. Others are told the same in both.
func nextOf(err error, p problem) string {
	var over *lease.Over
	if errors.As(err, &over) {
		return "Start another: kubectl daypass get " + over.Lease.Cluster + " --role " + over.Lease.Role + "."
	}
	return nextFor(p.code, p.next)
}

func nextFor(code, next string) string {
	switch code {
	case string(access.Needs):
		return "Say why: --reason with kubectl daypass, reason in the API."
	case string(access.UnknownCluster), string(access.UnknownRole):
		return "See what there is for you: kubectl daypass list."
	case string(access.BreakGlassOnly):
		return "If this is an emergency, break the glass: --break-glass and --reason with kubectl daypass, breakGlass and confirmed in the API."
	case string(access.NotBreakGlass):
		return "Ask without breaking the glass."
	case "lease-over":
		return "Start another: kubectl daypass get CLUSTER --role ROLE."
	case "no-lease":
		return "See what you hold: kubectl daypass list leases."
	case "key-used":
		return "Send another key to start another lease."
	case "no-page", "method":
		return "See /api/v1/openapi.json for what there is."
	}
	return next
}

// overSaid is how a lease came to its end, as far as the lease tells.
func overSaid(l lease.Lease) string {
	what, at := l.Role+" on "+l.Cluster, func(t time.Time) string { return t.UTC().Format("15:04 MST") }
	switch {
	case l.State != lease.Ended:
		return fmt.Sprintf("The lease is over: %s ended at %s, when its time was up.", what, at(l.EndsAt))
	case l.EndedBy != l.Principal:
		return fmt.Sprintf("The lease is over: an administrator ended %s at %s.", what, at(l.EndedAt))
	}
	return fmt.Sprintf("The lease is over: %s was ended at %s.", what, at(l.EndedAt))
}
