package assets

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func fetch(method, url, encodings string) *http.Response {
	r := httptest.NewRequest(method, url, nil)
	if encodings != "" {
		r.Header.Set("Accept-Encoding", encodings)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEachFileIsKeptForEverUnderItsHash(t *testing.T) {
	for name, kind := range map[string]string{
		"daypass.css": "text/css; charset=utf-8", "daypass.js": "text/javascript; charset=utf-8", "favicon.svg": "image/svg+xml",
	} {
		url := URL(name)
		if !regexp.MustCompile(`^/assets/[a-z]+\.[0-9a-f]{12}\.[a-z]+$`).MatchString(url) {
			t.Errorf("%s is at %s, which carries no hash", name, url)
		}
		r := fetch("GET", url, "")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind || r.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", name, r.StatusCode, r.Header)
		}
		want, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if body(t, r.Body) != string(want) {
			t.Errorf("%s is served with other bytes", name)
		}
	}
}

func TestAnyOtherAddressIsNotFoundAndNotKept(t *testing.T) {
	for _, url := range []string{
		"/assets/", "/assets/daypass.css", "/assets/daypass.000000000000.css", "/assets/../assets.go", "/assets/assets.go", "/daypass.css", URL("no-such"), URL("daypass.css") + "/",
	} {
		r := fetch("GET", url, "")
		if r.StatusCode != 404 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", url, r.StatusCode, r.Header)
		}
	}
}

func TestGzipIsSentToWhoeverTakesIt(t *testing.T) {
	for accept, want := range map[string]bool{
		"gzip": true, "br, GZIP;q=0.5": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false, "x-gzip-not": false,
	} {
		r := fetch("GET", URL("daypass.css"), accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("%q: gzip %v, want %v", accept, got, want)
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: a cache may mix up the encodings", accept)
		}
	}
	z, err := gzip.NewReader(fetch("GET", URL("daypass.css"), "gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := body(t, z), body(t, fetch("GET", URL("daypass.css"), "").Body); got != want {
		t.Error("the small bytes are not the plain ones")
	}
}

func TestAssetsCanOnlyBeRead(t *testing.T) {
	if r := fetch("POST", URL("daypass.js"), ""); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", r.StatusCode, r.Header)
	}
	r := fetch("HEAD", URL("daypass.js"), "")
	if b := body(t, r.Body); r.StatusCode != 200 || b != "" || r.Header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d with %d bytes", r.StatusCode, len(b))
	}
}

func TestNoFileAsksAnybodyElse(t *testing.T) {
	for _, name := range []string{"daypass.css", "daypass.js"} {
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"http://", "https://", "url(", "@import", "eval(", "innerHTML", ".style."} {
			if strings.Contains(string(b), bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
	}
}

// The budget of a first page is 60 KB; the largest list takes 40 of them.
func TestTheFilesTogetherAreLight(t *testing.T) {
	sum := 0
	for _, name := range []string{"daypass.css", "daypass.js", "favicon.svg"} {
		sum += len(body(t, fetch("GET", URL(name), "gzip").Body))
	}
	if sum > 18_000 {
		t.Errorf("%d bytes, want 18,000 at most", sum)
	}
}
