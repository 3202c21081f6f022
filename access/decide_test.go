package access

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func cluster(t testing.TB, name, arn string, labels ...string) Cluster {
	t.Helper()
	a, err := ParseARN(arn)
	if err != nil {
		t.Fatal(err)
	}
	c := Cluster{Name: name, ARN: a, Account: a.Account, Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		c.Labels[labels[i]] = labels[i+1]
	}
	return c
}

// company is a policy with one grant of each sort.
func company(t testing.TB) *Policy {
	t.Helper()
	p, err := Compile(
		[]Cluster{
			cluster(t, "pay-prod", "arn:aws:eks:eu-west-1:111122223333:cluster/pay", "env", "prod"),
			cluster(t, "pay-dev", "arn:aws:eks:eu-west-1:444455556666:cluster/pay", "env", "dev"),
			cluster(t, "data-dev", "arn:aws:eks:us-east-1:444455556666:cluster/data", "env", "dev"),
		},
		[]Role{
			{Name: "viewer", ARN: "arn:{partition}:iam::{account}:role/daypass-viewer"},
			{Name: "editor", ARN: "arn:{partition}:iam::{account}:role/team/daypass-editor"},
			{Name: "admin", ARN: "arn:aws:iam::{account}:role/daypass-admin"},
		},
		[]Grant{
			{Name: "eng-view", Who: Whos{{Provider: "okta", Group: "eng"}}, Clusters: []Where{{}}, Role: "viewer", Longest: 8 * time.Hour},
			{Name: "eng-edit", Who: Whos{{Provider: "okta", Group: "eng"}}, Clusters: []Where{{Labels: map[string]string{"env": "dev"}}}, Role: "editor", Longest: 2 * time.Hour, Reason: true, ReasonHint: "Ticket"},
			{Name: "eng-edit-short", Who: Whos{{Provider: "okta", Group: "eng"}}, Clusters: []Where{{Name: "pay-dev"}}, Role: "editor", Longest: time.Hour},
			{Name: "guest-view", Who: Whos{{Provider: "guests"}}, Clusters: []Where{{Name: "pay-dev"}}, Role: "viewer", Longest: time.Hour,
				Until: noon.Add(24 * time.Hour), Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
			{Name: "oncall", Who: Whos{{Provider: "okta", Group: "oncall"}}, Clusters: []Where{{ARN: "arn:aws:eks:*:111122223333:cluster/*"}}, Role: "admin", Longest: time.Hour, BreakGlass: true, Tells: []string{"sec"}},
		})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func someone(provider string, groups ...string) Standing {
	return Standing{Principal: Principal{Provider: provider, Issuer: "https://" + provider, Subject: "s1", Email: "ann@example.com", Groups: groups},
		Address: netip.MustParseAddr("203.0.113.9")}
}

func TestDecide(t *testing.T) {
	eng, oncall, guest := someone("okta", "eng"), someone("okta", "oncall"), someone("guests")
	abroad := guest
	abroad.Address = netip.MustParseAddr("198.51.100.1")
	mapped := guest
	mapped.Address = netip.MustParseAddr("::ffff:203.0.113.9")
	impostor := someone("guests", "eng", "oncall")
	tests := []struct {
		claim string
		ask   Ask
		who   Standing
		at    time.Time
		want  string // answer grant through ends-after needs | refusal codes
	}{
		{"allows what a grant gives", Ask{Cluster: "pay-prod", Role: "viewer", For: 4 * time.Hour}, eng, noon, "allowed eng-view okta:eng 4h0m0s []"},
		{"lasts an hour unless asked otherwise", Ask{Cluster: "pay-prod", Role: "viewer"}, eng, noon, "allowed eng-view okta:eng 1h0m0s []"},
		{"allows exactly the longest", Ask{Cluster: "pay-prod", Role: "viewer", For: 8 * time.Hour}, eng, noon, "allowed eng-view okta:eng 8h0m0s []"},
		{"refuses a lease longer than the grant allows", Ask{Cluster: "pay-prod", Role: "viewer", For: 8*time.Hour + 1}, eng, noon, "refused too-long"},
		{"refuses a lease shorter than a token", Ask{Cluster: "pay-prod", Role: "viewer", For: time.Minute}, eng, noon, "refused too-short"},
		{"refuses a negative lease", Ask{Cluster: "pay-prod", Role: "viewer", For: -time.Hour}, eng, noon, "refused too-short"},
		{"prefers the grant that lacks nothing", Ask{Cluster: "pay-dev", Role: "editor", For: time.Hour}, eng, noon, "allowed eng-edit-short okta:eng 1h0m0s []"},
		{"prefers the longest among those that lack nothing", Ask{Cluster: "pay-dev", Role: "editor", Reason: "T-1"}, eng, noon, "allowed eng-edit okta:eng 1h0m0s []"},
		{"needs a reason where the grant wants one", Ask{Cluster: "data-dev", Role: "editor"}, eng, noon, "needs eng-edit okta:eng 1h0m0s [reason]"},
		{"takes no blank for a reason", Ask{Cluster: "data-dev", Role: "editor", Reason: " \t\n"}, eng, noon, "needs eng-edit okta:eng 1h0m0s [reason]"},
		{"refuses an endless reason", Ask{Cluster: "data-dev", Role: "editor", Reason: strings.Repeat("x", MaxReason+1)}, eng, noon, "refused reason-too-long"},
		{"knows no other cluster", Ask{Cluster: "nope", Role: "viewer"}, eng, noon, "refused unknown-cluster"},
		{"knows no other role", Ask{Cluster: "pay-dev", Role: "root"}, eng, noon, "refused unknown-role"},
		{"refuses who has no grant", Ask{Cluster: "pay-prod", Role: "editor"}, eng, noon, "refused no-grant"},
		{"never chooses break-glass by itself", Ask{Cluster: "pay-prod", Role: "admin", Reason: "fire", Confirmed: true}, oncall, noon, "refused break-glass-only"},
		{"needs reason and confirmation to break the glass", Ask{Cluster: "pay-prod", Role: "admin", BreakGlass: true}, oncall, noon, "needs oncall okta:oncall 1h0m0s [reason confirmation]"},
		{"needs the confirmation even with a reason", Ask{Cluster: "pay-prod", Role: "admin", BreakGlass: true, Reason: "fire"}, oncall, noon, "needs oncall okta:oncall 1h0m0s [confirmation]"},
		{"breaks the glass", Ask{Cluster: "pay-prod", Role: "admin", BreakGlass: true, Reason: "fire", Confirmed: true}, oncall, noon, "allowed oncall okta:oncall 1h0m0s []"},
		{"breaks no glass where the way is open", Ask{Cluster: "pay-prod", Role: "viewer", BreakGlass: true, Reason: "x", Confirmed: true}, eng, noon, "refused not-break-glass"},
		{"an ARN pattern opens only what it fits", Ask{Cluster: "pay-dev", Role: "admin", BreakGlass: true, Reason: "x", Confirmed: true}, oncall, noon, "refused no-grant"},
		{"admits everybody of a provider", Ask{Cluster: "pay-dev", Role: "viewer"}, guest, noon, "allowed guest-view everybody of guests 1h0m0s []"},
		{"knows an IPv4 address in IPv6 clothes", Ask{Cluster: "pay-dev", Role: "viewer"}, mapped, noon, "allowed guest-view everybody of guests 1h0m0s []"},
		{"refuses from outside the networks", Ask{Cluster: "pay-dev", Role: "viewer"}, abroad, noon, "refused outside-networks"},
		{"ends a lease with the grant", Ask{Cluster: "pay-dev", Role: "viewer"}, guest, noon.Add(23*time.Hour + 30*time.Minute), "allowed guest-view everybody of guests 30m0s []"},
		{"allows until the last microsecond", Ask{Cluster: "pay-dev", Role: "viewer"}, guest, noon.Add(24*time.Hour - time.Microsecond), "allowed guest-view everybody of guests 1µs []"},
		{"refuses at the very instant the grant ends", Ask{Cluster: "pay-dev", Role: "viewer"}, guest, noon.Add(24 * time.Hour), "refused grant-over"},
		{"a group of one provider is nothing at another", Ask{Cluster: "pay-prod", Role: "viewer"}, impostor, noon, "refused no-grant"},
	}
	p := company(t)
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			if got := told(p.Decide(tt.ask, tt.who, tt.at), tt.at); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func told(d Decision, now time.Time) string {
	if d.Answer == Refused {
		s := "refused"
		for _, r := range d.Refusals {
			s += " " + string(r.Code)
		}
		return s
	}
	return fmt.Sprintf("%s %s %s %s %v", d.Answer, d.Grant.Name, d.Through, d.EndsAt.Sub(now), d.Needs)
}

func TestEveryRefusalSaysSomething(t *testing.T) {
	p := company(t)
	for _, c := range []string{"pay-prod", "pay-dev", "data-dev", "nope"} {
		for _, r := range []string{"viewer", "editor", "admin", "root"} {
			for _, glass := range []bool{false, true} {
				d := p.Decide(Ask{Cluster: c, Role: r, BreakGlass: glass, For: 99 * time.Hour}, someone("okta", "eng"), noon)
				if d.Answer != Refused || len(d.Refusals) == 0 {
					t.Fatalf("%s on %s: %s with %d reasons", r, c, d.Answer, len(d.Refusals))
				}
				for _, why := range d.Refusals {
					if why.Code == "" || !strings.HasSuffix(why.Say, ".") {
						t.Errorf("%s on %s: %+v", r, c, why)
					}
				}
			}
		}
	}
}

func TestRefusalNamesTheGroupToAskFor(t *testing.T) {
	d := company(t).Decide(Ask{Cluster: "pay-dev", Role: "editor"}, someone("okta", "sales"), noon)
	want := []Refusal{{Code: NoGrant, Say: "No grant lets you be editor on pay-dev. It is for members of okta:eng.", Next: "Ask to be added to the group, then sign in again."}}
	if diff := cmp.Diff(want, d.Refusals); diff != "" {
		t.Error(diff)
	}
}

func TestRoleARNIsFilledFromTheCluster(t *testing.T) {
	d := company(t).Decide(Ask{Cluster: "data-dev", Role: "editor", Reason: "x"}, someone("okta", "eng"), noon)
	if got, want := d.RoleARN.String(), "arn:aws:iam::444455556666:role/team/daypass-editor"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := d.RoleARN.WithoutPath(), "arn:aws:iam::444455556666:role/daypass-editor"; got != want {
		t.Errorf("without its path %s, want %s", got, want)
	}
}

func TestChoicesTellWhatMayBeAsked(t *testing.T) {
	both := someone("okta", "eng", "oncall")
	var got []string
	for _, c := range company(t).Choices("pay-dev", both, noon) {
		got = append(got, fmt.Sprintf("%s %s free for %s, break-glass %v", c.Role.Name, Span(c.Longest), Span(c.FreeFor), c.BreakGlass))
	}
	for _, c := range company(t).Choices("pay-prod", both, noon) {
		got = append(got, fmt.Sprintf("%s %s free for %s, break-glass %v", c.Role.Name, Span(c.Longest), Span(c.FreeFor), c.BreakGlass))
	}
	want := []string{
		"viewer 8 h free for 8 h, break-glass false",
		"editor 2 h free for 1 h, break-glass false",
		"viewer 8 h free for 8 h, break-glass false",
		"admin 1 h free for 0 s, break-glass true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEndDateIsTheLastOne(t *testing.T) {
	p := company(t)
	if got := p.EndDate(someone("guests").Principal); !got.Equal(noon.Add(24 * time.Hour)) {
		t.Errorf("a guest's access ends %s", got)
	}
	if got := p.EndDate(someone("okta", "eng").Principal); !got.IsZero() {
		t.Errorf("an engineer's access ends %s", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	c := []Cluster{cluster(t, "a", "arn:aws:eks:eu-west-1:111122223333:cluster/a")}
	r := []Role{{Name: "v", ARN: "arn:{partition}:iam::{account}:role/v"}, {Name: "cn", ARN: "arn:aws-cn:iam::{account}:role/v"}, {Name: "bad", ARN: "arn:{partition}:iam::{acount}:role/v"}}
	for claim, tt := range map[string]struct {
		clusters []Cluster
		roles    []Role
		grants   []Grant
		want     string
	}{
		"two clusters of one name":             {append(c, c...), r, nil, `two clusters are named "a"`},
		"two roles of one name":                {c, append(r, r...), nil, `two roles are named "v"`},
		"a role that is not declared":          {c, r, []Grant{{Name: "g", Role: "x"}}, `grant "g" gives the role "x", which is not declared`},
		"a role of another partition":          {c, r, []Grant{{Name: "g", Role: "cn", Clusters: []Where{{}}}}, `role "cn" is of the partition aws-cn`},
		"a role whose ARN is none when filled": {c, r, []Grant{{Name: "g", Role: "bad", Clusters: []Where{{}}}}, `role "bad" on cluster "a"`},
	} {
		t.Run(claim, func(t *testing.T) {
			if _, err := Compile(tt.clusters, tt.roles, tt.grants); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestReachAgreesWithDecide holds the list of what one may enter against the
// decision, over policies made by chance.
func TestReachAgreesWithDecide(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		p, who, now := chance(t, rnd)
		want, got := map[string]bool{}, map[string]bool{}
		for _, c := range p.Clusters() {
			for _, r := range p.Roles() {
				for _, glass := range []bool{false, true} {
					if p.Decide(Ask{Cluster: c.Name, Role: r.Name, BreakGlass: glass}, who, now).Answer != Refused {
						want[fmt.Sprint(c.Name, r.Name, glass)] = true
					}
				}
			}
		}
		for _, x := range p.Reach(who, now) {
			for _, r := range x.Roles {
				got[fmt.Sprint(x.Cluster.Name, r.Name, false)] = true
			}
			for _, r := range x.BreakGlass {
				got[fmt.Sprint(x.Cluster.Name, r.Name, true)] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func chance(t *testing.T, rnd *rand.Rand) (*Policy, Standing, time.Time) {
	var cs []Cluster
	for i := range 1 + rnd.IntN(70) {
		cs = append(cs, cluster(t, fmt.Sprintf("c%d", i), fmt.Sprintf("arn:aws:eks:eu-west-1:11112222333%d:cluster/c%d", i%3, i), "env", []string{"dev", "prod"}[i%2]))
	}
	rs := []Role{{Name: "a", ARN: "arn:aws:iam::{account}:role/a"}, {Name: "b", ARN: "arn:aws:iam::{account}:role/b"}}
	var gs []Grant
	for i := range rnd.IntN(8) {
		g := Grant{Name: fmt.Sprintf("g%d", i), Role: rs[rnd.IntN(2)].Name, Longest: time.Duration(1+rnd.IntN(100)) * time.Minute, BreakGlass: rnd.IntN(4) == 0, Reason: rnd.IntN(3) == 0}
		g.Who = Whos{[]Who{{Provider: "p"}, {Provider: "p", Group: "x"}, {Provider: "p", Email: "ANN@example.com"}, {Provider: "p", Subject: "s"}, {Provider: "q", Group: "x"}}[rnd.IntN(5)]}
		g.Clusters = []Where{[]Where{{}, {Name: "c1"}, {Labels: map[string]string{"env": "dev"}}, {ARN: "*:111122223331:*"}, {ARN: "*", Labels: map[string]string{"env": "prod"}}}[rnd.IntN(5)]}
		if rnd.IntN(4) == 0 {
			g.Until = noon.Add(time.Duration(rnd.IntN(3)-1) * time.Hour)
		}
		if rnd.IntN(4) == 0 {
			g.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}
		}
		gs = append(gs, g)
	}
	p, err := Compile(cs, rs, gs)
	if err != nil {
		t.Fatal(err)
	}
	who := Standing{Principal: Principal{Provider: "p", Subject: []string{"s", "t"}[rnd.IntN(2)], Email: []string{"ann@example.com", ""}[rnd.IntN(2)], Groups: []string{"x", "y"}[:rnd.IntN(3)]},
		Address: netip.AddrFrom4([4]byte{203, 0, 113, byte(rnd.IntN(32))})}
	return p, who, noon
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"abc", "abc", true}, {"abc", "abcd", false}, {"*", "", true}, {"*", "x", true}, {"a*", "abc", true}, {"a*", "bac", false},
		{"*c", "abc", true}, {"*c", "abcd", false}, {"a*c", "abc", true}, {"a*a", "a", false}, {"a*b*c", "a1b2c", true}, {"a*b*c", "a1c2b", false},
		{"ab*ba", "aba", false}, {"**", "x", true}, {"", "", true}, {"", "x", false}, {"*ab*", "xaab", true},
	} {
		if got := glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("glob(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

func TestParseARN(t *testing.T) {
	good := []string{
		"arn:aws:eks:eu-west-1:111122223333:cluster/pay",
		"arn:aws-cn:eks:cn-north-1:111122223333:cluster/pay_1",
		"arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/A",
		"arn:aws-iso-b:eks:us-isob-east-1:111122223333:cluster/a",
		"arn:aws-eusc:eks:eusc-de-east-1:111122223333:cluster/a",
		"arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/team/x/a@b",
	}
	for _, s := range good {
		if a, err := ParseARN(s); err != nil || a.String() != s {
			t.Errorf("%s: %v, %v", s, a, err)
		}
	}
	bad := []string{
		"", "arn", "arn:aws:eks:eu-west-1:111122223333", "arn:amazon:eks:eu-west-1:111122223333:cluster/a",
		"arn:aws:eks:eu-west-1:11112222333:cluster/a", "arn:aws:eks::111122223333:cluster/a", "arn:aws:eks:Europe:111122223333:cluster/a",
		"arn:aws:eks:eu-west-1:111122223333:cluster/", "arn:aws:eks:eu-west-1:111122223333:cluster/-a", "arn:aws:eks:eu-west-1:111122223333:nodegroup/a",
		"arn:aws:iam:eu-west-1:111122223333:role/a", "arn:aws:iam::111122223333:user/a", "arn:aws:iam::111122223333:role/", "arn:aws:s3:::bucket",
		"arn:aws:eks:eu-west-1:111122223333:cluster/" + strings.Repeat("a", 101), "arn:aws:iam::111122223333:role/a\n",
	}
	for _, s := range bad {
		if _, err := ParseARN(s); err == nil {
			t.Errorf("%q is taken for an ARN", s)
		}
	}
}

func TestPrincipalIDs(t *testing.T) {
	a := Principal{Provider: "okta", Issuer: "i", Subject: "s", Email: "a@x", Groups: []string{"g"}}
	same := Principal{Provider: "okta", Issuer: "i", Subject: "s", Email: "b@y"}
	if a.ID() != same.ID() {
		t.Error("e-mail or groups changed who somebody is")
	}
	seen := []string{a.ID()}
	for _, p := range []Principal{{Provider: "guests", Issuer: "i", Subject: "s"}, {Provider: "okta", Issuer: "i2", Subject: "s"}, {Provider: "okta", Issuer: "i", Subject: "s2"}, {Provider: "oktai", Issuer: "", Subject: "s"}} {
		if slices.Contains(seen, p.ID()) {
			t.Errorf("%+v shares an ID", p)
		}
		seen = append(seen, p.ID())
	}
}

func TestDigestFollowsTheContent(t *testing.T) {
	a, b := company(t), company(t)
	if a.Digest() != b.Digest() || !strings.HasPrefix(a.Digest(), "sha256:") {
		t.Errorf("%s and %s", a.Digest(), b.Digest())
	}
	gs := slices.Clone(a.Grants())
	gs[0].Longest++
	c, err := Compile(a.Clusters(), a.Roles(), gs)
	if err != nil || c.Digest() == a.Digest() {
		t.Errorf("a longer lease left the digest as it was (%v)", err)
	}
}

// BenchmarkReach lists what one person may enter among 5,000 clusters and 500
// grants, all of which mean the person.
func BenchmarkReach(b *testing.B) {
	var cs []Cluster
	for i := range 5000 {
		cs = append(cs, cluster(b, fmt.Sprintf("c%04d", i), fmt.Sprintf("arn:aws:eks:eu-west-1:%012d:cluster/c%d", i%100, i), "env", fmt.Sprint(i%50)))
	}
	var rs []Role
	for i := range 8 {
		rs = append(rs, Role{Name: fmt.Sprint("r", i), ARN: fmt.Sprintf("arn:aws:iam::{account}:role/r%d", i)})
	}
	var gs []Grant
	who := someone("okta")
	for i := range 500 {
		who.Principal.Groups = append(who.Principal.Groups, fmt.Sprint("g", i))
		gs = append(gs, Grant{Name: fmt.Sprint("g", i), Role: rs[i%8].Name, Longest: time.Hour,
			Who: Whos{{Provider: "okta", Group: fmt.Sprint("g", i)}}, Clusters: []Where{{Labels: map[string]string{"env": fmt.Sprint(i % 50)}}}})
	}
	p, err := Compile(cs, rs, gs)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(p.Reach(who, noon)) != 5000 {
			b.Fatal("not all clusters are open")
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	p, who := company(b), someone("okta", "eng")
	b.ReportAllocs()
	for b.Loop() {
		if p.Decide(Ask{Cluster: "pay-prod", Role: "viewer"}, who, noon).Answer != Allowed {
			b.Fatal("refused")
		}
	}
}
