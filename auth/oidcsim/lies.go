package oidcsim

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Lies are the ways in which the provider may misbehave. Zero fields are
// truthful.
type Lies struct {
	// Discovery changes the discovery document.
	Discovery func(map[string]any)
	// Redirect changes the parameters of the answer to the browser: code,
	// state, iss, error.
	Redirect func(url.Values)
	// Claims changes the ID token's claims before they are signed.
	Claims func(map[string]any)
	// Sign chooses what signs ID tokens and logout tokens.
	Sign Signing
	// KeyID replaces the kid of both.
	KeyID string
	// Tokens changes the token endpoint's answer; the ID token is in it.
	Tokens func(map[string]any)
	// Userinfo changes what userinfo says.
	Userinfo func(map[string]any)
	// Logout changes the claims of logout tokens.
	Logout func(map[string]any)
	// Type replaces the typ of ID tokens and logout tokens; "-" leaves it out.
	Type string
	// Answer gives a handler that answers in an endpoint's place.
	Answer map[Endpoint]http.HandlerFunc
}

// Signing says what signs an ID token.
type Signing int

// The ways of signing; zero is the truthful one.
const (
	Honest       Signing = iota // RS256 with the published key
	Unsigned                    // alg none
	ConfusedHMAC                // HS256 with the published key as secret
	OtherKey                    // RS256 with a key that is not published, under the published kid
)

// Lie replaces the present lies; the zero value makes the provider honest.
func (p *Provider) Lie(l Lies) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies = l
}

func (p *Provider) lying() Lies {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lies
}

func (p *Provider) unlessLying(at Endpoint, honest http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := p.lying().Answer[at]; h != nil {
			h(w, r)
			return
		}
		honest(w, r)
	})
}

// Fail answers with a status and a short JSON body.
func Fail(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, status, map[string]string{"error": "server_error"})
	}
}

// Hang answers nothing until the client goes away or the server is closed.
func Hang(_ http.ResponseWriter, r *http.Request) {
	// net/http watches for the client's going only once the body is read.
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// Flood answers 200 with JSON that does not end until the client goes away.
func Flood(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat(`"a",`, 16<<10))
	_, err := w.Write([]byte(`{"keys":[`))
	for err == nil && r.Context().Err() == nil {
		_, err = w.Write(chunk)
	}
}
