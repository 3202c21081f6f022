package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// statements keeps the readers' prepared statements, by their text. The texts
// are constants of this package, so they are few.
type statements struct {
	mu sync.Mutex
	by map[string]*sql.Stmt
}

func (l *statements) get(query string) *sql.Stmt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.by[query]
}

// put keeps a statement unless another reader was faster, and gives the one
// that is kept.
func (l *statements) put(query string, stmt *sql.Stmt) *sql.Stmt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.by[query]; ok {
		_ = stmt.Close()
		return old
	}
	if l.by == nil {
		l.by = map[string]*sql.Stmt{}
	}
	l.by[query] = stmt
	return stmt
}

func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.stmts.get(query); stmt != nil {
		return stmt, nil
	}
	stmt, err := s.reads.PrepareContext(ctx, query) // not under the lock: it may hang
	if err != nil {
		return nil, fmt.Errorf("prepare a query: %w", err)
	}
	return s.stmts.put(query, stmt), nil
}

// row reads one row; sql.ErrNoRows when there is none.
func (s *Store) row(ctx context.Context, query string, args []any, into ...any) error {
	stmt, err := s.prepared(ctx, query)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(into...)
}

// list reads rows, each by scan.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	stmt, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scan)
}

// one reads one row by scan; none when there is no row.
func one[T any](ctx context.Context, s *Store, none error, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	found, err := list(ctx, s, scan, query, args...)
	if err == nil && len(found) == 0 {
		err = none
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return found[0], nil
}

// scanner is a row to scan.
type scanner interface{ Scan(...any) error }

func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}
