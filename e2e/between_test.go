package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// balancer is the one address of one or more servers. It counts what they are
// asked, and can have them live in another time.
type balancer struct {
	URL string

	mu    sync.Mutex
	to    string
	ahead time.Duration
	asked map[string]int // by path
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{asked: map[string]int{}}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: b.rewrite, ModifyResponse: b.shift, ErrorLog: log.New(t.Output(), "balancer: ", 0)})
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

// lead sends everybody to a server from now on.
func (b *balancer) lead(listen string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = listen
}

// live has the servers' clock seem to be ahead of everybody else's.
func (b *balancer) live(ahead time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead = ahead
}

// tokens says how often the server was asked for a lease's token.
func (b *balancer) tokens(lease string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked["/api/v1/leases/"+lease+"/token"]
}

func (b *balancer) rewrite(r *httputil.ProxyRequest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[r.In.URL.Path]++
	r.SetURL(&url.URL{Scheme: "http", Host: b.to})
	r.Out.Host = r.In.Host
}

// shift moves every time that a server tells of: the header Date and those in
// JSON.
func (b *balancer) shift(r *http.Response) error {
	b.mu.Lock()
	ahead := b.ahead
	b.mu.Unlock()
	if ahead == 0 {
		return nil
	}
	r.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var said any
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	if body, err = json.Marshal(moved(said, ahead)); err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

func moved(said any, by time.Duration) any {
	switch x := said.(type) {
	case map[string]any:
		for name, value := range x {
			x[name] = moved(value, by)
		}
	case []any:
		for i, value := range x {
			x[i] = moved(value, by)
		}
	case string:
		if at, err := time.Parse(time.RFC3339, x); err == nil {
			return at.Add(by).Format(time.RFC3339Nano)
		}
	}
	return said
}

// wire leads to a cluster, and can be cut.
type wire struct {
	URL string

	mu   sync.Mutex
	open map[net.Conn]bool
}

func newWire(t *testing.T, cluster string) *wire {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	w := &wire{URL: "https://" + l.Addr().String(), open: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			running.Go(func() { w.carry(conn, strings.TrimPrefix(cluster, "https://")) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		running.Wait()
	})
	return w
}

func (w *wire) carry(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	w.hold(near, true)
	defer w.hold(near, false)
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
	_, _ = io.Copy(far, near) // until either side is gone
	_ = far.Close()
	back.Wait()
}

func (w *wire) hold(c net.Conn, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if open {
		w.open[c] = true
	} else {
		delete(w.open, c)
	}
}

// cut ends all connections. New ones can be made.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close() // fails only if it is closed
	}
}

// hasty stands before AWS and has the sessions of roles end sooner, as AWS does
// where a chain of roles is older than the session asked for. A key whose time
// is over proves nobody any more.
type hasty struct {
	aws http.Handler

	mu   sync.Mutex
	life time.Duration        // zero: as AWS says
	at   time.Time            // what its clock shows; zero: the time of day
	ends map[string]time.Time // by access key ID
}

var (
	issuedKey  = regexp.MustCompile(`<AccessKeyId>([^<]+)</AccessKeyId>`)
	expiration = regexp.MustCompile(`<Expiration>[^<]+</Expiration>`)
)

func (h *hasty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, _, _ := strings.Cut(r.URL.Query().Get("X-Amz-Credential"), "/")
	if h.over(key) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>ExpiredToken</Code>`+
			`<Message>The security token included in the request is expired</Message></Error></ErrorResponse>`)
		return
	}
	said := httptest.NewRecorder()
	h.aws.ServeHTTP(said, r)
	body := h.hurried(said.Body.Bytes())
	for name, values := range said.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Date", h.clock().UTC().Format(http.TimeFormat))
	w.WriteHeader(said.Code)
	_, _ = w.Write(body) // whoever asked may have gone
}

func (h *hasty) over(key string) bool {
	h.mu.Lock()
	end, known := h.ends[key]
	h.mu.Unlock()
	return known && !h.clock().Before(end)
}

// hurried shortens the session that an answer gives, if it gives one.
func (h *hasty) hurried(body []byte) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := issuedKey.FindSubmatch(body)
	if key == nil || h.life == 0 || !expiration.Match(body) {
		return body
	}
	end := time.Now().Add(h.life).UTC().Truncate(time.Second)
	h.ends[string(key[1])] = end
	return expiration.ReplaceAll(body, []byte("<Expiration>"+end.Format(time.RFC3339)+"</Expiration>"))
}

func (h *hasty) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at.IsZero() {
		return time.Now()
	}
	return h.at
}

// hurry has the sessions that are made from now on, until the test is over,
// live so long.
func (h *hasty) hurry(t *testing.T, life time.Duration) {
	h.mu.Lock()
	h.life = life
	h.mu.Unlock()
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.life, h.at = 0, time.Time{}
	})
}

// outlive stops the clock of AWS when a key is just over. What ends later stays
// good, however slow the machine is.
func (h *hasty) outlive(t *testing.T, key string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	end, ok := h.ends[key]
	if !ok {
		t.Fatalf("AWS has given nobody the key %s", key)
	}
	h.at = end
}

// set has AWS's clock show a time until the test is over.
func (h *hasty) set(t *testing.T, at time.Time) {
	h.hurry(t, 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = at
}
