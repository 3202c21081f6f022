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
	either := newBits(len(p.clusters))
	pairs := 0
	for _, o := range append(open, glass...) {
		either.add(o.clusters)
		pairs += o.clusters.count()
	}
	out := make([]Reach, 0, either.count())
	pool := make([]*Role, 0, pairs) // one piece of memory for all the lists
	pick := func(from []opened, c int) []*Role {
		start := len(pool)
		for _, o := range from {
			if o.clusters.has(c) {
				pool = append(pool, o.role)
			}
		}
		return pool[start:len(pool):len(pool)]
	}
	for c := range either.each {
		out = append(out, Reach{&p.clusters[c], pick(open, c), pick(glass, c)})
	}
	return out
}

// opened is a role with the clusters it may be used on.
type opened struct {
	role     *Role
	clusters bits
}

// spread gives the roles open to the person, least first, plainly and by
// breaking the glass.
func (p *Policy) spread(who Standing, now time.Time) (open, glass []opened) {
	sets := [2][]bits{make([]bits, len(p.roles)), make([]bits, len(p.roles))}
	for _, i := range p.of(who.Principal) {
		g := &p.grants[i]
		if !g.holds(who, now) {
			continue
		}
		kind := 0
		if g.BreakGlass {
			kind = 1
		}
		set := &sets[kind][p.gives[i]]
		if *set == nil {
			*set = newBits(len(p.clusters))
		}
		set.add(p.opens[i])
	}
	return p.opened(sets[0]), p.opened(sets[1])
}

func (p *Policy) opened(sets []bits) (out []opened) {
	for r, set := range sets {
		if set != nil {
			out = append(out, opened{&p.roles[r], set})
		}
	}
	return slices.Clip(out)
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
