package awssim

import "testing"

func TestPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		policy  string
		allowed bool
	}{
		"allows all":                           {allowAll, true},
		"denies all":                           {denyAll, false},
		"denies what nothing allows":           {`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, false},
		"lets Deny win over Allow":             {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"eks:Describe*","Resource":"*"}]}`, false},
		"lets a Deny of something else pass":   {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"eks:List*","Resource":"*"}]}`, true},
		"reads actions without regard to case": {`{"Statement":[{"Effect":"Allow","Action":"EKS:describecluster","Resource":"*"}]}`, true},
		"reads resources with regard to case":  {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:eks:*:*:cluster/SHOP"}]}`, false},
		"reads ? as one character":             {`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:eks:*:*:cluster/sho?"}]}`, true},
		"reads NotAction":                      {`{"Statement":[{"Effect":"Allow","NotAction":["eks:*"],"Resource":"*"}]}`, false},
		"reads NotAction the other way":        {`{"Statement":[{"Effect":"Allow","NotAction":"sts:*","Resource":"*"}]}`, true},
		"reads NotResource":                    {`{"Statement":[{"Effect":"Deny","Action":"*","NotResource":"*bank"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`, false},
		"reads NotResource the other way":      {`{"Statement":[{"Effect":"Deny","Action":"*","NotResource":"*shop"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parsePolicy(c.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.allows(DescribeCluster, shopARN); got != c.allowed {
				t.Errorf("allowed %v, want %v", got, c.allowed)
			}
		})
	}
}

func TestPoliciesThatAreNone(t *testing.T) {
	for name, text := range map[string]string{
		"an empty statement":          `{"Statement":[{}]}`,
		"action and not-action":       `{"Statement":[{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}]}`,
		"no resource":                 `{"Statement":[{"Effect":"Allow","Action":"*"}]}`,
		"an action without a service": `{"Statement":[{"Effect":"Allow","Action":"DescribeCluster","Resource":"*"}]}`,
		"an unknown version":          `{"Version":"2030-01-01","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		"an unknown key":              `{"Statement":[{"Effect":"Allow","Actoin":"*","Resource":"*"}]}`,
		"a condition, not evaluated":  `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}]}`,
		"a number for an action":      `{"Statement":[{"Effect":"Allow","Action":7,"Resource":"*"}]}`,
		"a list":                      `[]`,
		"two documents":               allowAll + allowAll,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parsePolicy(text); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestWildcards(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*c", "abbbc", true}, {"a*c", "abbbd", false},
		{"*a*b", "xaxxb", true}, {"*a*b", "xbxxa", false}, {"a?", "a", false}, {"**", "x", true}, {"a*", "b", false},
	} {
		if got := like(c.pattern, c.s); got != c.want {
			t.Errorf("%q like %q: %v", c.s, c.pattern, got)
		}
	}
}
