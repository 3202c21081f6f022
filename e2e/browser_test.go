package e2e_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/daypass/daypass/e2e/chain"
)

// TestBrowserAtTheDemo drives every page of the demo in Chromium.
func TestBrowserAtTheDemo(t *testing.T) {
	c := openChromium(t)
	home := startDemo(t)
	t.Run("an engineer", func(t *testing.T) { engineer(c.open(t, home, true)) })
	t.Run("an engineer without scripts", func(t *testing.T) { engineerWithoutScripts(c.open(t, home, false)) })
	t.Run("a clipboard that refuses", func(t *testing.T) { refusedClipboard(c.open(t, home, true)) })
	t.Run("whoever is on call", func(t *testing.T) { onCall(c.open(t, home, true)) })
	t.Run("a contractor", func(t *testing.T) { contractor(c.open(t, home, true)) })
	t.Run("a newcomer", func(t *testing.T) { newcomer(c.open(t, home, true)) })
	t.Run("a newcomer who cancels", func(t *testing.T) { cancelled(c.open(t, home, true)) })
	t.Run("an engineer with programs", func(t *testing.T) { letsProgramsIn(c.open(t, home, true), home) })
	t.Run("an administrator", func(t *testing.T) { administrator(c.open(t, home, true)) })
	t.Run("an auditor", func(t *testing.T) { auditor(c.open(t, home, true)) })
}

// TestBrowserAtDex drives the main road in Chromium, from dex's own form to a
// real cluster that takes the downloaded file, and looks at every page on it.
func TestBrowserAtDex(t *testing.T) {
	chain.Need(t, "dex")
	c := openChromium(t)
	r := newRoad(t, newWorld(t), onSQLite(t))
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) { r.driven(c.open(t, r.URL, scripts)) })
	}
}

// driven is the main road as a browser has it.
func (r *road) driven(b *tab) {
	called := map[bool]string{true: "dex-", false: "dex-plain-"}[b.scripts]
	b.do(chromedp.Navigate(r.URL + "/clusters/prod"))
	b.do(chromedp.SendKeys(chromedp.CSS("#login"), r.people["ada"].Email), chromedp.SendKeys(chromedp.CSS("#password"), r.people["ada"].Password))
	b.follow("#submit-login", "Who do you want to be?") // back where one was going
	b.examine(called + "cluster")
	b.follow(`[data-start] [type=submit], form[action="/clusters/prod"] [type=submit]`, "Works until")
	b.examine(called + "kubeconfig")
	file := b.downloaded(`form[action$="/download"] button`)
	if person, got := chain.WhoAmI(b.t, file); got.Code != 0 || !strings.HasPrefix(person.Username, "reader:ada-") {
		b.t.Errorf("the file makes its bearer %q: %s", person.Username, got.Stderr)
	}
	b.visit("/", 200)
	b.says("2 clusters are open to you")
	b.examine(called + "clusters")
	b.visit("/access", 200)
	b.says("prod", "as reader")
	b.examine(called + "access")
	b.follow(signOutForm, "You are signed out")
	b.quiet()
}

// startDemo runs the demo as people do, on a port of its own.
func startDemo(t *testing.T) string {
	t.Helper()
	address := "127.0.0.1:" + strconv.Itoa(chain.FreePort(t))
	demo := &chain.Program{
		Path: built(t, "demo"), Args: []string{"-listen", address}, Env: []string{"TMPDIR=" + t.TempDir()}, Ready: "http://" + address + "/sign-in?stay=1",
		Stdout: filepath.Join(t.ArtifactDir(), "demo.out"), Stderr: filepath.Join(t.ArtifactDir(), "demo.err"),
	}
	demo.Start(t)
	return "http://" + address
}

// signIn goes through the one-click page of a simulated provider.
func (b *tab) signIn(provider, subject, then string) {
	b.t.Helper()
	b.visit("/sign-in?stay=1", 200)
	b.follow(`a[href^="/auth/`+provider+`?"]`, "Sign in as")
	b.follow(`a[href*="as=`+subject+`"]`, then)
}

const (
	submit      = `button.main[type="submit"]`
	showForm    = `form[action$="/show"] button`
	copyForm    = `form[action$="/copy"] button`
	getFile     = `form[action$="/download"] button`
	endForm     = `form[action$="/end"] button`
	signOutForm = `form[action="/sign-out"] button`
)

func engineer(b *tab) {
	b.visit("/sign-in?stay=1", 200)
	b.examine("sign-in")
	b.follow(`a[href^="/auth/staff?"]`, "Sign in as")
	b.examine("provider")
	b.follow(`a[href*="as=staff-1"]`, "Where to?")
	b.says("3 clusters are open to you")
	b.examine("clusters")
	b.filters()
	b.visit("/", 200)
	b.follow(`a[href="/clusters/payments-prod"]`, "Who do you want to be?")
	b.examine("cluster")
	b.choosesReason()
	b.visit("/c/payments-dev/viewer?for=1h&namespace=shop", 200)
	b.says("Become viewer on payments-dev?", "shop", "Nothing has been started yet.")
	b.examine("confirm")
	b.visit("/clusters/payments-dev", 200)
	b.follow(submit, "Works until")
	b.examine("kubeconfig")
	b.takesAway()
	b.visit("/access", 200)
	b.says("payments-dev", "as viewer")
	b.examine("my-access")
	b.visit("/why?cluster=payments-prod", 200)
	b.examine("why")
	b.visit("/token", 200)
	b.examine("token")
	b.refusals()
	b.visit("/access", 200)
	b.follow(endForm, "Ended at")
	b.examine("kubeconfig-ended")
	b.follow(signOutForm, "You are signed out")
	b.examine("signed-out")
}

// filters types into the filter: rows go without a request.
func (b *tab) filters() {
	b.t.Helper()
	b.press("/")
	b.until(`document.activeElement.id === "q"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "us-east-1"))
	b.until(`document.querySelectorAll("#clusters > li:not([hidden])").length === 1`)
	b.says("data-dev", "1 match")
	b.examine("clusters-filtered")
}

// choosesReason has the form ask for a reason only with the role that wants
// one, and refuse what lacks it.
func (b *tab) choosesReason() {
	b.t.Helper()
	b.until(`document.querySelector("[data-reason]").hidden`)
	b.do(chromedp.Click(chromedp.CSS(`input[name="role"][value="editor"]`)))
	b.until(`!document.querySelector("[data-reason]").hidden && document.querySelector("#reason").required`)
	b.until(`document.querySelectorAll("[data-seconds]:disabled").length > 0`)
	b.examine("cluster-editor")
}

// takesAway takes the kubeconfig in every form, and sees that no page holds
// the secret unasked.
func (b *tab) takesAway() {
	b.t.Helper()
	lease := ask[string](b, "location.pathname")
	b.permit(browser.PermissionSettingGranted)
	text := string(readFile(b.t, b.downloaded(getFile)))
	if !strings.Contains(text, "k8s-aws-v1.") || !strings.Contains(text, "current-context: payments-dev-viewer") {
		b.t.Errorf("the file is no kubeconfig: %s", withoutTokens(text))
	}
	for form, heading := range map[string]string{"bash": "Paste into bash or zsh", "raw": "payments-dev-viewer.yaml"} {
		b.visit(lease+"?form="+form, 200)
		if strings.Contains(ask[string](b, "document.documentElement.outerHTML"), "k8s-aws-v1.") {
			b.t.Errorf("the %s form shows the secret unasked", form)
		}
		b.examine("kubeconfig-" + form)
		b.do(chromedp.Click(chromedp.CSS(copyForm)))
		b.until(`document.querySelector("[data-copy-said]").textContent.startsWith("Copied.")`)
		if held := ask[string](b, "navigator.clipboard.readText()"); !strings.Contains(held, "k8s-aws-v1.") {
			b.t.Errorf("the clipboard holds no %s", form)
		}
		b.follow(showForm, heading)
		b.says("k8s-aws-v1.")
		b.examine("shown-" + form)
	}
	b.visit(lease, 200)
	b.says("Downloaded the kubeconfig")
}

func (b *tab) refusals() {
	b.t.Helper()
	b.visit("/clusters/nowhere", 404)
	b.examine("error-no-cluster")
	b.visit("/no/such/page", 404)
	b.examine("error-no-page")
	b.visit("/leases/ls_none", 404)
	b.says("My access")
	b.examine("error-no-lease")
	b.visit("/audit", 403)
	if b.count(signOutForm) != 1 {
		b.t.Error("a refusal leaves no way to sign out")
	}
	b.examine("error-not-an-auditor")
}

// engineerWithoutScripts walks the road as a page without scripts has it.
func engineerWithoutScripts(b *tab) {
	b.signIn("staff", "staff-1", "Where to?")
	b.examine("plain-clusters")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "us-east-1"))
	b.follow("[data-without-script]", "1 match")
	b.follow(`a[href="/clusters/data-dev"]`, "Who do you want to be?")
	b.examine("plain-cluster")
	b.follow(submit, "Works until")
	b.examine("plain-kubeconfig")
	lease := ask[string](b, "location.pathname")
	if text := string(readFile(b.t, b.downloaded(getFile))); !strings.Contains(text, "k8s-aws-v1.") {
		b.t.Errorf("the file is no kubeconfig: %s", withoutTokens(text))
	}
	for _, form := range []string{"bash", "raw"} {
		b.visit(lease+"?form="+form, 200)
		b.follow(showForm, "k8s-aws-v1.")
	}
	b.visit(lease, 200)
	b.follow(`form[action$="/renew"] button`, "Works until")
	b.visit("/access", 200)
	b.examine("plain-my-access")
	b.follow(`form[action="`+lease+`/end"] button`, "Ended at")
	b.follow(signOutForm, "You are signed out")
	b.quiet()
}

// refusedClipboard offers the text to be copied by hand.
func refusedClipboard(b *tab) {
	b.signIn("staff", "staff-1", "Where to?")
	b.permit(browser.PermissionSettingDenied)
	b.visit("/clusters/payments-dev", 200)
	b.follow(submit, "Works until")
	b.visit(ask[string](b, "location.pathname")+"?form=raw", 200)
	b.do(chromedp.Click(chromedp.CSS(copyForm)))
	b.until(`!document.querySelector("[data-copy-refused]").hidden`)
	if selected := ask[string](b, "(e => e.value.slice(e.selectionStart, e.selectionEnd))(document.activeElement)"); !strings.Contains(selected, "k8s-aws-v1.") {
		b.t.Error("the text is not selected")
	}
	b.examine("clipboard-refused")
}

func onCall(b *tab) {
	b.signIn("staff", "staff-2", "Where to?")
	// A runbook's link that asks for more than the grant gives is told so on
	// the page of the glass itself.
	b.redirected("/c/payments-prod/admin?for=9h&namespace=payments", "/clusters/payments-prod/break-glass/admin", 422)
	b.says("Break the glass: admin on payments-prod", "You asked for 9 h; the grant break-glass allows 1 h at most.")
	b.examine("break-glass-link")
	b.visit("/", 200)
	b.follow(`a[href="/clusters/payments-prod"]`, "Break glass: admin")
	b.examine("cluster-with-glass")
	b.follow(`a[href="/clusters/payments-prod/break-glass/admin"]`, "Break the glass: admin on payments-prod")
	b.says("Who is told: #security and whoever leads the incident")
	b.examine("break-glass")
	// A browser that checks nothing: the page comes back and says what lacks.
	ask[bool](b, `(document.querySelector("form.glassbox").noValidate = true)`)
	b.expect(ask[string](b, "location.pathname"))
	b.answered(`form.glassbox button[type="submit"]`, 422, "Not started yet")
	b.says("Say why", "Confirm that you know who will be told.")
	b.examine("break-glass-refused")
	b.do(chromedp.SendKeys(chromedp.CSS("#reason"), "INC-7: the ledger is down"), chromedp.Click(chromedp.CSS("#understood")))
	b.follow(`form.glassbox button[type="submit"]`, "Works until")
	b.says("Break-glass is active:", "INC-7: the ledger is down")
	b.examine("kubeconfig-glass")
	b.visit("/", 200)
	b.says("Break-glass is active:")
	b.examine("clusters-glass")
	b.follow(signOutForm, "You are signed out")
}

func contractor(b *tab) {
	b.signIn("guests", "guest-1", "Who do you want to be?") // one cluster: the list is skipped
	b.visit("/?list=1", 200)
	b.says("Where to?", "your access ends", "payments-dev")
	b.examine("contractor-clusters")
	b.follow(`a[href="/clusters/payments-dev"]`, "Who do you want to be?")
	b.says("your access ends")
	b.examine("contractor-cluster")
	b.follow(submit, "Works until")
	b.says("your access ends")
	b.visit("/clusters/payments-prod", 403)
	b.says("No grant lets you be viewer on payments-prod.", "your access ends")
	b.examine("error-refused")
}

func newcomer(b *tab) {
	b.signIn("staff", "staff-4", "No cluster is open to you.")
	b.says("What your sign-in carried", "the platform team")
	b.examine("newcomer")
}

// cancelled is a newcomer who thinks better of it at the provider.
func cancelled(b *tab) {
	b.visit("/sign-in?stay=1", 200)
	b.follow(`a[href^="/auth/staff?"]`, "Sign in as")
	b.expect("/auth/staff/callback")
	b.answered(`a[href*="cancel=1"]`, 403, "You cancelled at Example staff, or it does not let you in.")
	b.says("Nothing was opened.")
	if b.count(signOutForm) != 0 {
		b.t.Error("whoever cancelled is signed in all the same")
	}
	b.examine("cancelled")
}

func auditor(b *tab) {
	b.signIn("staff", "staff-3", "Audit")
	b.follow(`nav a[href="/audit"]`, "lease.break-glass")
	b.says("engineer@example.com", "oncall@example.com", "contractor@agency.example")
	b.examine("audit")
	b.visit("/audit?kind=nonsense", 422)
	b.examine("audit-refused")
	b.visit("/audit?kind=issuance.minted", 200)
	b.examine("audit-filtered")
	b.follow("tbody td.when a", "issuance.minted")
	b.says("Its story")
	b.do(chromedp.Click(chromedp.CSS("details summary")))
	b.examine("audit-event")
}
