package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/web"
)

func TestSigningOutOffersToDoSoAtTheProviderToo(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	p := b.Post("/sign-out", nil)
	p.MustSay(t, 200, "You are signed out", "Staff still knows this browser", "Sign out at Staff too")
	if p.URL.Path != auth.SignedOutPath {
		t.Errorf("signing out ends at %s", p.URL)
	}
	leave := link(p.Text, "/leave")
	if leave != auth.LeavePath("staff") || strings.Contains(p.Text, s.idp.Issuer()) {
		t.Errorf("the way out is %q", leave)
	}
	// The provider answers by its back channel and sends the browser back.
	back := b.Get(leave)
	back.MustSay(t, 200, "Staff says that you signed out there too.")
	if back.URL.Path != auth.SignedOutPath || strings.Contains(back.Text, "Sign out at Staff too") {
		t.Errorf("leaving ends at %s", back.URL)
	}
	b.Get(auth.SignedOutPath).MustSay(t, 200, "Your provider may still know this browser")
	s.request(t, "GET", auth.SignedOutPath+"?state=x", "", nil).MustSay(t, 200, "Your provider may still know this browser")
}

func TestMyAccessListsSessionsAndEndsThem(t *testing.T) {
	s := newSite(t)
	one, two, other := s.as(t, "eng"), s.as(t, "eng"), s.as(t, "none")
	page := one.Get("/access")
	page.MustSay(t, 200, "Where you are signed in", "this browser", "by staff", "127.0.0.1")
	marks := regexp.MustCompile(`action="(/sessions/[0-9a-f]{16}/end)"`).FindAllStringSubmatch(page.Text, -1)
	if len(marks) != 2 {
		t.Fatalf("%d sessions are listed", len(marks))
	}
	foreign := regexp.MustCompile(`action="(/sessions/[0-9a-f]{16}/end)"`).FindStringSubmatch(other.Get("/access").Text)[1]
	for _, path := range []string{foreign, "/sessions/0000000000000000/end", "/sessions/x/end"} {
		one.Post(path, nil).MustSay(t, 200, "Where you are signed in")
	}
	other.Get("/access").MustSay(t, 200, "this browser")
	newest := marks[0][1] // of two, who signed in last
	if p := one.Get(newest); p.Status != http.StatusMethodNotAllowed {
		t.Errorf("a GET is answered %d", p.Status)
	}
	one.Post(newest, nil).MustSay(t, 200, "Where you are signed in")
	two.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if p := two.Get("/access"); p.Status != http.StatusSeeOther {
		t.Errorf("the session that was ended goes on: %d", p.Status)
	}
	e := s.events(t, audit.SignedOut)
	if len(e) != 1 || e[0].Event.Reason != "ended-by-person" || !strings.Contains(newest, e[0].Event.Facts["session"]) {
		t.Errorf("the events are %+v", e)
	}
	one.Post(marks[1][1], nil).MustSay(t, 200, "You are signed out", "Sign out at Staff too")
}

func TestAnotherSiteOrStrangerEndsNoSession(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	path := regexp.MustCompile(`action="(/sessions/[0-9a-f]{16}/end)"`).FindStringSubmatch(b.Get("/access").Text)[1]
	s.request(t, "POST", path, "x=y", nil).MustSay(t, http.StatusUnauthorized, "You are not signed in")
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+path, nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	b.Do(req).MustSay(t, http.StatusForbidden)
	b.Get("/access").MustSay(t, 200, "this browser")
}

// notice posts a logout token as a provider's server does.
func (s *site) notice(t *testing.T, path, token string, set func(*http.Request)) (int, string, string) {
	t.Helper()
	p := s.request(t, "POST", path, url.Values{"logout_token": {token}}.Encode(), set)
	return p.Status, p.Header.Get("Content-Type"), p.Text
}

func TestAProvidersNoticeIsReachableByServersOnly(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	token := func() string {
		x, err := s.idp.LogoutToken("daypass", "eng", "")
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	path := auth.LogoutPath("staff")
	for name, tt := range map[string]struct {
		set  func(*http.Request)
		want int
	}{
		"a page of another site":   {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"a form of another site":   {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"a host that is not ours":  {func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		"a host that is forwarded": {func(r *http.Request) { r.Header.Set("X-Forwarded-Host", r.URL.Host); r.Host = "evil.example" }, http.StatusMisdirectedRequest},
	} {
		if status, _, text := s.notice(t, path, token(), tt.set); status != tt.want {
			t.Errorf("%s: answered %d: %s", name, status, text)
		}
	}
	for name, path := range map[string]string{"another provider's": auth.LogoutPath("nobody"), "a token of nothing": path} {
		status, kind, text := s.notice(t, path, "x", nil)
		if status != http.StatusBadRequest || kind != "application/json" || !strings.Contains(text, `"error":"invalid_request"`) {
			t.Errorf("%s: answered %d %s %s", name, status, kind, text)
		}
	}
	b.Get("/access").MustSay(t, 200, "this browser")

	if status, _, text := s.notice(t, path, token(), nil); status != http.StatusOK || text != "" {
		t.Fatalf("answered %d: %s", status, text)
	}
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if p := b.Get("/access"); p.Status != http.StatusSeeOther {
		t.Errorf("the session goes on: %d", p.Status)
	}
	e := s.events(t, audit.SignedOut)
	if len(e) != 1 || e[0].Event.Reason != "provider-logout" || e[0].Event.Details.Email != "eng@example.com" {
		t.Errorf("the events are %+v", e)
	}
}

func TestAProviderThatIsDownIsAskedToTellAgain(t *testing.T) {
	s := newSite(t)
	s.idp.Lie(oidcsim.Lies{Answer: map[oidcsim.Endpoint]http.HandlerFunc{oidcsim.Discovery: oidcsim.Fail(503)}})
	if status, _, text := s.notice(t, auth.LogoutPath("staff"), "a.b.c", nil); status != http.StatusServiceUnavailable || !strings.Contains(text, "discovery-unreachable") {
		t.Errorf("answered %d: %s", status, text)
	}
}

func TestNothingIsReplacedWhereNothingCameAfterIt(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.SignIn.EndLeases = true })
	eng := s.as(t, "eng")
	lease := eng.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path
	first := signedIn(t, s, eng)
	second := signedIn(t, s, eng)
	if err := first.Replaced(t.Context()); err != nil {
		t.Fatal(err)
	}
	eng.Get(lease).MustSay(t, 200, "Works until")
	if err := second.Replaced(t.Context()); err != nil {
		t.Fatal(err)
	}
	eng.Get(lease).MustSay(t, 200, "ended with the sign-out")
	_, err := second.Me(t.Context())
	refusedAs(t, err, 401, "not-signed-in")
}
