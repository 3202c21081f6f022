package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// maxBatch is how many writes share a commit at most.
const maxBatch = 128

// job is one write on its way through the committer.
type job struct {
	ctx  context.Context
	do   func(*tx) error
	done chan error // has room for the one answer
	// spends is the proof that the write remembers, if that is what it does.
	spends *spent
}

func newJob(ctx context.Context, do func(*tx) error) *job {
	return &job{ctx: ctx, do: do, done: make(chan error, 1)}
}

// errRepeated is what a write returns that finds itself done already. It is
// rolled back and its caller is told nil.
var errRepeated = errors.New("written already")

// write runs do in a transaction and returns when it is durable. do must touch
// nothing but the transaction, and may share it with other writes that wait at
// the same time: its error undoes its own changes only.
//
// When ctx ends first, write returns at once. Its error says whether the write
// was not made, or may still be.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	return s.submit(newJob(ctx, do))
}

// submit is write for a job that was made.
func (s *Store) submit(j *job) error {
	ctx := j.ctx // the committer may change the job's
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the write was not made: %w", err)
	}
	select {
	case s.jobs <- j:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("the write was not made: %w", ctx.Err())
	}
	select {
	case err := <-j.done:
		if errors.Is(err, errRepeated) {
			return nil
		}
		return err
	case <-ctx.Done():
		return fmt.Errorf("the write may still be made: %w", ctx.Err())
	}
}

// commitAll is the committer. It takes a write as soon as there is one, and
// with it all others that wait by then; nothing waits for company.
func (s *Store) commitAll() {
	defer close(s.done)
	w := &writer{store: s}
	defer w.drop()
	grouped := false
	for {
		select {
		case j := <-s.jobs:
			if grouped { // let those that were just answered come again
				runtime.Gosched()
			}
			batch := s.gather(j)
			grouped = len(batch) > 1
			w.commit(batch)
		case <-s.closing:
			return
		}
	}
}

func (s *Store) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-s.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// writer is the committer's connection and the statements prepared on it.
type writer struct {
	store *Store
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	used  time.Time // when the connection did something last

	dropped time.Time // when proofs that are over were dropped last
	spent   int       // proofs since then
}

// commit runs a batch in one transaction and answers each of its jobs.
func (w *writer) commit(batch []*job) {
	errs, err := w.run(batch)
	s := w.store
	if err != nil {
		s.health.failed(s.cfg.Now(), err)
		s.cfg.Log.Error("a transaction failed", "writes", len(batch), "error", err)
		w.drop()
	}
	for i, j := range batch {
		if err != nil {
			j.done <- err
			continue
		}
		if blame(errs[i]) {
			s.health.failed(s.cfg.Now(), errs[i])
		}
		j.done <- errs[i]
	}
}

// run gives each job's own error, or the one that befell them all.
//
// Savepoints cost a copy of every page that a write touches, and failures are
// rare. So the batch is tried without them; when a write fails that changed
// something, all is rolled back and made again, each behind a savepoint. A
// write may therefore run twice: it touches nothing but the transaction.
func (w *writer) run(batch []*job) ([]error, error) {
	if w.mayJustSpend(batch) {
		return w.justSpend(batch)
	}
	errs, err := w.transact(batch, false)
	if errors.Is(err, errApart) {
		errs, err = w.transact(batch, true)
	}
	return errs, err
}

func (w *writer) transact(batch []*job, savepoints bool) ([]error, error) {
	ctx, cancel := w.bounded()
	defer cancel()
	t, err := w.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin a transaction: %w", err)
	}
	if !savepoints {
		if err := t.spendTogether(batch); err != nil {
			w.rollback(ctx)
			return nil, errors.Join(errApart, err)
		}
	}
	errs, good := make([]error, len(batch)), 0
	for i, j := range batch {
		errs[i] = t.try(j, savepoints)
		if t.broken != nil {
			return nil, fmt.Errorf("the transaction broke off, nothing of it was written: %w", t.broken)
		}
		if errors.Is(errs[i], errApart) {
			w.rollback(ctx)
			return nil, errs[i]
		}
		if errs[i] == nil {
			good++
		}
	}
	if good > 0 {
		return errs, w.end(t)
	}
	w.rollback(ctx)
	return errs, nil
}

// rollback undoes a transaction; dropping the connection does, too.
func (w *writer) rollback(ctx context.Context) {
	if w.exec(ctx, "ROLLBACK") != nil {
		w.drop()
	}
}

// end makes a transaction durable and tells the sink.
func (w *writer) end(t *tx) error {
	s := w.store
	if err := t.writeDetails(); err != nil {
		return fmt.Errorf("write the details of events, nothing was written: %w", err)
	}
	if err := t.writeHead(); err != nil {
		return fmt.Errorf("move the end of the log, nothing was written: %w", err)
	}
	if err := s.commit(func() error { return w.exec(t.ctx, "COMMIT") }); err != nil {
		return fmt.Errorf("commit, which may have been made all the same: %w", err)
	}
	w.used = s.cfg.Now()
	s.health.committed(w.used, len(t.rows) > 0)
	s.sink.put(t.rows)
	return nil
}

// bounded is the time that one transaction may take. SQLite bounds its own
// waiting by busy_timeout.
func (w *writer) bounded() (context.Context, context.CancelFunc) {
	if w.store.dialect.patience == 0 {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), w.store.dialect.patience)
}

// begin begins a transaction, on a new connection when the old one turns out
// to be dead.
func (w *writer) begin(ctx context.Context) (*tx, error) {
	reused := w.conn != nil
	t, err := w.tryBegin(ctx)
	if err != nil && reused {
		w.drop()
		t, err = w.tryBegin(ctx)
	}
	return t, err
}

func (w *writer) tryBegin(ctx context.Context) (*tx, error) {
	if w.conn == nil {
		conn, err := w.store.writes.Conn(ctx)
		if err != nil {
			return nil, err
		}
		w.conn, w.stmts = conn, map[string]*sql.Stmt{}
	}
	if err := w.exec(ctx, w.store.dialect.begin); err != nil {
		return nil, err
	}
	t := &tx{ctx: ctx, writer: w}
	return t, t.readHead()
}

// exec runs a statement without arguments.
func (w *writer) exec(ctx context.Context, query string) error {
	stmt, err := w.stmt(ctx, query)
	if err == nil {
		_, err = stmt.ExecContext(ctx)
	}
	return err
}

// stmt prepares each text once per connection. database/sql's own transactions
// would prepare it each time, so this package says BEGIN and COMMIT itself.
func (w *writer) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := w.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.stmts[query] = stmt
	}
	return stmt, err
}

// drop closes the connection for good, whatever state it is in; the next
// transaction gets a new one. Closing rolls back what is not committed.
func (w *writer) drop() {
	if w.conn == nil {
		return
	}
	for _, stmt := range w.stmts {
		_ = stmt.Close()
	}
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn = nil
}
