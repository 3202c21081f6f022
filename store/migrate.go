package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/daypass/daypass/migrations"
)

// Migrate brings the tables of a database up to date and tells from which
// version to which. Several servers may do so at once; doing it again does
// nothing. Of the Config it needs only the database.
func Migrate(ctx context.Context, c Config) (from, to int64, err error) {
	p, err := c.open()
	if err != nil {
		return 0, 0, err
	}
	defer p.closeAll()
	if from, to, err = c.migrate(ctx, p.tables); err != nil {
		return from, to, fmt.Errorf("migrate the %s database: %w", p.dialect.name, err)
	}
	return from, to, nil
}

// migrate closes db when it is done.
func (c Config) migrate(ctx context.Context, db *sql.DB) (from, to int64, err error) {
	defer db.Close()
	p, err := c.provider(db)
	if err != nil {
		return 0, 0, err
	}
	err = patiently(ctx, func() (err error) {
		from, to, err = p.GetVersions(ctx)
		return err
	})
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("look for the version of its tables: %w", err)
	case from > to:
		return from, to, fmt.Errorf("the database is at version %d and this daypass knows versions up to %d: it was migrated by a newer daypass; run that one, or restore a backup from before", from, to)
	case from == to:
		return from, to, nil
	}
	return from, to, up(ctx, p, from)
}

// patiently tries again while SQLite is busy with another process's migration:
// a transaction that began by reading is told so at once, however long its
// busy timeout.
func patiently(ctx context.Context, do func() error) error {
	err := do()
	for range 200 {
		var lite *sqlite.Error
		if !errors.As(err, &lite) || lite.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(25 * time.Millisecond):
		}
		err = do()
	}
	return err
}

// up migrates. SQLite has no lock for that: when another process was faster
// with a step, ours failed as a whole, and there is less left to do.
func up(ctx context.Context, p *goose.Provider, from int64) error {
	step := func() error { _, err := p.Up(ctx); return err }
	err := patiently(ctx, step)
	for err != nil {
		at, to, look := p.GetVersions(ctx)
		if look != nil || at <= from {
			return fmt.Errorf("bring its tables up to date: %w", errors.Join(err, look))
		}
		if at == to {
			return nil
		}
		from = at
		err = patiently(ctx, step)
	}
	return nil
}

func (c Config) provider(db *sql.DB) (*goose.Provider, error) {
	dialect, files := goose.DialectSQLite3, migrations.SQLite()
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if c.Postgres != "" {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, fmt.Errorf("make a lock for migrations: %w", err)
		}
		dialect, files = goose.DialectPostgres, migrations.Postgres()
		options = append(options, goose.WithSessionLocker(locker))
	}
	return newProvider(dialect, db, files, options...)
}

func newProvider(d goose.Dialect, db *sql.DB, files fs.FS, options ...goose.ProviderOption) (*goose.Provider, error) {
	p, err := goose.NewProvider(d, db, files, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}
