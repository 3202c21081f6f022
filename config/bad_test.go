package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// base is a small good file; bad ones differ from it in one place.
const base = `url: https://daypass.example.com
database: {sqlite: d.db}
signIn:
  idle: 1h
  providers:
    - name: okta
      issuer: https://okta.example.com
      clientID: daypass
      clientSecret: {env: SECRET}
clusters: [{name: one, arn: "arn:aws:eks:eu-west-1:111122223333:cluster/one", labels: {env: prod}}]
roles: [{name: viewer, arn: "arn:{partition}:iam::{account}:role/viewer"}]
grants:
  - {name: view, who: [{group: okta:eng}], clusters: [{name: one}], role: viewer}
`

// bad is base with one replacement, or with something added at line 14.
type bad struct {
	claim    string
	old, new string
	want     string // one line per error, without the file's name
}

func (b bad) file() string {
	switch {
	case b.old == "":
		return base + b.new
	case b.old == "all":
		return b.new
	}
	return strings.Replace(base, b.old, b.new, 1)
}

func TestABadFileIsToldWithLineAndRemedy(t *testing.T) {
	for _, tt := range badFiles {
		t.Run(tt.claim, func(t *testing.T) {
			if tt.old != "" && tt.old != "all" && !strings.Contains(base, tt.old) {
				t.Fatalf("base does not hold %q", tt.old)
			}
			c, _, err := Parse("f", []byte(tt.file()), environment, today)
			if err == nil || c != nil {
				t.Fatal("was taken")
			}
			var got []string
			for _, line := range strings.Split(err.Error(), "\n") {
				got = append(got, strings.TrimPrefix(line, "f:"))
			}
			if diff := cmp.Diff(strings.Split(tt.want, "\n"), got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), hush) {
				t.Error("the error quotes a secret")
			}
		})
	}
}
