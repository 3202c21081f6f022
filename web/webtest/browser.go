// Package webtest is somebody at a browser, for tests: it follows links, posts
// forms, keeps cookies and reads pages. It runs no scripts.
package webtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Browser is somebody at a browser. Like Chromium, and unlike Go's cookie jar,
// it takes loopback for secure.
type Browser struct {
	Home   string // the site's URL
	Client *http.Client
	t      testing.TB
}

// loopbackJar keeps Secure cookies for loopback over plain HTTP.
type loopbackJar struct{ *cookiejar.Jar }

func secure(u *url.URL) *url.URL {
	c := *u
	c.Scheme = "https"
	return &c
}

func (j loopbackJar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(secure(u), c) }
func (j loopbackJar) Cookies(u *url.URL) []*http.Cookie       { return j.Jar.Cookies(secure(u)) }

// New opens a browser with no cookies.
func New(t testing.TB, home string) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, Home: home, Client: &http.Client{Jar: loopbackJar{jar}}}
}

// Page is an answer as a person meets it.
type Page struct {
	Status int
	URL    *url.URL // after redirects
	Header http.Header
	Text   string
}

// Do sends a request as it is; Accept says text/html unless it is set.
func (b *Browser) Do(req *http.Request) Page {
	b.t.Helper()
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/html")
	}
	resp, err := b.Client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return Page{resp.StatusCode, resp.Request.URL, resp.Header, string(text)}
}

// Get opens a path of the site, or a whole URL.
func (b *Browser) Get(path string) Page {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.Home + path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Do(req)
}

// Post sends a form from one of the site's own pages.
func (b *Browser) Post(path string, form url.Values) Page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.Home+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.Home)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(req)
}

// SignIn goes to a simulated provider and clicks on somebody there.
func (b *Browser) SignIn(provider, subject string) Page {
	b.t.Helper()
	asked := b.Get("/auth/" + provider + "?return=/")
	return b.Get(asked.URL.String() + "&as=" + subject)
}

// Field finds the value of a field.
func (p Page) Field(t testing.TB, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.Text)
	if m == nil {
		t.Fatalf("%s has no field %s", p.URL, name)
	}
	return m[1]
}

// MustSay fails unless the page has the status and all the texts.
func (p Page) MustSay(t testing.TB, status int, texts ...string) {
	t.Helper()
	if p.Status != status {
		t.Fatalf("%s answered %d, want %d\n%s", p.URL.Path, p.Status, status, p.Text)
	}
	for _, s := range texts {
		if !strings.Contains(p.Text, s) {
			t.Errorf("%s does not say %q\n%s", p.URL.Path, s, p.Text)
		}
	}
}
