// Package store keeps everything in one database, SQLite or PostgreSQL. It
// holds the only SQL.
//
// It promises that a change and its events are one durable transaction, that
// the sequence numbers of events have no gap, and that a write which returned
// nil is on disk. Its one danger: a write that returned an error may have
// persisted all the same, when its caller gave up or the database went away
// before it answered. So every write can be repeated: it then either does
// nothing and returns nil, or returns the error that its port declares for
// what was done already.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/seal"
)

// Config says where the database is. Exactly one of SQLite and Postgres is set;
// Now and Log are required.
type Config struct {
	SQLite   string // path of the database file, in a folder that exists
	Postgres string // connection string
	Now      func() time.Time
	Log      *slog.Logger
	// Keys mark the rows whose change would give access. Without them such
	// rows are believed as they stand.
	Keys seal.Keys
	// Sink, when set, is given every event of this process after its commit,
	// in order. It slows no write down: when it falls far behind, events are
	// left out and Dropped counts them. The database is the log, not the sink.
	Sink func(audit.Row)
}

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	pools
	cfg     Config
	jobs    chan *job
	closing chan struct{}
	close   sync.Once
	done    chan struct{} // closed when the committer has ended
	health  health
	sink    *sink
	stmts   statements
	reports reports
	// commit calls the function that commits; tests put failures around it.
	commit func(func() error) error
}

// ErrClosed is the error of a write after Close.
var ErrClosed = errors.New("the database was closed")

// pools are the connections to a database. None is made before it is used.
type pools struct {
	dialect dialect
	reads   *sql.DB // cannot write
	writes  *sql.DB // the committer's one connection
	tables  *sql.DB // for migrations; closed after them
}

func (p pools) closeAll() error {
	return errors.Join(p.reads.Close(), p.writes.Close(), p.tables.Close())
}

// dialect is what differs between the two databases once they are open.
type dialect struct {
	name     string
	begin    string
	lockHead string        // reads log_head and keeps every other writer out
	patience time.Duration // bounds one transaction; zero: it is bounded otherwise
}

// Open opens the database, checks that it keeps what is written to it, and
// brings its tables up to date. A SQLite database is made when there is none. A
// database that was migrated by a newer Daypass is refused.
func Open(ctx context.Context, c Config) (*Store, error) {
	p, err := c.open()
	if err != nil {
		return nil, err
	}
	from, to, err := c.migrate(ctx, p.tables)
	if err == nil {
		err = errors.Join(p.reads.PingContext(ctx), p.writes.PingContext(ctx))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the %s database: %w", p.dialect.name, err), p.closeAll())
	}
	if from != to {
		c.Log.Info("the database was migrated", "from", from, "to", to)
	}
	s := &Store{
		pools: p, cfg: c,
		jobs: make(chan *job), closing: make(chan struct{}), done: make(chan struct{}),
		sink: newSink(c.Sink), commit: func(do func() error) error { return do() },
	}
	go s.commitAll()
	return s, nil
}

func (c Config) open() (pools, error) {
	switch {
	case (c.SQLite == "") == (c.Postgres == ""):
		return pools{}, errors.New("name either a SQLite file or a PostgreSQL database")
	case c.SQLite != "":
		return openSQLite(c.SQLite)
	}
	return openPostgres(c.Postgres)
}

// Close finishes the writes that were begun, refuses further ones with
// ErrClosed, and waits a little for the sink.
func (s *Store) Close() (err error) {
	s.close.Do(func() {
		close(s.closing)
		<-s.done
		s.sink.close()
		err = s.closeAll()
	})
	return err
}

// Dropped is how many events the sink was too slow for.
func (s *Store) Dropped() int64 { return s.sink.dropped.Load() }
