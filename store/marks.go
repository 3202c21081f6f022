package store

import (
	"context"
	"errors"
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
	markDeparture = "departure"
)

// reportEvery is how often one altered row is put on record.
const reportEvery = time.Minute

// maxReported bounds the memory of what was reported.
const maxReported = 10_000

// reports remembers which altered rows were put on record lately.
type reports struct {
	mu   sync.Mutex
	last map[string]time.Time
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

// genuine reports whether a row is as this or another server wrote it. One
// that is not is put on record and told in the log.
func (s *Store) genuine(ctx context.Context, purpose, row string, mark []byte, fields ...[]byte) bool {
	if !s.cfg.Keys.Present() {
		return true
	}
	err := s.cfg.Keys.Check(purpose, mark, fields...)
	if err == nil {
		return true
	}
	now := s.cfg.Now()
	if !s.reports.due(purpose+" "+row, now) {
		return false
	}
	s.cfg.Log.Error("a row of the database is not as Daypass wrote it, and is refused", "table", purpose, "row", row, "error", err)
	e := audit.New(audit.RowRefused, now, audit.Who{})
	e.Reason = purpose
	e.Facts = map[string]string{"row": row, "why": reason(err)}
	if err := s.Record(context.WithoutCancel(ctx), e); err != nil {
		s.cfg.Log.Error("that a row was refused could not be recorded", "error", err)
	}
	return false
}

func reason(err error) string {
	if errors.Is(err, seal.ErrKey) {
		return "unknown-key"
	}
	return "mark"
}

func number(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// accessOf is the part of a lease that says what it gives.
func accessOf(l lease.Lease) [][]byte {
	return [][]byte{
		[]byte(l.ID), []byte(l.Principal), []byte(l.Provider), []byte(l.Cluster), []byte(l.Role), []byte(l.Grant),
		number(flag(l.BreakGlass)), []byte(text(l.Reason)), []byte(l.Namespace), number(us(l.StartedAt)), number(us(l.EndsAt)),
	}
}
