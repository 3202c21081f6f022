package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/daypass/daypass/audit"
)

// head is the end of the log.
type head struct {
	seq  int64
	high int64 // the latest time on record, in microseconds
	late int64 // the most that an event was older than that
}

// readHead reads the end of the log and keeps every other writer out, on any
// server, until the transaction ends. It comes first in every transaction, so
// no two can wait for each other crosswise.
func (t *tx) readHead() error {
	rows, err := t.query(t.writer.store.dialect.lockHead)
	if err != nil {
		return fmt.Errorf("read the end of the log: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return fmt.Errorf("read the end of the log: %w", errors.Join(errors.New("its row is missing"), rows.Err()))
	}
	if err := rows.Scan(&t.head.seq, &t.head.high, &t.head.late); err != nil {
		return fmt.Errorf("read the end of the log: %w", err)
	}
	return nil
}

// writeHead is the last statement before COMMIT. On PostgreSQL it also fails
// if the transaction failed before; a COMMIT would silently roll back.
func (t *tx) writeHead() error {
	_, err := t.exec(`UPDATE log_head SET seq = $1, high_us = $2, late_us = $3 WHERE id = 1`, t.head.seq, t.head.high, t.head.late)
	return err
}

// append puts events on record. When all of them are on record already, it is
// errRepeated.
func (t *tx) append(events ...audit.Event) error {
	for i, e := range events {
		fresh, err := t.appendOne(e)
		if err != nil {
			return fmt.Errorf("record the event %s: %w", e.ID, err)
		}
		if !fresh {
			return t.repeated(i, events)
		}
	}
	return nil
}

func (t *tx) repeated(first int, events []audit.Event) error {
	if first > 0 {
		return fmt.Errorf("the event %s is on record already, but not with those it came with", events[first].ID)
	}
	for _, e := range events {
		found, err := t.any(`SELECT 1 FROM events WHERE id = $1`, e.ID)
		if err != nil {
			return fmt.Errorf("look for the event %s: %w", e.ID, err)
		}
		if !found {
			return fmt.Errorf("the event %s is on record already, but %s is not", events[0].ID, e.ID)
		}
	}
	return errRepeated
}

const insertEvent = `
INSERT INTO events (seq, id, bytes, at_us, high_us, kind, principal, cluster, role, lease, issuance, access_key_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING`

func (t *tx) appendOne(e audit.Event) (fresh bool, err error) {
	row, err := audit.Seal(t.head.seq+1, e)
	if err != nil {
		return false, err
	}
	next := t.head.after(us(e.At))
	n, err := t.exec(insertEvent, row.Seq, e.ID, row.Record, us(e.At), next.high, string(e.Kind),
		orNull(e.Principal), orNull(e.Cluster), orNull(e.Role), orNull(e.Lease), orNull(e.Issuance), orNull(e.AccessKeyID))
	if err != nil || n == 0 {
		return false, err
	}
	t.head = next
	t.rows = append(t.rows, row)
	return true, nil
}

// detailsAtOnce is how many rows of details one statement writes.
const detailsAtOnce = 16

// writeDetails writes the details of all events of the transaction. They come
// last, and many at once, because they can fail for no reason of their own.
func (t *tx) writeDetails() error {
	rows := t.rows
	for len(rows) > 0 {
		n := 1
		if len(rows) >= detailsAtOnce {
			n = detailsAtOnce
		}
		var args []any
		for _, row := range rows[:n] {
			d := row.Event.Details
			args = append(args, row.Seq, row.Salt, row.Details, orNull(foldEmail(d.Email)), orNull(d.Address))
		}
		if _, err := t.exec(insertDetails(n), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func insertDetails(n int) string {
	return `INSERT INTO event_details (seq, salt, bytes, email, address) VALUES ` + values(n, "$", "$", "$", "$", "$")
}

// after is the end of the log with one more event.
func (h head) after(at int64) head {
	high := max(h.high, at)
	return head{seq: h.seq + 1, high: high, late: max(h.late, high-at)}
}

// Record writes an event that belongs to no other change. The same event twice
// is written once.
func (s *Store) Record(ctx context.Context, e audit.Event) error {
	return s.write(ctx, func(t *tx) error { return t.append(e) })
}
