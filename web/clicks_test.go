package web_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web/webtest"
)

// card is what the home page says of one recent choice.
func card(t *testing.T, home webtest.Page, what string) webtest.Page {
	t.Helper()
	for _, part := range strings.Split(home.Text, `<li class="card recent`)[1:] {
		if text, _, _ := strings.Cut(part, "</li>"); strings.Contains(text, what+`"`) || strings.Contains(text, what+" ") {
			home.Text = text
			return home
		}
	}
	t.Fatalf("no recent choice is %s\n%s", what, home.Text)
	return home
}

// sent is the form of a page or a card as a browser would post it.
func sent(p webtest.Page) (action string, form url.Values) {
	form = url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(p.Text, -1) {
		form.Add(m[1], m[2])
	}
	if m := regexp.MustCompile(`<form method="post" action="(/clusters/[^"]*)"`).FindStringSubmatch(p.Text); m != nil {
		action = m[1]
	}
	return action, form
}

func TestAChoiceOfBeforeIsOneClick(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	l := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"2h"}, "namespace": {"money"}, "key": {"a"}})
	l.MustSay(t, 200, "Works until")
	held := card(t, b.Get("/"), "pay as viewer")
	held.MustSay(t, 200, `href="`+l.URL.Path+`"`, `action="`+l.URL.Path+`/end"`)
	if strings.Contains(held.Text, "Get kubeconfig") {
		t.Error("an active lease is offered anew")
	}
	b.Post(l.URL.Path+"/end", nil).MustSay(t, 200, "Ended at")

	again := card(t, b.Get("/"), "pay as viewer")
	again.MustSay(t, 200, "Get kubeconfig: pay as viewer for 2 h", "namespace money")
	b.Get(link(again.Text, "role=viewer")).MustSay(t, 200, `value="2h" required checked`, `value="viewer" required checked`, `value="money"`)
	action, form := sent(again)
	first := b.Post(action, form)
	first.MustSay(t, 200, "Works until", "money")
	if second := b.Post(action, form); second.URL.Path != first.URL.Path {
		t.Errorf("two clicks started two leases: %s and %s", first.URL.Path, second.URL.Path)
	}
	if n := len(s.events(t, audit.LeaseStarted)); n != 2 {
		t.Errorf("%d leases are on record, want 2", n)
	}
	if newest := s.events(t, audit.LeaseStarted)[0].Event; newest.Cluster != "pay" || newest.Role != "viewer" {
		t.Errorf("on record: %+v", newest)
	}
	if _, fresh := sent(card(t, b.Get("/?q="), "pay as viewer")); fresh.Get("key") == form.Get("key") {
		t.Error("the key of before is given out again")
	}
}

func TestAChoiceThatWantsWordsIsNoOneClick(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	b.Post("/clusters/pay", url.Values{"role": {"admin"}, "reason": {"T-1"}, "for": {"30m"}, "key": {"a"}}).MustSay(t, 200, "Works until")
	glass := b.Post("/clusters/hidden/break-glass/admin", url.Values{"role": {"admin"}, "reason": {"down"}, "understood": {"yes"}, "key": {"b"}})
	glass.MustSay(t, 200, "Works until")
	for _, r := range s.events(t, audit.LeaseStarted) {
		b.Post("/leases/"+r.Event.Lease+"/end", nil)
	}
	b.Post(glass.URL.Path+"/end", nil).MustSay(t, 200, "Ended at")

	home := b.Get("/")
	for what, to := range map[string]string{"pay as admin": "/clusters/pay?for=30m&role=admin", "hidden as admin": "/clusters/hidden/break-glass/admin"} {
		c := card(t, home, what)
		if action, _ := sent(c); action != "" || strings.Contains(c.Text, "<form") {
			t.Errorf("%s is one click:\n%s", what, c.Text)
		}
		if !strings.Contains(html.UnescapeString(c.Text), `href="`+to+`"`) {
			t.Errorf("%s does not lead to %s:\n%s", what, to, c.Text)
		}
	}
	b.Get("/clusters/pay?for=30m&role=admin").MustSay(t, 200, `value="30m" required checked`, `value="admin" required checked`)
}

func TestAnActiveLeaseIsNotHiddenByALaterOne(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	kept := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	later := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"b"}})
	b.Post(later.URL.Path+"/end", nil).MustSay(t, 200, "Ended at")
	card(t, b.Get("/"), "pay as viewer").MustSay(t, 200, `href="`+kept.URL.Path+`"`)
}

func TestALinkOfARunbookStartsNothingByItself(t *testing.T) {
	s := newSite(t)
	const runbook = "/c/pay/viewer?for=90m&namespace=money&reason=forged&key=forged"
	stranger := webtest.New(t, s.URL)
	asked := stranger.Get(runbook) // straight on to the one provider
	p := stranger.Get(asked.URL.String() + "&as=eng")
	p.MustSay(t, 200, "Become viewer on pay?", "For 1 h 30 min, until", "<code>view</code> through <code>staff:eng</code>", "role/v", "<code>money</code>", "Nothing has been started yet.")
	if strings.Contains(p.Text, "Your grant ends then") {
		t.Error("a grant without an end is said to cut the time short")
	}
	if p.URL.RequestURI() != runbook || strings.Contains(p.Text, "forged") {
		t.Errorf("signing in led to %s", p.URL.RequestURI())
	}
	stranger.Get(runbook).MustSay(t, 200)
	if n := len(s.events(t, audit.LeaseStarted)); n != 0 || s.cloud.calls != 0 {
		t.Fatalf("looking started %d leases and minted %d tokens", n, s.cloud.calls)
	}
	action, form := sent(p)
	stranger.Post(action, form).MustSay(t, 200, "Works until", "money")
	e := s.events(t, audit.LeaseStarted)[0].Event
	until, err := time.Parse(time.RFC3339, e.Facts["until"])
	if err != nil || e.Role != "viewer" || until.Sub(e.At).Round(time.Minute) != 90*time.Minute {
		t.Errorf("on record: %+v", e)
	}
}

func TestALinkOfARunbookAsksForTheReason(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	p := b.Get("/c/pay/admin?for=30m")
	p.MustSay(t, 200, "Become admin on pay?", "The ticket", `name="reason"`)
	action, form := sent(p)
	b.Post(action, form).MustSay(t, 422, "Say why: The ticket.", `value="admin" required checked`, `value="30m" required checked`)
	form.Set("reason", "T-1")
	b.Post(action, form).MustSay(t, 200, "Works until", "T-1")
}

func TestALinkThatDoesNotFitIsToldPlainly(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	for path, says := range map[string]string{
		"/c/pay/viewer?for=soon":               "&#34;soon&#34; is no length of time.",
		"/c/pay/viewer?for=-1h":                "is no length of time.",
		"/c/pay/viewer?for=9h":                 "2 h", // the longest
		"/c/pay/viewer?for=1m":                 "15 min",
		"/c/pay/viewer?namespace=Not_A_Name":   "cannot be a namespace",
		"/c/pay/viewer?namespace=%3Cscript%3E": "cannot be a namespace",
	} {
		b.Get(path).MustSay(t, 422, says, "Who do you want to be?")
	}
	b.Get("/c/pay/nobody").MustSay(t, 404, "nobody")
	b.Get("/c/nowhere/viewer?for=1h").MustSay(t, 404, "nowhere")
	b.Get("/c/nowhere/viewer?for=soon").MustSay(t, 404, "nowhere")
	b.Get("/c/pay").MustSay(t, 404, "There is nothing at this address.")
	s.as(t, "none").Get("/c/pay/viewer?for=1h").MustSay(t, 403, "It is for members of staff:eng or staff:office.")
	s.as(t, "none").Get("/c/pay/viewer?for=soon").MustSay(t, 403, "It is for members of staff:eng or staff:office.")
	if n := len(s.events(t, audit.LeaseStarted)); n != 0 {
		t.Errorf("%d leases were started", n)
	}
}

func TestALinkToBreakGlassLeadsToItsOwnPage(t *testing.T) {
	s := newSite(t)
	p := s.as(t, "eng").Get("/c/hidden/admin?for=30m")
	p.MustSay(t, 200, "Break the glass: admin on hidden", "#security", `value="30m" required checked`)
	if p.URL.Path != "/clusters/hidden/break-glass/admin" {
		t.Errorf("it leads to %s", p.URL.Path)
	}
}

func TestALinkToBreakGlassKeepsItsWords(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	p := b.Get("/c/hidden/admin?for=30m&namespace=payments&reason=forged&understood=yes&key=forged")
	p.MustSay(t, 200, `value="30m" required checked`, `name="namespace" value="payments"`)
	if strings.Contains(p.Text, "forged") || regexp.MustCompile(`name="understood"[^>]*checked`).MatchString(p.Text) {
		t.Errorf("the link speaks for the person:\n%s", p.Text)
	}
	l := b.Post(p.URL.Path, url.Values{"key": {p.Field(t, "key")}, "for": {"30m"}, "namespace": {p.Field(t, "namespace")}, "reason": {"down"}, "understood": {"yes"}})
	l.MustSay(t, 200, "Works until", "payments")
	b.Post(l.URL.Path+"/download", nil).MustSay(t, 200, "namespace: payments")
	b.Post(l.URL.Path+"/end", nil)
	if c := card(t, b.Get("/"), "hidden as admin"); link(c.Text, "namespace=payments") == "" {
		t.Errorf("the choice of before loses the namespace:\n%s", c.Text)
	}
}

func TestALinkToBreakGlassThatDoesNotFitIsToldWhereItCanBePutRight(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	for query, says := range map[string][]string{
		"for=3h&namespace=payments":   {"You asked for 3 h; the grant glass allows 1 h at most.", `value="1h" required checked`, `name="namespace" value="payments"`},
		"for=1m":                      {"15 min", `href="#for"`},
		"for=soon&namespace=payments": {"&#34;soon&#34; is no length of time.", `name="namespace" value="payments"`},
		"for=30m&namespace=No_Name":   {"cannot be a namespace", `value="30m" required checked`},
		"for=soon&namespace=No_Name":  {"cannot be a namespace", "is no length of time."},
	} {
		b.Get("/c/hidden/admin?"+query).MustSay(t, 422, append(says, "Break the glass: admin on hidden", "#security", "Break the glass</button>")...)
	}
	b.Post("/clusters/hidden/break-glass/admin", url.Values{"reason": {"down"}, "understood": {"yes"}, "namespace": {"No_Name"}, "key": {"k"}}).
		MustSay(t, 422, "cannot be a namespace", `value="No_Name"`)
	s.as(t, "none").Get("/c/hidden/admin?for=3h").MustSay(t, 403)
	if n := len(s.events(t, audit.Refused)) + len(s.events(t, audit.GlassBroken)); n != 0 {
		t.Errorf("looking put %d events on record", n)
	}
}

func TestTheOnlyClusterIsSkippedTo(t *testing.T) {
	s := newSite(t)
	from := func(p webtest.Page) string { return p.URL.Path }
	b := s.as(t, "solo")
	p := b.Get("/")
	p.MustSay(t, 200, "Who do you want to be?", `href="/?list=1"`)
	if from(p) != "/clusters/pay" {
		t.Errorf("home leads to %s", from(p))
	}
	for _, path := range []string{"/?list=1", "/?q=", "/?q=pay"} {
		if p := b.Get(path); from(p) != "/" || !strings.Contains(p.Text, "1 cluster is open to you.") {
			t.Errorf("%s leads to %s", path, p.URL)
		}
	}
	for _, who := range []string{"eng", "sologlass"} { // a second one, be it behind the glass
		if p := s.as(t, who).Get("/"); from(p) != "/" || !strings.Contains(p.Text, "2 clusters are open to you.") {
			t.Errorf("%s is sent to %s", who, p.URL)
		}
	}
}

func TestWhoMayEnterNothingIsToldWhatTheSignInCarriedAndWhomToAsk(t *testing.T) {
	s := newSite(t)
	s.as(t, "audit").Get("/").MustSay(t, 200, "No cluster is open to you.", "What your sign-in carried", `<span class="chip">audit</span>`,
		"Whom to ask", "#platform", "What there is to ask for", "viewer on 2 clusters", "for staff:eng")
	s.as(t, "none").Get("/").MustSay(t, 200, "No cluster is open to you.", "#platform")
}
