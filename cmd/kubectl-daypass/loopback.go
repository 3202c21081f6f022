package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/daypass/daypass/api"
)

// longestLogin is how long somebody may take in the browser.
const longestLogin = 10 * time.Minute

// doorman waits at a port of this machine for the browser to come back: RFC
// 8252, section 7.3.
type doorman struct {
	listener net.Listener
	server   string // whose answer is waited for
	state    string
	came     chan arrival
}

type arrival struct {
	code string
	err  error
}

// byBrowser signs in by the browser on this machine, with PKCE and a code that
// is bound to our key.
func (h home) byBrowser(ctx context.Context, c *api.Client, name string, linkOnly bool) (api.SignedIn, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return api.SignedIn{}, fmt.Errorf("no port of this machine is free for the browser to come back to: %w", err)
	}
	d := &doorman{l, c.Server.String(), rand.Text(), make(chan arrival, 1)}
	verifier := rand.Text() + rand.Text() // RFC 7636 wants 43 to 128 characters
	key, err := api.Thumbprint(&c.Key.PublicKey)
	if err != nil {
		_ = l.Close() // nobody came
		return api.SignedIn{}, err
	}
	h.show(d.link(key, name, verifier), key, linkOnly)
	code, err := d.wait(ctx)
	if err != nil {
		return api.SignedIn{}, err
	}
	return c.SignIn(ctx, api.SignIn{Grant: api.GrantCode, Code: code, Verifier: verifier, RedirectURI: d.back()})
}

func (d *doorman) back() string { return "http://" + d.listener.Addr().String() + "/callback" }

func (d *doorman) link(key, name, verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"redirect_uri": {d.back()}, "state": {d.state}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "dpop_jkt": {key}, "client_name": {name},
	}
	return d.server + "/client/authorize?" + q.Encode()
}

// show opens the link, or has the person open it. The key tells them whether
// the page asks for this program or for another.
func (h home) show(link, key string, linkOnly bool) {
	ask := "Open this link in a browser on this machine:\n"
	if !linkOnly && openBrowser(link) == nil {
		ask = "Your browser opens. If it does not, open this link in a browser on this machine:\n"
	}
	fmt.Fprintln(h.err, ask+link+"\nAllow it only if the page shows this key: "+key)
}

// wait gives the code of the first arrival that knows the state.
func (d *doorman) wait(ctx context.Context) (string, error) {
	s := &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = s.Serve(d.listener) }() // ends with Shutdown, and the arrival tells the rest
	defer d.close(s)
	ctx, cancel := context.WithTimeout(ctx, longestLogin)
	defer cancel()
	select {
	case a := <-d.came:
		return a.code, a.err
	case <-ctx.Done():
		return "", &failure{code: exitFailed, say: "The sign-in was given up: nobody came back from the browser.", err: ctx.Err()}
	}
}

// close lets the page that the browser waits for go out.
func (d *doorman) close(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.Shutdown(ctx) // the process ends soon after
}

// ServeHTTP takes the browser in. Whoever does not know the state, such as a
// page of another site, changes nothing.
func (d *doorman) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"+styleSum()+"'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	q := r.URL.Query()
	if r.Method != http.MethodGet || r.URL.Path != "/callback" || r.Host != d.listener.Addr().String() || !same(q.Get("state"), d.state) {
		http.Error(w, "Nothing is here.", http.StatusNotFound)
		return
	}
	a := d.arrived(q)
	select {
	case d.came <- a:
	default: // reloaded
	}
	title, said := "Back to your terminal", "This machine has its answer. You may close this page."
	if a.err != nil {
		title = "This machine was not signed in"
	}
	_, _ = fmt.Fprintf(w, farewell, style, title, title, said) // for courtesy
}

// farewell is what the browser shows last; it is on nobody's server.
const (
	farewell = `<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width"><style>%s</style><title>%s · Daypass</title><main><h1>%s</h1><p>%s</main>`
	style    = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}main{max-width:32rem;margin:15vh auto;padding:0 1rem}h1{font-size:1.5rem}`
)

func styleSum() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// arrived reads an answer, once it is the asked server's own: RFC 9207, section
// 2.4. A server that means ill can lead the browser on to another; what that
// one gave would then be ours to pass on to the first.
func (d *doorman) arrived(q url.Values) arrival {
	if by := q["iss"]; len(by) != 1 || by[0] != d.server {
		return arrival{err: &failure{code: exitFailed, say: "The answer came from another Daypass than " + d.server + ", which was asked; nobody was signed in here. Tell whoever runs them."}}
	}
	switch e := q.Get("error"); {
	case e == "access_denied":
		return arrival{err: &failure{code: exitRefused, say: "You refused the sign-in in the browser. Nothing was changed."}}
	case e != "":
		return arrival{err: &failure{code: exitFailed, say: "The server did not let this machine in: " + api.Plain(e) + "."}}
	case q.Get("code") == "":
		return arrival{err: &failure{code: exitFailed, say: "The browser came back without a code. Run the command again."}}
	}
	return arrival{code: q.Get("code")}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
