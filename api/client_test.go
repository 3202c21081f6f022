package api_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

// signedIn is a client with a session, by way of a typed code.
func signedIn(t *testing.T, s *apitest.Server) *api.Client {
	t.Helper()
	c := client(t, s)
	d, err := c.BeginDevice(t.Context(), api.DeviceAsk{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	ask := api.SignIn{Grant: api.GrantDevice, DeviceCode: d.DeviceCode}
	_, err = c.SignIn(t.Context(), ask)
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != api.CodePending {
		t.Fatalf("before anybody typed the code: %v", err)
	}
	in, err := c.SignIn(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	c.Secret = in.Secret
	return c
}

func client(t *testing.T, s *apitest.Server) *api.Client {
	t.Helper()
	server, err := api.ParseServer(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	key, err := api.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	h := api.HTTP(5 * time.Second)
	if s.TLS != nil {
		h.Transport.(*http.Transport).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	}
	t.Cleanup(h.CloseIdleConnections)
	return &api.Client{Server: server, Key: key, HTTP: h}
}

func TestEveryQuestionOfTheContract(t *testing.T) {
	s := apitest.NewTLS()
	defer s.Close()
	c := signedIn(t, s)
	l, err := c.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "payments-prod", Role: "viewer"}, Key: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "payments-prod", Role: "viewer"}, Key: "k1"})
	if err != nil || again.ID != l.ID {
		t.Errorf("one key started %s and %s (%v)", l.ID, again.ID, err)
	}
	token, err := c.Token(t.Context(), l.ID)
	if err != nil || !strings.HasPrefix(token.Token, "k8s-aws-v1.") {
		t.Errorf("token: %v", err)
	}
	entry, err := c.Entry(t.Context(), l.ID)
	if err != nil || string(entry.CA) != apitest.CA {
		t.Errorf("entry: %v, %q", err, entry.CA)
	}
	for name, ask := range map[string]func() error{
		"server":    func() error { _, err := c.About(t.Context()); return err },
		"openapi":   func() error { _, err := c.OpenAPI(t.Context()); return err },
		"me":        func() error { _, err := c.Me(t.Context()); return err },
		"clusters":  func() error { _, err := c.Clusters(t.Context()); return err },
		"decisions": func() error { _, err := c.Decide(t.Context(), api.Ask{Cluster: "a", Role: "b"}); return err },
		"leases":    func() error { _, err := c.Leases(t.Context()); return err },
		"lease":     func() error { _, err := c.Lease(t.Context(), l.ID); return err },
		"sessions":  func() error { _, err := c.Sessions(t.Context()); return err },
	} {
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, err := c.EndAll(t.Context())
	if err != nil || len(ended.Leases) != 1 {
		t.Errorf("end all: %v, %v", ended, err)
	}
	if got, err := c.End(t.Context(), l.ID); err != nil || got.State != "ended" {
		t.Errorf("end: %v, %v", got, err)
	}
	if err := c.SignOut(t.Context(), api.This); err != nil {
		t.Errorf("sign out: %v", err)
	}
	wantProblem(t, second(c.Me(t.Context())), api.CodeNotSignedIn)
	if got := s.Problems(); !slices.Equal(got, []string{api.CodeNonce}) {
		t.Errorf("refused proofs: %q, want the first alone, for its nonce", got)
	}
}

func second[T any](_ T, err error) error { return err }

func wantProblem(t *testing.T, err error, code string) {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("got %v, want the problem %s", err, code)
	}
}

func TestProofs(t *testing.T) {
	s := apitest.New()
	defer s.Close()
	t.Run("get a new nonce when theirs is old, with one more question", func(t *testing.T) {
		c := signedIn(t, s)
		s.Rotate()
		s.Rotate()
		before := s.Asked("GET /api/v1/me")
		if _, err := c.Me(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := s.Asked("GET /api/v1/me") - before; n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})
	t.Run("are asked for twice and no more", func(t *testing.T) {
		c := signedIn(t, s)
		s.Instead(func(w http.ResponseWriter, _ *http.Request) bool {
			apitest.Problem(w, 401, api.CodeNonce, "Never good.", "")
			return true
		})
		defer s.Instead(nil)
		before := s.Asked("")
		wantProblem(t, second(c.Me(t.Context())), api.CodeNonce)
		if n := s.Asked("") - before; n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})
	t.Run("by another key are not good", func(t *testing.T) {
		c := signedIn(t, s)
		key, err := api.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		c.Key = key
		wantProblem(t, second(c.Me(t.Context())), api.CodeProof)
	})
	t.Run("are never made without a session", func(t *testing.T) {
		c := client(t, s)
		before := s.Asked("")
		if _, err := c.Me(t.Context()); !errors.Is(err, api.ErrNoSession) {
			t.Errorf("got %v", err)
		}
		if s.Asked("") != before {
			t.Error("the server was asked")
		}
	})
	for _, skew := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		t.Run("go by the server's clock, which is off by "+skew.String(), func(t *testing.T) {
			s := apitest.New()
			defer s.Close()
			s.Skew(skew)
			c := signedIn(t, s)
			p, err := c.Me(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if off := time.Since(c.Local(p.AsOf)).Abs(); off > 5*time.Second {
				t.Errorf("the server's now is %s off by the local clock", off)
			}
		})
	}
}

func TestThumbprintsAreThoseOfOthers(t *testing.T) {
	s := apitest.New()
	defer s.Close()
	for range 20 { // a coordinate with leading zeros comes by now and then
		c := signedIn(t, s) // bound by go-jose's thumbprint, checked at each question
		if _, err := c.Me(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnswersOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a page of a proxy": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<html>please sign in"))
		}, "answered with a web page (HTTP 200)"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://portal.example.com/x?y=z", 302)
		}, "a redirect to portal.example.com (HTTP 302)"},
		"an error of a gateway": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(502)
			_, _ = w.Write([]byte(`{"message":"bad gateway"}`))
		}, "an error that is not its own (HTTP 502)"},
		"more than any answer has": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 5 << 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, "more than any answer has"},
		"what is no JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{"))
		}, "an answer that cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(c.answer)
			defer s.Close()
			u, _ := api.ParseServer(s.URL)
			_, err := (&api.Client{Server: u}).About(t.Context())
			var not *api.NotDaypass
			if !errors.As(err, &not) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestSilence(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	u, _ := api.ParseServer(s.URL)
	var un *api.Unreachable
	t.Run("is given up in time", func(t *testing.T) {
		_, err := (&api.Client{Server: u, HTTP: api.HTTP(50 * time.Millisecond)}).About(t.Context())
		if !errors.As(err, &un) || !strings.Contains(err.Error(), "did not answer in time") || strings.Contains(err.Error(), "Client.Timeout") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends when nobody waits any more", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := (&api.Client{Server: u}).About(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("of a port where nobody listens says so without the path", func(t *testing.T) {
		gone := httptest.NewServer(nil)
		gone.Close()
		u, _ := api.ParseServer(gone.URL)
		_, err := (&api.Client{Server: u}).About(t.Context())
		if !errors.As(err, &un) || err.Error() != u.Host+" refuses connections: is the server running there?" || !un.Unheard() {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatTheNetworkSaysIsForPeople(t *testing.T) {
	secure := apitest.NewTLS()
	defer secure.Close()
	clear := apitest.New()
	defer clear.Close()
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer rude.Close()
	trusting := api.HTTP(time.Second)
	trusting.Transport = secure.Client().Transport
	through := api.HTTP(time.Second)
	gone := httptest.NewServer(nil)
	gone.Close()
	proxy, _ := url.Parse(gone.URL)
	through.Transport.(*http.Transport).Proxy = http.ProxyURL(proxy)
	_, port, _ := strings.Cut(secure.Listener.Addr().String(), ":")
	for _, c := range []struct {
		name, server string
		http         *http.Client
		want         string
		unheard      bool
	}{
		{"a certificate by nobody known", secure.URL, nil, " shows a certificate that this machine does not trust. ", false},
		{"a certificate for another name", "https://localhost:" + port, trusting, " shows a certificate for another name: ", false},
		{"http where https is asked", strings.Replace(clear.URL, "http:", "https:", 1), nil, " speaks http, not https: write " + clear.URL, false},
		{"a connection that ends", rude.URL, nil, " closed the connection without an answer: try again", false},
		{"a proxy that is not there", "https://daypass.example.com", through, " cannot be reached by the proxy that this machine's settings name (HTTPS_PROXY): ", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := api.ParseServer(c.server)
			if err != nil {
				t.Fatal(err)
			}
			_, err = (&api.Client{Server: u, HTTP: c.http}).About(t.Context())
			var un *api.Unreachable
			if !errors.As(err, &un) || !strings.HasPrefix(err.Error(), u.Host+c.want) || un.Unheard() != c.unheard {
				t.Errorf("got %v", err)
			}
		})
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{dial(&net.DNSError{Err: "no such host", IsNotFound: true}), "h is no host that this machine knows: "},
		{dial(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), "h cannot be looked up: "},
		{dial(os.ErrDeadlineExceeded), "h cannot be reached: nothing answers there. "},
		{dial(syscall.EHOSTUNREACH), "h cannot be reached: no route to host"},
		{context.DeadlineExceeded, "h did not answer within 15 s"},
		{http.ErrSchemeMismatch, "h speaks http, not https, and secrets would travel in clear: "},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "h shows a certificate that is over or does not count yet: "},
		{errors.New("tls: something else"), "h cannot be reached: tls: something else"},
	} {
		if got := (&api.Unreachable{Host: "h", Err: c.err, Waited: 14990 * time.Millisecond}).Error(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %q", c.err, got)
		}
	}
}

func TestTextOfTheServerIsPlain(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/server") {
			apitest.Problem(w, 403, "no\x1b[2J", "a\x1b]0;title\x07b\r\nc", "\u202Ed\u009b1me")
			return
		}
	}))
	defer s.Close()
	u, _ := api.ParseServer(s.URL)
	_, err := (&api.Client{Server: u}).About(t.Context())
	if got := err.Error(); got != "a]0;titleb  c d1me" {
		t.Errorf("got %q", got)
	}
}

func TestTextOfTheServerIsBounded(t *testing.T) {
	long := strings.Repeat("a", 1000) + strings.Repeat("ü", 512<<10) // a border of a rune is not every byte
	answers := map[string]http.HandlerFunc{
		"a problem": func(w http.ResponseWriter, _ *http.Request) { apitest.Problem(w, 500, "x", long, long) },
		"a problem that has but a code": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(403)
			_ = json.NewEncoder(w).Encode(api.Problem{Code: long})
		},
		"a type of content": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/"+strings.Repeat("a", 40<<10))
		},
		"a redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://"+strings.Repeat("a", 40<<10))
			w.WriteHeader(302)
		},
		"a broken answer": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 " + strings.Repeat("9", 40<<10) + " no\r\n\r\n"))
			_ = conn.Close()
		},
	}
	for name, answer := range answers {
		t.Run("in "+name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			u, _ := api.ParseServer(s.URL)
			_, err := (&api.Client{Server: u}).About(t.Context())
			if err == nil || len(err.Error()) > 2400 || !utf8.ValidString(err.Error()) || !strings.Contains(err.Error(), "…") {
				t.Errorf("%d bytes: %.3000v", len(err.Error()), err)
			}
		})
	}
	t.Run("in what is no problem too, and a token is whole", func(t *testing.T) {
		s := apitest.New()
		defer s.Close()
		s.Person = long
		c := signedIn(t, s)
		p, err := c.Me(t.Context())
		if err != nil || len(p.Label) > 17<<10 || !strings.HasSuffix(p.Label, "ü…") || p.Principal != "pr_ann" {
			t.Errorf("%v, %d bytes", err, len(p.Label))
		}
		token := strings.Repeat("t", 12<<10) // more than a header takes
		s.Instead(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"token":"` + token + `"}`))
			return true
		})
		if got, err := c.Token(t.Context(), "ls_x"); err != nil || got.Token != token {
			t.Errorf("%v, %d bytes", err, len(got.Token))
		}
	})
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"Grüße, 東京": "Grüße, 東京", "a\x00b\x7fc": "abc", "a\tb\nc": "a b c", "a\xffb": "ab", "x\u2028y\u200bz\u2066": "x yz",
	} {
		if got := api.Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[0m")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range api.Plain(s) {
			if r < ' ' || (r >= 0x7f && r < 0xa0) {
				t.Errorf("%q keeps %U", s, r)
			}
		}
	})
}

func TestParseServer(t *testing.T) {
	got := map[string]string{}
	for _, in := range []string{"daypass.example.com", "HTTPS://Daypass.Example.com:443/", "https://x.example.com:8443/base/", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"} {
		u, err := api.ParseServer(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got[in] = u.String()
	}
	want := map[string]string{
		"daypass.example.com": "https://daypass.example.com", "HTTPS://Daypass.Example.com:443/": "https://daypass.example.com",
		"https://x.example.com:8443/base/": "https://x.example.com:8443/base", "http://127.0.0.1:8080": "http://127.0.0.1:8080",
		"http://[::1]:1": "http://[::1]:1", "http://localhost": "http://localhost",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "http://daypass.example.com", "https://a:b@x", "https://x?y=z", "https://x#y", "ftp://x", "https://", "file:///etc", "https://x\n"} {
		if u, err := api.ParseServer(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, u)
		}
	}
}

func TestAProblemWithoutWordsSaysItsCode(t *testing.T) {
	var p api.Problem
	if err := json.Unmarshal([]byte(`{"code":"c","status":400}`), &p); err != nil || !strings.Contains(p.Error(), "(c)") {
		t.Errorf("a problem without words says %q (%v)", p.Error(), err)
	}
}
