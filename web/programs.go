package web

import "github.com/daypass/daypass/access"

// nextOf is what somebody at a program does next, where a page would send them
// to another page. Others are told the same in both.
func (p problem) nextOf() string { return nextFor(p.code, p.next) }

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
	case "no-page":
		return "See /api/v1/openapi.json for what there is."
	}
	return next
}
