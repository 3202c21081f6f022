package store_test

import (
	"errors"
	"testing"

	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

func TestPostgres(t *testing.T) {
	server := storetest.StartPostgres(t)
	fresh := func(t *testing.T) store.Config { return store.Config{Postgres: server.Database(t)} }

	t.Run("refuses a role that does not wait for its commits", func(t *testing.T) {
		c := fresh(t)
		server.Exec(t, "ALTER ROLE daypass SET synchronous_commit = off")
		defer server.Exec(t, "ALTER ROLE daypass RESET synchronous_commit")
		refusesToOpen(t, c, "synchronous_commit=off")
	})
	t.Run("lets no reader write", func(t *testing.T) {
		s := storetest.Open(t, fresh(t))
		if _, err := s.Reads().ExecContext(t.Context(), `DELETE FROM outbox`); err == nil {
			t.Error("a reader wrote")
		}
	})
	t.Run("goes on when its connections were cut", func(t *testing.T) {
		s := storetest.Open(t, fresh(t))
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Fatal(err)
		}
		server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database() AND pid <> pg_backend_pid()")
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Errorf("a write: %v", err)
		}
		if n := len(storetest.Gapless(t, s)); n != 2 {
			t.Errorf("%d events", n)
		}
	})
	t.Run("fails while the server is away, and heals", func(t *testing.T) {
		s := storetest.Open(t, fresh(t))
		kept := anEvent()
		if err := s.Record(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		server.Stop(t)
		if err := s.Record(t.Context(), anEvent()); err == nil {
			t.Error("a write succeeded without a server")
		}
		if err := s.Ready(t.Context()); err == nil {
			t.Error("ready without a server")
		}
		server.Start(t)
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Errorf("a write afterwards: %v", err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("not ready afterwards: %v", err)
		}
		if rows := storetest.Gapless(t, s); len(rows) != 2 || rows[0].Event.ID != kept.ID {
			t.Errorf("the log: %v", rows)
		}
	})
	t.Run("fails all of a transaction whose connection breaks in it", func(t *testing.T) {
		s := storetest.Open(t, fresh(t))
		cut := func(tx *store.Tx) error {
			_, err := tx.Exec(`SELECT pg_terminate_backend(pg_backend_pid())`)
			_, again := tx.Exec(`SELECT 1`) // must not hang on the dead connection
			return errors.Join(err, again)
		}
		for i, err := range s.Together(record(anEvent()), cut, record(anEvent())) {
			if err == nil {
				t.Errorf("number %d was told it was written", i)
			}
		}
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Errorf("the next write: %v", err)
		}
		if n := len(storetest.Gapless(t, s)); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}
