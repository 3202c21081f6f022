package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheDoorman(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	host := l.Addr().String()
	const by = "&iss=https://daypass.example.com"
	for name, c := range map[string]struct {
		method, host, target, code string
		exit                       int // of the error; zero: none
		ignored                    bool
	}{
		"takes the code":                       {"GET", host, "/callback?code=c&state=s" + by, "c", 0, false},
		"hears a refusal":                      {"GET", host, "/callback?error=access_denied&state=s" + by, "", exitRefused, false},
		"hears another error":                  {"GET", host, "/callback?error=%1b&state=s" + by, "", exitFailed, false},
		"wants a code":                         {"GET", host, "/callback?state=s" + by, "", exitFailed, false},
		"takes no code of another server":      {"GET", host, "/callback?code=c&state=s&iss=https://daypass.example.org", "", exitFailed, false},
		"takes no code of a longer name":       {"GET", host, "/callback?code=c&state=s" + by + ".example.org", "", exitFailed, false},
		"takes no code of nobody":              {"GET", host, "/callback?code=c&state=s", "", exitFailed, false},
		"takes no code of two":                 {"GET", host, "/callback?code=c&state=s" + by + by, "", exitFailed, false},
		"believes no refusal of another":       {"GET", host, "/callback?error=access_denied&state=s", "", exitFailed, false},
		"ignores another state":                {"GET", host, "/callback?code=c&state=t" + by, "", 0, true},
		"ignores no state":                     {"GET", host, "/callback?code=c" + by, "", 0, true},
		"ignores a refusal by another site":    {"GET", host, "/callback?error=access_denied" + by, "", 0, true},
		"ignores names that lead here":         {"GET", "evil.example.com", "/callback?code=c&state=s" + by, "", 0, true},
		"ignores what is sent":                 {"POST", host, "/callback?code=c&state=s" + by, "", 0, true},
		"ignores other pages, such as an icon": {"GET", host, "/favicon.ico?code=c&state=s" + by, "", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doorman{l, "https://daypass.example.com", "s", make(chan arrival, 1)}
			r := httptest.NewRequest(c.method, c.target, nil)
			r.Host = c.host
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			if (w.Code == http.StatusNotFound) != c.ignored || len(d.came) == 1 == c.ignored {
				t.Fatalf("status %d, %d arrivals", w.Code, len(d.came))
			}
			if c.ignored {
				return
			}
			a := <-d.came
			var f *failure
			if a.code != c.code || errors.As(a.err, &f) != (c.exit != 0) || (f != nil && f.code != c.exit) {
				t.Errorf("%+v", a)
			}
			if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
				t.Error("the page may load things")
			}
		})
	}
}
