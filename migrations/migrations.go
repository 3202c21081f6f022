// Package migrations holds the tables of Daypass, for SQLite and PostgreSQL,
// under the same names in both. A migration that was released is never edited,
// and none goes backwards: the audit log is kept for good, so the way back is
// a backup.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed sqlite/*.sql
var sqlite embed.FS

//go:embed postgres/*.sql
var postgres embed.FS

// SQLite gives the migrations of a SQLite database.
func SQLite() fs.FS { return within(sqlite, "sqlite") }

// Postgres gives the migrations of a PostgreSQL database.
func Postgres() fs.FS { return within(postgres, "postgres") }

func within(f fs.FS, folder string) fs.FS {
	sub, err := fs.Sub(f, folder)
	if err != nil { // only for a name that is no path
		panic("migrations: " + err.Error())
	}
	return sub
}
