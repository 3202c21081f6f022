package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
)

// tx is the transaction as one write sees it.
type tx struct {
	ctx     context.Context
	writer  *writer
	head    head
	rows    []audit.Row // appended so far, by all writes of the batch
	err     error       // the first error of a statement of this write
	touched bool        // this write may have changed something
	broken  error       // no more use for any write of the batch

	fresh map[auth.Hash]bool // proofs remembered together: whether nobody has asked for it yet
}

// errApart says that a write failed after it changed something, and that there
// was no savepoint to go back to.
var errApart = errors.New("the writes must be made apart")

// try runs a job. With a savepoint its failure undoes the job alone; without
// one, a failure after a change is errApart as well. The next job's savepoint
// hides this one, and COMMIT releases them all, so none is released before: on
// PostgreSQL each statement is a journey.
func (t *tx) try(j *job, savepoint bool) error {
	if err := j.ctx.Err(); err != nil {
		return fmt.Errorf("the write was not made: %w", err)
	}
	was, rows := t.head, len(t.rows)
	t.err, t.touched = nil, false
	if savepoint {
		t.must("SAVEPOINT one")
	}
	err := t.broken
	if err == nil {
		err = t.call(j.do)
	}
	if err == nil { // an error that was swallowed still ends the write
		err = t.err
	}
	if err != nil {
		t.head, t.rows = was, t.rows[:rows]
	}
	switch {
	case err != nil && savepoint:
		t.must("ROLLBACK TO SAVEPOINT one")
	case err != nil && (t.touched || t.err != nil):
		err = errors.Join(errApart, err)
	}
	return err
}

// call runs a job; a panic in it is an error, not the end of the server.
func (t *tx) call(do func(*tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a write panicked: %v", p)
			t.writer.store.cfg.Log.Error("a write panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return do(t)
}

// must runs a statement without which the transaction is not to be trusted.
// SQLite, for one, may have rolled everything back by itself when its disk is
// full; a savepoint would then silently begin anew.
func (t *tx) must(query string) {
	if t.broken != nil {
		return
	}
	if err := t.writer.exec(t.ctx, query); err != nil {
		t.broken = fmt.Errorf("%s: %w", strings.ToLower(query), err)
	}
}

// exec runs a statement and gives the number of rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.writer.stmt(t.ctx, query)
	if err != nil {
		return 0, t.note(err)
	}
	res, err := stmt.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.note(err)
	}
	n, err := res.RowsAffected()
	t.touched = t.touched || n != 0 || err != nil
	return n, t.note(err)
}

// query runs a statement that gives rows. Any but a SELECT may change some.
func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	t.touched = t.touched || !strings.HasPrefix(strings.TrimSpace(query), "SELECT")
	stmt, err := t.writer.stmt(t.ctx, query)
	if err != nil {
		return nil, t.note(err)
	}
	rows, err := stmt.QueryContext(t.ctx, args...)
	return rows, t.note(err)
}

// any reports whether a query gives a row.
func (t *tx) any(query string, args ...any) (bool, error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	return found, t.note(rows.Err())
}

// oneWithin reads the one row of a query within a write; none is the error
// where there is no row.
func oneWithin[T any](t *tx, none error, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	var nothing T
	rows, err := t.query(query, args...)
	if err != nil {
		return nothing, err
	}
	found, err := collect(rows, scan)
	if err != nil {
		return nothing, t.note(err)
	}
	if len(found) == 0 {
		return nothing, none
	}
	return found[0], nil
}

func (t *tx) note(err error) error {
	if err != nil && t.err == nil {
		t.err = err
	}
	return err
}

// values are n rows for VALUES, of columns in each of which $ stands for the next
// argument.
func values(n int, columns ...string) string {
	row := "(" + strings.Join(columns, ", ") + ")"
	parts := strings.Split(strings.Repeat(row+", ", n-1)+row, "$")
	var q strings.Builder
	for i, part := range parts {
		if i > 0 {
			q.WriteString("$" + strconv.Itoa(i))
		}
		q.WriteString(part)
	}
	return q.String()
}

// us is a time as the tables hold it.
func us(t time.Time) int64 { return t.UnixMicro() }

// at reads it back.
func at(us int64) time.Time { return time.UnixMicro(us).UTC() }

// usOrNull is for times that may not be set.
func usOrNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func atOrZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return at(us.Int64)
}

// orNull keeps empty columns out of the indexes.
func orNull(s string) sql.NullString {
	s = indexed(s)
	return sql.NullString{String: s, Valid: s != ""}
}

// maxIndexed bounds what goes into an index: PostgreSQL refuses entries beyond
// a third of a page, and what was refused at sign-in or in an ask can be of
// any length. The record keeps all of it.
const maxIndexed = 512

// indexed is text as it stands in an indexed column, and as searches say it.
func indexed(s string) string {
	if len(s) > maxIndexed {
		s = s[:maxIndexed]
	}
	return text(s)
}

// text makes free text fit for a column. PostgreSQL takes neither NUL nor
// invalid UTF-8.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
