package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// twins are two EKS clusters of one name in two regions, and one more in
// another account.
const twins = `url: https://daypass.example.com
database: {sqlite: d.db}
signIn: {providers: [{name: okta, issuer: 'https://okta.example.com', clientID: a, clientSecret: {env: SECRET}}]}
clusters:
  - {name: west, arn: "arn:aws:eks:eu-west-1:111122223333:cluster/main"}
  - {name: south, arn: "arn:aws:eks:eu-south-1:111122223333:cluster/main"}
  - {name: other, arn: "arn:aws:eks:eu-west-1:444455556666:cluster/main"}
roles:
  - {name: viewer, arn: "ROLE"}
grants:
  - {name: all, who: [{provider: okta}], clusters: [{arn: "arn:*"}], role: viewer}
`

func TestWarnings(t *testing.T) {
	const replay = `clusters %q and %q are both named "main" in EKS and both take %s: a token for one opens the other; give each a role of its own, for example with {region} in the role's arn`
	with := func(old, text string) string { return strings.Replace(base, old, text, 1) }
	twin := func(role string) string { return strings.Replace(twins, "ROLE", role, 1) }
	for _, tt := range []struct {
		claim, file string
		want        []string
	}{
		{"a good file has none", base, nil},
		{"same-named clusters of one account under one role", twin("arn:aws:iam::{account}:role/v"), []string{
			"6: " + fmt.Sprintf(replay, "west", "south", "arn:aws:iam::111122223333:role/v")}},
		{"same-named clusters of two accounts under one role", twin("arn:aws:iam::111122223333:role/v"), []string{
			"6: " + fmt.Sprintf(replay, "west", "south", "arn:aws:iam::111122223333:role/v"),
			"7: " + fmt.Sprintf(replay, "west", "other", "arn:aws:iam::111122223333:role/v")}},
		{"same-named clusters under roles of their own", twin("arn:aws:iam::{account}:role/v-{region}"), nil},
		{"same-named clusters of which one is opened", strings.Replace(twin("arn:aws:iam::111122223333:role/v"), `{arn: "arn:*"}`, "{name: west}", 1), []string{
			`6: cluster "south" is opened by no grant; add it to one or remove it`,
			`7: cluster "other" is opened by no grant; add it to one or remove it`}},
		{"a grant that is over", with(grant, "role: viewer, until: 2026-03-01T13:00:00+01:00}"), []string{
			`13: grant "view" is over since 1 March 2026 12:00 UTC; remove or prolong it`}},
		{"a grant that is over in a second", with(grant, "role: viewer, until: 2026-03-01T12:00:01Z}"), nil},
		{"a role nobody has", with("role/viewer\"}", "role/viewer\"}, {name: admin, arn: 'arn:aws:iam::111122223333:role/a'}"), []string{
			`11: role "admin" is given by no grant; add one or remove it`}},
		{"a cluster nobody opens", with("labels: {env: prod}}", "labels: {env: prod}}, {name: two, arn: 'arn:aws:eks:eu-west-1:111122223333:cluster/two'}"), []string{
			`10: cluster "two" is opened by no grant; add it to one or remove it`}},
		{"break-glass that tells nobody", with(grant, "role: viewer, breakGlass: {whom: all}}"), []string{
			`13: grant "view" breaks the glass and tells nobody; name a webhook in tells`}},
		{"a url of this machine at another port", with("url: https://daypass.example.com", "url: http://127.0.0.1:8081"), []string{
			`1: url is http://127.0.0.1:8081, and listen is 127.0.0.1:8080: Daypass does not answer at the port of its own url; give both the same port, unless something on this machine passes requests on`}},
		{"a url of this machine without a port", with("url: https://daypass.example.com", "url: http://localhost"), []string{
			`1: url is http://localhost, and listen is 127.0.0.1:8080: Daypass does not answer at the port of its own url; give both the same port, unless something on this machine passes requests on`}},
		{"a url of this machine at the port that is listened at", with("url: https://daypass.example.com", "url: http://localhost:8082\nlisten: ':8082'"), nil},
		{"a url of this machine behind TLS", with("url: https://daypass.example.com", "url: https://localhost:8443"), nil},
		{"a webhook's secret too long", base + strings.Replace(hooks, "{env: SECRET}", "{env: LONG_SECRET}", 1), []string{
			`14: webhook "security": secret has 65 bytes, and Standard Webhooks wants 24 to 64; a receiver's library may refuse it`}},
		{"proxies that are everybody", base + "trustedProxies: ['0.0.0.0/0']\n", []string{
			`14: trustedProxies believes everybody, so that anybody can claim any address; list your proxies only`}},
		{"networks behind an unknown proxy", with(grant, "role: viewer, networks: [203.0.113.0/24]}"), []string{
			`13: grant "view" demands networks, but trustedProxies is not set, so that everybody seems to come from the proxy in front of Daypass; list the proxy in trustedProxies`}},
		{"networks behind a known proxy", with(grant, "role: viewer, networks: [203.0.113.0/24]}") + "trustedProxies: [10.0.0.0/8]\n", nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c, warnings, err := Parse("f", []byte(tt.file), environment, today)
			if err != nil || c == nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range warnings {
				got = append(got, strings.TrimPrefix(w.String(), "f:"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWarningsComeWithErrorsToo(t *testing.T) {
	_, warnings, err := Parse("f", []byte(strings.Replace(base, grant, "role: viewr, until: 2020-01-01T00:00:00Z}", 1)), environment, today)
	if err == nil || len(warnings) != 2 {
		t.Errorf("%v, %v", warnings, err)
	}
}

func TestALargeFileIsReadWhole(t *testing.T) {
	var b strings.Builder
	b.WriteString(strings.Replace(base, "{name: one}]", "{arn: 'arn:aws:eks:*'}]", 1)[:strings.Index(base, "clusters: [")])
	b.WriteString("roles: [{name: viewer, arn: \"arn:{partition}:iam::{account}:role/viewer\"}]\ngrants:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  - {name: g%d, who: [{group: okta:g%d}], clusters: [{labels: {n: \"%d\"}}], role: viewer}\n", i, i, i)
	}
	b.WriteString("clusters:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  - {name: c%d, arn: \"arn:aws:eks:eu-west-1:111122223333:cluster/c%d\", labels: {n: \"%d\"}}\n", i, i, i%100)
	}
	c, warnings, err := Parse("f", []byte(b.String()), environment, today)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if n := len(c.Policy.Clusters()); n != 5000 {
		t.Errorf("%d clusters", n)
	}
}

func TestUntilIsKeptInUTC(t *testing.T) {
	c, _, err := Parse("f", []byte(strings.Replace(base, grant, "role: viewer, until: 2026-12-31T18:00:00+01:00}", 1)), environment, today)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Policy.Grants()[0].Until, time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAFileOfErrorsIsToldInPart(t *testing.T) {
	_, _, err := Parse("f", []byte(strings.Repeat("nonsense: 1\n", maxProblems+5)), environment, today)
	lines := strings.Split(err.Error(), "\n")
	last := lines[len(lines)-1]
	if len(lines) != maxProblems+1 || !strings.HasSuffix(last, " more problems from here on; correct those above first") {
		t.Errorf("%d lines, the last: %s", len(lines), last)
	}
}

func TestWindowsLineEndsAreFine(t *testing.T) {
	_, warnings, err := Parse("f", []byte(strings.ReplaceAll(base, "\n", "\r\n")), environment, today)
	if err != nil || len(warnings) > 0 {
		t.Error(err, warnings)
	}
}
