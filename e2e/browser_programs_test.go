package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/daypass/daypass/api"
)

// letsProgramsIn lets one in by its typed code and turns one away that asks by
// a link, and then meets the pages as somebody who has the client does.
func letsProgramsIn(b *tab, home string) {
	b.signIn("staff", "staff-1", "Where to?")
	b.visit("/client", 200)
	b.says("Get kubectl daypass", "kubectl daypass login "+home)
	b.examine("client")
	c, d := typing(b.t, home)
	b.visit("/client/device", 200)
	b.examine("device")
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), "bbbb bbbb"))
	b.expect("/client/device")
	b.answered(submit, 400, "No program waits under this code.")
	b.examine("device-wrong")
	b.do(chromedp.SendKeys(chromedp.CSS("#code"), strings.ToLower(d.UserCode)))
	b.follow(submit, "Let a program in")
	b.says(d.UserCode, "build-host", "it cannot break the glass")
	b.examine("device-confirm")
	b.follow(`button[value="allow"]`, "Let a program in")
	b.says("It is let in. Go back to its terminal.")
	b.examine("device-done")
	in, err := c.SignIn(b.t.Context(), api.SignIn{Grant: api.GrantDevice, DeviceCode: d.DeviceCode})
	if err != nil || in.Person.Label != "engineer@example.com" {
		b.t.Errorf("the program is signed in as %q: %v", in.Person.Label, err)
	}
	b.do(chromedp.Navigate(home + asksByLink(c)))
	b.says("Let the program", "http://127.0.0.1:1")
	b.examine("authorize")
	withTheClient(b)
}

// typing is a program that waits for its code to be typed.
func typing(t *testing.T, home string) (*api.Client, api.Device) {
	t.Helper()
	server := must[*url.URL](t)(api.ParseServer(home))
	key, err := api.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	c := &api.Client{Server: server, Key: key, HTTP: &http.Client{Timeout: 10 * time.Second}}
	return c, must[api.Device](t)(c.BeginDevice(t.Context(), api.DeviceAsk{Name: "build-host"}))
}

func asksByLink(c *api.Client) string {
	thumbprint, _ := api.Thumbprint(&c.Key.PublicKey) // of a key made just now
	return "/client/authorize?" + url.Values{"redirect_uri": {"http://127.0.0.1:1/callback"}, "state": {"s"}, "code_challenge": {strings.Repeat("c", 43)},
		"code_challenge_method": {"S256"}, "dpop_jkt": {thumbprint}, "client_name": {"laptop"}}.Encode()
}

// withTheClient sees the renewing form first, and no secret in it.
func withTheClient(b *tab) {
	b.t.Helper()
	b.visit("/clusters/payments-dev", 200)
	b.follow(submit, "Works until")
	b.says("kubectl daypass get --lease ls_", "there is nothing to renew")
	b.examine("kubeconfig-renewing")
	lease := ask[string](b, "location.pathname")
	if text := string(readFile(b.t, b.downloaded(getFile))); !strings.Contains(text, "kubectl-daypass") || strings.Contains(text, "k8s-aws-v1.") {
		b.t.Errorf("the file is none that renews itself: %s", withoutTokens(text))
	}
	b.follow(showForm, "payments-dev-viewer.yaml")
	b.says("This holds no secret")
	b.examine("shown-renewing")
	b.visit("/access", 200)
	b.says("kubectl daypass on build-host")
	b.examine("my-access-programs")
	b.visit(lease+"?form=file", 200)
	b.says("This dies with its token")
}

// administrator ends what somebody else holds, and signs them out.
func administrator(b *tab) {
	b.signIn("staff", "staff-5", "No cluster is open to you.")
	b.follow(`nav a[href="/administration"]`, "Administration")
	b.says("engineer@example.com", "payments-dev")
	b.examine("administration")
	b.follow(`a[aria-label^="End…"]`, "Nothing has been ended yet.") // broken glass is asked about
	b.says("INC-7: the ledger is down")
	b.examine("administration-confirm-glass")
	b.visit("/administration?person=engineer@example.com", 200)
	b.says("Where engineer@example.com is signed in", "kubectl daypass on build-host")
	b.examine("administration-person")
	b.follow(`form[action*="/sessions/"] button`, "Administration") // the newest: of the program
	b.says("Where engineer@example.com is signed in")
	b.follow(`a[href^="/administration/people/"]`, "Nothing has been ended yet.")
	b.says("Sign engineer@example.com out and end all their leases?")
	b.examine("administration-confirm")
	b.follow(`form[action^="/administration/people/"] button`, "Administration")
	b.says("No active lease fits that search.", "Nowhere.")
	b.examine("administration-gone")
	b.visit("/administration?person=nobody@example.com", 200)
	b.examine("administration-none")
}
