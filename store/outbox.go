package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/notify"
)

var _ notify.Outbox = (*Store)(nil)

// insertNotices writes notices that are due at once.
func (t *tx) insertNotices(ns []notify.Notice) error {
	for _, n := range ns {
		_, err := t.exec(`INSERT INTO outbox (id, webhook, type, body, lease, at_us, attempt, due_us, why)
			VALUES ($1, $2, $3, $4, $5, $6, 0, $6, '')`, n.ID, n.To, n.Type, n.Body, n.Lease, us(n.At))
		if err != nil {
			return err
		}
	}
	return nil
}

const claimNotices = `
UPDATE outbox SET due_us = $2, attempt = attempt + 1
WHERE id IN (SELECT id FROM outbox WHERE due_us <= $1 ORDER BY due_us, id LIMIT $3)
RETURNING id, webhook, type, body, lease, at_us, attempt`

// Claim takes notices that are due, oldest first. A claim whose answer is lost
// is made again when it ends.
func (s *Store) Claim(ctx context.Context, now, until time.Time, limit int) ([]notify.Notice, error) {
	// Most of the time nothing is due, and finding that needs no commit.
	due, err := list(ctx, s, scanID, `SELECT id FROM outbox WHERE due_us <= $1 LIMIT 1`, us(now))
	if err != nil || len(due) == 0 {
		return nil, wrap(err, "look for notices that are due")
	}
	var claimed []notify.Notice
	err = s.write(ctx, func(t *tx) error {
		rows, err := t.query(claimNotices, us(now), us(until), limit)
		if err != nil {
			return err
		}
		claimed, err = collect(rows, scanNotice)
		return t.note(err)
	})
	if err != nil {
		return nil, wrap(err, "claim notices")
	}
	slices.SortFunc(claimed, func(a, b notify.Notice) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return claimed, nil
}

func scanID(row scanner) (id string, err error) { return id, row.Scan(&id) }

func scanNotice(row scanner) (notify.Notice, error) {
	var n notify.Notice
	var when int64
	err := row.Scan(&n.ID, &n.To, &n.Type, &n.Body, &n.Lease, &when, &n.Attempt)
	n.At = at(when)
	return n, err
}

// Retry makes a notice due at next. It can be repeated; a notice that is
// settled meanwhile stays so.
func (s *Store) Retry(ctx context.Context, id string, next time.Time, why string) error {
	err := s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE outbox SET due_us = $2, why = $3 WHERE id = $1`, id, us(next), text(why))
		return err
	})
	return wrap(err, "put the notice %s off", id)
}

// Settle takes a notice out with the event that says how it ended. Repeated,
// it is notify.ErrSettled.
func (s *Store) Settle(ctx context.Context, id string, delivered bool, e audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM outbox WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return notify.ErrSettled
		}
		return t.append(e)
	})
	return wrap(err, "settle the notice %s", id)
}
