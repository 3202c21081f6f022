package auth

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/audit"
)

func (b *book) Spend(_ context.Context, proof Hash, until time.Time) error {
	return b.do("Spend", func() error {
		if _, ok := b.proofs[proof]; ok {
			return ErrReplayed
		}
		b.proofs[proof] = until
		return nil
	})
}

func (b *book) PutCode(_ context.Context, c Code) error {
	return b.do("PutCode", func() error {
		for _, other := range b.codes {
			if !c.User.IsZero() && other.User == c.User {
				return ErrCodeTaken
			}
		}
		b.codes[c.Key] = c
		return nil
	})
}

func (b *book) TypedCode(_ context.Context, user Hash) (c Code, err error) {
	err = b.do("TypedCode", func() error {
		for _, c = range b.codes {
			if c.User == user {
				return nil
			}
		}
		return ErrNoCode
	})
	return c, err
}

func (b *book) AnswerCode(_ context.Context, c Code, events ...audit.Event) error {
	return b.do("AnswerCode", func() error {
		was, ok := b.codes[c.Key]
		if !ok || !was.By.IsZero() {
			return ErrNoCode
		}
		b.codes[c.Key] = c
		b.events = append(b.events, events...)
		return nil
	})
}

func (b *book) HasCode(_ context.Context, code Hash) (there bool, err error) {
	err = b.do("HasCode", func() error { _, there = b.codes[code]; return nil })
	return there, err
}

func (b *book) Redeem(_ context.Context, code Hash, now time.Time, alive Alive, judge func(Code, Session) (Session, audit.Event, error)) error {
	return b.do("Redeem", func() error {
		c, ok := b.codes[code]
		if !ok {
			return ErrNoCode
		}
		delete(b.codes, code)
		from := b.sessions[c.By]
		in, e, err := judge(c, from)
		if errors.Is(err, ErrKeepCode) {
			c.Asked = now
			b.codes[code] = c
		}
		if err != nil {
			return err
		}
		many := 0
		for _, s := range b.sessions {
			if s.Client != nil && s.Principal.ID() == in.Principal.ID() && s.SignedIn.After(alive.ClientsAfter) {
				many++
			}
		}
		if many >= MostPrograms {
			return ErrManyPrograms
		}
		if in.Refresh != nil {
			from.Refresh = nil
			b.sessions[from.Key] = from
		}
		b.sessions[in.Key] = in
		b.events = append(b.events, e)
		return nil
	})
}

func (b *book) ClaimSession(_ context.Context, s Session, now, until time.Time) error {
	return b.do("ClaimSession", func() error {
		was, ok := b.sessions[s.Key]
		if !ok || !was.AsOf.Equal(s.AsOf) || now.Before(b.claimed[s.Key]) {
			return ErrMoved
		}
		b.claimed[s.Key] = until
		return nil
	})
}

func (b *book) Regroup(_ context.Context, s Session, was time.Time, events ...audit.Event) error {
	return b.do("Regroup", func() error {
		if old, ok := b.sessions[s.Key]; !ok || !old.AsOf.Equal(was) {
			return ErrMoved
		}
		b.sessions[s.Key] = s
		b.events = append(b.events, events...)
		return nil
	})
}
