package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"modernc.org/sqlite"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
)

// Tx is a transaction, for tests.
type Tx = tx

// Write runs a closure through the committer.
func (s *Store) Write(ctx context.Context, do func(*Tx) error) error { return s.write(ctx, do) }

// Exec runs any statement.
func (t *tx) Exec(query string, args ...any) (int64, error) { return t.exec(query, args...) }

// Append puts events on record.
var Append = (*tx).append

// AroundCommit puts a function around every commit from now on. Call it while
// no write is under way.
func (s *Store) AroundCommit(f func(commit func() error) error) { s.commit = f }

// Together runs writes in one transaction, as the committer does when they wait
// at the same time. Call it before any other write.
func (s *Store) Together(dos ...func(*Tx) error) []error { return s.SpendTogether(nil, dos...) }

// Spending is a proof that is spent.
type Spending struct {
	Ctx   context.Context
	Proof auth.Hash
	Until time.Time
}

// SpendTogether spends proofs and runs writes in one transaction.
func (s *Store) SpendTogether(proofs []Spending, dos ...func(*Tx) error) []error {
	w := s.Hand()
	defer w.Drop()
	return w.SpendTogether(proofs, dos...)
}

// Hand is a committer's connection of one's own.
type Hand struct{ *writer }

// Hand is to be dropped after use.
func (s *Store) Hand() Hand { return Hand{&writer{store: s}} }

// Drop closes its connection.
func (w Hand) Drop() { w.drop() }

// JustSpends reports whether proofs alone would be spent by one statement now.
func (w Hand) JustSpends() bool {
	return w.mayJustSpend([]*job{w.store.spending(context.Background(), auth.Hash{}, time.Time{})})
}

// SpendTogether spends proofs and runs writes in one transaction.
func (w Hand) SpendTogether(proofs []Spending, dos ...func(*Tx) error) []error {
	s := w.store
	var batch []*job
	for _, p := range proofs {
		batch = append(batch, s.spending(p.Ctx, p.Proof, p.Until))
	}
	for _, do := range dos {
		batch = append(batch, newJob(context.Background(), do))
	}
	w.commit(batch)
	var errs []error
	for _, j := range batch {
		errs = append(errs, <-j.done)
	}
	return errs
}

// DropProofs is the statement that drops old proofs.
const DropProofs = dropProofs

// Postgres reports whether the database is one.
func (s *Store) Postgres() bool { return s.cfg.Postgres != "" }

// Reads is the readers' pool.
func (s *Store) Reads() *sql.DB { return s.reads }

// Writes is the writer's pool.
func (s *Store) Writes() *sql.DB { return s.writes }

// CheckedSQLite opens connections as the store does, but by any DSN.
func CheckedSQLite(dsn string) (driver.Connector, error) {
	c, err := sqlite.NewConnector(dsn)
	return checked{c}, err
}

// CheckPostgres judges the settings of a server.
func CheckPostgres(version int, commit, standbys, fsync string, recovering bool) error {
	return serverSettings{version, commit, standbys, fsync, recovering}.check()
}

// SearchQuery is the query of a search without a range of time.
func SearchQuery(q audit.Query) (string, []any) {
	f := filter{}
	f.fields(q)
	return f.query(false, q.Limit)
}
