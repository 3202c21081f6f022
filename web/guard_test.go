package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web/webtest"
)

func TestEveryPageIsGuarded(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/", "/sign-in?stay=1", "/nowhere", "/clusters/pay", "/access", "/audit", "/signed-out"} {
		h := s.request(t, "GET", path, "", nil).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %s", path, want)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestOnlyTheConfiguredHostIsServed(t *testing.T) {
	s := newSite(t)
	for _, host := range []string{"evil.example", "127.0.0.1", "localhost:1", "", "127.0.0.1.evil.example"} {
		p := s.request(t, "GET", "/sign-in?stay=1", "", func(r *http.Request) { r.Host = host })
		if host == "" {
			continue // Go's client fills in the address
		}
		p.MustSay(t, http.StatusMisdirectedRequest, "Daypass is not served under this name.")
	}
	s.request(t, "GET", "/sign-in?stay=1", "", func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example") }).MustSay(t, 200, "Continue with Staff")
}

func TestAnotherSiteCannotAct(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	before := len(s.events(t, audit.LeaseStarted))
	for claim, set := range map[string]func(*http.Request){
		"a cross-site form":             func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a form of a neighbouring host": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"an old browser's foreign form": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a sandboxed frame's form":      func(r *http.Request) { r.Header.Set("Origin", "null") },
		"a Host of the attacker's":      func(r *http.Request) { r.Header.Set("Origin", "https://evil.example"); r.Host = "evil.example" },
	} {
		t.Run(claim, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/clusters/pay", strings.NewReader("role=viewer&key="+url.QueryEscape(claim)))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			set(req)
			if p := b.Do(req); p.Status != http.StatusForbidden && p.Status != http.StatusMisdirectedRequest {
				t.Errorf("answered %d", p.Status)
			}
		})
	}
	if now := len(s.events(t, audit.LeaseStarted)); now != before {
		t.Errorf("%d leases were started", now-before)
	}
}

func TestWithoutASessionNothingIsDone(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/clusters/pay", "/clusters/hidden/break-glass/admin", "/leases/ls_x/download", "/leases/ls_x/show", "/leases/ls_x/copy", "/leases/ls_x/renew", "/leases/ls_x/end"} {
		p := s.request(t, "POST", path, "role=viewer", nil)
		p.MustSay(t, http.StatusUnauthorized, "You are not signed in")
		if d := p.Header.Get("Content-Disposition"); d != "" {
			t.Errorf("%s: a 401 is offered as a file: %s", path, d)
		}
	}
	p := s.request(t, "GET", "/clusters/pay?role=viewer", "", nil)
	if want := "/sign-in?return=%2Fclusters%2Fpay%3Frole%3Dviewer"; p.Status != http.StatusSeeOther || p.Header.Get("Location") != want {
		t.Errorf("answered %d to %s, want %s", p.Status, p.Header.Get("Location"), want)
	}
	if s.cloud.calls != 0 {
		t.Error("AWS was called")
	}
}

func TestProgramsGetProblemDetails(t *testing.T) {
	s := newSite(t)
	p := s.request(t, "POST", "/leases/ls_x/copy", "form=raw", func(r *http.Request) { r.Header.Set("Accept", "application/json") })
	var d struct {
		Status                    int
		Title, Detail, Code, Next string
		Request                   string
	}
	if err := json.Unmarshal([]byte(p.Text), &d); err != nil {
		t.Fatal(err)
	}
	if p.Header.Get("Content-Type") != "application/problem+json" || d.Status != 401 || d.Code != "not-signed-in" || d.Request != p.Header.Get("X-Request-Id") || !strings.HasPrefix(d.Detail, "You are not signed in.") {
		t.Errorf("%s\n%s", p.Header.Get("Content-Type"), p.Text)
	}
}

func TestAddressesComeFromTrustedProxiesOnly(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct{ claim, forwarded, want string }{
		{"the last address that is no proxy of ours", "198.51.100.7, 203.0.113.9", "203.0.113.9"},
		{"a proxy of ours is skipped", "203.0.113.9, 127.0.0.9", "203.0.113.9"},
		{"what a client claims further left is not believed", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		{"IPv6", "2001:db8::1", "2001:db8::1"},
		{"IPv4 in IPv6 clothes", "::ffff:203.0.113.9", "203.0.113.9"},
		{"what cannot be read is nobody's address", "nonsense", "an unknown address"},
		{"what cannot be read is not passed by", "203.0.113.9, unknown", "an unknown address"},
		{"a port beside the address", "203.0.113.9:4711", "203.0.113.9"},
		{"no header leaves the peer", "", "127.0.0.1"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			b := webtest.New(t, s.URL)
			b.SignIn("staff", "office")
			req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/clusters/pay", strings.NewReader("role=admin&key=k"))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.forwarded != "" {
				req.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			b.Do(req)
			req, _ = http.NewRequestWithContext(t.Context(), "GET", s.URL+"/why?cluster=pay", nil)
			if tt.forwarded != "" {
				req.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			p := b.Do(req)
			if inside := strings.HasPrefix(tt.want, "203.0.113."); inside != strings.Contains(p.Text, "You may be viewer") {
				t.Errorf("the network of the grant was judged wrongly for %s:\n%s", tt.want, p.Text)
			} else if !inside && !strings.Contains(p.Text, "You come from "+tt.want) {
				t.Errorf("the page does not say %s", tt.want)
			}
		})
	}
}

func TestARefusalWithoutAWayInNamesWhomToAsk(t *testing.T) {
	s := newSite(t)
	s.as(t, "audit").Post("/clusters/hidden", url.Values{"role": {"admin"}}).MustSay(t, 403, "No grant lets you be admin on hidden.", "Ask for access: #platform.")
}

func TestBadRequestsAreToldPlainly(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	b.Get("/nowhere").MustSay(t, 404, "There is nothing at this address.")
	b.Get("/clusters/nope").MustSay(t, 404, `No cluster is named`)
	b.Get("/leases/ls_nope").MustSay(t, 404, "There is no such lease of yours.")
	b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "reason": {strings.Repeat("x", 70<<10)}}).MustSay(t, 413, "larger than Daypass takes")
	b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"soon"}}).MustSay(t, 422, "is no length of time")
	b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"3h"}}).MustSay(t, 422, "You asked for 3 h; the grant view allows 2 h at most.")
	b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"1s"}}).MustSay(t, 422, "cannot be made to live less")
	b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "namespace": {"No Good"}}).MustSay(t, 422, "cannot be a namespace")
	b.Post("/clusters/pay", url.Values{"role": {"admin"}}).MustSay(t, 422, "Say why: The ticket.")
	b.Post("/clusters/hidden", url.Values{"role": {"admin"}, "reason": {"x"}}).MustSay(t, 403, "by breaking the glass only")
	req, _ := http.NewRequestWithContext(t.Context(), "DELETE", s.URL+"/access", nil)
	b.Do(req).MustSay(t, 405, "does not take DELETE")
	if s.cloud.calls != 0 {
		t.Error("AWS was called for a bad request")
	}
}
