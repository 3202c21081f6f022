package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

func refusesToOpen(t *testing.T, c store.Config, says ...string) {
	t.Helper()
	c.Now = time.Now
	s, err := store.Open(t.Context(), c)
	if err == nil {
		_ = s.Close()
		t.Fatal("opened it")
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it says %q, not %q", err, want)
		}
	}
}

func TestOpening(t *testing.T) {
	t.Run("refuses no database and two", func(t *testing.T) {
		refusesToOpen(t, store.Config{}, "either")
		refusesToOpen(t, store.Config{SQLite: "x", Postgres: "y"}, "either")
	})
	t.Run("refuses a folder that does not exist, by name", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "none")
		refusesToOpen(t, store.Config{SQLite: filepath.Join(dir, "d.db")}, dir, "does not exist", "make it")
	})
	t.Run("refuses a folder that is a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refusesToOpen(t, store.Config{SQLite: filepath.Join(file, "d.db")}, "folder")
	})
	t.Run("refuses a file that is no database", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		refusesToOpen(t, store.Config{SQLite: file}, "not a database")
	})
	t.Run("refuses a connection string that is none, without its password", func(t *testing.T) {
		refusesToOpen(t, store.Config{Postgres: "postgres://u:hunter2@[bad"}, "connection string")
		_, err := store.Open(t.Context(), store.Config{Postgres: "postgres://u:hunter2@[bad", Now: time.Now})
		if strings.Contains(err.Error(), "hunter2") {
			t.Error("the error tells the password")
		}
	})
	t.Run("takes a path with every awkward character", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a b?c=d#e%20&_pragma=synchronous(OFF).db")
		storetest.Open(t, store.Config{SQLite: path})
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	})
	t.Run("keeps its files to itself", func(t *testing.T) {
		c := freshSQLite(t)
		if err := os.WriteFile(c.SQLite, nil, 0o664); err != nil {
			t.Fatal(err)
		}
		s := storetest.Open(t, c)
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			is, err := os.Stat(c.SQLite + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if is.Mode().Perm() != 0o600 {
				t.Errorf("%s has the mode %v", is.Name(), is.Mode())
			}
		}
	})
}

func TestEveryConnectionIsChecked(t *testing.T) {
	t.Run("SQLite with weaker settings is refused", func(t *testing.T) {
		const good = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)"
		for change, ok := range map[string]bool{
			"": true, "synchronous(FULL) synchronous(NORMAL)": false, "journal_mode(WAL) journal_mode(DELETE)": false,
			"foreign_keys(1) foreign_keys(0)": false, "recursive_triggers(1) recursive_triggers(0)": false, "5000 0": false,
		} {
			dsn := "file:" + filepath.Join(t.TempDir(), "d.db") + "?" + good
			if from, to, found := strings.Cut(change, " "); found {
				dsn = strings.ReplaceAll(dsn, from, to)
			}
			c, err := store.CheckedSQLite(dsn)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := c.Connect(t.Context())
			if err == nil {
				_ = conn.Close()
			}
			if (err == nil) != ok {
				t.Errorf("with %q: %v", change, err)
			}
		}
	})
	t.Run("SQLite readers cannot write", func(t *testing.T) {
		s := storetest.Open(t, freshSQLite(t))
		if _, err := s.Reads().ExecContext(t.Context(), `DELETE FROM outbox`); err == nil {
			t.Error("a reader wrote")
		}
	})
	t.Run("PostgreSQL that may lose a commit is refused", func(t *testing.T) {
		for _, c := range []struct {
			version              int
			commit, names, fsync string
			standby, ok          bool
		}{
			{150000, "on", "", "on", false, true},
			{150000, "remote_apply", "a", "on", false, true},
			{150000, "local", "", "on", false, true},
			{150000, "local", "a", "on", false, false},
			{150000, "off", "", "on", false, false},
			{150000, "on", "", "off", false, false},
			{150000, "on", "", "on", true, false},
			{130000, "on", "", "on", false, false},
		} {
			if err := store.CheckPostgres(c.version, c.commit, c.names, c.fsync, c.standby); (err == nil) != c.ok {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
}

func TestMigrating(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		t.Run("tells from where to where, and does nothing twice", func(t *testing.T) {
			c := fresh(t)
			from, to, err := store.Migrate(t.Context(), c)
			if err != nil || from != 0 || to < 1 {
				t.Fatalf("from %d to %d: %v", from, to, err)
			}
			if again, same, err := store.Migrate(t.Context(), c); err != nil || again != to || same != to {
				t.Errorf("again from %d to %d: %v", again, same, err)
			}
		})
		t.Run("lets several servers migrate at once", func(t *testing.T) {
			c := fresh(t)
			errs := make(chan error, 4)
			for range cap(errs) {
				go func() {
					_, _, err := store.Migrate(t.Context(), c)
					errs <- err
				}()
			}
			for range cap(errs) {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
		})
		t.Run("refuses a database from a newer daypass", func(t *testing.T) {
			c := fresh(t)
			s := storetest.Open(t, c)
			if err := execute(t, s, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, `+truth(c)+`)`); err != nil {
				t.Fatal(err)
			}
			refusesToOpen(t, c, "999", "newer daypass")
			if _, _, err := store.Migrate(t.Context(), c); err == nil {
				t.Error("migrated it")
			}
		})
	})
}

func truth(c store.Config) string {
	if c.SQLite != "" {
		return "1"
	}
	return "true"
}
