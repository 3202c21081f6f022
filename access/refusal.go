package access

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Refusal is one reason for a no, with what the person can do about it.
type Refusal struct {
	Code  RefusalCode
	Grant string // the grant that objects; empty when there is none
	Say   string // what is the matter, a whole sentence
	Next  string // what to do, a whole sentence; may be empty
}

// RefusalCode is a stable name of a reason, for the log and for programs.
type RefusalCode string

// The reasons for a no.
const (
	UnknownCluster  RefusalCode = "unknown-cluster"
	UnknownRole     RefusalCode = "unknown-role"
	NoGrant         RefusalCode = "no-grant"
	GrantOver       RefusalCode = "grant-over"
	OutsideNetworks RefusalCode = "outside-networks"
	TooLong         RefusalCode = "too-long"
	TooShort        RefusalCode = "too-short"
	ReasonTooLong   RefusalCode = "reason-too-long"
	BreakGlassOnly  RefusalCode = "break-glass-only"
	NotBreakGlass   RefusalCode = "not-break-glass"
)

func unknownCluster(name string) Refusal {
	return Refusal{Code: UnknownCluster, Say: fmt.Sprintf("No cluster is named %q.", name), Next: "Pick one from the list of clusters; names are as in daypass.yaml."}
}

func unknownRole(name string) Refusal {
	return Refusal{Code: UnknownRole, Say: fmt.Sprintf("No role is named %q.", name), Next: "Pick one of the roles on the cluster's page."}
}

func grantOver(g *Grant) Refusal {
	return Refusal{Code: GrantOver, Grant: g.Name,
		Say:  fmt.Sprintf("The grant %s ended on %s.", g.Name, g.Until.UTC().Format("2 January 2006 at 15:04 UTC")),
		Next: "Ask whoever sponsors your access to have it prolonged."}
}

func outsideNetworks(g *Grant, a netip.Addr) Refusal {
	from := "an unknown address"
	if a.IsValid() {
		from = a.Unmap().String()
	}
	nets := make([]string, len(g.Networks))
	for i, n := range g.Networks {
		nets[i] = n.String()
	}
	return Refusal{Code: OutsideNetworks, Grant: g.Name,
		Say:  fmt.Sprintf("You come from %s; the grant %s holds in %s only.", from, g.Name, strings.Join(nets, ", ")),
		Next: "Connect to that network (a VPN, perhaps) and try again."}
}

func tooLong(g *Grant, asked time.Duration) Refusal {
	return Refusal{Code: TooLong, Grant: g.Name,
		Say:  fmt.Sprintf("You asked for %s; the grant %s allows %s at most.", Span(asked), g.Name, Span(g.Longest)),
		Next: fmt.Sprintf("Ask for %s or less.", Span(g.Longest))}
}

func tooShort(g *Grant, asked time.Duration) Refusal {
	least := Span(min(ShortestLease, g.Longest))
	return Refusal{Code: TooShort, Grant: g.Name,
		Say:  fmt.Sprintf("You asked for %s; a token cannot be made to live less than %s.", Span(asked), least),
		Next: fmt.Sprintf("Ask for %s or more.", least)}
}

func reasonTooLong(g *Grant) Refusal {
	return Refusal{Code: ReasonTooLong, Grant: g.Name,
		Say:  fmt.Sprintf("The reason is longer than %d bytes.", MaxReason),
		Next: "Shorten it, or give a link to the long story."}
}

func otherKind(ask Ask) Refusal {
	if ask.BreakGlass {
		return Refusal{Code: NotBreakGlass,
			Say:  fmt.Sprintf("You may be %s on %s without breaking the glass.", ask.Role, ask.Cluster),
			Next: "Choose the role on the cluster's page."}
	}
	return Refusal{Code: BreakGlassOnly,
		Say:  fmt.Sprintf("You may be %s on %s by breaking the glass only.", ask.Role, ask.Cluster),
		Next: "Use the red box on the cluster's page if this is an emergency."}
}

// noGrant names what the person would have to be for the ask to be allowed, as
// far as grants of their own provider tell.
func (p *Policy) noGrant(ask Ask, cluster int, who Principal) Refusal {
	var wanted []string
	for i := range p.grants {
		g := &p.grants[i]
		if g.Role != ask.Role || g.BreakGlass != ask.BreakGlass || !p.opens[i].has(cluster) {
			continue
		}
		for _, w := range g.Who {
			if w.Provider == who.Provider && w.Group != "" && !contains(wanted, w.String()) {
				wanted = append(wanted, w.String())
			}
		}
	}
	r := Refusal{Code: NoGrant, Say: fmt.Sprintf("No grant lets you be %s on %s.", ask.Role, ask.Cluster)}
	if len(wanted) > 0 {
		r.Say += fmt.Sprintf(" It is for members of %s.", strings.Join(wanted, " or "))
		r.Next = "Ask to be added to the group, then sign in again."
		if who.NoGroupsClaim {
			r.Next = "Your sign-in carried no groups at all; tell whoever runs Daypass that the provider does not send its groups claim."
		}
	}
	return r
}

// Span writes a duration the way people say it: 15 min, 1 h, 1 h 30 min.
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	var parts []string
	if h > 0 {
		parts = append(parts, fmt.Sprintf("%d h", h))
	}
	if m > 0 {
		parts = append(parts, fmt.Sprintf("%d min", m))
	}
	if s > 0 || len(parts) == 0 {
		parts = append(parts, fmt.Sprintf("%d s", s))
	}
	return strings.Join(parts, " ")
}
