package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

const sqliteReaders = 4

// openSQLite gives a pool of readers and one connection for the writer.
func openSQLite(path string) (pools, error) {
	path, err := makeFile(path)
	if err != nil {
		return pools{}, err
	}
	read, err := sqlite.NewConnector(sqliteDSN(path, "_query_only", "1"))
	if err != nil {
		return pools{}, fmt.Errorf("open the database %s: %w", path, err)
	}
	write, err := sqlite.NewConnector(sqliteDSN(path))
	if err != nil {
		return pools{}, fmt.Errorf("open the database %s: %w", path, err)
	}
	p := pools{reads: sql.OpenDB(checked{read}), writes: sql.OpenDB(checked{write}), tables: sql.OpenDB(checked{write})}
	p.reads.SetMaxOpenConns(sqliteReaders)
	p.reads.SetMaxIdleConns(sqliteReaders)
	p.writes.SetMaxOpenConns(1)
	p.tables.SetMaxOpenConns(1)
	p.dialect = dialect{
		name:     "SQLite",
		begin:    "BEGIN IMMEDIATE", // which keeps every other writer out
		lockHead: `SELECT seq, high_us, late_us FROM log_head WHERE id = 1`,
	}
	return p, nil
}

// makeFile makes the database file, readable by nobody else. SQLite gives the
// files it puts beside it the same mode.
func makeFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the database file %s: %w", path, err)
	}
	dir := filepath.Dir(path)
	if at, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the folder %s for the database does not exist: make it, or name another file", dir)
	} else if err != nil {
		return "", fmt.Errorf("look at the folder for the database: %w", err)
	} else if !at.IsDir() {
		return "", fmt.Errorf("%s is no folder, so the database cannot be in it", dir)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("open the database file: %w", err)
	}
	defer f.Close()
	return path, tighten(f)
}

// tighten closes a file to others. Kubernetes opens files to the group when it
// mounts a volume with an fsGroup.
func tighten(f *os.File) error {
	is, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at the database file: %w", err)
	}
	if is.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := f.Chmod(0o600); err != nil {
		return fmt.Errorf("the database file %s is open to others and cannot be closed to them: %w", f.Name(), err)
	}
	return nil
}

// sqliteDSN names the settings of every connection. A URI, because in a plain
// path SQLite would read a question mark as its end.
func sqliteDSN(path string, more ...string) string {
	q := url.Values{
		"mode":       {"rw"},
		"_txlock":    {"immediate"},
		"_defensive": {"1"}, // no statement writes to the file's own structure
		"_dqs":       {"0"}, // a misspelt name is an error, not a string
		"_pragma": {
			"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)",
			"foreign_keys(1)", "recursive_triggers(1)", "trusted_schema(0)",
			"temp_store(2)", // what a savepoint may have to undo stays in memory, not in a file
		},
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

// checked refuses connections that do not have the settings asked for: SQLite
// ignores what it does not know, and some file systems cannot do WAL.
type checked struct{ driver.Connector }

const sqliteSettings = `SELECT
	(SELECT journal_mode FROM pragma_journal_mode) || ' ' ||
	(SELECT synchronous FROM pragma_synchronous) || ' ' ||
	(SELECT foreign_keys FROM pragma_foreign_keys) || ' ' ||
	(SELECT recursive_triggers FROM pragma_recursive_triggers) || ' ' ||
	(SELECT timeout FROM pragma_busy_timeout)`

// Connect opens a connection and reads its settings back.
func (c checked) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	got, err := readBack(ctx, conn)
	if err == nil && got != "wal 2 1 1 5000" {
		err = fmt.Errorf("SQLite did not take the settings without which a power cut or a bug could lose records: journal_mode, synchronous, foreign_keys, recursive_triggers, busy_timeout are %q; put the database on a local disk", got)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func readBack(ctx context.Context, conn driver.Conn) (string, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, sqliteSettings, nil)
	if err != nil {
		return "", fmt.Errorf("read the settings of SQLite back: %w", err)
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return "", fmt.Errorf("read the settings of SQLite back: %w", err)
	}
	return fmt.Sprint(row[0]), nil
}
