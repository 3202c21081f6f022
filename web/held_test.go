package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web"
	"github.com/daypass/daypass/web/webtest"
)

// holdsBack sends a form without its body, then does something, then sends the
// body. It gives the answer's status.
func holdsBack(t *testing.T, s *site, b *webtest.Browser, path, body string, meanwhile func()) int {
	t.Helper()
	home := must1[*url.URL](t)(url.Parse(s.URL))
	var cookie []string
	for _, c := range b.Client.Jar.Cookies(home) {
		cookie = append(cookie, c.Name+"="+c.Value)
	}
	conn := must1[net.Conn](t)(net.Dial("tcp", home.Host))
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, home.Host, strings.Join(cookie, "; "), len(body), body[:1])
	time.Sleep(200 * time.Millisecond) // the server has the head by then; were it slower, the test would only show less
	meanwhile()
	_, _ = io.WriteString(conn, body[1:])
	res := must1[*http.Response](t)(http.ReadResponse(bufio.NewReader(conn), nil))
	defer res.Body.Close()
	return res.StatusCode
}

func TestAHeldBackBodyOutlivesNoSignOut(t *testing.T) {
	s := newSite(t)
	for name, try := range map[string]func(b *webtest.Browser) (path, body string){
		"to start a lease": func(*webtest.Browser) (string, string) {
			return "/clusters/pay", url.Values{"role": {"viewer"}, "key": {"held"}}.Encode()
		},
		"to take a kubeconfig away": func(b *webtest.Browser) (string, string) {
			return b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path + "/copy", "form=file"
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.as(t, "eng")
			path, body := try(b)
			if got := holdsBack(t, s, b, path, body, func() { s.ended(t, b) }); got != http.StatusUnauthorized {
				t.Errorf("answered with %d", got)
			}
		})
	}
	if n := len(s.events(t, audit.HandedOver)); n != 0 {
		t.Errorf("%d hand-overs", n)
	}
}

// ended signs somebody out elsewhere: by an administrator.
func (s *site) ended(t *testing.T, _ *webtest.Browser) {
	t.Helper()
	them := s.events(t, audit.SignedIn)[0].Event.Principal
	s.as(t, "root").Post("/administration/people/"+them+"/end", nil).MustSay(t, 200)
}

func TestLettingAProgramInTakesAFreshSignIn(t *testing.T) {
	later := time.Duration(0)
	s := newSite(t, typedCodes, func(o *web.Options) {
		o.SignIn.Now = func() time.Time { return time.Now().Add(later) }
	})
	b := s.as(t, "eng")
	link, _ := asksIn(t, program(t, s))
	later = 16 * time.Minute
	_, d := waits(t, s)
	form := url.Values{"answer": {"allow"}}
	for k, v := range link {
		form[k] = v
	}
	b.Post("/client/authorize", form).MustSay(t, 403, "takes a sign-in of the last 15 minutes")
	b.Post("/client/device", url.Values{"code": {d.UserCode}, "answer": {"allow"}}).MustSay(t, 403, "takes a sign-in of the last 15 minutes")
	for _, path := range []string{"/client/authorize?" + link.Encode(), "/client/device"} {
		p := b.Get(path)
		if !strings.Contains(p.Text, "Sign in as") {
			t.Errorf("%s leads to %s", path, p.URL)
		}
	}
	signed := b.Get(b.Get("/client/authorize?"+link.Encode()).URL.String() + "&as=eng")
	signed.MustSay(t, 200, "Let the program “laptop” act for you?")
}

func TestATokenThatGoesToAnotherSessionIsOnRecord(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	one, two := signedIn(t, s, b), signedIn(t, s, b)
	l := must1[api.Lease](t)(one.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "pay", Role: "viewer"}, Key: "k"}))
	for range 3 {
		must1[api.Token](t)(one.Token(t.Context(), l.ID))
		must1[api.Token](t)(two.Token(t.Context(), l.ID))
	}
	marks := map[string]bool{}
	rows := s.events(t, audit.HandedOver)
	for _, r := range rows {
		marks[r.Event.Facts["session"]] = true
	}
	if len(rows) != 2 || len(marks) != 2 || marks[""] {
		t.Errorf("%d hand-overs, to the sessions %v", len(rows), marks)
	}
}

func TestEndingASessionThatIsGoneIsWhatWasWanted(t *testing.T) {
	s := newSite(t)
	c := signedIn(t, s, s.as(t, "eng"))
	if err := c.SignOut(t.Context(), strings.Repeat("0", 16)); err != nil {
		t.Error(err)
	}
}

func TestALinkTakesNoEntry(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path
	if p := b.Get("/api/v1" + lease + "/entry"); p.Status != http.StatusMethodNotAllowed || p.Header.Get("Allow") != "POST" {
		t.Errorf("answered with %d, Allow %q", p.Status, p.Header.Get("Allow"))
	}
	if n := len(s.events(t, audit.HandedOver)); n != 0 {
		t.Errorf("%d hand-overs", n)
	}
}
