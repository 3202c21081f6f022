package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/daypass/daypass/audit"
)

// How notices are sent and tried again. Attempts are spread over about 15 hours.
const (
	SendTimeout = 10 * time.Second
	MaxAttempts = 16
	firstDelay  = 5 * time.Second
	longest     = 3 * time.Hour
	claimed     = time.Minute // longer than one round can take
	perRound    = 16
)

// Webhook is somebody to tell.
type Webhook struct {
	Name   string
	URL    string
	Secret []byte // signs the notices
}

// Sender takes notices out of the outbox and sends them.
type Sender struct {
	Outbox Outbox
	Hooks  func() []Webhook // those configured now
	Client *http.Client     // nil: one that follows no redirects
	Now    func() time.Time
	Log    *slog.Logger
	wake   chan struct{}
	once   sync.Once
}

// Wake makes Run look at the outbox now instead of at its next turn.
func (s *Sender) Wake() {
	select {
	case s.bell() <- struct{}{}:
	default:
	}
}

func (s *Sender) bell() chan struct{} {
	s.once.Do(func() { s.wake = make(chan struct{}, 1) })
	return s.wake
}

// Run sends until the context ends, looking at the outbox every few seconds.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for {
		if err := s.Round(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("the outbox could not be worked off", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.bell():
		}
	}
}

// Round sends what is due now, a few at a time and side by side, so that one
// receiver that hangs holds up no other.
func (s *Sender) Round(ctx context.Context) error {
	now := s.Now()
	due, err := s.Outbox.Claim(ctx, now, now.Add(claimed), perRound)
	if err != nil {
		return fmt.Errorf("claim notices: %w", err)
	}
	errs := make([]error, len(due))
	var all sync.WaitGroup
	for i, n := range due {
		all.Go(func() { errs[i] = s.deliver(ctx, n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (s *Sender) deliver(ctx context.Context, n Notice) error {
	err := s.send(ctx, n)
	now := s.Now()
	switch {
	case err == nil:
		return s.settle(ctx, n, true, "", now)
	case ctx.Err() != nil: // stopping; it is due again when the claim ends
		return nil
	case n.Attempt >= MaxAttempts:
		s.Log.Error("a notice was given up", "webhook", n.To, "notice", n.ID, "error", err)
		return s.settle(ctx, n, false, err.Error(), now)
	}
	s.Log.Warn("a notice was not taken; it will be sent again", "webhook", n.To, "notice", n.ID, "attempt", n.Attempt, "error", err)
	return s.Outbox.Retry(ctx, n.ID, now.Add(delay(n.Attempt)), err.Error())
}

// delay doubles from five seconds to three hours.
func delay(attempt int) time.Duration {
	d := firstDelay << min(max(attempt-1, 0), 16)
	return min(d, longest)
}

func (s *Sender) settle(ctx context.Context, n Notice, delivered bool, why string, now time.Time) error {
	e := audit.New(audit.NoticeDelivered, now, audit.Who{})
	if !delivered {
		e.Kind, e.Reason, e.Details.Text = audit.NoticeUndelivered, "given-up", why
	}
	e.Lease = n.Lease
	e.Facts = map[string]string{"webhook": n.To, "notice": n.ID, "type": n.Type, "attempts": strconv.Itoa(n.Attempt)}
	if err := s.Outbox.Settle(ctx, n.ID, delivered, e); err != nil && !errors.Is(err, ErrSettled) {
		return fmt.Errorf("settle notice %s: %w", n.ID, err)
	}
	return nil
}

func (s *Sender) send(ctx context.Context, n Notice) error {
	hook, ok := s.hook(n.To)
	if !ok {
		return fmt.Errorf("no webhook is named %q in daypass.yaml", n.To)
	}
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(n.Body))
	if err != nil {
		return errors.New("its address is not a URL")
	}
	sign(req, hook.Secret, n, s.Now())
	resp, err := s.client().Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		// Not the line it sent, which can be of any length and content.
		return fmt.Errorf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// withoutURL drops the address, which may hold a key, from an error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (s *Sender) hook(name string) (Webhook, bool) {
	for _, h := range s.Hooks() {
		if h.Name == name {
			return h, true
		}
	}
	return Webhook{}, false
}

func (s *Sender) client() *http.Client {
	if s.Client != nil {
		return s.Client
	}
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// sign adds the headers of the Standard Webhooks specification
// (https://www.standardwebhooks.com): the HMAC-SHA256 over ID, time and body.
func sign(req *http.Request, secret []byte, n Notice, now time.Time) {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", n.ID, at, n.Body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "daypass")
	req.Header.Set("Webhook-Id", n.ID)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
