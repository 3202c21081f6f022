package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathbits "math/bits"
	"slices"
	"sort"
)

// Policy is the compiled, immutable set of clusters, roles and grants. It is
// safe for use by many goroutines.
type Policy struct {
	clusters []Cluster // sorted by name
	roles    []Role    // in the order of the file: least first
	grants   []Grant   // in the order of the file
	cluster  map[string]int
	role     map[string]int
	byWho    map[Who][]int // grants by selector, e-mail in lower case
	opens    []bits        // per grant, the clusters it opens
	gives    []int         // per grant, the role it gives
	digest   string
}

// Compile checks that names are unique and not dangling, that every role's ARN
// fits the clusters its grants open, and freezes the result.
func Compile(clusters []Cluster, roles []Role, grants []Grant) (*Policy, error) {
	p := &Policy{
		clusters: slices.Clone(clusters), roles: slices.Clone(roles), grants: slices.Clone(grants),
		cluster: map[string]int{}, role: map[string]int{}, byWho: map[Who][]int{},
	}
	sort.Slice(p.clusters, func(i, j int) bool { return p.clusters[i].Name < p.clusters[j].Name })
	if err := p.name(); err != nil {
		return nil, err
	}
	for i := range p.grants {
		if err := p.link(i); err != nil {
			return nil, err
		}
	}
	p.digest = p.sum()
	return p, nil
}

func (p *Policy) name() error {
	for i, c := range p.clusters {
		if _, twice := p.cluster[c.Name]; twice {
			return fmt.Errorf("two clusters are named %q", c.Name)
		}
		p.cluster[c.Name] = i
	}
	for i, r := range p.roles {
		if _, twice := p.role[r.Name]; twice {
			return fmt.Errorf("two roles are named %q", r.Name)
		}
		p.roles[i].rank = i
		p.role[r.Name] = i
	}
	return nil
}

func (p *Policy) link(i int) error {
	g := &p.grants[i]
	g.index = i
	r, ok := p.role[g.Role]
	if !ok {
		return fmt.Errorf("grant %q gives the role %q, which is not declared", g.Name, g.Role)
	}
	open := newBits(len(p.clusters))
	for n, c := range p.clusters {
		if !slices.ContainsFunc(g.Clusters, func(w Where) bool { return w.Matches(c) }) {
			continue
		}
		arn, err := p.roles[r].On(c)
		if err != nil {
			return fmt.Errorf("role %q on cluster %q: %w", g.Role, c.Name, err)
		}
		if arn.Partition != c.ARN.Partition {
			return fmt.Errorf("role %q is of the partition %s, but grant %q gives it on cluster %q of %s", g.Role, arn.Partition, g.Name, c.Name, c.ARN.Partition)
		}
		open.set(n)
	}
	p.opens, p.gives = append(p.opens, open), append(p.gives, r)
	for _, w := range g.Who {
		w.Email = foldEmail(w.Email)
		p.byWho[w] = append(p.byWho[w], i)
	}
	return nil
}

// sum digests the content, not the memory: the same file gives the same digest.
func (p *Policy) sum() string {
	b, err := json.Marshal([]any{"daypass policy v1", p.clusters, p.roles, p.grants})
	if err != nil { // plain structs of strings and numbers always marshal
		panic("access: policy does not marshal: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Digest names this policy: sha256: and 64 hexadecimal digits.
func (p *Policy) Digest() string { return p.digest }

// Clusters gives all clusters, sorted by name. The slice must not be changed.
func (p *Policy) Clusters() []Cluster { return p.clusters }

// Roles gives all roles, least first. The slice must not be changed.
func (p *Policy) Roles() []Role { return p.roles }

// Grants gives all grants as in the file. The slice must not be changed.
func (p *Policy) Grants() []Grant { return p.grants }

// Cluster finds a cluster by its short name.
func (p *Policy) Cluster(name string) (Cluster, bool) {
	i, ok := p.cluster[name]
	if !ok {
		return Cluster{}, false
	}
	return p.clusters[i], true
}

// of lists the grants whose selectors mean the principal, in the file's order.
func (p *Policy) of(who Principal) []int {
	found := slices.Clone(p.byWho[Who{Provider: who.Provider}])
	found = append(found, p.byWho[Who{Provider: who.Provider, Subject: who.Subject}]...)
	if who.Email != "" {
		found = append(found, p.byWho[Who{Provider: who.Provider, Email: foldEmail(who.Email)}]...)
	}
	for _, g := range who.Groups {
		found = append(found, p.byWho[Who{Provider: who.Provider, Group: g}]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits      { return make(bits, (n+63)/64) }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bits) add(other bits) {
	for i, w := range other {
		b[i] |= w
	}
}

func (b bits) count() (n int) {
	for _, w := range b {
		n += mathbits.OnesCount64(w)
	}
	return n
}

// each yields the members in order.
func (b bits) each(yield func(int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(i*64 + mathbits.TrailingZeros64(w)) {
				return
			}
		}
	}
}
