package store_test

import (
	"path/filepath"
	"testing"

	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

// onBoth runs a test on both databases. fresh gives an empty one each time.
func onBoth(t *testing.T, test func(t *testing.T, fresh func(*testing.T) store.Config)) {
	t.Run("SQLite", func(t *testing.T) { test(t, freshSQLite) })
	t.Run("PostgreSQL", func(t *testing.T) {
		server := storetest.StartPostgres(t)
		test(t, func(t *testing.T) store.Config { return store.Config{Postgres: server.Database(t)} })
	})
}

func freshSQLite(t *testing.T) store.Config {
	return store.Config{SQLite: filepath.Join(t.TempDir(), "daypass.db")}
}

func TestSuite(t *testing.T) { onBoth(t, storetest.Run) }
