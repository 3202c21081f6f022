package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/download"
	"github.com/daypass/daypass/web"
	"github.com/daypass/daypass/web/webtest"
)

// offering is a site that offers programs, or scripts in their place.
func offering(t testing.TB) (s *site, folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, b := range download.Builds() {
		must(t, os.WriteFile(filepath.Join(folder, b.File()), stands(b), 0o644))
	}
	shelf, err := download.Open(folder)
	must(t, err)
	t.Cleanup(func() { must(t, shelf.Close()) })
	return newSite(t, func(o *web.Options) { o.Clients = shelf }), folder
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stands is what stands for a program: it says that it ran, and has several
// blocks.
func stands(b download.Build) []byte {
	return []byte(fmt.Sprintf("#!/bin/sh\necho \"%s asked: $*\"\nexit 0\n", b.File()) + strings.Repeat("# padding\n", 20_000))
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

const firefox = "Mozilla/5.0 (%s) Gecko/20100101 Firefox/140.0"

func TestThePageHasTheVisitorsSystemFirstAndHidesNone(t *testing.T) {
	s, _ := offering(t)
	for _, x := range []struct{ agent, hint, order, yours string }{
		{fmt.Sprintf(firefox, "X11; Linux x86_64; rv:140.0"), "", "linux darwin windows", "linux"},
		{fmt.Sprintf(firefox, "Macintosh; Intel Mac OS X 10.15; rv:140.0"), "", "darwin linux windows", "darwin"},
		{fmt.Sprintf(firefox, "Windows NT 10.0; Win64; x64; rv:140.0"), "", "windows linux darwin", "windows"},
		{"Mozilla/5.0", `"Windows"`, "windows linux darwin", "windows"},
		{fmt.Sprintf(firefox, "X11; Linux x86_64"), `"macOS"`, "darwin linux windows", "darwin"},
		{fmt.Sprintf(firefox, "Linux; Android 16"), "", "linux darwin windows", ""},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "", "linux darwin windows", ""},
		{"curl/8.5.0", "", "linux darwin windows", ""},
		{"", `"<script>`, "linux darwin windows", ""},
	} {
		p := s.request(t, "GET", "/client", "", func(r *http.Request) {
			r.Header.Set("User-Agent", x.agent)
			if x.hint != "" {
				r.Header.Set("Sec-CH-UA-Platform", x.hint)
			}
		})
		p.MustSay(t, 200, "kubectl daypass login "+s.URL, "not a dishonest server", `href="/client/SHA256SUMS"`)
		var order []string
		for _, m := range regexp.MustCompile(`<h2 id="(linux|darwin|windows)">`).FindAllStringSubmatch(p.Text, -1) {
			order = append(order, m[1])
		}
		yours := regexp.MustCompile(`<h2 id="(\w+)">\w+\s+<span class="chip">this machine`).FindAllStringSubmatch(p.Text, -1)
		if strings.Join(order, " ") != x.order || len(yours) > 1 || (len(yours) == 1) != (x.yours != "") || len(yours) == 1 && yours[0][1] != x.yours {
			t.Errorf("%q, %q: %v, of which %v", x.agent, x.hint, order, yours)
		}
		for _, b := range download.Builds() {
			if !strings.Contains(p.Text, `href="/client/download/`+b.File()+`"`) || !strings.Contains(p.Text, sumOf(stands(b))) {
				t.Errorf("%s is not there with its checksum", b.File())
			}
		}
	}
}

func TestThePageIsForStrangersAndKnowsWhoIsSignedIn(t *testing.T) {
	s, _ := offering(t)
	if p := webtest.New(t, s.URL).Get("/client"); p.Status != 200 || strings.Contains(p.Text, "My access") {
		t.Errorf("a stranger gets %d\n%s", p.Status, p.Text)
	}
	s.as(t, "eng").Get("/client").MustSay(t, 200, "My access", "eng@example.com")
}

func TestWhoMayUseTheClientIsLedToIt(t *testing.T) {
	link := `href="/client"`
	s := newSite(t)
	b := s.as(t, "eng")
	b.Get("/access").MustSay(t, 200, link)
	home := b.Get("/clusters/pay")
	lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "for": {"1h"}, "key": {home.Field(t, "key")}}).URL.Path
	b.Get(lease+"?form=renewing").MustSay(t, 200, link)
	none := newSite(t, func(o *web.Options) { o.Programs = false })
	if p := none.as(t, "eng").Get("/access"); p.Status != 200 || strings.Contains(p.Text, link) {
		t.Errorf("%d: the page leads to a client that nobody may use", p.Status)
	}
}

func TestAFileThatIsNotListedAsItIsIsNotOffered(t *testing.T) {
	folder := t.TempDir()
	const good, bad = "kubectl-daypass-linux-amd64", "kubectl-daypass-linux-arm64"
	for name, text := range map[string]string{good: "good", bad: "half", "SHA256SUMS": sumOf([]byte("good")) + "  " + good + "\n" + sumOf([]byte("half of it")) + "  " + bad + "\n"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	shelf, err := download.Open(folder)
	must(t, err)
	t.Cleanup(func() { must(t, shelf.Close()) })
	s := newSite(t, func(o *web.Options) { o.Clients = shelf })
	for _, path := range []string{"/client", "/client/SHA256SUMS"} {
		p := s.request(t, "GET", path, "", nil)
		p.MustSay(t, 200, good)
		if strings.Contains(p.Text, bad) {
			t.Errorf("%s offers it", path)
		}
	}
	s.request(t, "GET", "/client/download/"+good, "", nil).MustSay(t, 200, "good")
	p := s.request(t, "GET", "/client/download/"+bad, "", nil)
	p.MustSay(t, 503, "is not the one that was built for it, so it is not given out", "#platform")
	if !strings.Contains(s.said(), bad+" is not the file that SHA256SUMS beside it lists") {
		t.Error("the log does not say why")
	}
}

func TestASiteWithoutClientsSaysHowToBuildOne(t *testing.T) {
	s := newSite(t)
	s.request(t, "GET", "/client", "", nil).MustSay(t, 200, "go build -o ~/.local/bin/kubectl-daypass ./cmd/kubectl-daypass", "clients.downloads", "#platform", "kubectl daypass login "+s.URL)
	for _, path := range []string{"/client/SHA256SUMS", "/client/download/kubectl-daypass-linux-amd64"} {
		s.request(t, "GET", path, "", nil).MustSay(t, 404, "There is no such program to download here.")
	}
}

func TestNoClientIsOfferedWhereProgramsMayNotSignIn(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.Programs = false })
	for _, path := range []string{"/client", "/client/SHA256SUMS", "/client/download/kubectl-daypass-linux-amd64"} {
		s.request(t, "GET", path, "", nil).MustSay(t, 403, "Programs may not sign in")
	}
}

func TestAProgramIsDownloadedByItsNameAlone(t *testing.T) {
	s, folder := offering(t)
	for _, b := range download.Builds() {
		p := s.request(t, "GET", "/client/download/"+b.File(), "", nil)
		if p.Status != 200 || p.Text != string(stands(b)) {
			t.Fatalf("%s: %d, %d bytes", b.File(), p.Status, len(p.Text))
		}
		for name, want := range map[string]string{
			"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="` + b.File() + `"`, "X-Content-Type-Options": "nosniff",
			"Cache-Control": "public, no-cache", "Etag": `"` + sumOf(stands(b)) + `"`, "Content-Length": fmt.Sprint(len(stands(b))), "Accept-Ranges": "bytes", "Set-Cookie": "",
		} {
			if got := p.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", b.File(), name, got, want)
			}
		}
	}
	must(t, os.WriteFile(filepath.Join(folder, "secret"), []byte("hush"), 0o644))
	for _, path := range []string{"secret", "SHA256SUMS", "..%2Fsecret", "%2e%2e%2fsecret", "kubectl-daypass-linux-amd64%00", "", ".", "kubectl-daypass-plan9-386", "x/../secret", strings.Repeat("a", 5000)} {
		if p := s.request(t, "GET", "/client/download/"+path, "", nil); p.Status != 404 || strings.Contains(p.Text, "hush") {
			t.Errorf("%q: %d\n%s", path, p.Status, p.Text)
		}
	}
	s.request(t, "POST", "/client/download/kubectl-daypass-linux-amd64", "", nil).MustSay(t, 405)
}

// patient is a connection that tells how long it was given.
type patient struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (p *patient) SetWriteDeadline(t time.Time) error { p.until = t; return nil }

func TestADownloadMayTakeLongerThanAPage(t *testing.T) {
	s, _ := offering(t)
	for path, longer := range map[string]bool{"/client": false, "/client/SHA256SUMS": false, "/client/download/kubectl-daypass-linux-amd64": true, "/client/download/none": false} {
		w, r := &patient{ResponseRecorder: httptest.NewRecorder()}, httptest.NewRequest("GET", s.URL+path, nil)
		s.Config.Handler.ServeHTTP(w, r)
		if got := w.until.After(time.Now().Add(time.Minute)); got != longer {
			t.Errorf("%s: until %v", path, w.until)
		}
	}
}

func TestACacheOrAPartOfAProgramIsServed(t *testing.T) {
	s, _ := offering(t)
	b := download.Builds()[0]
	whole := string(stands(b))
	for claim, x := range map[string]struct {
		header [2]string
		status int
		text   string
	}{
		"a part":                 {[2]string{"Range", "bytes=65530-65545"}, 206, whole[65530:65546]},
		"the rest":               {[2]string{"Range", "bytes=131072-"}, 206, whole[131072:]},
		"beyond the end":         {[2]string{"Range", "bytes=9999999-"}, 416, "invalid range: failed to overlap\n"},
		"several parts":          {[2]string{"Range", "bytes=0-0,65536-65536"}, 200, whole},
		"the same part often":    {[2]string{"Range", "bytes=" + strings.Repeat("0-0,65536-65536,", 500) + "0-0"}, 200, whole},
		"what one has already":   {[2]string{"If-None-Match", `"` + sumOf([]byte(whole)) + `"`}, 304, ""},
		"what one has of before": {[2]string{"If-None-Match", `"` + sumOf([]byte("old")) + `"`}, 200, whole},
	} {
		p := s.request(t, "GET", "/client/download/"+b.File(), "", func(r *http.Request) { r.Header.Set(x.header[0], x.header[1]) })
		if p.Status != x.status || p.Text != x.text {
			t.Errorf("%s: %d, %d bytes", claim, p.Status, len(p.Text))
		}
	}
}

func TestTheListOfChecksumsIsThatOfTheFiles(t *testing.T) {
	s, _ := offering(t)
	dir := t.TempDir()
	p := s.request(t, "GET", "/client/SHA256SUMS", "", nil)
	p.MustSay(t, 200)
	must(t, os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(p.Text), 0o600))
	for _, b := range download.Builds() {
		file := s.request(t, "GET", "/client/download/"+b.File(), "", nil)
		must(t, os.WriteFile(filepath.Join(dir, b.File()), []byte(file.Text), 0o600))
	}
	c := exec.CommandContext(t.Context(), installed(t, "sha256sum"), "-c", "SHA256SUMS")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil || bytes.Count(out, []byte(": OK\n")) != 6 || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAFileThatChangedUnderneathIsNotServed(t *testing.T) {
	s, folder := offering(t)
	b := download.Builds()[0]
	path, at := filepath.Join(folder, b.File()), "/client/download/"+b.File()
	s.request(t, "GET", "/client", "", nil).MustSay(t, 200, sumOf(stands(b)))

	changed := bytes.ToUpper(stands(b)) // of the same size
	must(t, os.WriteFile(path, changed, 0o644))
	resp, err := http.Get(s.URL + at)
	must(t, err)
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil || len(got) != 0 {
		t.Errorf("%d bytes of it came, %v", len(got), err)
	}
	if !strings.Contains(s.said(), "a client was not sent to its end") {
		t.Error("the log does not say so")
	}
	must(t, os.WriteFile(path, []byte("short"), 0o644))
	s.request(t, "GET", at, "", nil).MustSay(t, 503, "changed on this server", "#platform")
	must(t, os.Remove(path))
	s.request(t, "GET", at, "", nil).MustSay(t, 500)
	s.request(t, "GET", "/client", "", nil).MustSay(t, 200, sumOf(stands(b)))
	must(t, os.WriteFile(path, stands(b), 0o644))
	if p := s.request(t, "GET", at, "", nil); p.Text != string(stands(b)) {
		t.Errorf("once it is back: %d", p.Status)
	}
}

// pasteOf is a paste as it stands on the page.
func pasteOf(t testing.TB, s *site, system string) string {
	t.Helper()
	p := s.request(t, "GET", "/client", "", nil)
	m := regexp.MustCompile(`(?s)<pre tabindex="0" id="paste-` + system + `"[^>]*>(.*?)</pre>`).FindStringSubmatch(p.Text)
	if m == nil {
		t.Fatalf("the page has no paste for %s", system)
	}
	return html.UnescapeString(m[1])
}
