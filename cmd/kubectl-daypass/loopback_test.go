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
	for name, c := range map[string]struct {
		method, host, target, code string
		exit                       int // of the error; zero: none
		ignored                    bool
	}{
		"takes the code":                       {"GET", host, "/callback?code=c&state=s", "c", 0, false},
		"hears a refusal":                      {"GET", host, "/callback?error=access_denied&state=s", "", exitRefused, false},
		"hears another error":                  {"GET", host, "/callback?error=%1b&state=s", "", exitFailed, false},
		"wants a code":                         {"GET", host, "/callback?state=s", "", exitFailed, false},
		"ignores another state":                {"GET", host, "/callback?code=c&state=t", "", 0, true},
		"ignores no state":                     {"GET", host, "/callback?code=c", "", 0, true},
		"ignores a refusal by another site":    {"GET", host, "/callback?error=access_denied", "", 0, true},
		"ignores names that lead here":         {"GET", "evil.example.com", "/callback?code=c&state=s", "", 0, true},
		"ignores what is sent":                 {"POST", host, "/callback?code=c&state=s", "", 0, true},
		"ignores other pages, such as an icon": {"GET", host, "/favicon.ico?code=c&state=s", "", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doorman{l, "s", make(chan arrival, 1)}
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
