package web_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
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

// perPerson is how many leases a person starts: few enough that nobody is told
// they have too many.
const perPerson = lease.DefaultMost * 9 / 10

func issue(b *testing.B, clients int) {
	o := newOffice(b, store.Config{SQLite: filepath.Join(b.TempDir(), "d.db")})
	name := "__Host-daypass-session-" + o.URL[strings.LastIndex(o.URL, ":")+1:] + "="
	var cookies []string
	for n := range b.N/perPerson + 1 {
		who := access.Principal{Provider: "staff", Issuer: "https://id.example", Subject: fmt.Sprint("starter-", n), Groups: []string{"eng"}}
		cookies = append(cookies, name+o.session(b, who, nil))
	}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range clients {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
				o.start(b, c, cookies[n%len(cookies)], n)
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leases/s")
}

// start starts a lease as the page's form does.
func (o *office) start(b *testing.B, c *http.Client, cookie string, n int) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, o.URL+"/clusters/pay", strings.NewReader(fmt.Sprintf("role=viewer&key=k%d", n)))
	if err != nil {
		b.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", cookie)
	resp, err := c.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Location"), "/leases/") {
		b.Errorf("answered %s", resp.Status)
	}
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
