package config

import (
	"maps"
	"net"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/access"
)

// door is a role on a cluster that some grant opens.
type door struct {
	cluster, role int
}

// check looks at what the parts mean together.
func (d *draft) check() {
	doors := d.doors()
	d.checkContexts(doors)
	d.warnReplay(doors)
	d.warnUnused(doors)
	d.warnProxy()
}

// doors lists what grants open, each once, in the order of clusters and roles,
// and reports roles that do not fit.
func (d *draft) doors() []door {
	open := map[door]bool{}
	for i, g := range d.grants.items {
		role, ok := d.roles.index[g.Role]
		if !ok || !d.roles.sound[role] {
			continue
		}
		told := false
		for c, cluster := range d.clusters.items {
			if !d.clusters.sound[c] || !slices.ContainsFunc(g.Clusters, func(w access.Where) bool { return w.Matches(cluster) }) {
				continue
			}
			told = told || d.misfit(d.grants.nodes[i], g, d.roles.items[role], cluster)
			open[door{c, role}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(open), func(a, b door) int {
		if a.cluster != b.cluster {
			return a.cluster - b.cluster
		}
		return a.role - b.role
	})
}

// misfit reports a role that cannot be assumed for the cluster.
func (d *draft) misfit(n *yaml.Node, g access.Grant, r access.Role, c access.Cluster) bool {
	arn, err := r.On(c)
	switch {
	case err != nil:
		d.fail(n, "grant %q: role %q on cluster %q: %v; correct the role's arn", g.Name, r.Name, c.Name, err)
		return true
	case arn.Partition != c.ARN.Partition:
		d.fail(n, "grant %q gives the role %q of the partition %s on the cluster %q of %s; write {partition} in the role's arn, or select other clusters", g.Name, r.Name, arn.Partition, c.Name, c.ARN.Partition)
		return true
	}
	return false
}

// checkContexts refuses a template by which two kubeconfigs get one name: a-b
// and c collide with a and b-c.
func (d *draft) checkContexts(doors []door) {
	taken := map[string]door{}
	n := d.root.node
	if k := d.root.at["kubeconfig"]; k != nil {
		n = k
	}
	for _, at := range doors {
		c, r := d.clusters.items[at.cluster], d.roles.items[at.role]
		name := contextName(d.cfg.KubeconfigContext, c, r.Name)
		if first, twice := taken[name]; twice {
			d.fail(n, "the kubeconfigs of role %q on cluster %q and of role %q on cluster %q would both be named %q; set kubeconfig: {context: …} to keep them apart, such as {role}@{cluster}",
				d.roles.items[first.role].Name, d.clusters.items[first.cluster].Name, r.Name, c.Name, name)
			return // one tells how; a thousand tell no more
		}
		taken[name] = at
	}
}

// warnReplay tells of clusters whose tokens open each other. A token names its
// cluster by EKS name only, which is unique per account and region: where two
// same-named clusters know one IAM role, each takes the other's tokens
// (github.com/kubernetes-sigs/aws-iam-authenticator, x-k8s-aws-id; inferred).
func (d *draft) warnReplay(doors []door) {
	type key struct{ role, cluster string }
	seen := map[key]int{}
	for _, at := range doors {
		c := d.clusters.items[at.cluster]
		arn, err := d.roles.items[at.role].On(c)
		if err != nil {
			continue // told already
		}
		k := key{arn.String(), c.ARN.Name()}
		first, twice := seen[k]
		if !twice {
			seen[k] = at.cluster
		} else if first != at.cluster {
			d.warn(d.clusters.nodes[at.cluster], "clusters %q and %q are both named %q in EKS and both take %s: a token for one opens the other; give each a role of its own, for example with {region} in the role's arn",
				d.clusters.items[first].Name, c.Name, c.ARN.Name(), arn)
		}
	}
}

func (d *draft) warnUnused(doors []door) {
	opened, granted := map[int]bool{}, map[string]bool{}
	for _, at := range doors {
		opened[at.cluster] = true
	}
	for _, g := range d.grants.items {
		granted[g.Role] = true
	}
	for i, c := range d.clusters.items {
		// With an error in a grant or role, the one that opens it may be the broken one.
		if d.clusters.sound[i] && !opened[i] && d.grants.whole() && d.roles.whole() {
			d.warn(d.clusters.nodes[i], "cluster %q is opened by no grant; add it to one or remove it", c.Name)
		}
	}
	for i, r := range d.roles.items {
		if d.roles.sound[i] && !granted[r.Name] {
			d.warn(d.roles.nodes[i], "role %q is given by no grant; add one or remove it", r.Name)
		}
	}
}

// warnProxy tells when networks would be compared with a proxy's address:
// Daypass itself speaks plain HTTP, so that an https url means a proxy.
func (d *draft) warnProxy() {
	if d.cfg.URL == nil || d.cfg.URL.Scheme != "https" || d.root.has("trustedProxies") {
		return
	}
	for i, g := range d.grants.items {
		if len(g.Networks) > 0 {
			d.warn(d.grants.nodes[i], "grant %q demands networks, but trustedProxies is not set, so that everybody seems to come from the proxy in front of Daypass; list the proxy in trustedProxies", g.Name)
		}
	}
}

// warnPort tells of a url on this machine at whose port nobody listens. With
// https, something in front ends TLS and listens there.
func (d *draft) warnPort() {
	u := d.cfg.URL
	if u == nil || u.Scheme != "http" || !loopback(u.Hostname()) {
		return
	}
	_, port, err := net.SplitHostPort(d.cfg.Listen)
	if err != nil || port == "0" || port == orElse(u.Port(), "80") {
		return
	}
	d.warn(d.root.at["url"], "url is %s, and listen is %s: Daypass does not answer at the port of its own url; give both the same port, unless something on this machine passes requests on", u, d.cfg.Listen)
}

// compile freezes the policy of a file without errors.
func (d *draft) compile() {
	if len(d.errors) > 0 {
		return
	}
	p, err := access.Compile(d.clusters.items, d.roles.items, d.grants.items)
	if err != nil { // everything it looks at is checked above; if not, fail closed
		d.fail(d.root.node, "%v; correct it", err)
		return
	}
	d.cfg.Policy = p
}

// selector writes a selector as in the file.
func selector(w access.Where) string {
	var parts []string
	if w.Name != "" {
		parts = append(parts, "name: "+w.Name)
	}
	if w.ARN != "" {
		parts = append(parts, "arn: "+w.ARN)
	}
	if len(w.Labels) > 0 {
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(w.Labels)) {
			pairs = append(pairs, k+": "+w.Labels[k])
		}
		parts = append(parts, "labels: {"+strings.Join(pairs, ", ")+"}")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
