package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	postgresReaders = 8
	// oldestPostgres is the oldest version that its makers still mended when
	// this was written, as server_version_num tells it.
	oldestPostgres = 140000
	// postgresPatience bounds a transaction of the writer, so that a server
	// that hangs becomes an error.
	postgresPatience = 15 * time.Second
)

// openPostgres gives a pool of readers and a connection for the writer. They
// must reach the server itself, or a pooler by sessions: one that hands
// connections on between transactions would lose their settings.
func openPostgres(dsn string) (pools, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil { // pgx leaves the password out of its errors
		return pools{}, fmt.Errorf("read the connection string of PostgreSQL: %w", err)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	with := func(s session) *sql.DB { return stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(s.settle)) }
	p := pools{
		reads:  with(session{readOnly: "on", statement: "10s"}),
		writes: with(session{readOnly: "off", statement: "10s"}),
		tables: with(session{readOnly: "off", statement: "0"}), // an index may take long
	}
	p.reads.SetMaxOpenConns(postgresReaders)
	p.reads.SetMaxIdleConns(postgresReaders)
	p.writes.SetMaxOpenConns(1)
	p.dialect = dialect{
		name:     "PostgreSQL",
		begin:    "BEGIN",
		lockHead: `SELECT seq, high_us, late_us FROM log_head WHERE id = 1 FOR UPDATE`,
		patience: postgresPatience,
	}
	return p, nil
}

// session is what differs between connections.
type session struct {
	readOnly  string
	statement string // how long a statement may take
}

const postgresSettings = `SELECT
	set_config('default_transaction_read_only', $1, false),
	set_config('statement_timeout', $2, false),
	set_config('lock_timeout', '8s', false),
	set_config('idle_in_transaction_session_timeout', '20s', false),
	set_config('default_transaction_isolation', 'read committed', false),
	current_setting('server_version_num')::int,
	current_setting('synchronous_commit'),
	current_setting('synchronous_standby_names'),
	current_setting('fsync'),
	pg_is_in_recovery()`

// settle sets a new connection up and refuses one whose commits would not be
// durable.
func (want session) settle(ctx context.Context, conn *pgx.Conn) error {
	var s serverSettings
	var set string
	err := conn.QueryRow(ctx, postgresSettings, want.readOnly, want.statement).Scan(&set, &set, &set, &set, &set,
		&s.version, &s.commit, &s.standbys, &s.fsync, &s.recovering)
	if err != nil {
		return fmt.Errorf("read the settings of PostgreSQL back: %w", err)
	}
	return s.check()
}

type serverSettings struct {
	version    int
	commit     string
	standbys   string
	fsync      string
	recovering bool
}

// check says why a server does not keep what it was told to commit:
// https://www.postgresql.org/docs/current/runtime-config-wal.html
func (s serverSettings) check() error {
	switch {
	case s.version < oldestPostgres:
		return fmt.Errorf("this PostgreSQL is version %d; Daypass needs %d or newer", s.version/10000, oldestPostgres/10000)
	case s.recovering:
		return fmt.Errorf("this PostgreSQL is a standby and takes no writes: name the primary, or all servers with target_session_attrs=read-write")
	case s.fsync != "on":
		return fmt.Errorf("PostgreSQL runs with fsync=%s, so a power cut could lose records: turn it on", s.fsync)
	case s.commit == "off":
		return fmt.Errorf("PostgreSQL has synchronous_commit=off, so a crash could lose records: set it to on for Daypass's role")
	case s.commit == "local" && s.standbys != "":
		return fmt.Errorf("PostgreSQL has synchronous standbys but synchronous_commit=local, so a failover could lose records: set it to on for Daypass's role")
	}
	return nil
}
