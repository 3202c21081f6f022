package web_test

import (
	"net/url"
	"strings"
	"testing"

	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web/webtest"
)

// current is the tab that a lease's page opens with.
func current(p webtest.Page) string {
	_, rest, _ := strings.Cut(p.Text, `aria-label="Forms of the kubeconfig"`)
	nav, _, _ := strings.Cut(rest, "</nav>")
	_, after, _ := strings.Cut(nav, "aria-current")
	_, text, _ := strings.Cut(after, ">")
	name, _, _ := strings.Cut(text, "<")
	return name
}

func TestTheRenewingFormComesFirstWhereItFits(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"2h"}, "key": {"a"}}).URL.Path
	short := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"15m"}, "key": {"b"}}).URL.Path
	if got := current(b.Get(lease)); got != "File" {
		t.Errorf("without the client, the page opens with %q", got)
	}
	signedIn(t, s, b)
	p := b.Get(lease)
	if got := current(p); got != "kubectl daypass" {
		t.Errorf("with the client, it opens with %q", got)
	}
	p.MustSay(t, 200, "nothing to renew", "kubectl daypass login "+s.URL, "kubectl daypass get --lease "+strings.TrimPrefix(lease, "/leases/"), "kubectl --context pay-viewer auth whoami")
	if got := current(b.Get(lease + "?form=file")); got != "File" {
		t.Errorf("the file is asked for, and it opens with %q", got)
	}
	if p := b.Get(short); current(p) != "File" || strings.Contains(p.Text, "form=renewing") {
		t.Errorf("a lease as short as a token opens with %q", current(p))
	}
	b.Get(lease+"?form=renewing&context=my+pay&namespace=shop").MustSay(t, 200, "--context &#39;my pay&#39; --namespace shop", "kubectl --context &#39;my pay&#39; auth whoami")
}

func TestTheRenewingFileHoldsNoSecret(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"2h"}, "namespace": {"shop"}, "key": {"a"}}).URL.Path
	for _, how := range []string{"/download", "/copy"} {
		p := b.Post(lease+how, url.Values{"form": {"renewing"}, "context": {"mine"}})
		var c clientcmd.Config
		if err := yaml.UnmarshalStrict([]byte(p.Text), &c); err != nil || p.Status != 200 || len(c.AuthInfos) != 1 {
			t.Fatalf("%s: %d, %v:\n%s", how, p.Status, err, p.Text)
		}
		x := c.AuthInfos[0].AuthInfo
		if x.Token != "" || x.Exec == nil || x.Exec.Command != "kubectl-daypass" || strings.Join(x.Exec.Args, " ") != "token --server "+s.URL+" --lease "+strings.TrimPrefix(lease, "/leases/") ||
			x.Exec.InteractiveMode != clientcmd.NeverExecInteractiveMode || c.CurrentContext != "mine" || c.Contexts[0].Context.Namespace != "shop" || c.Clusters[0].Cluster.Server != "https://pay.example" {
			t.Errorf("%s gives %+v", how, c)
		}
	}
	b.Post(lease+"/show", url.Values{"form": {"renewing"}}).MustSay(t, 200, "it works where kubectl daypass is signed in as you")
	rows := s.events(t, audit.HandedOver)
	for _, r := range rows {
		if r.Event.Facts["form"] != "exec" || r.Event.AccessKeyID != "" {
			t.Errorf("on record: %+v", r.Event)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d hand-overs are on record", len(rows))
	}
	b.Post(lease+"/end", nil)
	b.Post(lease+"/download", url.Values{"form": {"renewing"}}).MustSay(t, 409, "The lease is over")
}
