package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres starts a PostgreSQL server of the test's own, over a unix socket,
// and gives the connection string of an empty database on it. The test is
// skipped when no server is installed, or fails when DAYPASS_E2E=require.
func Postgres(t testing.TB) string {
	t.Helper()
	return StartPostgres(t).Database(t)
}

// Server is a PostgreSQL server that ends with its test.
type Server struct {
	bin  string // the folder of its programs
	dir  string // holds its data and its socket
	as   *syscall.SysProcAttr
	run  *exec.Cmd
	hold io.Closer // while it is open the server runs
	log  *bytes.Buffer
	made atomic.Int64
}

// StartPostgres starts a server; see Postgres.
func StartPostgres(t testing.TB) *Server {
	t.Helper()
	s := &Server{bin: programs(t), log: &bytes.Buffer{}}
	s.dir, s.as = home(t)
	out, err := s.command("initdb", "-D", s.data(), "-U", "daypass", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// programs finds the folder of PostgreSQL's programs.
func programs(t testing.TB) string {
	t.Helper()
	folders := filepath.SplitList(os.Getenv("PATH"))
	newer, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, dir := range append(folders, newer...) {
		initdb, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb"))
		if err != nil {
			continue
		}
		bin := filepath.Dir(initdb)
		if _, err := os.Stat(filepath.Join(bin, "postgres")); err == nil {
			return bin
		}
	}
	const missing = "PostgreSQL is not installed here (neither initdb on PATH nor /usr/lib/postgresql/*/bin)"
	if os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal(missing)
	}
	if b, ok := t.(*testing.B); ok { // which is silent when it is skipped
		fmt.Fprintf(os.Stderr, "%s is left out: %s\n", b.Name(), missing)
	}
	t.Skip(missing)
	return ""
}

// home makes a folder for the server and says as whom it runs: PostgreSQL
// refuses to run as root.
func home(t testing.TB) (string, *syscall.SysProcAttr) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "daypass-pg") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Geteuid() != 0 {
		return dir, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			t.Fatalf("PostgreSQL cannot run as root, and there is nobody else: %v", err)
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	return s.prepare(exec.Command(filepath.Join(s.bin, program), args...))
}

func (s *Server) prepare(c *exec.Cmd) *exec.Cmd {
	c.Dir, c.SysProcAttr = s.dir, s.as
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	return c
}

// held runs a program until standard input ends, which it also does when this
// process is killed.
const held = `"$@" </dev/null & p=$!; cat >/dev/null; kill -QUIT $p; wait $p`

// Start starts a server that was stopped.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.run = s.prepare(exec.Command("/bin/sh", "-c", held, "sh", filepath.Join(s.bin, "postgres"),
		"-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=100"))
	s.log.Reset()
	s.run.Stdout, s.run.Stderr = s.log, s.log
	in, err := s.run.StdinPipe()
	if err == nil {
		err = s.run.Start()
	}
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	s.hold = in
	s.await(t)
}

// await waits until the server answers.
func (s *Server) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.dsn("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			return
		}
		select {
		case <-ctx.Done():
			s.Stop(t)
			t.Fatalf("PostgreSQL did not start: %v\n%s", err, s.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server as a crash would.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.run == nil {
		return
	}
	_ = s.hold.Close()
	_ = s.run.Wait() // a crash is no success
	s.run = nil
}

func (s *Server) dsn(database string) string {
	return fmt.Sprintf("host=%s user=daypass dbname=%s", s.dir, database)
}

// Database makes an empty database and gives its connection string.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", s.made.Add(1))
	s.Exec(t, "CREATE DATABASE "+name)
	return s.dsn(name)
}

// Exec runs a statement as the server's owner.
func (s *Server) Exec(t testing.TB, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
