package docs_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/notify"
)

// signed reports whether Daypass, which shares the secret, sent this body
// within the last five minutes.
func signed(h http.Header, body, secret []byte, now time.Time) bool {
	sent, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(h.Get("Webhook-Id") + "." + h.Get("Webhook-Timestamp") + "."))
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(h.Get("Webhook-Signature")), []byte(want))
}

// once is an outbox with one notice in it.
type once struct{ waiting []notify.Notice }

func (o *once) Claim(context.Context, time.Time, time.Time, int) ([]notify.Notice, error) {
	out := o.waiting
	o.waiting = nil
	return out, nil
}
func (*once) Retry(context.Context, string, time.Time, string) error  { return nil }
func (*once) Settle(context.Context, string, bool, audit.Event) error { return nil }
func discard() *slog.Logger                                           { return slog.New(slog.DiscardHandler) }

// received is a notice as it arrives, sent by the real sender.
func received(t *testing.T, secret []byte, body string) (http.Header, []byte) {
	t.Helper()
	var head http.Header
	var got []byte
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		head = r.Header
		got, _ = io.ReadAll(r.Body)
	}))
	defer srv.Close()
	s := &notify.Sender{
		Outbox: &once{[]notify.Notice{{ID: "nt_1", To: "security", Body: []byte(body), Attempt: 1}}},
		Hooks:  func() []notify.Webhook { return []notify.Webhook{{Name: "security", URL: srv.URL, Secret: secret}} }, Now: time.Now, Log: discard(),
	}
	if err := s.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	return head, got
}

func TestTheCheckInGoFitsWhatIsSent(t *testing.T) {
	secret := []byte("s3cret")
	head, body := received(t, secret, `{"data":{"reason":"\"down\" % \\ $x"}}`)
	if !signed(head, body, secret, time.Now()) {
		t.Error("what Daypass sends is refused")
	}
	if signed(head, append(body, ' '), secret, time.Now()) {
		t.Error("a changed body is accepted")
	}
	if signed(head, body, []byte("other"), time.Now()) {
		t.Error("another secret is accepted")
	}
	if signed(head, body, secret, time.Now().Add(time.Hour)) {
		t.Error("an old notice is accepted")
	}
}

func TestThePageShowsTheCheckThatIsTested(t *testing.T) {
	page := pages(t)["docs/webhooks.md"]
	source, err := os.ReadFile("webhook_test.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := blocks(page, "go")
	if len(shown) != 1 || !bytes.Contains(source, []byte(shown[0])) {
		t.Error("docs/webhooks.md shows another check than signed in webhook_test.go")
	}
}

func TestTheCheckInShellFitsWhatIsSent(t *testing.T) {
	for _, program := range []string{"sh", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("DAYPASS_E2E") == "require" {
				t.Fatalf("%s is not on the PATH, and DAYPASS_E2E=require demands it", program)
			}
			t.Skipf("%s is not on the PATH: the page's check in shell is not run", program)
		}
	}
	scripts := blocks(pages(t)["docs/webhooks.md"], "sh verify.sh")
	if len(scripts) != 1 {
		t.Fatalf("%d blocks begin with ```sh verify.sh, want 1", len(scripts))
	}
	head, body := received(t, []byte("s3cret"), `{"data":{"reason":"\"down\" % \\ $x"}}`)
	check := func(secret string, body []byte) error {
		c := exec.Command("sh", "-euc", scripts[0])
		c.Stdin = bytes.NewReader(body)
		c.Env = append(os.Environ(), "SECRET="+secret)
		for _, name := range []string{"Id", "Timestamp", "Signature"} {
			c.Env = append(c.Env, strings.ToUpper(name)+"="+head.Get("Webhook-"+name))
		}
		return c.Run()
	}
	if err := check("s3cret", body); err != nil {
		t.Errorf("what Daypass sends is refused: %v", err)
	}
	if check("s3cret", append(body, ' ')) == nil || check("other", body) == nil {
		t.Error("a changed body or another secret is accepted")
	}
}
