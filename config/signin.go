package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/access"
)

// https://datatracker.ietf.org/doc/html/rfc6749#section-3.3
var scopeForm = regexp.MustCompile(`^[!#-\[\]-~]+$`)

func (d *draft) readSignIn() {
	t, ok := d.root.section("signIn")
	if !ok {
		return
	}
	s := &d.cfg.SignIn
	s.Idle = orElse(read(t, "idle", parseSpan(shortest, maxAbsolute)), defaultIdle)
	s.Absolute = orElse(read(t, "absolute", parseSpan(shortest, maxAbsolute)), defaultAbsolute)
	s.EndLeases = t.flag("endLeases", false)
	if s.Idle > s.Absolute {
		t.fail(t.node, "signIn: idle is %s, longer than absolute, %s; shorten idle", access.Span(s.Idle), access.Span(s.Absolute))
	}
	for _, p := range t.entries("providers", "provider") {
		d.readProvider(p)
	}
	notEmpty(t, "providers", "nobody can sign in")
	s.Providers = d.providers.items
}

func (d *draft) readProvider(t table) {
	before := len(d.errors)
	p := Provider{GroupsClaim: defaultGroupsClaim}
	p.Name = read(t, "name", parseName)
	p.Label = orElse(t.text("label"), p.Name)
	p.Issuer = read(t, "issuer", parseIssuer)
	p.ClientID = t.text("clientID")
	p.ClientSecret = d.secret(t, "clientSecret", File{Key: "signIn", Name: p.Name, what: ClientSecret})
	p.Scopes = scopes(t)
	p.GroupsClaim = orElse(t.text("groupsClaim"), defaultGroupsClaim)
	p.CAs = d.certificates(t, "caFile", p.Name)
	p.TrustUnstatedEmail = t.flag("trustUnstatedEmail", false)
	p.Prompt = read(t, "prompt", parsePrompt)
	p.MaxAge = read(t, "maxAge", parseSpan(shortest, maxProof))
	p.ACRValues = readAll(t, "acrValues", parseACR)
	notEmpty(t, "acrValues", "no way of signing in would do")
	readGroupsFrom(t, &p)
	d.checkTwin(t, p)
	d.providers.put(t, "provider", p.Name, p, before)
}

// readGroupsFrom reads where the groups of a person are told.
func readGroupsFrom(t table, p *Provider) {
	p.GroupsFrom = orElse(read(t, "groupsFrom", parseGroupsFrom), groupsFrom[0])
	p.GraphURL = read(t, "graphURL", parseGraph)
	if n := t.at["graphURL"]; n != nil && p.GroupsFrom != groupsFromGraph {
		t.fail(n, "%s has graphURL, which is asked with groupsFrom: graph only; set that, or remove it", t.what)
	}
}

// certificates reads a file of certificates in PEM.
func (d *draft) certificates(t table, key, provider string) []byte {
	path := d.path(t.text(key))
	if path == "" {
		return nil
	}
	b, err := certificateFile(path)
	d.named(File{Key: "signIn", Name: provider, what: Certificates}, path, b)
	if err != nil {
		t.fail(t.at[key], "%s: %v", t.of(key), err)
	}
	return b
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

const groupsFromGraph = "graph"

// groupsFrom are the places where a provider may tell groups; the first is
// the default.
var groupsFrom = [...]string{"idToken", "userinfo", groupsFromGraph}

func parseGroupsFrom(s string) (string, error) {
	if !slices.Contains(groupsFrom[:], s) {
		return "", fmt.Errorf("%q is no place for groups; write idToken, userinfo or graph", s)
	}
	return s, nil
}

func parseGraph(s string) (string, error) {
	u, err := parseWeb(s)
	if err == nil && (u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery) {
		err = errors.New("more than scheme and host; write one such as https://graph.microsoft.us")
	}
	return s, err
}

// parsePrompt reads what is asked of a provider's sign-in page. none is not
// among it: with it nobody could sign in who is not signed in there already.
func parsePrompt(s string) (string, error) {
	words := strings.Fields(s)
	for _, w := range words {
		if !slices.Contains([]string{"login", "consent", "select_account"}, w) {
			return "", fmt.Errorf("%q is not known; write login, consent or select_account, or several with spaces between", w)
		}
	}
	return strings.Join(words, " "), nil
}

func parseACR(s string) (string, error) {
	if strings.ContainsAny(s, " \n") {
		return "", fmt.Errorf("%q is not one value; write each as an entry of its own", s)
	}
	return s, nil
}

func parseScope(s string) (string, error) {
	if !scopeForm.MatchString(s) {
		return "", fmt.Errorf("%q is not one scope; write each as an entry of its own", s)
	}
	return s, nil
}

func (d *draft) readNotify() {
	t, ok := d.root.section("notify")
	if !ok {
		return
	}
	for _, w := range t.entries("webhooks", "webhook") {
		before := len(d.errors)
		var hook Webhook
		hook.Name = read(w, "name", parseName)
		hook.URL = read(w, "url", parseHook)
		hook.Secret = d.secret(w, "secret", File{Key: "notify", Name: hook.Name, what: webhookSecret})
		checkHookSecret(w, hook.Secret)
		d.webhooks.put(w, "webhook", hook.Name, hook, before)
	}
	d.cfg.Webhooks = d.webhooks.items
}

// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
// wants 24 to 64 bytes of key.
const (
	shortestHookSecret = 24
	longestHookSecret  = 64
)

// checkHookSecret refuses a secret that could be guessed from a notice: whoever
// receives one can try at leisure which secret made its signature.
func checkHookSecret(w table, s Secret) {
	n := len(s.Reveal())
	switch {
	case n == 0: // told already
	case n < shortestHookSecret:
		w.fail(w.at["secret"], "%s is too short, %d bytes; Standard Webhooks wants %d to %d: make another, such as with 'openssl rand -base64 32', and give it to the receiver too", w.of("secret"), n, shortestHookSecret, longestHookSecret)
	case n > longestHookSecret:
		w.warn(w.at["secret"], "%s has %d bytes, and Standard Webhooks wants %d to %d; a receiver's library may refuse it", w.of("secret"), n, shortestHookSecret, longestHookSecret)
	}
}
