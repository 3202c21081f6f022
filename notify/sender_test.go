package notify

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
)

// outbox is an Outbox in memory.
type outbox struct {
	mu      sync.Mutex
	waiting map[string]Notice
	due     map[string]time.Time
	why     map[string]string
	events  []audit.Event
}

func newOutbox(notices ...Notice) *outbox {
	o := &outbox{waiting: map[string]Notice{}, due: map[string]time.Time{}, why: map[string]string{}}
	for _, n := range notices {
		o.waiting[n.ID], o.due[n.ID] = n, n.At
	}
	return o
}

func (o *outbox) Claim(_ context.Context, now, until time.Time, limit int) (out []Notice, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, n := range o.waiting {
		if len(out) < limit && !now.Before(o.due[id]) {
			n.Attempt++
			o.waiting[id], o.due[id] = n, until
			out = append(out, n)
		}
	}
	return out, nil
}

func (o *outbox) Retry(_ context.Context, id string, next time.Time, why string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due[id], o.why[id] = next, why
	return nil
}

func (o *outbox) Settle(_ context.Context, id string, _ bool, e audit.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.waiting[id]; !ok {
		return ErrSettled
	}
	delete(o.waiting, id)
	o.events = append(o.events, e)
	return nil
}

var start = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

func sender(o *outbox, now *time.Time, url string) *Sender {
	return &Sender{Outbox: o, Hooks: func() []Webhook { return []Webhook{{Name: "security", URL: url, Secret: []byte("s3cret")}} },
		Now: func() time.Time { return *now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func notice() Notice {
	return Notice{ID: "nt_1", To: "security", Type: "lease.break-glass", Body: []byte(`{"a":1}`), Lease: "ls_1", At: start}
}

func TestSenderSignsWhatItSends(t *testing.T) {
	var got *http.Request
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer srv.Close()
	o, now := newOutbox(notice()), start
	if err := sender(o, &now, srv.URL).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("s3cret"))
	fmt.Fprintf(mac, "%s.%s.%s", got.Header.Get("Webhook-Id"), got.Header.Get("Webhook-Timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); got.Header.Get("Webhook-Signature") != want {
		t.Errorf("signature %q, want %q", got.Header.Get("Webhook-Signature"), want)
	}
	if string(body) != `{"a":1}` || got.Header.Get("Webhook-Id") != "nt_1" {
		t.Errorf("sent %s as %s", body, got.Header.Get("Webhook-Id"))
	}
	if len(o.waiting) != 0 || len(o.events) != 1 || o.events[0].Kind != audit.NoticeDelivered || o.events[0].Lease != "ls_1" {
		t.Errorf("waiting %v, events %v", o.waiting, o.events)
	}
}

func TestSenderTriesAgainUntilTaken(t *testing.T) {
	fail := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if fail {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	o, now := newOutbox(notice()), start
	s := sender(o, &now, srv.URL)
	if err := s.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(o.why["nt_1"], "503") || !o.due["nt_1"].Equal(start.Add(firstDelay)) {
		t.Fatalf("due %s because %q", o.due["nt_1"], o.why["nt_1"])
	}
	fail, now = false, start.Add(firstDelay)
	if err := s.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(o.events) != 1 || o.events[0].Facts["attempts"] != "2" {
		t.Errorf("events %+v", o.events)
	}
}

func TestSenderGivesUpOnRecord(t *testing.T) {
	n := notice()
	n.Attempt = MaxAttempts - 1
	o, now := newOutbox(n), start
	if err := sender(o, &now, "http://127.0.0.1:1/secret-path").Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(o.events) != 1 || o.events[0].Kind != audit.NoticeUndelivered {
		t.Fatalf("events %+v", o.events)
	}
	if strings.Contains(o.events[0].Details.Text, "secret-path") {
		t.Errorf("the address is on record: %q", o.events[0].Details.Text)
	}
}

func TestSenderIsNotHeldUpByOneThatHangs(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Webhook-Id") == "nt_1" {
			<-release
			return
		}
		close(arrived)
	}))
	defer srv.Close()
	other := notice()
	other.ID = "nt_2"
	o, now := newOutbox(notice(), other), start
	done := make(chan error, 1)
	go func() { done <- sender(o, &now, srv.URL).Round(t.Context()) }()
	<-arrived
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(o.events) != 2 {
		t.Errorf("%d events, want 2", len(o.events))
	}
}

func TestSenderKeepsANoticeForAHookThatIsGone(t *testing.T) {
	n := notice()
	n.To = "nobody"
	o, now := newOutbox(n), start
	if err := sender(o, &now, "http://127.0.0.1:1").Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(o.waiting) != 1 || !strings.Contains(o.why["nt_1"], `"nobody"`) {
		t.Errorf("waiting %v because %q", o.waiting, o.why["nt_1"])
	}
}

// A receiver writes its status line itself; it must not fill the database, nor
// a terminal, with it.
func TestSenderKeepsNothingThatTheReceiverWrote(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 503 \x1b[2J%s\r\nConnection: close\r\n\r\n", strings.Repeat("lies", 50_000))
		}
	}()
	o, now := newOutbox(notice()), start
	if err := sender(o, &now, "http://"+l.Addr().String()).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "it answered 503 Service Unavailable"; o.why["nt_1"] != want {
		t.Errorf("kept %d bytes, %.60q, want %q", len(o.why["nt_1"]), o.why["nt_1"], want)
	}
}
