package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/issuer/awssim"
)

// many is how many clusters a large company's portal lists on one page.
const many = 500

// manyPolicy opens every cluster to the engineers.
const manyPolicy = `
signIn:
  providers:
    - {name: staff, label: Example staff, issuer: "ISSUER", clientID: daypass, clientSecret: {env: STAFF_SECRET}, scopes: [profile, email, groups]}
contact: "the platform team"
clusters:
CLUSTERSroles:
  - {name: reader, arn: "READER", description: Reads namespaces.}
grants:
  - {name: engineers, who: [{group: "staff:engineering"}], clusters: [{labels: {env: dev}}, {labels: {env: prod}}], role: reader, longest: 8h}
`

// newManyClusters is a portal of many clusters, and of one engineer.
func newManyClusters(t *testing.T) *portal {
	t.Helper()
	s, o, names := newSite(t, onSQLite(t)), newOwner(), chain.StartAWS(t)
	provider, secret := must[*oidcsim.Server](t), newOwner().secret
	staff := provider(oidcsim.Start("", oidcsim.Options{
		People:  []oidcsim.Person{{Subject: "staff-1", Email: "engineer@example.com", Name: "The engineer", Groups: []string{"engineering"}}},
		Clients: []oidcsim.Client{{ID: "daypass", Secret: secret, RedirectURIs: []string{s.callback("staff")}}},
	}))
	t.Cleanup(func() {
		if err := staff.Close(); err != nil {
			t.Errorf("close the provider: %v", err)
		}
	})
	var listed strings.Builder
	var known []awssim.Cluster
	for i := range many {
		name, env := manyName(i), []string{"dev", "prod"}[i%2]
		fmt.Fprintf(&listed, "  - {name: %s, arn: %q, labels: {env: %s, team: team-%d}}\n", name, clusterARN(name), env, i%20)
		known = append(known, awssim.Cluster{ARN: clusterARN(name), Endpoint: "https://" + name + ".example", CA: names.Authority.PEM, PublicAccess: true})
	}
	names.Serve(newFace(o, known...).Handler())
	s.rest = strings.NewReplacer("ISSUER", staff.Issuer(), "READER", reader, "CLUSTERS", listed.String()).Replace(manyPolicy)
	s.env = append(append(names.Env(), o.env()...), "STAFF_SECRET="+secret)
	p := s.prepare(t)
	p.Start(t)
	return p
}

// manyName gives names of which none is the beginning of another.
func manyName(i int) string { return fmt.Sprintf("shop-%03d", i) }

// TestBrowserAtManyClusters finds one cluster among all of a large company.
func TestBrowserAtManyClusters(t *testing.T) {
	c := openChromium(t)
	home := newManyClusters(t).URL
	t.Run("typing leaves one row", func(t *testing.T) { findsOne(c.open(t, home, true)) })
	t.Run("asking leaves one row, without scripts", func(t *testing.T) { findsOneWithoutScripts(c.open(t, home, false)) })
}

const shownRows = `[...document.querySelectorAll("#clusters > li:not([hidden])")]`

// comesIn signs the engineer in. One provider is led to straight away.
func (b *tab) comesIn() {
	b.t.Helper()
	b.visit("/", 200)
	b.follow(`a[href*="as=staff-1"]`, "Where to?")
	b.says(fmt.Sprintf("%d clusters are open to you", many))
	if n := ask[int](b, shownRows+".length"); n != many {
		b.t.Fatalf("%d of %d clusters are listed", n, many)
	}
}

// leavesOnly says that one row is left, and whose.
func (b *tab) leavesOnly(name string) {
	b.t.Helper()
	if got := ask[string](b, shownRows+`.map(r => r.querySelector("h3").textContent).join(" ")`); got != name {
		b.t.Fatalf("left are %q, want %s alone", got, name)
	}
}

func findsOne(b *tab) {
	b.comesIn()
	one := manyName(many - 137)
	b.press("/")
	b.until(`document.activeElement.id === "q"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), one))
	b.until(shownRows + ".length === 1")
	b.leavesOnly(one)
	b.says("1 match")
	b.examine("many-clusters-filtered")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "0")) // no name goes on like that
	b.until(shownRows + ".length === 0")
	b.says("0 matches", "None of your clusters has all of these words.")
	b.examine("many-clusters-none")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "\b"))
	b.until(shownRows + ".length === 1")
	b.follow("#clusters > li:not([hidden]) a", "Who do you want to be?") // the row that is left works
	b.says(one)
	b.quiet()
}

func findsOneWithoutScripts(b *tab) {
	b.comesIn()
	one := manyName(41)
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), one))
	b.follow("[data-without-script]", "1 match")
	b.leavesOnly(one)
	b.examine("many-clusters-plain")
	b.follow(`#clusters > li:not([hidden]) a[href="/clusters/`+one+`"]`, "Who do you want to be?")
	b.quiet()
}
