package store_test

import (
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

func benchBoth(b *testing.B, bench func(*testing.B, *store.Store)) {
	b.Run("SQLite", func(b *testing.B) {
		bench(b, storetest.Open(b, store.Config{SQLite: filepath.Join(b.TempDir(), "d.db")}))
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		bench(b, storetest.Open(b, store.Config{Postgres: storetest.Postgres(b)}))
	})
}

// BenchmarkCommitOneByOne records events by one client.
func BenchmarkCommitOneByOne(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *store.Store) {
		for b.Loop() {
			if err := s.Record(b.Context(), anEvent()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}

// BenchmarkCommitGrouped64 records events by 64 clients.
func BenchmarkCommitGrouped64(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *store.Store) {
		var commits atomic.Int64
		s.AroundCommit(func(commit func() error) error {
			commits.Add(1)
			return commit()
		})
		b.ResetTimer() // starting a server is not what is measured
		b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := s.Record(b.Context(), anEvent()); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		b.ReportMetric(float64(b.N)/float64(commits.Load()), "events/commit")
	})
}

// BenchmarkBareCommit is the machine's own measure: one row per durable commit
// of SQLite, and nothing else.
func BenchmarkBareCommit(b *testing.B) {
	s := storetest.Open(b, store.Config{SQLite: filepath.Join(b.TempDir(), "d.db")})
	if _, err := s.Writes().ExecContext(b.Context(), `CREATE TABLE bare (n INTEGER PRIMARY KEY) STRICT`); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Writes().ExecContext(b.Context(), `INSERT INTO bare DEFAULT VALUES`); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
