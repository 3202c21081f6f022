package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/store"
)

// eyewitness carries a browser's requests and keeps every secret that passes.
type eyewitness struct {
	mu   sync.Mutex
	seen []needle
}

// needle is a secret and what it is called; only the name is ever printed.
type needle struct{ name, value string }

var anyToken = regexp.MustCompile(`k8s-aws-v1\.[A-Za-z0-9_-]{100,}`)

func (w *eyewitness) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range resp.Cookies() {
		w.keep("a cookie "+c.Name, c.Value)
	}
	if to, err := resp.Location(); err == nil {
		w.keep("a code", to.Query().Get("code"))
	}
	for _, token := range anyToken.FindAllString(string(body), -1) {
		w.keepToken(token)
	}
	return resp, err
}

func (w *eyewitness) keep(name, value string) {
	if len(value) >= 16 { // shorter is a flag or a removed cookie, and proves nothing
		w.seen = append(w.seen, needle{name, value})
	}
}

// keepToken keeps a token whole and in pieces: pages of a database may cut it.
func (w *eyewitness) keepToken(token string) {
	payload := strings.TrimPrefix(token, "k8s-aws-v1.")
	w.keep("a token", token)
	for at := 0; at+48 <= len(payload); at += 48 {
		w.keep("a piece of a token", payload[at:at+48])
	}
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return
	}
	if u, err := url.Parse(string(decoded)); err == nil {
		w.keep("a presigned signature", u.Query().Get("X-Amz-Signature"))
		session := u.Query().Get("X-Amz-Security-Token")
		for at := 0; at+48 <= len(session); at += 48 {
			w.keep("a piece of a session token", session[at:at+48])
		}
	}
}

// presigned is the URL inside a token.
func presigned(t *testing.T, token string) *url.URL {
	t.Helper()
	decoded := must[[]byte](t)(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "k8s-aws-v1.")))
	return must[*url.URL](t)(url.Parse(string(decoded)))
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// pile is a place where a secret might have been left.
type pile struct {
	name string
	hay  []byte
}

// webToken is any JSON web token, as ID and access tokens of providers are:
// the portal gets them by itself, so no browser can tell which.
var webToken = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}`)

// search says which needles lie in a pile, also as the hexadecimal digits in
// which PostgreSQL shows bytes.
func (p pile) search(needles []needle) (found []string) {
	seen := map[string]bool{}
	for _, n := range needles {
		if !seen[n.name] && (bytes.Contains(p.hay, []byte(n.value)) || bytes.Contains(p.hay, []byte(hex.EncodeToString([]byte(n.value))))) {
			seen[n.name] = true
			found = append(found, n.name)
		}
	}
	if webToken.Match(p.hay) {
		found = append(found, "a JSON web token")
	}
	return found
}

// leavesNoSecret looks through all that the portal wrote, while it runs and
// after it stopped.
func (r *road) leavesNoSecret(t *testing.T) {
	needles := append(r.eyes.seen, needle{"the client's secret", r.secret}, needle{"the AWS secret key", r.owner.secret})
	for _, want := range []string{"a token", "a piece of a token", "a presigned signature", "a piece of a session token", "a code"} {
		if !has(needles, want) {
			t.Fatalf("nothing to look for: the browsers have not met %s", want)
		}
	}
	if !has(needles, "a cookie __Host-daypass-session-"+r.port()) || !has(needles, "a cookie __Host-daypass-browser-"+r.port()) {
		t.Fatal("the browsers have not met the portal's cookies")
	}
	minted := r.mintedKey(t)
	for _, when := range []string{"running", "stopped"} {
		if when == "stopped" {
			r.Stop()
		}
		piles := r.piles(t)
		for _, p := range piles {
			if found := p.search(needles); len(found) > 0 {
				t.Errorf("%s, %s: holds %s", p.name, when, strings.Join(found, ", "))
			}
		}
		// The same search must find what is there for certain.
		for _, p := range piles[:2] {
			if len(p.search([]needle{{"the access key", minted}})) == 0 {
				t.Errorf("%s, %s: the search does not find what is there", p.name, when)
			}
		}
	}
}

func has(needles []needle, name string) bool {
	for _, n := range needles {
		if n.name == name {
			return true
		}
	}
	return false
}

func (r *road) port() string { return r.URL[strings.LastIndexByte(r.URL, ':')+1:] }

func (r *road) mintedKey(t *testing.T) string {
	t.Helper()
	for _, e := range r.events(t) {
		if e.Event.Kind == audit.Minted {
			return e.Event.AccessKeyID
		}
	}
	t.Fatal("nothing was minted")
	return ""
}

// piles are all rows of the database, standard output, standard error, the
// database's own files, write-ahead log included, and the portal's folder.
func (r *road) piles(t *testing.T) []pile {
	t.Helper()
	all := []pile{{"the rows of the database", rows(t, r.Database)}, {"standard output", readFile(t, r.Stdout)}, {"standard error", readFile(t, r.Stderr)}}
	folder := filepath.Dir(r.Database.SQLite)
	if r.Database.SQLite == "" {
		folder = must[*url.URL](t)(url.Parse(r.Database.Postgres)).Query().Get("host")
	}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // PostgreSQL's files come and go
		}
		if hay, err := os.ReadFile(path); err == nil {
			all = append(all, pile{path, hay})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// database opens the portal's database by a way of its own.
func database(t *testing.T, c store.Config) *sql.DB {
	t.Helper()
	driver, source := "sqlite", "file:"+c.SQLite+"?_pragma=busy_timeout(5000)"
	if c.SQLite == "" {
		driver, source = "pgx", c.Postgres
	}
	db := must[*sql.DB](t)(sql.Open(driver, source))
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// rows is every value of every table, one after the other.
func rows(t *testing.T, c store.Config) []byte {
	t.Helper()
	db := database(t, c)
	defer db.Close()
	list := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if c.SQLite == "" {
		list = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
	}
	var out bytes.Buffer
	tables := read(t, db, list)
	if len(tables) < 5 {
		t.Fatalf("the database has the tables %v only", tables)
	}
	for _, table := range tables {
		for _, value := range read(t, db, "SELECT * FROM "+fmt.Sprint(table)) {
			if b, ok := value.([]byte); ok {
				out.Write(b)
			} else {
				fmt.Fprint(&out, value)
			}
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// read gives all values of all rows that a query finds.
func read(t *testing.T, db *sql.DB, query string) (all []any) {
	t.Helper()
	found, err := db.QueryContext(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	columns := must[[]string](t)(found.Columns())
	for found.Next() {
		row, at := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			at[i] = &row[i]
		}
		if err := found.Scan(at...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row...)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
