package access

import (
	"slices"
	"time"
)

// Reach is one cluster that somebody may enter.
type Reach struct {
	Cluster    *Cluster
	Roles      []*Role // without breaking the glass, least first
	BreakGlass []*Role // by breaking the glass
}

// Reach lists what a person may enter now, sorted by cluster name: exactly the
// pairs of cluster and role for which Decide would not refuse.
func (p *Policy) Reach(who Standing, now time.Time) []Reach {
	open, glass := p.spread(who, now)
	out := make([]Reach, 0, 64)
	pool := make([]*Role, 0, 256)
	pick := func(sets []bits, c int) []*Role {
		from := len(pool)
		for r, set := range sets {
			if set != nil && set.has(c) {
				pool = append(pool, &p.roles[r])
			}
		}
		return pool[from:len(pool):len(pool)]
	}
	for c := range p.clusters {
		r := Reach{&p.clusters[c], pick(open, c), pick(glass, c)}
		if len(r.Roles)+len(r.BreakGlass) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// spread gives, per role, the clusters open to the person, plainly and by
// breaking the glass.
func (p *Policy) spread(who Standing, now time.Time) (open, glass []bits) {
	open, glass = make([]bits, len(p.roles)), make([]bits, len(p.roles))
	for _, i := range p.of(who.Principal) {
		g := &p.grants[i]
		if !g.holds(who, now) {
			continue
		}
		sets := open
		if g.BreakGlass {
			sets = glass
		}
		r := p.role[g.Role]
		if sets[r] == nil {
			sets[r] = newBits(len(p.clusters))
		}
		sets[r].add(p.opens[i])
	}
	return open, glass
}

// Choice is a role one may be on a cluster, with what may be asked for.
type Choice struct {
	Role       Role
	BreakGlass bool
	Longest    time.Duration
	// FreeFor is how long a lease may be without a reason; zero: a reason is
	// always demanded.
	FreeFor    time.Duration
	ReasonHint string
	Until      time.Time // the latest end date of the grants; zero: none ends
	Grant      string    // the grant that allows the longest
	Through    Who
	TellsWhom  string
	Tells      []string
	Sponsor    string
}

// Choices lists the roles somebody may be on a cluster now: those without
// break-glass first, and in either part the least role first.
func (p *Policy) Choices(cluster string, who Standing, now time.Time) []Choice {
	c, ok := p.cluster[cluster]
	if !ok {
		return nil
	}
	var out []Choice
	for _, i := range p.of(who.Principal) {
		g := &p.grants[i]
		if !p.opens[i].has(c) || !g.holds(who, now) {
			continue
		}
		at := slices.IndexFunc(out, func(x Choice) bool { return x.Role.Name == g.Role && x.BreakGlass == g.BreakGlass })
		if at < 0 {
			at = len(out)
			out = append(out, Choice{Role: p.roles[p.role[g.Role]], BreakGlass: g.BreakGlass, Until: g.Until})
		}
		out[at].add(g, who.Principal)
	}
	slices.SortStableFunc(out, func(a, b Choice) int {
		if a.BreakGlass != b.BreakGlass {
			if b.BreakGlass {
				return -1
			}
			return 1
		}
		return a.Role.rank - b.Role.rank
	})
	return out
}

func (c *Choice) add(g *Grant, who Principal) {
	if g.Longest > c.Longest {
		c.Longest, c.Grant = g.Longest, g.Name
		c.Through, _ = g.Who.Match(who)
		c.TellsWhom, c.Tells, c.Sponsor = g.TellsWhom, g.Tells, g.Sponsor
	}
	if g.Reason || g.BreakGlass {
		if c.ReasonHint == "" {
			c.ReasonHint = g.ReasonHint
		}
	} else {
		c.FreeFor = max(c.FreeFor, g.Longest)
	}
	switch {
	case g.Until.IsZero():
		c.Until = time.Time{}
	case !c.Until.IsZero() && g.Until.After(c.Until):
		c.Until = g.Until
	}
}

// EndDate is when the last of the principal's grants ends; zero when one of
// them has no end, or when there is none at all.
func (p *Policy) EndDate(who Principal) time.Time {
	var end time.Time
	for _, i := range p.of(who) {
		u := p.grants[i].Until
		if u.IsZero() {
			return time.Time{}
		}
		if u.After(end) {
			end = u
		}
	}
	return end
}
