package lease_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

// BenchmarkFetch gives the tokens of live leases to 64 helpers, each with a
// lease of its own, which is read from the database each time. Who asks, and by
// what proof, comes before: BenchmarkRenewOverHTTP of web has all of it.
func BenchmarkFetch(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { fetches(b, store.Config{SQLite: filepath.Join(b.TempDir(), "d.db")}) })
	b.Run("PostgreSQL", func(b *testing.B) { fetches(b, store.Config{Postgres: storetest.Postgres(b)}) })
}

const fetchers = 64

func fetches(b *testing.B, c store.Config) {
	k, ids := keeping(b, c)
	var next atomic.Int64
	b.SetParallelism(max(1, fetchers/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		id := ids[int(next.Add(1))%len(ids)]
		for p.Next() {
			if _, made, err := k.Fetch(b.Context(), id, ada()); err != nil || made.ID == "" {
				b.Errorf("no token: %v", err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fetches/s")
}

// keeping is a keeper with leases whose tokens were fetched once.
func keeping(b *testing.B, c store.Config) (*lease.Keeper, []string) {
	b.Helper()
	s, log, p := storetest.Open(b, c), slog.New(slog.NewJSONHandler(io.Discard, nil)), policy(b, grant())
	k := lease.New(lease.Options{Book: s, Now: time.Now, Log: log, Link: func(id string) string { return id }, Most: fetchers,
		Issuer: issuer.New(issuer.Options{Policy: func() *access.Policy { return p }, Cloud: mint{}, Outcomes: s, Recorder: s, Now: time.Now, Log: log})})
	var ids []string
	for i := range fetchers {
		l, err := k.Start(b.Context(), want(fmt.Sprint(i)), ada())
		must(b, err)
		_, _, err = k.Fetch(b.Context(), l.ID, ada())
		must(b, err)
		ids = append(ids, l.ID)
	}
	return k, ids
}

// mint is an AWS that answers at once.
type mint struct{}

func (mint) Describe(_ context.Context, c access.Cluster) (issuer.Endpoint, error) {
	return issuer.Endpoint{URL: "https://" + c.Name + ".example", CA: []byte("a certificate")}, nil
}

func (mint) Mint(context.Context, issuer.Assumption) (issuer.Minted, error) {
	return issuer.Minted{Token: issuer.NewToken("k8s-aws-v1." + rand.Text()), AccessKeyID: "ASIA" + rand.Text()[:16], Expires: time.Now().Add(14 * time.Minute)}, nil
}
