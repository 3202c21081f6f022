package issuer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// office is an issuer with everything around it in memory. Its databases are
// lists: what durable means is tested where there are real ones.
type office struct {
	*issuer.Issuer
	mu       sync.Mutex
	now      time.Time
	token    string
	expires  time.Duration // from now
	fault    error         // of AWS
	deaf     error         // of the log
	asked    issuer.Assumption
	minted   int
	events   []audit.Event
	outcomes []issuer.Outcome
	left     []issuer.Intent
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{now: noon, token: secret, expires: 14 * time.Minute}
	p := policy(t)
	o.Issuer = issuer.New(issuer.Options{
		Policy: func() *access.Policy { return p }, Cloud: o, Outcomes: o, Recorder: o,
		Now: func() time.Time { return o.now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	return o
}

func policy(t testing.TB) *access.Policy {
	t.Helper()
	arn, err := access.ParseARN("arn:aws:eks:eu-west-1:111122223333:cluster/pay")
	must(t, err)
	p, err := access.Compile(
		[]access.Cluster{{Name: "pay-prod", ARN: arn, Account: arn.Account}},
		[]access.Role{
			{Name: "viewer", ARN: "arn:aws:iam::{account}:role/viewer", ExternalID: "x-1"},
			{Name: "plain", ARN: "arn:aws:iam::{account}:role/plain", NoSourceIdentity: true, NoSessionTags: true},
			{Name: "admin", ARN: "arn:aws:iam::{account}:role/admin"},
		},
		[]access.Grant{
			{Name: "eng", Who: access.Whos{{Provider: "okta"}}, Clusters: []access.Where{{}}, Role: "viewer", Longest: time.Hour},
			{Name: "eng-plain", Who: access.Whos{{Provider: "okta"}}, Clusters: []access.Where{{}}, Role: "plain", Longest: time.Hour, Reason: true},
		})
	must(t, err)
	return p
}

func (o *office) Describe(context.Context, access.Cluster) (issuer.Endpoint, error) {
	return issuer.Endpoint{URL: "https://pay.example", CA: []byte("PEM")}, nil
}

func (o *office) Mint(_ context.Context, a issuer.Assumption) (issuer.Minted, error) {
	o.asked = a
	if o.fault != nil {
		return issuer.Minted{}, o.fault
	}
	o.minted++
	return issuer.Minted{Token: issuer.NewToken(o.token), AccessKeyID: "ASIAX", Expires: o.now.Add(o.expires)}, nil
}

func (o *office) Conclude(_ context.Context, out issuer.Outcome, e audit.Event) error {
	o.outcomes = append(o.outcomes, out)
	return o.Record(context.Background(), e)
}

func (o *office) Unconcluded(context.Context, time.Time, int) ([]issuer.Intent, error) {
	return o.left, nil
}

func (o *office) Record(ctx context.Context, e audit.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.deaf != nil {
		return o.deaf
	}
	o.events = append(o.events, e)
	return nil
}

func (o *office) issue(t *issuer.Ticket) (issuer.Issuance, error) {
	return o.Issue(context.Background(), t, issuer.Under{Lease: "ls_1"}, func(_ context.Context, _ issuer.Intent, e audit.Event) error {
		return o.Record(context.Background(), e)
	})
}

func (o *office) ticket(t testing.TB, role string) *issuer.Ticket {
	t.Helper()
	ticket, err := o.Decide(t.Context(), access.Ask{Cluster: "pay-prod", Role: role, Reason: "a reason"}, ann())
	must(t, err)
	return ticket
}

func ann() issuer.Asker {
	return issuer.Asker{Standing: access.Standing{
		Principal: access.Principal{Provider: "okta", Issuer: "https://okta.example", Subject: "ann", Email: "Ann@Example.com"},
		Address:   netip.MustParseAddr("::ffff:203.0.113.9"),
	}, UserAgent: "curl/8", Request: "rq_1"}
}

func TestTickets(t *testing.T) {
	t.Run("are redeemed once", func(t *testing.T) {
		o := newOffice(t)
		ticket := o.ticket(t, "viewer")
		var all sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			all.Go(func() {
				_, errs[i] = o.Issue(t.Context(), ticket, issuer.Under{Lease: "ls_1"}, func(context.Context, issuer.Intent, audit.Event) error { return nil })
			})
		}
		all.Wait()
		if n := len(slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, issuer.ErrTicket) })); n != 1 || o.minted != 1 {
			t.Errorf("redeemed %d times, minted %d times", n, o.minted)
		}
	})
	t.Run("are good for a minute", func(t *testing.T) {
		o := newOffice(t)
		young, old := o.ticket(t, "viewer"), o.ticket(t, "viewer")
		o.now = noon.Add(time.Minute)
		_, err := o.issue(young)
		must(t, err)
		o.now = noon.Add(time.Minute + time.Microsecond)
		if _, err := o.issue(old); !errors.Is(err, issuer.ErrTicket) {
			t.Errorf("got %v", err)
		}
		if _, err := o.issue(nil); !errors.Is(err, issuer.ErrTicket) {
			t.Errorf("no ticket at all: %v", err)
		}
	})
	t.Run("are spent by an intent that fails, and AWS is not called", func(t *testing.T) {
		o := newOffice(t)
		ticket := o.ticket(t, "viewer")
		o.deaf = errors.New("the disk is full")
		if _, err := o.issue(ticket); !errors.Is(err, o.deaf) {
			t.Errorf("got %v", err)
		}
		o.deaf = nil
		if _, err := o.issue(ticket); !errors.Is(err, issuer.ErrTicket) || o.minted != 0 {
			t.Errorf("again: %v, minted %d", err, o.minted)
		}
	})
	t.Run("are not given without a reason where one is needed, which is no refusal", func(t *testing.T) {
		o := newOffice(t)
		_, err := o.Decide(t.Context(), access.Ask{Cluster: "pay-prod", Role: "plain"}, ann())
		var no *issuer.NotAllowed
		if !errors.As(err, &no) || no.Decision.Answer != access.Needs || !strings.Contains(err.Error(), "needs: [reason]") || len(o.events) != 0 {
			t.Errorf("%v; %d events", err, len(o.events))
		}
	})
}

func TestAssumptions(t *testing.T) {
	t.Run("name the person, the lease and the issuance", func(t *testing.T) {
		o := newOffice(t)
		made, err := o.issue(o.ticket(t, "viewer"))
		must(t, err)
		name := issuer.SessionName(ann().Principal)
		a := o.asked
		if a.SessionName != name || a.SourceIdentity != name || a.ExternalID != "x-1" || a.Tags["daypass:lease"] != "ls_1" || a.Tags["daypass:issuance"] != made.ID {
			t.Errorf("%+v", a)
		}
	})
	t.Run("leave out what a trust policy does not allow", func(t *testing.T) {
		o := newOffice(t)
		_, err := o.issue(o.ticket(t, "plain"))
		must(t, err)
		if o.asked.SourceIdentity != "" || o.asked.Tags != nil || o.asked.ExternalID != "" {
			t.Errorf("%+v", o.asked)
		}
	})
}

func TestFaults(t *testing.T) {
	long := secret + strings.Repeat("x", issuer.MaxToken-len(secret))
	for _, tt := range []struct {
		claim   string
		token   string
		expires time.Duration
		fault   error
		want    string // code; empty: issued
	}{
		{claim: "gives a token as long as clusters take", token: long, expires: time.Minute},
		{claim: "withholds one a byte longer", token: long + "x", expires: time.Minute, want: "token-too-long"},
		{claim: "withholds a token that is over already", token: secret, expires: 0, want: "clock"},
		{claim: "gives a token that has an instant left", token: secret, expires: 1},
		{claim: "passes AWS's own words on", token: secret, fault: &issuer.Fault{Code: "access-denied", Say: "STS said no.", Next: "Ask."}, want: "access-denied"},
		{claim: "finds words for what has none", token: secret, fault: io.ErrUnexpectedEOF, want: "failed"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			o := newOffice(t)
			o.token, o.expires, o.fault = tt.token, tt.expires, tt.fault
			made, err := o.issue(o.ticket(t, "viewer"))
			var f *issuer.Fault
			if tt.want == "" {
				must(t, err)
			} else if !errors.As(err, &f) || f.Code != tt.want || f.Say == "" || f.Next == "" || made.Token.Reveal() != "" {
				t.Errorf("got %v", err)
			}
			if out := o.outcomes[0]; out.Failure != tt.want || (out.TokenSHA256 == "") != (tt.want != "") || strings.Contains(out.Text, secret) {
				t.Errorf("the outcome: %+v", out)
			}
			if _, ok := o.Live("ls_1"); ok && tt.want != "" {
				t.Error("the token is kept")
			}
		})
	}
}

func TestLive(t *testing.T) {
	at := func(o *office, after time.Duration) bool {
		o.now = noon.Add(after)
		_, ok := o.Live("ls_1")
		return ok
	}
	issued := func(t *testing.T) *office {
		o := newOffice(t)
		_, err := o.issue(o.ticket(t, "viewer"))
		must(t, err)
		return o
	}
	t.Run("gives a token until two minutes before its end", func(t *testing.T) {
		o := issued(t)
		if !at(o, 12*time.Minute-1) || at(o, 12*time.Minute) {
			t.Error("given too long, or not long enough")
		}
		if at(o, 0) {
			t.Error("a spent token came back when the clock was set back")
		}
	})
	t.Run("knows other leases nothing of it", func(t *testing.T) {
		if _, ok := issued(t).Live("ls_2"); ok {
			t.Error("another lease has its token")
		}
	})
	t.Run("forgets when told", func(t *testing.T) {
		o := issued(t)
		o.Forget("ls_1")
		o.Forget("ls_none")
		if at(o, 0) {
			t.Error("still there")
		}
	})
	t.Run("tidies spent tokens away, and no other", func(t *testing.T) {
		o := issued(t)
		o.now = noon.Add(12*time.Minute - 1)
		o.Tidy(t.Context(), false)
		if !at(o, 0) {
			t.Error("a good token was dropped")
		}
		o.now = noon.Add(12 * time.Minute)
		o.Tidy(t.Context(), false)
		if at(o, 0) {
			t.Error("a spent token is still in memory")
		}
	})
	t.Run("announces an end with the minute for clocks to disagree", func(t *testing.T) {
		if issuer.Cushion != time.Minute {
			t.Errorf("the cushion is %s", issuer.Cushion)
		}
	})
}

func TestReconciling(t *testing.T) {
	o := newOffice(t)
	o.left = []issuer.Intent{{ID: "is_1", Lease: "ls_1", Principal: "pr_ann", Cluster: "pay-prod"}, {ID: "is_2"}}
	must(t, o.Reconcile(t.Context()))
	if len(o.outcomes) != 2 || o.outcomes[0].Failure != "interrupted" || o.events[0].Kind != audit.MintFailed || o.events[0].Principal != "pr_ann" || o.events[0].Lease != "ls_1" {
		t.Errorf("%+v, %+v", o.outcomes, o.events)
	}
	o.deaf = errors.New("the disk is full")
	if err := o.Reconcile(t.Context()); !errors.Is(err, o.deaf) {
		t.Errorf("got %v", err)
	}
	o.deaf = issuer.ErrConcluded // by another server, just now
	must(t, o.Reconcile(t.Context()))
}
