package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web/webtest"
)

// leased is a site with somebody at the page of their lease.
func leased(t *testing.T) (*site, *webtest.Browser, string) {
	t.Helper()
	s := newSite(t)
	b := s.as(t, "eng")
	l := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}, "namespace": {"shop"}})
	l.MustSay(t, 200, "Works until")
	return s, b, l.URL.Path
}

func TestEveryFormIsOnRecordAsWhatItIs(t *testing.T) {
	s, b, lease := leased(t)
	for _, tt := range []struct{ path, form, want, recorded, said string }{
		{"/show", "fish", "set -gx KUBECONFIG", "show-fish", "Looked at the fish snippet"},
		{"/copy", "fish", "set -gx KUBECONFIG", "copy-fish", "Copied the fish snippet"},
		{"/show", "powershell", "not run in our tests", "show-powershell", "Looked at the PowerShell snippet"},
		{"/copy", "powershell", "$env:KUBECONFIG = $file", "copy-powershell", "Copied the PowerShell snippet"},
		{"/show", "cmd", "not run in our tests", "show-cmd", "Looked at the snippet for cmd"},
		{"/copy", "cmd", "set \"KUBECONFIG=%USERPROFILE%", "copy-cmd", "Copied the snippet for cmd"},
	} {
		p := b.Post(lease+tt.path, url.Values{"form": {tt.form}})
		p.MustSay(t, 200, tt.want, secretToken)
		if e := s.events(t, audit.HandedOver)[0].Event; e.Facts["form"] != tt.recorded || e.AccessKeyID != "ASIATEST" {
			t.Errorf("%s %s is on record as %+v", tt.path, tt.form, e)
		}
		b.Get(lease).MustSay(t, 200, tt.said)
	}
}

func TestTheFormForTheAWSCLIHoldsNoSecretAndMintsNothing(t *testing.T) {
	s, b, lease := leased(t)
	s.cloud.failWith(&issuer.Fault{Code: "access-denied", Say: "No."}) // whatever AWS says to Daypass
	for _, path := range []string{"/download", "/copy", "/show"} {
		for form, role := range map[string]bool{"aws": false, "aws-role": true} {
			p := b.Post(lease+path, url.Values{"form": {form}})
			p.MustSay(t, 200, "get-token", "https://pay.example")
			if strings.Contains(p.Text, "k8s-aws-v1") || strings.Contains(p.Text, "arn:aws:iam::111122223333:role/v") != role {
				t.Errorf("%s %s hands over\n%s", path, form, p.Text)
			}
			if e := s.events(t, audit.HandedOver)[0].Event; e.Facts["form"] != form || e.AccessKeyID != "" || e.Details.Email != "eng@example.com" {
				t.Errorf("%s %s is on record as %+v", path, form, e)
			}
		}
	}
	if s.cloud.calls != 1 {
		t.Errorf("%d tokens were minted", s.cloud.calls)
	}
	other := s.as(t, "office").Post(lease+"/download", url.Values{"form": {"aws"}})
	other.MustSay(t, 404)
	b.Post(lease+"/end", nil).MustSay(t, 200)
	b.Post(lease+"/download", url.Values{"form": {"aws"}}).MustSay(t, 409)
}

func TestNamesAreChosenForEachHandOver(t *testing.T) {
	s, b, lease := leased(t)
	chosen := url.Values{"context": {"my $pay"}, "namespace": {"ops"}}
	p := b.Get(lease + "?form=raw&" + chosen.Encode())
	p.MustSay(t, 200, `name="context" value="my $pay"`, `name="namespace" value="ops"`, issuer.FileName("my $pay"))
	tabs := regexp.MustCompile(`href="([^"]*form=(?:fish|cmd|aws|powershell)[^"]*)"`).FindAllStringSubmatch(p.Text, -1)
	if len(tabs) < 4 {
		t.Errorf("%d tabs:\n%s", len(tabs), p.Text)
	}
	for _, m := range tabs {
		if !strings.Contains(m[1], "context=my+%24pay") || !strings.Contains(m[1], "namespace=ops") {
			t.Errorf("the tab %s loses the names", m[1])
		}
	}
	chosen.Set("form", "raw")
	b.Post(lease+"/download", chosen).MustSay(t, 200, "current-context: my $pay", "namespace: ops")
	if m := s.events(t, audit.HandedOver)[0].Event.Details.More; m["context"] != "my $pay" || m["namespace"] != "ops" {
		t.Errorf("on record: %v", m)
	}
	b.Post(lease+"/download", nil).MustSay(t, 200, "current-context: pay-viewer", "namespace: shop")
	none := b.Post(lease+"/download", url.Values{"context": {" "}, "namespace": {""}})
	none.MustSay(t, 200, "current-context: pay-viewer")
	if strings.Contains(none.Text, "namespace:") {
		t.Errorf("a namespace nobody chose:\n%s", none.Text)
	}
}

func TestNamesThatCannotBeAreToldBesideTheirFields(t *testing.T) {
	s, b, lease := leased(t)
	for name, tt := range map[string]struct{ field, value, want string }{
		"a control character":  {"context", "a\x1b[31m", "holds a character that nobody sees"},
		"a line break":         {"context", "a\nb", "holds a character that nobody sees"},
		"too long a name":      {"context", strings.Repeat("a", 254), "has 1 to 253 characters, not 254"},
		"a namespace in words": {"namespace", "My Shop", "cannot be a namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			q := url.Values{"form": {"raw"}, tt.field: {tt.value}}
			for _, p := range []webtest.Page{b.Get(lease + "?" + q.Encode()), b.Post(lease+"/download", q), b.Post(lease+"/show", q), b.Post(lease+"/copy", q)} {
				p.MustSay(t, http.StatusUnprocessableEntity, tt.want, `id="`+tt.field+`-error"`, `aria-invalid="true"`, "<details open")
				if strings.Contains(p.Text, "k8s-aws-v1.") || strings.Contains(p.Text, "/download") || p.Header.Get("Content-Disposition") != "" {
					t.Errorf("it offers something all the same:\n%s", p.Text)
				}
			}
		})
	}
	if n := len(s.events(t, audit.HandedOver)); n != 0 {
		t.Errorf("%d hand-overs are on record", n)
	}
}
