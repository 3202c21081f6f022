package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

// build builds a command of Daypass once for all tests of this run.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "daypass-e2e-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/daypass", "./cmd/demo", "./cmd/kubectl-daypass")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{err, out}
	}
	return dir, nil
})

type buildError struct {
	error
	said []byte
}

func (e *buildError) Error() string {
	return "build Daypass: " + e.error.Error() + "\n" + string(e.said)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := build(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func built(t *testing.T, command string) string {
	t.Helper()
	return filepath.Join(must[string](t)(build()), command)
}

// portal is the real `daypass serve`, as a process of its own.
type portal struct {
	*chain.Program
	URL      string
	Folder   string // its configuration, and its database if that is SQLite
	Database store.Config
}

// site is what a portal is set up for.
type site struct {
	url, listen, operations string
	database                store.Config
	rest                    string   // daypass.yaml from signIn on
	env                     []string // where AWS is, and secrets
}

// newSite chooses addresses, so that a provider can be told of them before the
// portal is started.
func newSite(t *testing.T, database store.Config) site {
	address := func() string { return "127.0.0.1:" + strconv.Itoa(chain.FreePort(t)) }
	s := site{listen: address(), operations: address(), database: database}
	s.url = "http://" + s.listen
	return s
}

// callback is the redirect URI of a provider.
func (s site) callback(provider string) string { return s.url + "/auth/" + provider + "/callback" }

// prepare writes the configuration and does not start anything yet.
func (s site) prepare(t *testing.T) *portal {
	t.Helper()
	dir := t.TempDir()
	database := map[string]any{"sqlite": s.database.SQLite}
	if s.database.SQLite == "" {
		writeFile(t, filepath.Join(dir, "database-url"), s.database.Postgres)
		database = map[string]any{"postgres": map[string]any{"urlFile": "database-url"}}
	}
	head := must[[]byte](t)(json.Marshal(database)) // JSON is YAML too
	file := filepath.Join(dir, "daypass.yaml")
	writeFile(t, file, "url: "+s.url+"\nlisten: "+s.listen+"\noperations: "+s.operations+"\ndatabase: "+string(head)+"\n"+s.rest)
	return &portal{URL: s.url, Folder: dir, Database: s.database, Program: &chain.Program{
		Path: built(t, "daypass"), Args: []string{"serve", "--config", file}, Env: s.env,
		Ready:  "http://" + s.operations + "/readyz",
		Stdout: filepath.Join(t.ArtifactDir(), "daypass.out"), Stderr: filepath.Join(t.ArtifactDir(), "daypass.err"),
	}}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	return must[[]byte](t)(os.ReadFile(path))
}

func onSQLite(t *testing.T) store.Config {
	return store.Config{SQLite: filepath.Join(t.TempDir(), "daypass.db")}
}

// onPostgres gives a fresh database on a server of the test's own, as the URL
// that daypass.yaml wants.
func onPostgres(t *testing.T) store.Config {
	t.Helper()
	part := map[string]string{}
	for _, field := range strings.Fields(storetest.Postgres(t)) {
		name, value, _ := strings.Cut(field, "=")
		part[name] = value
	}
	return store.Config{Postgres: "postgres://" + part["user"] + "@/" + part["dbname"] + "?host=" + part["host"]}
}

// event is one line of what the portal says on standard output.
type event struct {
	Event struct {
		Kind        audit.Kind
		Lease       string
		Issuance    string
		AccessKeyID string
		Facts       map[string]string
	}
	Details struct{ Email string }
}

// events are the JSON lines on standard output so far.
func (p *portal) events(t *testing.T) (all []event) {
	t.Helper()
	for line := range bytes.Lines(readFile(t, p.Stdout)) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("standard output holds what is no JSON line: %v\n%s", err, line)
		}
		all = append(all, e)
	}
	return all
}
