package store_test

import (
	"database/sql"
	"errors"
	"strings"
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
	t.Run("finds old proofs without reading all of them", func(t *testing.T) {
		c := fresh(t)
		storetest.Open(t, c)
		db, err := sql.Open("pgx", c.Postgres)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1) // what is prepared belongs to a connection
		for _, query := range []string{
			`INSERT INTO proofs SELECT sha256(i::text::bytea), i FROM generate_series(1, 300000) AS n(i)`,
			`ANALYZE proofs`,
			`SET plan_cache_mode = force_generic_plan`, // whatever was found of other times
			`PREPARE dropping (bigint) AS ` + store.DropProofs,
		} {
			if _, err := db.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := db.QueryContext(t.Context(), `EXPLAIN EXECUTE dropping (100)`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		plan := ""
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") {
			t.Errorf("PostgreSQL's plan is\n%s", plan)
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
