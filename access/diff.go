package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxNamed is how many clusters a line of Diff names before it counts them.
const maxNamed = 5

// Diff says in words who gains and who loses what when one policy takes the
// place of another, and which limits change, a line each. Lines about people
// come first, sorted; no line means that nothing changes for anybody.
func Diff(before, after *Policy) []string {
	was, is := before.given(), after.given()
	var out []string
	for _, k := range slices.SortedFunc(maps.Keys(union(was, is)), compareGifts) {
		gained, lost := minus(is[k], was[k]), minus(was[k], is[k])
		if len(gained) > 0 {
			out = append(out, k.line("gains", gained))
		}
		if len(lost) > 0 {
			out = append(out, k.line("loses", lost))
		}
	}
	return append(out, limits(before, after)...)
}

// gift is a role that a selector is given.
type gift struct {
	who        string
	role       string
	breakGlass bool
}

func compareGifts(a, b gift) int {
	return strings.Compare(fmt.Sprint(a.who, "\x00", a.role, a.breakGlass), fmt.Sprint(b.who, "\x00", b.role, b.breakGlass))
}

func (k gift) line(verb string, clusters []string) string {
	how := ""
	if k.breakGlass {
		how = ", by breaking the glass"
	}
	where := strings.Join(clusters, ", ")
	if n := len(clusters); n > maxNamed {
		where = fmt.Sprintf("%s and %d more", strings.Join(clusters[:maxNamed], ", "), n-maxNamed)
	}
	return fmt.Sprintf("%s %s %s on %s%s", k.who, verb, k.role, where, how)
}

// given lists the clusters of every gift, sorted.
func (p *Policy) given() map[gift][]string {
	sets := map[gift]bits{}
	for i, g := range p.grants {
		for _, w := range g.Who {
			k := gift{w.String(), g.Role, g.BreakGlass}
			if sets[k] == nil {
				sets[k] = newBits(len(p.clusters))
			}
			sets[k].add(p.opens[i])
		}
	}
	out := make(map[gift][]string, len(sets))
	for k, set := range sets {
		for c := range set.each {
			out[k] = append(out[k], p.clusters[c].Name)
		}
	}
	return out
}

func union(a, b map[gift][]string) map[gift]bool {
	out := map[gift]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

// minus gives what is in a and not in b; both are sorted.
func minus(a, b []string) (out []string) {
	for _, s := range a {
		if _, found := slices.BinarySearch(b, s); !found {
			out = append(out, s)
		}
	}
	return out
}

// limits tells the grants whose limits change, and the clusters and roles that
// now mean something else.
func limits(before, after *Policy) (out []string) {
	old := map[string]Grant{}
	for _, g := range before.grants {
		old[g.Name] = g
	}
	for _, g := range after.grants {
		was, ok := old[g.Name]
		if !ok {
			continue
		}
		for _, x := range [][3]string{
			{"the longest lease", Span(was.Longest), Span(g.Longest)},
			{"the end", day(was.Until), day(g.Until)},
			{"the networks", networks(was), networks(g)},
			{"a reason is asked", yes(was.Reason), yes(g.Reason)},
			{"who is told", strings.Join(was.Tells, ", "), strings.Join(g.Tells, ", ")},
		} {
			if x[1] != x[2] {
				out = append(out, fmt.Sprintf("grant %s: %s: %s, was %s", g.Name, x[0], orNone(x[2]), orNone(x[1])))
			}
		}
	}
	return append(out, meanings(before, after)...)
}

func meanings(before, after *Policy) (out []string) {
	for _, c := range after.clusters {
		if i, ok := before.cluster[c.Name]; ok && before.clusters[i].ARN != c.ARN {
			out = append(out, fmt.Sprintf("cluster %s is now %s, was %s", c.Name, c.ARN, before.clusters[i].ARN))
		}
	}
	for _, r := range after.roles {
		if i, ok := before.role[r.Name]; ok && before.roles[i].ARN != r.ARN {
			out = append(out, fmt.Sprintf("role %s is now %s, was %s", r.Name, r.ARN, before.roles[i].ARN))
		}
	}
	return out
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func networks(g Grant) string {
	out := make([]string, len(g.Networks))
	for i, n := range g.Networks {
		out[i] = n.String()
	}
	return strings.Join(out, ", ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
