package access

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// DefaultLease is how long a lease lasts when the ask does not say, if the
// grant allows that much.
const DefaultLease = time.Hour

// ShortestLease is the least one can ask for: the life of one token, which
// nothing can shorten.
const ShortestLease = 15 * time.Minute

// MaxReason is the longest reason kept, in bytes.
const MaxReason = 1000

// Ask is what somebody wants.
type Ask struct {
	Cluster    string
	Role       string
	For        time.Duration // zero: DefaultLease, or the grant's longest if shorter
	Reason     string
	BreakGlass bool // use a break-glass grant, and only such a one
	Confirmed  bool // the person confirmed who will be told
}

// Standing is what is known of whoever asks at the time of asking.
type Standing struct {
	Principal Principal
	Address   netip.Addr // where they come from; the zero Addr is in no network
}

// Answer is the kind of a Decision.
type Answer string

// The three answers.
const (
	Refused Answer = "refused"
	Needs   Answer = "needs"
	Allowed Answer = "allowed"
)

// Need is something that is missing from an ask that would else be allowed.
type Need string

// What an ask can lack.
const (
	NeedReason       Need = "reason"
	NeedConfirmation Need = "confirmation"
)

// Decision is the answer to an ask. Grant, Through, RoleARN and EndsAt are set
// unless it is Refused; Needs only when it is Needs; Refusals only when it is
// Refused, and then there is at least one.
type Decision struct {
	Answer   Answer
	Ask      Ask
	Policy   string // digest of the policy that answered
	Cluster  Cluster
	Role     Role
	RoleARN  ARN
	Grant    Grant
	Through  Who // the selector of the grant that fitted
	EndsAt   time.Time
	Needs    []Need
	Refusals []Refusal
}

// Decide answers an ask. It is pure.
//
// Several grants may fit. Chosen is the one that lacks least of this ask, then
// the one with the longest lease, then the first in the file. A break-glass
// grant is considered only when the ask is for break-glass.
func (p *Policy) Decide(ask Ask, who Standing, now time.Time) Decision {
	d := Decision{Answer: Refused, Ask: ask, Policy: p.digest}
	c, ok := p.cluster[ask.Cluster]
	if !ok {
		return d.refuse(unknownCluster(ask.Cluster))
	}
	d.Cluster = p.clusters[c]
	r, ok := p.role[ask.Role]
	if !ok {
		return d.refuse(unknownRole(ask.Role))
	}
	d.Role = p.roles[r]
	fitting, refusals := p.sift(ask, c, who, now)
	if len(fitting) == 0 {
		return d.refuse(refusals...)
	}
	return d.by(slices.MinFunc(fitting, func(a, b *Grant) int { return order(ask, a, b) }), who, now)
}

// sift parts the grants that concern the ask into those that fit and the
// reasons why the others do not.
func (p *Policy) sift(ask Ask, cluster int, who Standing, now time.Time) (fitting []*Grant, refusals []Refusal) {
	other := false // a grant of the other kind, break-glass or not, would fit
	for _, i := range p.of(who.Principal) {
		g := &p.grants[i]
		if g.Role != ask.Role || !p.opens[i].has(cluster) {
			continue
		}
		if g.BreakGlass != ask.BreakGlass {
			other = other || g.holds(who, now)
			continue
		}
		if r, no := g.objects(ask, who, now); no {
			refusals = append(refusals, r)
			continue
		}
		fitting = append(fitting, g)
	}
	if len(fitting) == 0 && other {
		refusals = append(refusals, otherKind(ask))
	}
	if len(fitting) == 0 && len(refusals) == 0 {
		refusals = append(refusals, p.noGrant(ask, cluster, who.Principal))
	}
	return fitting, refusals
}

// holds reports whether the grant counts at all for this standing and time.
func (g *Grant) holds(who Standing, now time.Time) bool {
	return !g.over(now) && g.inNetwork(who.Address)
}

func (g *Grant) over(now time.Time) bool {
	return !g.Until.IsZero() && !now.Before(g.Until)
}

func (g *Grant) inNetwork(a netip.Addr) bool {
	a = a.Unmap()
	return len(g.Networks) == 0 || slices.ContainsFunc(g.Networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

func (g *Grant) objects(ask Ask, who Standing, now time.Time) (Refusal, bool) {
	switch {
	case g.over(now):
		return grantOver(g), true
	case !g.inNetwork(who.Address):
		return outsideNetworks(g, who.Address), true
	case ask.For > g.Longest:
		return tooLong(g, ask.For), true
	case ask.For != 0 && ask.For < min(ShortestLease, g.Longest):
		return tooShort(g, ask.For), true
	case len(ask.Reason) > MaxReason:
		return reasonTooLong(g), true
	}
	return Refusal{}, false
}

func (g *Grant) lacks(ask Ask) (needs []Need) {
	if (g.Reason || g.BreakGlass) && !visible(ask.Reason) {
		needs = append(needs, NeedReason)
	}
	if g.BreakGlass && !ask.Confirmed {
		needs = append(needs, NeedConfirmation)
	}
	return needs
}

// visible reports whether a reader sees anything of a text. Some letters and
// signs are blank: the fillers of Hangul, which Unicode says to show nothing for,
// and the empty pattern of Braille.
func visible(s string) bool {
	const emptyBraille = '\u2800'
	return strings.ContainsFunc(s, func(r rune) bool {
		return r != emptyBraille && unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
	})
}

func order(ask Ask, a, b *Grant) int {
	if d := len(a.lacks(ask)) - len(b.lacks(ask)); d != 0 {
		return d
	}
	if a.Longest != b.Longest {
		return int(b.Longest - a.Longest)
	}
	return a.index - b.index
}

func (d Decision) refuse(why ...Refusal) Decision {
	d.Refusals = why
	return d
}

// by completes the decision with the grant that was chosen.
func (d Decision) by(g *Grant, who Standing, now time.Time) Decision {
	d.Grant = *g
	d.Through, _ = g.Who.Match(who.Principal)
	d.RoleARN, _ = d.Role.On(d.Cluster) // Compile tried it for every cluster a grant opens
	d.EndsAt = g.ends(d.Ask.For, now)
	d.Needs = g.lacks(d.Ask)
	d.Answer = Allowed
	if len(d.Needs) > 0 {
		d.Answer = Needs
	}
	return d
}

// ends is when a lease under the grant ends if it starts now.
func (g *Grant) ends(asked time.Duration, now time.Time) time.Time {
	if asked == 0 {
		asked = min(DefaultLease, g.Longest)
	}
	end := now.Add(asked)
	if !g.Until.IsZero() && g.Until.Before(end) {
		return g.Until
	}
	return end
}
