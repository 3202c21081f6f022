package auth

import (
	"net/url"
	"strings"
	"testing"
)

func hostile() []string {
	return []string{
		"", "evil.example", "//evil.example", "///evil.example", "////evil.example", "https://evil.example", "http:evil.example",
		"https:/evil.example", "javascript:alert(1)", "data:text/html,x", `/\evil.example`, `\\evil.example`, `\/evil.example`,
		`/\/evil.example`, "/\t/evil.example", "/%09/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example",
		"/\n/evil.example", "/a\r\nSet-Cookie:x=y", "/%0d%0aLocation:%20x", "/%0a", "/%00", "/%5cevil.example", "/%5Cevil.example",
		"/%2f/evil.example", "/%2Fevil.example", "/a//b", "/..//evil.example", "/../evil", "/./x", "/a/../../b", "/%2e%2e/x", "/a/%2e%2e%2fb",
		"/x\x7f", "/é", "/／evil.example", "/\u202eevil", "//user@evil.example", "/a%zz", "?x=y", "#x", "%2f", "%2fc/x", ".", "..", "./x",
		"/auth", "/auth/okta", "/auth/okta/callback?code=x", "/%61uth/okta", "/auth/", "/" + strings.Repeat("a", maxReturn), "/" + strings.Repeat(">", 1000),
	}
}

func TestReturnPathRefusesWhatLeadsElsewhere(t *testing.T) {
	for _, s := range hostile() {
		if got := ReturnPath(s); got != "/" {
			t.Errorf("%q leads to %q", s, got)
		}
	}
}

func TestReturnPathKeepsPathsOfThisSite(t *testing.T) {
	for s, want := range map[string]string{
		"/":                                "/",
		"/c/prod-eu/view":                  "/c/prod-eu/view",
		"/c/prod-eu/view?for=1h":           "/c/prod-eu/view?for=1h",
		"/leases/":                         "/leases/",
		"/audit?who=a%40b.c&back=//x":      "/audit?who=a%40b.c&back=//x",
		"/audit?q=a%0ab":                   "/audit?q=a%0ab",
		"/c/a%2Fb":                         "/c/a%2Fb",
		"/c/x#part":                        "/c/x",
		"/authors":                         "/authors",
		"/c/%C3%A9":                        "/c/%C3%A9",
		"/c/a..b/...":                      "/c/a..b/...",
		"/" + strings.Repeat("a", 2000):    "/" + strings.Repeat("a", 2000),
		"/c/arn:aws:eks:eu-west-1:1:cl/up": "/c/arn:aws:eks:eu-west-1:1:cl/up",
	} {
		if got := ReturnPath(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

func FuzzReturnPathStaysOnThisSite(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Add("/c/x?y=z#t")
	site, err := url.Parse("https://daypass.example/auth/okta/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := ReturnPath(s)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00 ") {
			t.Fatalf("%q becomes %q", s, got)
		}
		ref, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q becomes %q, which cannot be read: %v", s, got, err)
		}
		if to := site.ResolveReference(ref); to.Host != site.Host || to.Scheme != site.Scheme || to.User != nil {
			t.Fatalf("%q leads to %q", s, to)
		}
		if again := ReturnPath(got); again != got {
			t.Fatalf("%q becomes %q, and that becomes %q", s, got, again)
		}
	})
}
