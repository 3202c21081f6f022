package api

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// largest is more than any answer of a server has.
const largest = 4 << 20

// patience is how long a Client waits for an answer when nobody says.
const patience = 15 * time.Second

// Client asks a server, as the session whose Secret and Key it has, or as
// nobody when it has no Secret. It may be used by several goroutines; its
// fields are set before the first question.
type Client struct {
	Server    *url.URL          // as ParseServer gives it, and as the server is configured
	Key       *ecdsa.PrivateKey // signs proofs; nil: only what is open may be asked
	Secret    string            // of the session
	UserAgent string
	HTTP      *http.Client     // nil: one made by HTTP
	Now       func() time.Time // nil: the system's clock

	mu     sync.Mutex
	memory Memory
}

// Memory is what a server's last answer taught. A Client that begins with the
// last one's asks once where it would ask twice. It is no secret.
type Memory struct {
	Nonce string        `json:"nonce,omitempty"`
	Skew  time.Duration `json:"skew,omitempty"` // how far the server's clock is ahead
}

// HTTP makes a client of HTTP that gives up in time and follows no redirect:
// a proof is for one address, and no Daypass sends its API elsewhere.
func HTTP(timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: min(timeout, 5*time.Second)}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: min(timeout, 10*time.Second), MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout: 30 * time.Second,
		},
	}
}

// ParseServer reads a server's URL as people write it. https is meant where
// nothing is said; plain http is for this machine alone.
func ParseServer(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is no URL of a server; write it as https://daypass.example.com", Plain(s))
	}
	u = &url.URL{Scheme: strings.ToLower(u.Scheme), Host: hostOf(u), Path: strings.TrimRight(u.Path, "/"), User: u.User, RawQuery: u.RawQuery, Fragment: u.Fragment}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the server's URL has more than an address in it; write it as https://daypass.example.com")
	case u.Scheme == "http" && local(u.Hostname()), u.Scheme == "https":
		return u, nil
	}
	return nil, fmt.Errorf("%s is not safe: secrets would travel in clear. Use https", Plain(u.String()))
}

// hostOf is the host in small letters, without the port everybody assumes.
func hostOf(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	usual := map[string]string{"http": "80", "https": "443"}
	if port == "" || port == usual[strings.ToLower(u.Scheme)] {
		return host
	}
	return host + ":" + port
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
}

// Memory gives what the last answer taught.
func (c *Client) Memory() Memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.memory
}

// Remember tells what an earlier Client's last answer taught.
func (c *Client) Remember(m Memory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory = m
}

// Local is when, by this machine's clock, the server's clock will show t.
func (c *Client) Local(t time.Time) time.Time { return t.Add(-c.Memory().Skew) }

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// learn takes over what an answer's headers teach. The server wrote its Date
// after the question was asked, so what is reckoned from then ends early
// rather than late.
func (c *Client) learn(h http.Header, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := h.Get("DPoP-Nonce"); n != "" && len(n) <= 512 {
		c.memory.Nonce = n
	}
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		// A Date has no fractions: within a second, the clocks agree.
		if c.memory.Skew = at.Sub(asked); c.memory.Skew.Abs() <= time.Second {
			c.memory.Skew = 0
		}
	}
}

// question is one call of the API.
type question struct {
	query        url.Values
	method, path string
	body         any  // nil: none
	open         bool // needs no session
	proven       bool // needs a proof, and no session
}

// ask asks and reads the answer into out, unless that is nil.
func (c *Client) ask(ctx context.Context, q question, out any) error {
	raw, err := c.answer(ctx, q)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return &NotDaypass{Host: c.Server.Host, Got: "an answer that cannot be read"}
	}
	plain(out, paragraph)
	return nil
}

// answer asks a second time, and no third, when the first answer taught what
// was missing: a nonce, or what the server's clock shows.
func (c *Client) answer(ctx context.Context, q question) ([]byte, error) {
	raw, err := c.once(ctx, q)
	var p *Problem
	if errors.As(err, &p) && (p.Code == CodeNonce || p.Code == CodeClock) {
		raw, err = c.once(ctx, q)
	}
	return raw, err
}

func (c *Client) once(ctx context.Context, q question) ([]byte, error) {
	r, err := c.request(ctx, q)
	if err != nil {
		return nil, err
	}
	h := c.HTTP
	if h == nil {
		h = HTTP(patience)
		defer h.CloseIdleConnections()
	}
	asked, began := c.now(), time.Now()
	res, err := h.Do(r)
	if err != nil {
		return nil, c.unreachable(err, time.Since(began))
	}
	defer func() { _ = res.Body.Close() }() // read to its end or given up
	return c.read(res, asked, began)
}

func (c *Client) request(ctx context.Context, q question) (*http.Request, error) {
	var body io.Reader
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("writing the question: %w", err)
		}
		body = bytes.NewReader(b)
	}
	target := c.Server.String() + Prefix + q.path
	asked := target // a proof is for the address without the query (RFC 9449, section 4.2)
	if len(q.query) > 0 {
		asked += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, asked, body)
	if err != nil {
		return nil, fmt.Errorf("writing the question: %w", err)
	}
	r.Header.Set("Accept", "application/json, application/problem+json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.UserAgent != "" {
		r.Header.Set("User-Agent", c.UserAgent)
	}
	return r, c.sign(r, q, target)
}

// sign adds the session and its proof, as far as the question needs them.
func (c *Client) sign(r *http.Request, q question, target string) error {
	if q.open {
		return nil
	}
	secret := c.Secret
	if q.proven {
		secret = ""
	} else if secret == "" {
		return ErrNoSession
	}
	if c.Key == nil {
		return ErrNoSession
	}
	m := c.Memory()
	p, err := proof(c.Key, claims{Method: q.method, URL: target, At: c.now().Add(m.Skew).Unix(), Token: hashed(secret), Nonce: m.Nonce})
	if err != nil {
		return fmt.Errorf("signing the question: %w", err)
	}
	r.Header.Set("DPoP", p)
	if secret != "" {
		r.Header.Set("Authorization", "DPoP "+secret)
	}
	return nil
}

// read tells an answer of Daypass from what others put in its place.
func (c *Client) read(res *http.Response, asked, began time.Time) ([]byte, error) {
	host := c.Server.Host
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return nil, &NotDaypass{Host: host, Status: res.StatusCode, Got: "a redirect to " + elsewhere(res)}
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	ours := kind == "application/json" || kind == "application/problem+json"
	if !ours && res.StatusCode != http.StatusNoContent {
		return nil, &NotDaypass{Host: host, Status: res.StatusCode, Got: called(kind)}
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, largest+1))
	switch {
	case err != nil:
		return nil, c.unreachable(err, time.Since(began))
	case len(raw) > largest:
		return nil, &NotDaypass{Host: host, Status: res.StatusCode, Got: "more than any answer has"}
	}
	c.learn(res.Header, asked)
	if res.StatusCode >= 400 {
		return nil, c.problem(res.StatusCode, raw)
	}
	return raw, nil
}

func (c *Client) problem(status int, raw []byte) error {
	p := &Problem{}
	if err := json.Unmarshal(raw, p); err != nil || p.Code == "" {
		return &NotDaypass{Host: c.Server.Host, Status: status, Got: "an error that is not its own"}
	}
	plain(p, sentence)
	p.Status = status
	return p
}

func elsewhere(res *http.Response) string {
	to, err := res.Location()
	if err != nil {
		return "nowhere"
	}
	return short(to.Host, sentence)
}

func called(kind string) string {
	switch {
	case kind == "text/html":
		return "a web page"
	case kind == "":
		return "something without a type"
	}
	return short(kind, sentence)
}
