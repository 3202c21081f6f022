package web_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite"
)

// BenchmarkIssue starts leases over HTTP, each with a token minted and two
// durable records, beside bare durable commits of one small row on the same
// disk with the same pragmas.
func BenchmarkIssue(b *testing.B) {
	b.Run("bare commits", bareCommits)
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) { issue(b, clients) })
	}
}

func issue(b *testing.B, clients int) {
	s := newSite(b)
	who := s.as(b, "eng")
	who.Client.Transport = &http.Transport{MaxIdleConnsPerHost: clients}
	who.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var n atomic.Int64
	b.SetParallelism((clients + 1) / 2) // times two processors
	b.ResetTimer()
	work := func() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL+"/clusters/pay", strings.NewReader(fmt.Sprintf("role=viewer&key=k%d", n.Add(1))))
		if err != nil {
			b.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := who.Client.Do(req)
		if err != nil {
			b.Error(err)
			return
		}
		resp.Body.Close()
		if !strings.HasPrefix(resp.Header.Get("Location"), "/leases/") {
			b.Errorf("answered %s", resp.Status)
		}
	}
	if clients == 1 {
		for b.Loop() {
			work()
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				work()
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leases/s")
}

func bareCommits(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT)"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := db.Exec("INSERT INTO t (s) VALUES ('a durable row')"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
