package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is somebody at a browser. Like Chromium, and unlike Go's cookie jar,
// it takes loopback for secure.
type browser struct {
	t      *testing.T
	home   string
	client *http.Client
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

func newBrowser(t *testing.T, home string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, home: home, client: &http.Client{Jar: loopbackJar{jar}}}
}

// page is an answer as a person meets it.
type page struct {
	status int
	url    *url.URL
	head   http.Header
	text   string
}

func (b *browser) do(req *http.Request) page {
	b.t.Helper()
	req.Header.Set("Accept", "text/html")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Request.URL, resp.Header, string(text)}
}

func (b *browser) get(path string) page {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.home + path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

func (b *browser) post(path string, form url.Values) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.home+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.home)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

// signIn goes to a provider and clicks on somebody there.
func (b *browser) signIn(provider, subject string) page {
	b.t.Helper()
	asked := b.get("/auth/" + provider + "?return=/")
	return b.get(asked.url.String() + "&as=" + subject)
}

// field finds the value of a hidden field.
func (p page) field(t *testing.T, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.text)
	if m == nil {
		t.Fatalf("%s has no field %s", p.url, name)
	}
	return m[1]
}

// mustSay fails unless the page has the status and all the texts.
func (p page) mustSay(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Fatalf("%s answered %d, want %d\n%s", p.url.Path, p.status, status, p.text)
	}
	for _, s := range texts {
		if !strings.Contains(p.text, s) {
			t.Errorf("%s does not say %q\n%s", p.url.Path, s, p.text)
		}
	}
}
