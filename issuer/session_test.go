package issuer_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// sessionForm is what STS takes, without the @ that EKS would change
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
var sessionForm = regexp.MustCompile(`^[\w+=,.-]{2,64}$`)

func TestSessionName(t *testing.T) {
	name := func(email, display string) string {
		return issuer.SessionName(access.Principal{Provider: "okta", Issuer: "i", Subject: "s", Email: email, Name: display})
	}
	hash := access.Principal{Provider: "okta", Issuer: "i", Subject: "s"}.Hash()[:16]
	long := strings.Repeat("a", 47)
	for claim, tt := range map[string]struct{ email, display, want string }{
		"is the readable part of an e-mail":            {"Ann.Lee@example.com", "", "ann.lee"},
		"falls back to the name":                       {"", "Ann Lee", "ann-lee"},
		"falls back to somebody":                       {"", "", "someone"},
		"leaves out what STS does not take":            {"zoë+x/y:z@example.com", "", "zoxyz"},
		"has something to say of an unicode name":      {"", "张伟", "someone"},
		"has something to say of an unicode e-mail":    {"张伟@例子.com", "", "someone"},
		"is cut to what STS takes":                     {strings.Repeat("a", 300) + "@x", "", long},
		"does not end a cut in a dash or a dot":        {strings.Repeat("a", 45) + ".--a@x", "", strings.Repeat("a", 45)},
		"does not start with a dash or a dot":          {".-ann-.@x", "", "ann"},
		"takes an address without a local part":        {"@example.com", "Ann", "ann"},
		"is not fooled by a letter that grows lower":   {"İİİİ" + strings.Repeat("x", 60) + "@x", "", "iiii" + strings.Repeat("x", 43)},
		"keeps control characters and new lines out":   {"a\x00b\nc\td@x", "", "abcd"},
		"is not fooled by broken bytes":                {"a\xff\xfeb@x", "", "ab"},
		"tells nothing of the domain":                  {"ann@secret.example", "", "ann"},
		"takes an address of many at signs":            {"a@b@c", "", "a"},
		"takes a name of nothing but what is left out": {"", "@@@ --- ...", "someone"},
	} {
		t.Run(claim, func(t *testing.T) {
			if got := name(tt.email, tt.display); got != tt.want+"-"+hash || !sessionForm.MatchString(got) {
				t.Errorf("got %q, want %q", got, tt.want+"-"+hash)
			}
		})
	}
	t.Run("is the person's own, whatever their groups", func(t *testing.T) {
		p := access.Principal{Provider: "okta", Issuer: "i", Subject: "s", Email: "a@x"}
		with := p
		with.Groups, with.NoGroupsClaim = []string{"eng"}, true
		if issuer.SessionName(p) != issuer.SessionName(with) {
			t.Error("it changed with the groups")
		}
	})
	t.Run("is no other's, of 100,000 people who differ in one thing", distinctNames)
}

func distinctNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]access.Principal, 100_000)
	for i := range 100_000 {
		p := access.Principal{Provider: "okta", Issuer: "https://okta.example", Subject: "s", Email: randomText(r)}
		switch i % 3 {
		case 0:
			p.Subject = fmt.Sprint(i)
		case 1:
			p.Issuer = fmt.Sprint("https://", i)
		case 2:
			p.Provider = fmt.Sprint("p", i)
		}
		name := issuer.SessionName(p)
		if !sessionForm.MatchString(name) {
			t.Fatalf("%q for %+v", name, p)
		}
		if other, ok := seen[name]; ok {
			t.Fatalf("%+v and %+v are both %s", p, other, name)
		}
		seen[name] = p
		if i%1000 == 0 && issuer.SessionName(p) != name {
			t.Fatal("it is another the second time")
		}
	}
}

func randomText(r *rand.Rand) string {
	b := make([]byte, r.IntN(80))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}
