package access

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDiffSaysWhoGainsAndWhoLoses(t *testing.T) {
	before := company(t)
	cs, rs, gs := slices.Clone(before.Clusters()), slices.Clone(before.Roles()), slices.Clone(before.Grants())
	gs[0].Longest = 4 * time.Hour                                                                                                                                               // eng-view is shortened
	gs[1].Clusters = []Where{{Name: "pay-prod"}}                                                                                                                                // eng-edit moves to production
	gs[3].Until, gs[3].Networks = gs[3].Until.Add(24*time.Hour), nil                                                                                                            // guests stay longer, from anywhere
	gs = append(gs[:4], Grant{Name: "sales", Who: Whos{{Provider: "okta", Email: "bo@example.com"}}, Clusters: []Where{{Name: "pay-dev"}}, Role: "viewer", Longest: time.Hour}) // oncall is gone
	cs[0] = cluster(t, "data-dev", "arn:aws:eks:us-west-2:444455556666:cluster/data", "env", "dev")
	rs[2].ARN = "arn:aws:iam::{account}:role/other"
	after, err := Compile(cs, rs, gs)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"okta:bo@example.com gains viewer on pay-dev",
		"okta:eng gains editor on pay-prod",
		"okta:eng loses editor on data-dev",
		"okta:oncall loses admin on pay-prod, by breaking the glass",
		"grant eng-view: the longest lease: 4 h, was 8 h",
		"grant guest-view: the end: 2026-03-04T12:00:00Z, was 2026-03-03T12:00:00Z",
		"grant guest-view: the networks: none, was 203.0.113.0/24",
		"cluster data-dev is now arn:aws:eks:us-west-2:444455556666:cluster/data, was arn:aws:eks:us-east-1:444455556666:cluster/data",
		"role admin is now arn:aws:iam::{account}:role/other, was arn:aws:iam::{account}:role/daypass-admin",
	}
	if diff := cmp.Diff(want, Diff(before, after)); diff != "" {
		t.Error(diff)
	}
	if same := Diff(before, company(t)); len(same) != 0 {
		t.Errorf("nothing changed, yet: %v", same)
	}
}

func TestDiffCountsWhereNamesWouldBeTooMany(t *testing.T) {
	var cs []Cluster
	for _, n := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		cs = append(cs, cluster(t, n, "arn:aws:eks:eu-west-1:111122223333:cluster/"+n))
	}
	role := []Role{{Name: "v", ARN: "arn:aws:iam::{account}:role/v"}}
	before, err := Compile(cs, role, nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Compile(cs, role, []Grant{{Name: "g", Who: Whos{{Provider: "okta"}}, Clusters: []Where{{}}, Role: "v", Longest: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"everybody of okta gains v on a, b, c, d, e and 2 more"}, Diff(before, after)); diff != "" {
		t.Error(diff)
	}
}
