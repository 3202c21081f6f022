package config

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/access"
)

// account is what is known of an AWS account besides its number.
type account struct {
	id, name, describeRole string
}

func (d *draft) readAccounts() {
	seen := map[string]*yaml.Node{}
	for _, t := range d.root.entries("accounts", "account") {
		before := len(d.errors)
		var a account
		a.id = read(t, "id", parseAccount)
		a.name = read(t, "name", parseDottedName)
		a.describeRole = read(t, "describeRole", parsePlainRole)
		if r, err := access.ParseARN(a.describeRole); err == nil && a.id != "" && r.Account != a.id {
			t.fail(t.at["describeRole"], "%s: describeRole %q is a role of another account than %s, which cannot see this account's clusters; name a role of %s", t.what, a.describeRole, a.id, a.id)
		}
		if first := seen[a.id]; first != nil && a.id != "" {
			t.fail(t.at["id"], "two accounts have the id %s, first on line %d; keep one", a.id, first.Line)
		} else {
			seen[a.id] = t.at["id"]
		}
		d.accounts.put(t, "account", a.name, a, before)
	}
}

func (d *draft) readClusters() {
	seen := map[access.ARN]int{}
	for _, t := range d.root.entries("clusters", "cluster") {
		before := len(d.errors)
		var c access.Cluster
		c.Name = read(t, "name", parseDottedName)
		c.ARN = read(t, "arn", parseClusterARN)
		c.Labels = labels(t)
		c.ProxyURL = read(t, "proxyURL", parseProxy)
		c.TLSServerName = read(t, "tlsServerName", parseHost)
		d.settle(&c)
		if first, twice := seen[c.ARN]; twice && c.ARN.Account != "" {
			t.fail(t.at["arn"], "%s is the same EKS cluster as %s; keep one, or grants on one open the other", t.what, reference("cluster", d.clusters.items[first].Name, d.clusters.nodes[first]))
		} else {
			seen[c.ARN] = len(d.clusters.items)
		}
		d.clusters.put(t, "cluster", c.Name, c, before)
	}
}

// settle gives a cluster what is known of its account.
func (d *draft) settle(c *access.Cluster) {
	c.Account = c.ARN.Account
	for _, a := range d.accounts.items {
		if a.id == c.ARN.Account && a.id != "" {
			c.Account, c.DescribeRole = orElse(a.name, a.id), a.describeRole
		}
	}
}

// labels reads a mapping of free keys to texts.
func labels(t table) map[string]string {
	n := t.at["labels"]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		t.wrong(n, t.of("labels"), "a mapping such as {env: prod}")
		return nil
	}
	chosen := t.table(n, t.of("labels"), free(keys(n)))
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(chosen.at)) {
		out[key] = chosen.text(key)
	}
	return out
}

func (d *draft) readRoles() {
	for _, t := range d.root.entries("roles", "role") {
		before := len(d.errors)
		var r access.Role
		r.Name = read(t, "name", parseDottedName)
		r.ARN = read(t, "arn", parseRoleARN)
		r.Description = t.text("description")
		r.ExternalID = read(t, "externalID", parseExternalID)
		r.NoSourceIdentity = !t.flag("sourceIdentity", true)
		r.NoSessionTags = !t.flag("sessionTags", true)
		r.Username = t.text("username")
		d.roles.put(t, "role", r.Name, r, before)
	}
}

func (d *draft) readGrants() {
	for _, t := range d.root.entries("grants", "grant") {
		before := len(d.errors)
		var g access.Grant
		g.Name = read(t, "name", parseDottedName)
		g.Who = d.whos(t, "who")
		notEmpty(t, "who", "nobody is meant")
		g.Clusters = d.wheres(t)
		notEmpty(t, "clusters", "no cluster is meant")
		g.Role = d.known(t, "role", d.roles.register)
		g.Longest = orElse(read(t, "longest", parseSpan(shortest, maxLease)), access.DefaultLease)
		g.Until = read(t, "until", parseInstant)
		if !g.Until.IsZero() && !d.now.Before(g.Until) {
			t.warn(t.at["until"], "%s is over since %s; remove or prolong it", t.what, g.Until.Format("2 January 2006 15:04 UTC"))
		}
		g.Networks = readAll(t, "networks", parseNetwork)
		g.Sponsor = t.text("sponsor")
		required(t, &g)
		d.breakGlass(t, &g)
		d.grants.put(t, "grant", g.Name, g, before)
	}
}

// notEmpty refuses a list that is there and says nothing.
func notEmpty(t table, key, meaning string) {
	if n := t.at[key]; n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		t.fail(n, "%s is empty, so %s; add an entry", t.of(key), meaning)
	}
}

// known reads the name of something declared elsewhere in the file.
func (d *draft) known(t table, key string, declared register) string {
	name := t.text(key)
	if name != "" {
		d.dangling(t.at[key], t.what, key, name, declared)
	}
	return name
}

// dangling reports a name that nothing has, unless something lost its name by
// an error of its own.
func (d *draft) dangling(n *yaml.Node, what, kind, name string, declared register) {
	if !declared.has(name) && !declared.unnamed {
		d.fail(n, "%s names the %s %q, which is not declared; %s", what, kind, name, instead(name, declared.names))
	}
}

// required reads what the grant demands of an ask.
func required(t table, g *access.Grant) {
	req, ok := t.section("require")
	n := req.at["reason"]
	switch {
	case !ok || n == nil:
	case n.Kind == yaml.MappingNode:
		reason := req.table(n, req.of("reason"), find(req.keys, "reason").keys)
		g.Reason, g.ReasonHint = true, reason.text("hint")
	case n.Kind == yaml.ScalarNode && n.Tag == "!!bool":
		g.Reason = req.flag("reason", false)
		if !g.Reason && t.has("breakGlass") {
			t.fail(n, "%s breaks the glass, which always demands a reason; remove reason: false", t.what)
		}
	default:
		req.wrong(n, req.of("reason"), "true, or {hint: what to write}")
	}
}

func (d *draft) breakGlass(t table, g *access.Grant) {
	glass, ok := t.section("breakGlass")
	if !ok {
		return
	}
	g.BreakGlass, g.Reason = true, true
	g.TellsWhom = glass.text("whom")
	for _, n := range glass.list("tells") {
		name := d.scalar(n, "an entry of "+glass.of("tells"))
		if name == "" {
			continue
		}
		d.dangling(n, t.what, "webhook", name, d.webhooks.register)
		g.Tells = append(g.Tells, name)
	}
	if len(glass.list("tells")) == 0 {
		d.warn(t.at["breakGlass"], "%s breaks the glass and tells nobody; name a webhook in tells", t.what)
	}
}

// whos reads selectors of people.
func (d *draft) whos(t table, key string) access.Whos {
	var out access.Whos
	for _, n := range t.list(key) {
		entry := d.table(n, "an entry of "+t.of(key), find(t.keys, key).keys)
		if w, ok := d.who(entry); ok {
			out = append(out, w)
		}
	}
	return out
}

func (d *draft) who(t table) (access.Who, bool) {
	if t.broken {
		return access.Who{}, false
	}
	kind := t.oneOf("group", "email", "subject", "provider")
	s := t.text(kind)
	if s == "" {
		return access.Who{}, false
	}
	if kind == "provider" {
		d.dangling(t.at[kind], t.what, "provider", s, d.providers.register)
		return access.Who{Provider: s}, true
	}
	provider, name, err := parseWho(s)
	if err != nil {
		t.fail(t.at[kind], "%s: %v", t.of(kind), err)
		return access.Who{}, false
	}
	d.dangling(t.at[kind], t.what, "provider", provider, d.providers.register)
	w := access.Who{Provider: provider}
	switch kind {
	case "group":
		w.Group = name
	case "subject":
		w.Subject = name
	case "email":
		w.Email = strings.ToLower(name)
		if !strings.Contains(name, "@") {
			t.fail(t.at[kind], "%s: %q is not an e-mail address; write provider:ann@example.com", t.of(kind), s)
		}
	}
	return w, true
}

// wheres reads selectors of clusters.
func (d *draft) wheres(t table) []access.Where {
	var out []access.Where
	for _, n := range t.list("clusters") {
		entry := d.table(n, "an entry of "+t.of("clusters"), find(t.keys, "clusters").keys)
		if entry.broken {
			continue
		}
		w := access.Where{Name: entry.text("name"), ARN: read(entry, "arn", parseARNPattern), Labels: labels(entry)}
		if len(n.Content) == 0 || w.Labels != nil && len(w.Labels) == 0 {
			d.fail(n, "%s selects nothing; give it name, arn or labels", entry.what)
			continue
		}
		d.checkSelector(n, t.what, w)
		out = append(out, w)
	}
	return out
}

// checkSelector refuses a selector that matches no cluster. A cluster that is
// itself in error may have been the one that was meant.
func (d *draft) checkSelector(n *yaml.Node, what string, w access.Where) {
	if w.Name != "" && !d.clusters.has(w.Name) {
		d.dangling(n, what, "cluster", w.Name, d.clusters.register)
		return
	}
	if !d.clusters.whole() {
		return
	}
	for _, c := range d.clusters.items {
		if w.Matches(c) {
			return
		}
	}
	d.fail(n, "%s: the selector %s matches no cluster; correct it or remove it", what, selector(w))
}
