package e2e_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/seal"
	"github.com/daypass/daypass/web/webtest"
)

// replicas are two portals on one PostgreSQL, with one sealing key, behind one
// address.
type replicas struct {
	front    *balancer
	one, two *portal
	at       map[*portal]string // where each listens
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{front: newBalancer(t), at: map[*portal]string{}}
	database, secret := onPostgres(t), newOwner().secret
	sim := must[*oidcsim.Server](t)(oidcsim.Start("", oidcsim.Options{
		People: people(), Clients: []oidcsim.Client{{ID: "daypass", Secret: secret, RedirectURIs: []string{r.front.URL + "/auth/dex/callback"}}},
	}))
	t.Cleanup(func() { _ = sim.Close() })
	keys := filepath.Join(t.TempDir(), "sealing-keys")
	writeFile(t, keys, must[string](t)(seal.NewLine("first"))+"\n")
	env := append(nearAWS(t), "DEX_SECRET="+secret)
	replica := func() *portal {
		s := newSite(t, database)
		s.url, s.env = r.front.URL, env
		s.rest = "sealingKeyFile: " + keys + "\n" +
			strings.NewReplacer("ISSUER", sim.Issuer(), "ARN", "arn:aws:eks:"+region+":"+account, "READER", reader).Replace(roadPolicy)
		p := s.prepare(t)
		p.Start(t)
		r.at[p] = s.listen
		return p
	}
	r.one, r.two = replica(), replica()
	r.lead(r.one)
	return r
}

// program asks as a laptop's client does, by the key and the session that are
// on its disk, and remembers what it said last.
type program struct {
	*api.Client
	last *http.Request
	said int // how often
}

func (r *replicas) program(t *testing.T, l laptop) *program {
	t.Helper()
	file := func(name string) []byte {
		found := must[[]string](t)(filepath.Glob(filepath.Join(l.home, ".config/daypass/servers/*", name)))
		if len(found) != 1 {
			t.Fatalf("%s is at %v", name, found)
		}
		return readFile(t, found[0])
	}
	var session struct{ Secret string }
	if err := json.Unmarshal(file("session.json"), &session); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file("key.pem"))
	key, ok := must[any](t)(x509.ParsePKCS8PrivateKey(block.Bytes)).(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("the key is of another kind")
	}
	p := &program{Client: &api.Client{Server: must[*url.URL](t)(api.ParseServer(r.front.URL)), Key: key, Secret: session.Secret}}
	p.HTTP = &http.Client{Transport: p, Timeout: time.Minute}
	return p
}

func (p *program) RoundTrip(req *http.Request) (*http.Response, error) {
	p.last, p.said = req, p.said+1
	return http.DefaultTransport.RoundTrip(req)
}

// again sends the last request once more, proof and all.
func (p *program) again(t *testing.T) (status int, problem api.Problem) {
	t.Helper()
	res := must[*http.Response](t)(http.DefaultTransport.RoundTrip(p.last.Clone(t.Context())))
	defer res.Body.Close()
	body := must[[]byte](t)(io.ReadAll(res.Body))
	if err := json.Unmarshal(body, &problem); err != nil {
		t.Fatalf("%d: %v\n%s", res.StatusCode, err, body)
	}
	return res.StatusCode, problem
}

// refusedFor wants an error to be a refusal of that code.
func refusedFor(t *testing.T, code string, err error) {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("answered with %v, want %s", err, code)
	}
}

func TestTwoPortalsOnOnePostgreSQL(t *testing.T) {
	chain.Need(t, "kubectl")
	r := newReplicas(t)
	t.Run("a proof used at one is refused at the other", r.refuseTheProof)
	t.Run("a lease ended at one is over at the other at once", r.endTheLease)
	t.Run("a session signed out at one is gone at the other at once", r.signOut)
}

// laptop is signed in at the first portal, with a lease.
func (r *replicas) laptop(t *testing.T) (l laptop, b *webtest.Browser, lease string) {
	t.Helper()
	r.lead(r.one)
	b = webtest.New(t, r.front.URL)
	b.SignIn("dex", subject(0)).MustSay(t, http.StatusOK)
	l = newLaptop(t)
	l.signIn(t, r.front.URL, b)
	return l, b, l.get(t, "prod")
}

// pairs are the ways from one portal to another.
func (r *replicas) pairs() [][2]*portal { return [][2]*portal{{r.one, r.two}, {r.two, r.one}} }

// lead sends everybody to a portal from now on.
func (r *replicas) lead(p *portal) { r.front.lead(r.at[p]) }

func (r *replicas) refuseTheProof(t *testing.T) {
	l, _, lease := r.laptop(t)
	p := r.program(t, l)
	for _, way := range append(r.pairs(), [2]*portal{r.one, r.one}) {
		r.lead(way[0])
		if _, err := p.Token(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		r.lead(way[1])
		if status, problem := p.again(t); status != http.StatusUnauthorized || problem.Code != api.CodeReplayed {
			t.Errorf("answered with %d %s", status, problem.Code)
		}
		// It was the proof: this portal knows the session, its key and the nonce.
		before := p.said
		if _, err := p.Token(t.Context(), lease); err != nil || p.said != before+1 {
			t.Errorf("a fresh proof, after %d tries: %v", p.said-before, err)
		}
	}
}

func (r *replicas) endTheLease(t *testing.T) {
	l, b, lease := r.laptop(t)
	p := r.program(t, l)
	for _, way := range r.pairs() {
		for _, portal := range way { // each holds a token that it would give again
			r.lead(portal)
			if _, err := p.Token(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
		}
		r.lead(way[0])
		b.Post("/leases/"+lease+"/end", url.Values{}).MustSay(t, http.StatusOK, "Ended at")
		r.lead(way[1])
		_, err := p.Token(t.Context(), lease)
		refusedFor(t, api.CodeOver, err)
		lease = l.get(t, "prod") // for the way back
	}
}

func (r *replicas) signOut(t *testing.T) {
	for _, way := range r.pairs() {
		l, b, _ := r.laptop(t)
		p := r.program(t, l)
		id := r.session(t, p, way[1])
		r.lead(way[0])
		b.Post("/sessions/"+id+"/end", url.Values{}).MustSay(t, http.StatusOK)
		r.lead(way[1])
		_, err := p.Me(t.Context())
		refusedFor(t, api.CodeNotSignedIn, err)
		if got := l.run(t, "kubectl", "daypass", "list"); got.Code != 3 || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("the client ends with %d: %s", got.Code, got.Stderr)
		}

		b.Get("/access").MustSay(t, http.StatusOK, "My access")
		r.lead(way[0])
		b.Post("/sign-out", url.Values{})
		r.lead(way[1])
		if at := b.Get("/access").URL; "http://"+at.Host == r.front.URL && at.Path == "/access" {
			t.Error("signed out at one, the browser is still let in at the other")
		}
	}
}

// session is what a portal calls the session of a program that it lets in.
func (r *replicas) session(t *testing.T, p *program, at *portal) string {
	t.Helper()
	r.lead(at)
	all := must[api.Sessions](t)(p.Sessions(t.Context()))
	for _, s := range all.Sessions {
		if s.This {
			return s.ID
		}
	}
	t.Fatalf("none of %v is this one", all)
	return ""
}
