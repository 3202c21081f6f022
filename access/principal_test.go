package access

import (
	"testing"
	"time"
)

// Letters that look or fold alike belong to other people.
func TestAnEmailIsThatOfOnePerson(t *testing.T) {
	grant := Grant{Name: "g", Who: Whos{{Provider: "okta", Email: "Kate.Swan@example.com"}}, Clusters: []Where{{}}, Role: "viewer", Longest: time.Hour}
	arn, err := ParseARN("arn:aws:eks:eu-west-1:111122223333:cluster/pay")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile([]Cluster{{Name: "pay", ARN: arn}}, []Role{{Name: "viewer", ARN: "arn:aws:iam::{account}:role/v"}}, []Grant{grant})
	if err != nil {
		t.Fatal(err)
	}
	for email, want := range map[string]Answer{
		"kate.swan@example.com":           Allowed,
		"KATE.SWAN@EXAMPLE.COM":           Allowed,
		"\u212aate.swan@example.com":      Refused, // the sign of kelvin
		"kate.\u017fwan@example.com":      Refused, // long s
		"k\u0430te.swan@example.com":      Refused, // Cyrillic
		"kate.swan@example.com\u200b":     Refused,
		"kate.swan@example.com.evil.test": Refused,
	} {
		who := Standing{Principal: Principal{Provider: "okta", Issuer: "i", Subject: "s", Email: email}}
		if got := p.Decide(Ask{Cluster: "pay", Role: "viewer"}, who, time.Unix(0, 0)).Answer; got != want {
			t.Errorf("%q: %v, want %v", email, got, want)
		}
		if _, got := grant.Who.Match(who.Principal); got != (want == Allowed) {
			t.Errorf("%q: matches: %v", email, got)
		}
	}
}
