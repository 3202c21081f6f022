package web_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/seal"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
	"github.com/daypass/daypass/web"
)

// office is a server of its own, and programs that are signed in at it.
type office struct {
	*httptest.Server
	store *store.Store
	keys  seal.Keys
	all   []*caller
}

func newOffice(b *testing.B, c store.Config) *office {
	b.Helper()
	o := &office{Server: httptest.NewUnstartedServer(nil), keys: newKeys(b)}
	c.Keys, c.Now, c.Log = o.keys, time.Now, slog.New(slog.NewJSONHandler(io.Discard, nil))
	o.store = storetest.Open(b, c)
	home := &url.URL{Scheme: "http", Host: o.Listener.Addr().String()}
	keeper := o.keeper(b, c.Log)
	o.Config.Handler = o.site(b, home, keeper, c.Log)
	o.Start()
	b.Cleanup(o.Close)
	for n := range callers {
		o.all = append(o.all, o.caller(b, home, keeper, n))
	}
	return o
}

func newKeys(b *testing.B) seal.Keys {
	b.Helper()
	line, err := seal.NewLine("k1")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := seal.Parse([]byte(line))
	if err != nil {
		b.Fatal(err)
	}
	return keys
}

func (o *office) keeper(b *testing.B, log *slog.Logger) *lease.Keeper {
	p := policy(b)
	iss := issuer.New(issuer.Options{Policy: func() *access.Policy { return p }, Cloud: quick{&cloud{}, endpoint(clusterNamed(b, "pay"))}, Outcomes: o.store, Recorder: o.store, Now: time.Now, Log: log})
	return lease.New(lease.Options{Issuer: iss, Book: o.store, Now: time.Now, Log: log, Link: func(id string) string { return id }})
}

// quick is an AWS that answers at once: cloud makes a certificate each time.
type quick struct {
	*cloud
	at issuer.Endpoint
}

func (q quick) Describe(context.Context, access.Cluster) (issuer.Endpoint, error) { return q.at, nil }

func (o *office) site(b *testing.B, home *url.URL, keeper *lease.Keeper, log *slog.Logger) http.Handler {
	b.Helper()
	gate, err := auth.New(auth.Options{Site: home, Book: o.store, Log: log, Caller: web.Caller, Keys: o.keys,
		Providers: []auth.Provider{{Name: "staff", Label: "Staff", Issuer: "https://id.example", ClientID: "daypass", ClientSecret: auth.NewSecret("x")}}})
	if err != nil {
		b.Fatal(err)
	}
	return web.New(web.Options{
		URL: home, Contact: func() string { return "" }, Auditors: func() access.Whos { return nil }, SignIn: gate, Keeper: keeper, Book: o.store,
		ContextName: func(c access.Cluster, role string) string { return c.Name },
		Policy:      keeper.Issuer.Policy,
		Endpoints:   func(arn access.ARN) (issuer.Endpoint, bool) { return endpoint(access.Cluster{Name: arn.Name()}), true },
		Log:         o.store, Now: time.Now, Slog: log, Programs: true, Version: "test",
	})
}

// caller is one program: what it signs with, and its connection.
type caller struct {
	client *api.Client
	lease  string
	pen    pen
	signed [][]byte // requests, as they travel
	stale  [][]byte // the same, without a nonce
	conn   net.Conn
	in     *bufio.Reader
}

// pen is a transport that writes requests down and sends none.
type pen struct{ wrote bytes.Buffer }

func (p *pen) RoundTrip(r *http.Request) (*http.Response, error) {
	err := r.Write(&p.wrote)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, err
}

// caller puts a session and a lease in place, and fetches the first token.
func (o *office) caller(b *testing.B, home *url.URL, keeper *lease.Keeper, n int) *caller {
	b.Helper()
	key, err := api.NewKey()
	if err != nil {
		b.Fatal(err)
	}
	who := access.Principal{Provider: "staff", Issuer: "https://id.example", Subject: fmt.Sprint("person-", n), Email: fmt.Sprintf("p%d@example.com", n), Groups: []string{"eng", "all", "oncall"}}
	c := &caller{client: &api.Client{Server: home, Key: key, Secret: o.session(b, who, key), UserAgent: "kubectl-daypass/1"}}
	c.client.HTTP = &http.Client{Transport: &c.pen}
	l, err := keeper.Start(b.Context(), lease.Want{Ask: access.Ask{Cluster: "pay", Role: "viewer", For: time.Hour}, Key: "k"},
		issuer.Asker{Standing: access.Standing{Principal: who, Address: netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		b.Fatal(err)
	}
	c.lease = l.ID
	if c.conn, err = net.Dial("tcp", home.Host); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.conn.Close() })
	c.in = bufio.NewReader(c.conn)
	c.sign(b, 1, true)
	c.refused(b, 0) // and learns the nonce
	c.sign(b, 1, false)
	c.ask(b, 0)
	return c
}

// sign has each caller sign its share of n requests, or of twice as many, and
// gives what that took.
func (o *office) sign(b *testing.B, n int, twice bool) time.Duration {
	start := time.Now()
	for i, c := range o.all {
		c.sign(b, (n+callers-1-i)/callers, twice)
	}
	return time.Since(start)
}

// sign signs n requests, and n without a nonce.
func (c *caller) sign(b *testing.B, n int, twice bool) {
	known := c.client.Memory()
	c.signed, c.stale = c.signed[:0], c.stale[:0]
	for range n {
		c.client.Remember(known)
		c.signed = append(c.signed, c.written(b))
		if twice {
			c.client.Remember(api.Memory{})
			c.stale = append(c.stale, c.written(b))
		}
	}
	c.client.Remember(known)
}

// written is the request for a token as the client's own code makes it.
func (c *caller) written(b *testing.B) []byte {
	c.pen.wrote.Reset()
	if _, err := c.client.Token(b.Context(), c.lease); err != nil {
		b.Fatal(err)
	}
	return bytes.Clone(c.pen.wrote.Bytes())
}

// ask sends a request that was signed and wants a token.
func (c *caller) ask(b *testing.B, i int) {
	if status, body := c.try(b, c.signed[i]); status != http.StatusOK || !bytes.Contains(body, []byte(secretToken)) {
		b.Errorf("answered %d: %s", status, body)
	}
}

// refused sends a request without a nonce.
func (c *caller) refused(b *testing.B, i int) {
	if status, body := c.try(b, c.stale[i]); status != http.StatusUnauthorized || !bytes.Contains(body, []byte(api.CodeNonce)) {
		b.Errorf("answered %d: %s", status, body)
	}
}

// try sends a request and reads the answer; its nonce is for what is signed
// next.
func (c *caller) try(b *testing.B, request []byte) (status int, body []byte) {
	if _, err := c.conn.Write(request); err != nil {
		b.Error(err)
		return 0, nil
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			b.Error(err)
			return 0, nil
		}
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		switch name {
		case "HTTP/1.1":
			status, _ = strconv.Atoi(value[:3])
		case "Content-Length:":
			length, _ = strconv.Atoi(value)
		case "Dpop-Nonce:":
			c.client.Remember(api.Memory{Nonce: value})
		case "":
			body = make([]byte, length)
			_, err := io.ReadFull(c.in, body)
			if err != nil {
				b.Error(err)
			}
			return status, body
		}
	}
}

// together has all callers work at once, and waits for them.
func (o *office) together(work func(int, *caller)) {
	var all sync.WaitGroup
	for i, c := range o.all {
		all.Go(func() { work(i, c) })
	}
	all.Wait()
}

// session opens a session as a sign-in does, and gives its secret. With a key
// it is a program's.
func (o *office) session(b *testing.B, who access.Principal, key *ecdsa.PrivateKey) string {
	b.Helper()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	secret, now := base64.RawURLEncoding.EncodeToString(raw), time.Now()
	s := auth.Session{Key: sha256.Sum256([]byte(secret)), Principal: who, SignedIn: now, Seen: now, Expires: now.Add(12 * time.Hour), AsOf: now, Address: "127.0.0.1"}
	if key != nil {
		thumbprint, err := api.Thumbprint(&key.PublicKey)
		if err != nil {
			b.Fatal(err)
		}
		s.Client = &auth.ClientInfo{Name: "laptop", Thumbprint: thumbprint}
	}
	if err := o.store.SignIn(b.Context(), s, auth.Hash{}, audit.New(audit.SignedIn, now, audit.Who{Principal: who.ID()})); err != nil {
		b.Fatal(err)
	}
	return secret
}
