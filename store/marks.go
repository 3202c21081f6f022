package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/seal"
)

// Rows whose change would give access carry a mark: whoever can write to the
// database, but does not have the sealing key, cannot make one up. It does not
// stop them from putting an older row back, mark and all.
const (
	markLease     = "lease"
	markEndpoint  = "endpoint"
	markSession   = "session"
	markSeen      = "session-seen"
	markStart     = "start"
	markDeparture = "departure"
	markCode      = "client-code"
)

// reportEvery is how often one altered row is put on record.
const reportEvery = time.Minute

// maxReported bounds the memory of what was reported.
const maxReported = 10_000

// reports remembers which altered rows were put on record lately.
type reports struct {
	mu   sync.Mutex
	last map[string]time.Time
	keys []string // that this server lacks
}

func (r *reports) due(row string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.last[row]; ok && now.Sub(at) < reportEvery {
		return false
	}
	if r.last == nil || len(r.last) >= maxReported {
		r.last = map[string]time.Time{}
	}
	r.last[row] = now
	return true
}

// mark marks a row; nil without a sealing key.
func (s *Store) mark(purpose string, fields ...[]byte) []byte {
	if !s.cfg.Keys.Present() {
		return nil
	}
	return s.cfg.Keys.Mark(purpose, fields...)
}

// check says whether a row is as this or another server wrote it: errForged
// that it is not, behind that this server cannot know.
func (s *Store) check(purpose string, mark []byte, fields ...[]byte) error {
	if !s.cfg.Keys.Present() {
		return nil
	}
	err := s.cfg.Keys.Check(purpose, mark, fields...)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, seal.ErrKey) && keyForm.MatchString(keyOf(mark)):
		return behind{keyOf(mark)}
	}
	return fmt.Errorf("%w: %w", errForged, err)
}

// errForged says that a row is not as it was written.
var errForged = errors.New("the row is not as Daypass wrote it")

// behind says that a mark was made with a key that this server does not have:
// after a rotation, another one has it already.
type behind struct{ key string }

func (b behind) Error() string {
	return "the row was marked with the sealing key " + b.key + ", which this server does not have"
}

func isBehind(err error) bool { return errors.As(err, &behind{}) }

// keyForm is what a key may be called; a mark that names another is forged.
var keyForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// keyOf is the name of the key in a mark.
func keyOf(mark []byte) string {
	if len(mark) == 0 || len(mark) < 1+int(mark[0]) {
		return ""
	}
	return string(mark[1 : 1+mark[0]])
}

// maxBehind bounds how many missing keys are told of: whoever writes to the
// database can make up names.
const maxBehind = 16

// told makes the error of check the one that a port declares. A forged row is
// put on record and told in the log, a key that is missing in the log, once.
func (s *Store) told(ctx context.Context, err error, purpose, row string, forged, later error) error {
	var b behind
	switch {
	case err == nil:
		return nil
	case errors.As(err, &b):
		s.missing(b.key)
		return fmt.Errorf("%w: %w", later, err)
	}
	s.report(ctx, err, purpose, row)
	return forged
}

// missing tells of a key that this server lacks.
func (s *Store) missing(id string) {
	if s.reports.first(id) {
		s.cfg.Log.Error("this server lacks a sealing key that another one uses; restart it with the sealing keys of today", "key", id, "keys", s.cfg.Keys.IDs())
	}
}

// first reports whether a key was not told of before.
func (r *reports) first(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.keys, key) || len(r.keys) >= maxBehind {
		return false
	}
	r.keys = append(r.keys, key)
	return true
}

// report puts a forged row on record, at most once a minute.
func (s *Store) report(ctx context.Context, why error, purpose, row string) {
	now := s.cfg.Now()
	if !s.reports.due(purpose+" "+row, now) {
		return
	}
	s.cfg.Log.Error("a row of the database is not as Daypass wrote it, and is refused", "table", purpose, "row", row, "error", why)
	if err := s.Record(context.WithoutCancel(ctx), rowRefused(purpose, row, now)); err != nil {
		s.cfg.Log.Error("that a row was refused could not be recorded", "error", err)
	}
}

func rowRefused(purpose, row string, now time.Time) audit.Event {
	e := audit.New(audit.RowRefused, now, audit.Who{})
	e.Reason = purpose
	e.Facts = map[string]string{"row": row, "why": "mark"}
	return e
}

func number(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// accessOf is the part of a lease that says what it gives.
func accessOf(l lease.Lease) [][]byte {
	return [][]byte{
		[]byte(l.ID), []byte(l.Principal), []byte(l.Provider), []byte(l.Cluster), []byte(l.Role), []byte(l.Grant),
		number(flag(l.BreakGlass)), []byte(text(l.Reason)), []byte(l.Namespace), number(us(l.StartedAt)), number(us(l.EndsAt)),
	}
}
