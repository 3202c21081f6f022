package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/audit"
)

const (
	defaultPage = 50
	largestPage = 500
)

const selectEvents = `
SELECT e.seq, e.bytes, d.salt, d.bytes FROM events e JOIN event_details d ON d.seq = e.seq`

// Event gives one event; audit.ErrNone when there is none.
func (s *Store) Event(ctx context.Context, id string) (audit.Row, error) {
	found, err := s.events(ctx, selectEvents+` WHERE e.id = $1`, text(id))
	if err == nil && len(found) == 0 {
		err = audit.ErrNone
	}
	if err != nil {
		return audit.Row{}, fmt.Errorf("read the event %s: %w", id, err)
	}
	return found[0], nil
}

// Events gives the events that a query picks, newest first. A page costs the
// same wherever in the log it is: every filter has an index that ends in the
// sequence number, and a range of time becomes one of sequence numbers first.
func (s *Store) Events(ctx context.Context, q audit.Query) ([]audit.Row, error) {
	f := filter{}
	f.fields(q)
	if err := s.within(ctx, &f, q.From, q.To); err != nil {
		return nil, fmt.Errorf("search the audit log: %w", err)
	}
	backwards := q.After > 0
	query, args := f.query(backwards, limit(q.Limit))
	found, err := s.events(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("search the audit log: %w", err)
	}
	if backwards {
		slices.Reverse(found)
	}
	return found, nil
}

func limit(n int) int {
	if n <= 0 {
		return defaultPage
	}
	return min(n, largestPage)
}

// filter collects conditions. Their text is this file's own; what people typed
// goes into args only.
type filter struct {
	where []string
	args  []any
	key   string // the column of the sequence number that the index in use ends in
}

func (f *filter) and(condition string, arg any) {
	f.args = append(f.args, arg)
	f.where = append(f.where, condition+" $"+strconv.Itoa(len(f.args)))
}

// equal asks for a value in a column. Only the first such condition may use an
// index: neither database can know as well as we do which field picks fewest.
func (f *filter) equal(column, s string) {
	switch {
	case s == "":
		return
	case f.key == "":
		f.key = column[:2] + "seq"
		f.and(column+" =", indexed(s))
	default:
		f.and(column+" || '' =", indexed(s)) // as an expression, which no index has
	}
}

// fields adds the conditions on fields, those that pick fewest events first.
func (f *filter) fields(q audit.Query) {
	person, email := q.Person, ""
	if strings.Contains(person, "@") {
		person, email = "", foldEmail(person)
	}
	f.equal("e.access_key_id", q.AccessKeyID)
	f.equal("e.issuance", q.Issuance)
	f.equal("e.lease", q.Lease)
	f.equal("d.email", email)
	f.equal("e.principal", person)
	f.equal("d.address", q.Address)
	f.equal("e.cluster", q.Cluster)
	f.equal("e.kind", string(q.Kind))
	f.equal("e.role", q.Role)
	if q.NotKind != "" {
		f.and("e.kind <>", string(q.NotKind))
	}
	if f.key == "" {
		f.key = "e.seq"
	}
	if q.Before > 0 {
		f.and(f.key+" <", q.Before)
	}
	if q.After > 0 {
		f.and(f.key+" >", q.After)
	}
}

func (f *filter) query(ascending bool, limit int) (string, []any) {
	q := selectEvents
	if len(f.where) > 0 {
		q += ` WHERE ` + strings.Join(f.where, ` AND `)
	}
	q += ` ORDER BY ` + f.key
	if !ascending {
		q += ` DESC`
	}
	return q + ` LIMIT ` + strconv.Itoa(limit), f.args
}

// within adds a range of time, together with the sequence numbers outside of
// which no event can lie in it. The first event at or after a time has a
// high_us of at least that time. An event before a time has a high_us of less
// than that time and the largest delay on record.
func (s *Store) within(ctx context.Context, f *filter, from, to time.Time) error {
	if !from.IsZero() {
		f.and("e.at_us >=", us(from))
		first, found, err := s.firstSince(ctx, us(from))
		if err != nil {
			return err
		}
		if !found { // nothing is that young
			first = 1 << 62
		}
		f.and(f.key+" >=", first)
	}
	if to.IsZero() {
		return nil
	}
	f.and("e.at_us <", us(to))
	var late int64
	if err := s.row(ctx, `SELECT late_us FROM log_head WHERE id = 1`, nil, &late); err != nil {
		return fmt.Errorf("read the end of the log: %w", err)
	}
	after, found, err := s.firstSince(ctx, us(to)+late)
	if err == nil && found {
		f.and(f.key+" <", after)
	}
	return err
}

// firstSince gives the first sequence number with a high_us of at least that.
func (s *Store) firstSince(ctx context.Context, high int64) (seq int64, found bool, err error) {
	err = s.row(ctx, `SELECT seq FROM events WHERE high_us >= $1 ORDER BY high_us, seq LIMIT 1`, []any{high}, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return seq, err == nil, err
}

// foldEmail makes an address comparable.
func foldEmail(s string) string { return strings.ToLower(indexed(s)) }

func (s *Store) events(ctx context.Context, query string, args ...any) ([]audit.Row, error) {
	rows, err := s.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []audit.Row
	for rows.Next() {
		row, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

func scanEvent(rows *sql.Rows) (audit.Row, error) {
	var seq int64
	var rec, salt, details []byte
	if err := rows.Scan(&seq, &rec, &salt, &details); err != nil {
		return audit.Row{}, err
	}
	row, err := audit.Open(rec, salt, details)
	if err == nil && row.Seq != seq {
		err = fmt.Errorf("the event %s says it is number %d but stands at %d: the log was changed", row.Event.ID, row.Seq, seq)
	}
	return row, err
}
