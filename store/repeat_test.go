package store_test

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/notify"
	"github.com/daypass/daypass/store"
)

type act func(context.Context, *store.Store) error

// repeatable is one kind of write, what must be there before it, and what it
// says when it is made again.
type repeatable struct {
	name   string
	before []act
	write  act
	again  error
}

func failedButPersisted(l lease.Lease, at time.Time) []repeatable {
	in := issuer.Intent{ID: "is_2", Lease: l.ID, At: at}
	e := anEvent()
	key := auth.Hash(sha256.Sum256([]byte("a")))
	session := auth.Session{Key: key, SignedIn: at, Seen: at, Expires: at.Add(time.Hour)}
	start := auth.Start{State: key, Begun: at, Expires: at.Add(time.Hour)}
	open := func(ctx context.Context, s *store.Store) error {
		return s.Open(ctx, lease.Opening{Lease: l, Intent: issuer.Intent{ID: "is_1", Lease: l.ID, At: at},
			Events: []audit.Event{anEvent()}, Notices: []notify.Notice{{ID: "nt_1", Body: []byte("{}"), At: at}}})
	}
	signIn := func(ctx context.Context, s *store.Store) error { return s.SignIn(ctx, session, auth.Hash{}, e) }
	return []repeatable{
		{"record", nil, func(ctx context.Context, s *store.Store) error { return s.Record(ctx, e) }, nil},
		{"open", nil, open, lease.ErrStarted},
		{"renew", []act{open}, func(ctx context.Context, s *store.Store) error { return s.Renew(ctx, in, e) }, nil},
		{"hand over", []act{open}, func(ctx context.Context, s *store.Store) error { return s.HandOver(ctx, l.ID, e) }, nil},
		{"end", []act{open}, func(ctx context.Context, s *store.Store) error { return s.End(ctx, l.ID, at, "pr_ada", e) }, lease.ErrOver},
		{"expire", []act{open}, func(ctx context.Context, s *store.Store) error { return s.End(ctx, l.ID, l.EndsAt, "", e) }, lease.ErrOver},
		{"conclude", []act{open}, func(ctx context.Context, s *store.Store) error {
			return s.Conclude(ctx, issuer.Outcome{Issuance: "is_1", At: at, Failure: "x"}, e)
		}, issuer.ErrConcluded},
		{"sign in", nil, signIn, nil},
		{"touch", []act{signIn}, func(ctx context.Context, s *store.Store) error { return s.Touch(ctx, key, at) }, nil},
		{"sign out", []act{signIn}, func(ctx context.Context, s *store.Store) error {
			return s.SignOut(ctx, key, auth.Ending{Event: anEvent()})
		}, auth.ErrNoSession},
		{"sign out with the leases", []act{open, signIn}, func(ctx context.Context, s *store.Store) error {
			return s.SignOut(ctx, key, auth.Ending{Event: anEvent(), By: audit.Who{Principal: l.Principal}, Leases: true})
		}, auth.ErrNoSession},
		{"put a start", nil, func(ctx context.Context, s *store.Store) error { return s.PutStart(ctx, start) }, nil},
		{"take a start", []act{func(ctx context.Context, s *store.Store) error { return s.PutStart(ctx, start) }},
			func(ctx context.Context, s *store.Store) error { _, err := s.TakeStart(ctx, key); return err }, auth.ErrNoStart},
		{"remember", nil, func(ctx context.Context, s *store.Store) error {
			return s.Remember(ctx, "arn", issuer.Endpoint{AsOf: at})
		}, nil},
		{"retry", []act{open}, func(ctx context.Context, s *store.Store) error { return s.Retry(ctx, "nt_1", at, "x") }, nil},
		{"settle", []act{open}, func(ctx context.Context, s *store.Store) error { return s.Settle(ctx, "nt_1", true, e) }, notify.ErrSettled},
	}
}
