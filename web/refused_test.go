package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/web/webtest"
)

func TestWhoeverAsksForTheAuditLogInVainIsOnRecord(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	for range 3 {
		b.Get("/audit").MustSay(t, 403, "open to auditors only")
		b.Post("/audit/export", nil).MustSay(t, 403)
		b.Get("/audit/ev_any").MustSay(t, 403)
	}
	rows := s.events(t, audit.Refused)
	if len(rows) != 1 || rows[0].Event.Reason != "not-auditor" || rows[0].Event.Details.Email != "eng@example.com" || rows[0].Event.Request == "" {
		t.Fatalf("on record: %d, %+v", len(rows), rows)
	}
	s.issuer.Tidy(t.Context(), true)
	if got := s.events(t, audit.Refused)[0].Event; got.Facts["repeats"] != "8" || got.Facts["of"] != rows[0].Event.ID {
		t.Errorf("the count is on record as %+v", got)
	}
	s.as(t, "audit").Get("/audit?kind=decision.refused").MustSay(t, 200, "Refused to show the audit log: not-auditor.", "Asked 8 times more")
}

func TestWhoeverAsksForAnothersLeaseIsOnRecord(t *testing.T) {
	s, owner, lease := leased(t)
	id := strings.TrimPrefix(lease, "/leases/")
	b := s.as(t, "office")
	var texts []string
	for _, at := range []string{lease, "/leases/ls_none"} { // nobody learns which ones there are
		p := b.Get(at)
		p.MustSay(t, 404, "There is no such lease of yours.")
		texts = append(texts, main(p.Text))
		for _, deed := range []string{"/renew", "/end", "/download", "/show", "/copy"} {
			b.Post(at+deed, nil).MustSay(t, 404, "There is no such lease of yours.", `href="/access">My access`)
		}
		b.Post(at+"/download", url.Values{"form": {"aws"}}).MustSay(t, 404)
	}
	if texts[0] != texts[1] {
		t.Errorf("the two answers differ:\n%s\n%s", texts[0], texts[1])
	}
	rows := s.events(t, audit.Refused)
	if len(rows) != 1 || rows[0].Event.Reason != "foreign-lease" || rows[0].Event.Lease != id || rows[0].Event.Cluster != "pay" || rows[0].Event.Details.Email != "office@example.com" {
		t.Fatalf("on record: %d, %+v", len(rows), rows)
	}
	s.as(t, "audit").Get("/audit?lease="+id).MustSay(t, 200, "Refused another person&#39;s lease as viewer on pay: foreign-lease.")
	if p := owner.Get(lease); strings.Contains(p.Text, "foreign-lease") {
		t.Error("the owner is told who else asked, with their address")
	}
	owner.Post(lease+"/download", nil).MustSay(t, 200, secretToken)
}

func TestNobodyPushesTheHistoryOfALeaseOut(t *testing.T) {
	s, owner, lease := leased(t)
	for i := range 120 { // as a colleague would within hours
		e := audit.New(audit.Refused, time.Now(), audit.Who{Principal: fmt.Sprint("pr_", i)})
		e.Lease = strings.TrimPrefix(lease, "/leases/")
		if err := s.store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	owner.Get(lease).MustSay(t, 200, "Started a lease as", "Minted a token as")
}

// main is a page without what differs from request to request.
func main(page string) string {
	_, text, _ := strings.Cut(page, "<main")
	text, _, _ = strings.Cut(text, "When you ask for help")
	return text
}

func TestAStrangersRefusalsFillNoLog(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	before := len(s.events(t, ""))
	for range 3 {
		s.request(t, "GET", "/access", "", func(r *http.Request) { r.Host = "evil.example" }).MustSay(t, http.StatusMisdirectedRequest, `href="`+s.URL+`"`)
		req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/sign-out", nil)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		b.Do(req).MustSay(t, http.StatusForbidden)
		s.request(t, "GET", "/audit", "", nil)
		s.request(t, "POST", "/leases/ls_x/end", "a=b", nil).MustSay(t, http.StatusUnauthorized)
	}
	s.issuer.Tidy(t.Context(), true)
	if now := len(s.events(t, "")); now != before {
		t.Errorf("%d events are on record", now-before)
	}
	for _, code := range []string{"status=421 code=host", "status=403 code=cross-site"} {
		if !strings.Contains(s.said(), code) {
			t.Errorf("the request log lacks %s", code)
		}
	}
}

func TestEvery405SaysWhatIsAllowed(t *testing.T) {
	s, b, lease := leased(t)
	for _, tt := range []struct{ method, path, want string }{
		{"DELETE", "/access", "GET"}, {"GET", lease + "/download", "POST"}, {"PUT", "/clusters/pay", "GET, POST"}, {"POST", "/c/pay/viewer", "GET"},
		{"GET", "/sign-out", "POST"}, {"PATCH", "/clusters/a%2Fb", "GET, POST"},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), tt.method, s.URL+tt.path, nil)
		p := b.Do(req)
		p.MustSay(t, http.StatusMethodNotAllowed, "does not take "+tt.method)
		if got := p.Header.Get("Allow"); got != tt.want {
			t.Errorf("%s %s allows %q, want %q", tt.method, tt.path, got, tt.want)
		}
	}
}

func TestAnErrorLeadsToWhereItGoesOn(t *testing.T) {
	s, b, lease := leased(t)
	b.Get(lease+"/download").MustSay(t, 405, `href="`+lease+`">The lease`)
	b.Post("/clusters/pay", url.Values{"role": {"admin"}, "reason": {"T"}, "key": {"a"}}).MustSay(t, 409, `href="`+lease+`">The lease started before`, `href="/clusters/pay">Start another`)
	s.cloud.failWith(&issuer.Fault{Code: "throttled", Say: "AWS is busy.", Next: "Wait."})
	other := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"b"}}).URL.Path
	b.Post(other+"/download", nil).MustSay(t, 502, `href="`+other+`">The lease`)
	b.Post(lease+"/end", nil).MustSay(t, 200)
	b.Post(lease+"/renew", nil).MustSay(t, 409, `href="`+lease+`">The lease`, `href="/access">My access`)
	b.Get("/leases/ls_none").MustSay(t, 404, `href="/access">My access`)
	s.as(t, "audit").Get("/audit/ev_none").MustSay(t, 404, `href="/audit">Audit`)
}

func TestAnActiveLeaseIsNeverMissed(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	glass := b.Post("/clusters/hidden/break-glass/admin", url.Values{"reason": {"down"}, "understood": {"yes"}, "key": {"g"}}).URL.Path
	kept := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"k"}}).URL.Path
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for i := range 130 {
		p := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {fmt.Sprint(i)}})
		b.Post(p.Header.Get("Location")+"/end", nil).MustSay(t, http.StatusSeeOther)
	}
	p := b.Get("/access")
	p.MustSay(t, 200, "Break-glass is active:", `action="`+glass+`/end"`, `action="`+kept+`/end"`)
	if n := strings.Count(p.Text, "ended <time"); n != 98 {
		t.Errorf("%d leases of before are listed, want the 98 that are left of a hundred", n)
	}
	home := b.Get("/")
	home.MustSay(t, 200, "Break-glass is active:")
	card(t, home, "pay as viewer").MustSay(t, 200, `href="`+kept+`"`)
}

func TestAFileForTheAWSCLIIsOfOneConfiguration(t *testing.T) {
	s, b, lease := leased(t)
	moved := clusterNamed(t, "pay")
	moved.ARN = clusterNamed(t, "elsewhere").ARN
	next, err := access.Compile([]access.Cluster{moved}, []access.Role{{Name: "viewer", ARN: "arn:aws:iam::{account}:role/v"}},
		[]access.Grant{{Name: "view", Who: access.Whos{{Provider: "staff", Group: "eng"}}, Clusters: []access.Where{{}}, Role: "viewer", Longest: 2 * time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	s.asked = func() { s.policy.Store(next) } // loaded in the midst of the request
	p := b.Post(lease+"/download", url.Values{"form": {"aws"}})
	p.MustSay(t, 200, "- elsewhere", "server: https://elsewhere.example")
	if strings.Contains(p.Text, "https://pay.example") {
		t.Errorf("it names one cluster and leads to another:\n%s", p.Text)
	}
}

func TestCancellingAtTheProviderIsNoFailure(t *testing.T) {
	s := newSite(t)
	b := webtest.New(t, s.URL)
	asked := b.Get("/auth/staff?return=/")
	p := b.Get(asked.URL.String() + "&cancel=1")
	p.MustSay(t, http.StatusForbidden, "You cancelled at Staff, or it does not let you in", `class="notice" role="status"`, "Continue with Staff")
	if strings.Contains(p.Text, `role="alert"`) || strings.Contains(s.said(), "level=WARN") {
		t.Errorf("a person's own choice is an alarm:\n%s\n%s", p.Text, s.said())
	}
}

func TestWhyNamesWhomToAskInASentence(t *testing.T) {
	s := newSite(t)
	s.as(t, "none").Get("/why?cluster=pay").MustSay(t, 200, ">Ask #platform</p>")
	s.as(t, "audit").Get("/audit").MustSay(t, 200, "Each text must match exactly", `aria-describedby="exactly"`)
}
