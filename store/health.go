package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// freshFor is how long a commit proves that commits are possible.
	freshFor = 5 * time.Second
	// sickFor is how long a failure of the database counts although a probe
	// succeeds: a full disk often still takes a small write.
	sickFor = 30 * time.Second
	// probeTimeout is when a database that hangs counts as one that fails.
	probeTimeout = 3 * time.Second
)

// health is what the last writes tell about the database.
type health struct {
	mu   sync.Mutex
	well time.Time // the last commit
	sick time.Time // the last failure of the database itself
	why  error
}

func (h *health) committed(now time.Time, wrote bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.well = now
	if wrote {
		h.why = nil
	}
}

func (h *health) failed(now time.Time, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sick, h.why = now, why
}

// standing says whether the last writes already answer, and how.
func (h *health) standing(now time.Time) (known bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.why != nil && now.Sub(h.sick) < sickFor {
		return true, h.why
	}
	return h.why == nil && !h.well.IsZero() && now.Sub(h.well) < freshFor, nil
}

// Ready reports whether events can be written now. It writes a few bytes when
// no recent commit tells.
func (s *Store) Ready(ctx context.Context) error {
	now := s.cfg.Now()
	if known, err := s.health.standing(now); known {
		return unready(err)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE log_head SET probed_us = $1 WHERE id = 1`, us(now))
		return err
	})
	return unready(err)
}

func unready(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the database does not take writes; look at its disk and its log: %w", err)
}

// blame tells a failure of the database (its disk, its server) from one of the
// statement.
func blame(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff { // the primary code: https://www.sqlite.org/rescode.html
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT,
			sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM:
			return true
		}
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 {
		switch pg.Code[:2] { // https://www.postgresql.org/docs/current/errcodes-appendix.html
		case "08", "25", "53", "57", "58", "XX":
			return true
		}
	}
	return false
}
