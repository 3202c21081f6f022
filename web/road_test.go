package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
)

func TestASecretIsOnTheAnswerToAPostOnly(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	l := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	l.MustSay(t, 200, "Works until", "ASIATEST")
	for _, path := range []string{l.URL.Path, l.URL.Path + "?form=bash", l.URL.Path + "?form=raw", "/access", "/", "/clusters/pay"} {
		if p := b.Get(path); strings.Contains(p.Text, "k8s-aws-v1.") {
			t.Errorf("GET %s shows the token", path)
		}
	}
	for _, path := range []string{"/download", "/show", "/copy"} {
		if p := b.Get(l.URL.Path + path); p.Status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s answered %d", path, p.Status)
		}
	}
	for _, tt := range []struct{ path, form, want, kind, recorded string }{
		{"/download", "file", "token: " + secretToken, "application/yaml", "download"},
		{"/show", "raw", secretToken, "text/html; charset=utf-8", "show"},
		{"/show", "bash", "kubectl auth whoami", "text/html; charset=utf-8", "show-bash"},
		{"/copy", "raw", "token: " + secretToken, "text/plain; charset=utf-8", "copy"},
		{"/copy", "bash", "export KUBECONFIG=", "text/plain; charset=utf-8", "copy-bash"},
	} {
		p := b.Post(l.URL.Path+tt.path, url.Values{"form": {tt.form}})
		p.MustSay(t, 200, tt.want)
		if p.Header.Get("Content-Type") != tt.kind || p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: headers %v", tt.path, tt.form, p.Header)
		}
		newest := s.events(t, audit.HandedOver)[0].Event
		if newest.Facts["form"] != tt.recorded || newest.AccessKeyID != "ASIATEST" || newest.Details.Email != "eng@example.com" || newest.Details.Address != "127.0.0.1" {
			t.Errorf("%s %s is on record as %+v", tt.path, tt.form, newest)
		}
	}
	if s.cloud.calls != 1 {
		t.Errorf("%d tokens were minted for one lease in its first minute", s.cloud.calls)
	}
	b.Post(l.URL.Path+"/renew", nil).MustSay(t, 200, "Works until")
	if s.cloud.calls != 2 {
		t.Errorf("a renewal minted nothing")
	}
}

func TestAPageOfBeforeStartsNothingElse(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	first := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	again := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	if again.URL.Path != first.URL.Path {
		t.Errorf("two clicks made %s and %s", first.URL.Path, again.URL.Path)
	}
	b.Post("/clusters/pay", url.Values{"role": {"admin"}, "reason": {"T-1"}, "key": {"a"}}).MustSay(t, 409, "What you sent was used already, to start viewer on pay.")
	b.Post("/clusters/hidden/break-glass/admin", url.Values{"reason": {"fire"}, "understood": {"yes"}, "key": {"a"}}).MustSay(t, 409, "What you sent was used already")
	if s.cloud.calls != 1 {
		t.Errorf("%d tokens were minted", s.cloud.calls)
	}
}

func TestAFaultOfAWSIsToldOnTheLeasesPage(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	s.cloud.failWith(&issuer.Fault{Code: "access-denied", Say: "AWS does not let this server assume the role v.", Next: "Tell whoever runs Daypass."})
	l := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	l.MustSay(t, 200, "No kubeconfig this time", "AWS does not let this server assume the role v.", "Try again")
	p := b.Post(l.URL.Path+"/download", nil)
	p.MustSay(t, 502, "AWS does not let this server assume the role v.", "Tell whoever runs Daypass.")
	if p.Header.Get("Content-Disposition") != "" {
		t.Error("a failure is offered as a file")
	}
	if n := len(s.events(t, audit.HandedOver)); n != 0 {
		t.Errorf("%d hand-overs are on record", n)
	}
	s.cloud.failWith(nil)
	b.Post(l.URL.Path+"/renew", nil).MustSay(t, 200, "Works until")
	b.Post(l.URL.Path+"/download", nil).MustSay(t, 200, secretToken)
}

func TestARefusalIsOnRecordOnceAMinute(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "none")
	for range 5 {
		b.Post("/clusters/pay", url.Values{"role": {"viewer"}}).MustSay(t, 403, "It is for members of staff:eng or staff:office.")
	}
	rows := s.events(t, audit.Refused)
	if len(rows) != 1 || rows[0].Event.Reason != "no-grant" || rows[0].Event.Cluster != "pay" {
		t.Errorf("on record: %d, %+v", len(rows), rows)
	}
}

func TestAuditIsSearchedAndPaged(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	for i := range 30 {
		b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {fmt.Sprint("k", i)}}).MustSay(t, 200)
	}
	a := s.as(t, "audit")
	first := a.Get("/audit?kind=lease.started")
	first.MustSay(t, 200, "eng@example.com", "Started a lease as viewer on pay.")
	all := a.Get("/audit")
	all.MustSay(t, 200, "before=")
	seen := map[string]bool{}
	pages := 0
	for next := "/audit"; next != ""; pages++ {
		p := a.Get(next)
		p.MustSay(t, 200)
		for _, part := range strings.Split(p.Text, `href="/audit/ev_`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			if seen[id] {
				t.Fatalf("event %s is on two pages", id)
			}
			seen[id] = true
		}
		next = link(p.Text, "before=")
	}
	if pages < 2 || len(seen) != 5+30*3 {
		t.Errorf("%d events on %d pages, want %d", len(seen), pages, 5+30*3)
	}
	id := s.events(t, audit.Minted)[0].Event
	a.Get("/audit/"+id.ID).MustSay(t, 200, id.AccessKeyID, id.Issuance, id.Lease, "tokenSHA256")
	a.Get("/audit?accessKey=ASIATEST&kind=issuance.minted").MustSay(t, 200, "Minted a token as viewer on pay.")
	a.Get("/audit?person=eng%40example.com&kind=sign-in.succeeded").MustSay(t, 200, "Signed in with staff.")
	a.Get("/audit?person=nobody%40example.com").MustSay(t, 200)
	a.Get("/audit?before=x").MustSay(t, 422, "is no place in the log")
	a.Get("/audit?from=yesterday").MustSay(t, 422, "is no time")
	a.Get("/audit/ev_nope").MustSay(t, 404, "There is no such event.")
	b.Get("/audit").MustSay(t, 403, "open to auditors only", "#platform")
	b.Post("/audit/export", nil).MustSay(t, 403, "open to auditors only")
	a.Post("/audit/export", url.Values{"from": {"then"}}).MustSay(t, 422, "is no time")
	file := a.Post("/audit/export", url.Values{"kind": {"issuance.minted"}})
	file.MustSay(t, 200, `{"export":{"events":30,"more":false}}`, `"kind":"issuance.minted"`, "eng@example.com")
	if d := file.Header.Get("Content-Disposition"); !strings.Contains(d, "daypass-audit.jsonl") || strings.Contains(file.Text, "lease.started") {
		t.Errorf("exported as %s\n%s", d, file.Text)
	}
	if got := s.events(t, audit.Exported)[0].Event; got.Details.Text != "kind=issuance.minted" || got.Details.Email != "audit@example.com" {
		t.Errorf("the export is on record as %+v", got)
	}
	if got := s.events(t, audit.Read); got[0].Event.Details.Email != "audit@example.com" || got[0].Event.Details.Text == "" {
		t.Errorf("the reading is on record as %+v", got[0].Event)
	}
	b.Get("/audit/"+id.ID).MustSay(t, 403, "open to auditors only")
}

// link finds the first link whose address holds a text.
func link(html, holds string) string {
	for _, part := range strings.Split(html, `href="`)[1:] {
		if to, _, _ := strings.Cut(part, `"`); strings.Contains(to, holds) {
			return strings.ReplaceAll(to, "&amp;", "&")
		}
	}
	return ""
}
