package web_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

const (
	callers   = 64   // programs, each with a person, a key, a session and a lease of its own
	signAhead = 64   // requests of each that are signed at once
	halfRate  = 1250 // renewals a second, half of what is wanted
	paced     = 5 * time.Second
	// remembered is how many proofs of others lie in the database: those of a
	// quarter of an hour at that rate.
	remembered = halfRate * 15 * 60
)

// BenchmarkRenewOverHTTP asks for the tokens of live leases as kubectl-daypass
// does: over HTTP, each request with a session and a proof of its own, signed
// by the client's code. Signing belongs to the programs, so it is done ahead,
// while the clock stands, and told apart. The programs write bytes to
// connections and read the answers, since they share the server's processors.
func BenchmarkRenewOverHTTP(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) {
		file := filepath.Join(b.TempDir(), "d.db")
		renewals(b, store.Config{SQLite: file}, memory{"sqlite", file, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			INSERT INTO proofs (proof_hash, until_us)
			SELECT unhex(printf('%010x', ($2 + i * $3) / 1000000 - 900) || hex(randomblob(27))), $2 + i * $3 FROM n`, []string{"PRAGMA wal_checkpoint(TRUNCATE)"}})
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		dsn := storetest.Postgres(b)
		renewals(b, store.Config{Postgres: dsn}, memory{"pgx", dsn, `INSERT INTO proofs (proof_hash, until_us)
			SELECT decode(lpad(to_hex(($2::bigint + i * $3::bigint) / 1000000 - 900), 10, '0') || left(encode(sha256((random()::text || i)::bytea), 'hex'), 54), 'hex'),
			$2::bigint + i * $3::bigint FROM generate_series(1, $1::bigint) AS n(i)`, []string{"VACUUM ANALYZE proofs", "CHECKPOINT"}})
	})
}

func renewals(b *testing.B, c store.Config, m memory) {
	o := newOffice(b, c)
	m.fill(b)
	b.Run("as many as it can", func(b *testing.B) { o.flood(b, false) })
	b.Run("as many as it can, asked twice", func(b *testing.B) { o.flood(b, true) })
	b.Run(fmt.Sprintf("%d a second", halfRate), o.pace)
}

// memory is where proofs are remembered.
type memory struct {
	driver, dsn, insert string
	settle              []string // what the database does by itself as time passes
}

// fill fills it with the proofs of others. They came one after the other, and
// are due to be forgotten in the same way.
func (m memory) fill(b *testing.B) {
	b.Helper()
	db, err := sql.Open(m.driver, m.dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(b.Context(), m.insert, remembered, time.Now().UnixMicro(), time.Second.Microseconds()/halfRate); err != nil {
		b.Fatal(err)
	}
	for _, query := range m.settle {
		if _, err := db.ExecContext(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
}

// flood asks as many times as the benchmark wants, each caller one request
// after the other. A program that rested for longer than a nonce is good asks
// twice: the first answer is a refusal, with the nonce of now.
func (o *office) flood(b *testing.B, twice bool) {
	var signing, used time.Duration
	b.StopTimer()
	b.ResetTimer()
	for left := b.N; left > 0; left -= callers * signAhead {
		signing += o.sign(b, min(left, callers*signAhead), twice)
		before := processorTime()
		b.StartTimer()
		o.together(func(_ int, c *caller) {
			for i := range c.signed {
				if twice {
					c.refused(b, i)
				}
				c.ask(b, i)
			}
		})
		b.StopTimer()
		used += processorTime() - before
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "renewals/s")
	b.ReportMetric(micros(used)/float64(b.N), "µs-processor/renewal")
	b.ReportMetric(micros(signing)/float64(b.N), "µs-signing/renewal")
}

// pace asks at an even rate, whether or not the answers keep up: an answer that
// is late makes those behind it late as well, and all of that counts. So does
// what the callers wake up too late.
func (o *office) pace(b *testing.B) {
	n := int(paced.Seconds()) * halfRate
	for b.Loop() {
		b.StopTimer()
		o.sign(b, n, false)
		took, before := make([][]time.Duration, callers), processorTime()
		b.StartTimer()
		start := time.Now()
		o.together(func(own int, c *caller) {
			for i := range c.signed {
				due := start.Add(time.Duration(i*callers+own) * time.Second / halfRate)
				time.Sleep(time.Until(due))
				c.ask(b, i)
				took[own] = append(took[own], time.Since(due))
			}
		})
		all := slices.Concat(took...)
		slices.Sort(all)
		for _, percent := range []int{50, 99} {
			b.ReportMetric(micros(all[len(all)*percent/100])/1000, fmt.Sprintf("ms-p%d", percent))
		}
		b.ReportMetric(micros(all[len(all)-1])/1000, "ms-longest")
		b.ReportMetric(micros(processorTime()-before)/float64(n), "µs-processor/renewal")
	}
	b.ReportMetric(0, "ns/op") // of the whole five seconds: it says nothing
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
