package config

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/daypass/daypass/access"
)

// https://datatracker.ietf.org/doc/html/rfc6749#section-3.3
var scopeForm = regexp.MustCompile(`^[!#-\[\]-~]+$`)

func (d *draft) readSignIn() {
	if !d.root.need("signIn", "{providers: [{name: okta, …}]}") {
		return
	}
	t, ok := d.root.section("signIn", "idle", "absolute", "providers")
	if !ok {
		return
	}
	s := &d.cfg.SignIn
	s.Idle = orElse(read(t, "idle", parseSpan(shortest, maxAbsolute)), defaultIdle)
	s.Absolute = orElse(read(t, "absolute", parseSpan(shortest, maxAbsolute)), defaultAbsolute)
	if s.Idle > s.Absolute {
		t.fail(t.node, "signIn: idle is %s, longer than absolute, %s; shorten idle", access.Span(s.Idle), access.Span(s.Absolute))
	}
	for _, p := range t.entries("providers", "provider", "name", "label", "issuer", "clientID", "clientSecret", "scopes", "groupsClaim") {
		d.readProvider(p)
	}
	t.need("providers", "[{name: okta, issuer: https://example.okta.com, …}]")
	notEmpty(t, "providers", "nobody can sign in")
	s.Providers = d.providers.items
}

func (d *draft) readProvider(t table) {
	before := len(d.errors)
	p := Provider{GroupsClaim: defaultGroupsClaim}
	if t.need("name", "okta") {
		p.Name = read(t, "name", parseName)
	}
	p.Label = orElse(t.text("label"), p.Name)
	if t.need("issuer", "https://example.okta.com") {
		p.Issuer = read(t, "issuer", parseIssuer)
	}
	if t.need("clientID", "0oa1b2c3") {
		p.ClientID = t.text("clientID")
	}
	if t.need("clientSecret", "{file: /etc/daypass/okta-secret}") {
		p.ClientSecret = d.secret(t, "clientSecret")
	}
	p.Scopes = scopes(t)
	p.GroupsClaim = orElse(t.text("groupsClaim"), defaultGroupsClaim)
	d.checkTwin(t, p)
	d.providers.put(t, "provider", p.Name, p, before)
}

// checkTwin refuses two providers for the same people: whoever signs in would
// be another principal by each, with other groups.
func (d *draft) checkTwin(t table, p Provider) {
	if p.Issuer == "" || p.ClientID == "" {
		return
	}
	for i, other := range d.providers.items {
		if other.Issuer == p.Issuer && other.ClientID == p.ClientID {
			d.fail(t.at["issuer"], "%s has issuer and clientID of %s; remove one of them", t.what, reference("provider", other.Name, d.providers.nodes[i]))
			return
		}
	}
}

func scopes(t table) []string {
	out := []string{"openid"}
	if !t.has("scopes") {
		return append(out, "profile", "email")
	}
	for _, s := range readAll(t, "scopes", parseScope) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func parseScope(s string) (string, error) {
	if !scopeForm.MatchString(s) {
		return "", fmt.Errorf("%q is not one scope; write each as an entry of its own", s)
	}
	return s, nil
}

func (d *draft) readNotify() {
	t, ok := d.root.section("notify", "webhooks")
	if !ok {
		return
	}
	for _, w := range t.entries("webhooks", "webhook", "name", "url", "secret") {
		before := len(d.errors)
		var hook Webhook
		if w.need("name", "security") {
			hook.Name = read(w, "name", parseName)
		}
		if w.need("url", "https://hooks.example.com/daypass") {
			hook.URL = read(w, "url", parseHook)
		}
		if w.need("secret", "{file: /etc/daypass/webhook-secret}") {
			hook.Secret = d.secret(w, "secret")
		}
		d.webhooks.put(w, "webhook", hook.Name, hook, before)
	}
	d.cfg.Webhooks = d.webhooks.items
}
