//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// nobody runs as somebody whom permissions stop, even where the tests' user is
// root.
func (d *desk) nobody(args ...string) ran {
	d.Helper()
	c := d.command(args...)
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	return d.finish(c)
}

// give makes the home nobody's, and closes what it is told to.
func (d *desk) give(closed ...string) {
	d.Helper()
	if os.Getuid() == 0 {
		if err := filepath.Walk(d.home, func(path string, _ os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 65534, 65534)
		}); err != nil {
			d.Fatal(err)
		}
		if err := os.Chmod(filepath.Dir(d.home), 0o755); err != nil {
			d.Fatal(err)
		}
	}
	for _, path := range closed {
		if err := os.Chmod(path, 0o500); err != nil {
			d.Fatal(err)
		}
		d.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	}
}

func TestAReadOnlyHome(t *testing.T) {
	t.Run("stops a login before anybody signs in", func(t *testing.T) {
		d := newDesk(t)
		d.give(d.home)
		d.refused(d.nobody("login", "--no-browser", d.server.URL), exitFailed, "cannot write", "permission denied")
	})
	t.Run("stops a renewal in one line", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		d.give(filepath.Dir(d.cached(id)))
		d.refused(d.nobody("token", "--server", d.server.URL, "--lease", id), exitFailed, "cannot write", "permission denied")
	})
	t.Run("does not stop a token that is kept", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		d.credential(d.token(id))
		d.give(filepath.Dir(d.cached(id)))
		d.credential(d.nobody("token", "--server", d.server.URL, "--lease", id))
	})
	t.Run("starts no lease that no kubeconfig could have", func(t *testing.T) {
		d := newDesk(t)
		d.lease()
		d.give(filepath.Join(d.home, ".kube"))
		d.refused(d.nobody("get", "payments-prod", "--role", "viewer"), exitFailed, "permission denied")
		if out := d.nobody("list", "leases").out; strings.Count(out, "active") != 1 || strings.Count(out, "ended") != 0 {
			t.Error(out)
		}
	})
}

// full runs where no file may grow, as on a disk that is full.
func (d *desk) full(args ...string) ran {
	d.Helper()
	c := exec.CommandContext(d.Context(), "/bin/sh", append([]string{"-c", `trap '' XFSZ; ulimit -f 0; exec "$0" "$@"`, built}, args...)...)
	c.Env = d.env
	return d.finish(c)
}

func TestAFullDisk(t *testing.T) {
	t.Run("stops a login before anybody signs in", func(t *testing.T) {
		d := newDesk(t)
		d.refused(d.full("login", "--no-browser", d.server.URL), exitFailed, "cannot write", "key.pem")
		left, err := os.ReadDir(d.files())
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %v (%v)", left, err)
		}
	})
	t.Run("stops a renewal in one line, and leaves the old cache whole", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		d.credential(d.token(id))
		d.age(id, 20*60*1e9)
		before, _ := os.ReadFile(d.cached(id))
		d.refused(d.full("token", "--server", d.server.URL, "--lease", id), exitFailed, "cannot write", id)
		after, err := os.ReadFile(d.cached(id))
		if err != nil || string(before) != string(after) {
			t.Errorf("%v: %s became %s", err, before, after)
		}
	})
	t.Run("under the answer is told", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil && os.Getenv("DAYPASS_E2E") == "require" {
			t.Fatal("there is no /dev/full here, and DAYPASS_E2E=require demands it")
		}
		if err != nil {
			t.Skip("there is no /dev/full here")
		}
		defer func() { _ = f.Close() }()
		d.out = f
		d.refused(d.token(id), exitFailed, "cannot write the answer", "no space left")
		d.refused(d.run("list"), exitFailed, "cannot write the answer", "no space left")
	})
}

func TestDamagedFiles(t *testing.T) {
	bad := func(t *testing.T, path string) {
		t.Helper()
		aside, _ := filepath.Glob(path + ".bad-*")
		if len(aside) != 1 {
			t.Fatalf("kept aside: %v", aside)
		}
		if b, err := os.ReadFile(aside[0]); err != nil || string(b) != "{what" {
			t.Errorf("%q, %v", b, err)
		}
	}
	damage := func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte("{what"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("of tokens are kept aside, told, and done without", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		damage(t, d.cached(id))
		r := d.token(id)
		d.credential(r)
		if strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "is damaged and was kept as") {
			t.Errorf("said %q", r.err)
		}
		bad(t, d.cached(id))
	})
	for _, name := range []string{"session.json", "key.pem"} {
		t.Run(name+" is kept aside, and a new login goes well", func(t *testing.T) {
			d := newDesk(t)
			id := d.lease()
			damage(t, filepath.Join(d.files(), name))
			d.refused(d.token(id), exitSignedOut, "is damaged and was kept as", "kubectl daypass login")
			bad(t, filepath.Join(d.files(), name))
			d.login()
			d.credential(d.token(id))
		})
	}
	t.Run("are told from a key of another sign-in, which is left alone", func(t *testing.T) {
		d, other := newDesk(t), newDesk(t)
		id := d.lease()
		other.login()
		key, err := os.ReadFile(filepath.Join(other.files(), "key.pem"))
		if err == nil {
			err = os.WriteFile(filepath.Join(d.files(), "key.pem"), key, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		d.refused(d.token(id), exitSignedOut, "is not the key that was signed in with", "kubectl daypass login")
		if after, err := os.ReadFile(filepath.Join(d.files(), "key.pem")); err != nil || string(after) != string(key) {
			t.Errorf("%v", err)
		}
	})
	t.Run("are kept aside three times at most, the newest", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		now := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
		h := home{world: world{now: func() time.Time { return now }}}
		var made []string
		for _, by := range []time.Duration{1, 2, 3, 4, -9} { // at last the clock is set back
			now = now.Add(by * time.Hour)
			damage(t, d.cached(id))
			to, err := h.setAside(d.cached(id))
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, to)
		}
		other := d.cached(id+"2") + ".bad-20300101T000000Z"
		damage(t, other)
		damage(t, d.cached(id))
		if _, err := h.setAside(d.cached(id)); err != nil { // in the same second
			t.Fatal(err)
		}
		left, err := filepath.Glob(d.cached(id) + ".bad-*")
		want := []string{made[4], made[2], made[3]}
		if diff := cmp.Diff(want, left); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if _, err := os.Stat(other); err != nil {
			t.Errorf("another's was taken away: %v", err)
		}
	})
	t.Run("that others may read are refused", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		if err := os.Chmod(filepath.Join(d.files(), "key.pem"), 0o640); err != nil {
			t.Fatal(err)
		}
		d.refused(d.token(id), exitFailed, "is open to others", "chmod 600")
	})
}

func TestPipesInPlaceOfFiles(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	asks := []string{"token", "--server", d.server.URL, "--lease", id}
	for _, c := range []struct {
		path string
		args []string
	}{
		{d.cached(id), asks},
		{filepath.Join(d.files(), "session.json"), asks},
		{filepath.Join(d.files(), "key.pem"), asks},
		{filepath.Join(d.files(), "session.json"), []string{"list"}},
		{filepath.Join(d.home, ".config", "daypass", "last-server"), []string{"list"}},
		{filepath.Join(d.home, ".kube", "config"), []string{"get", "--lease", id}},
	} {
		t.Run(strings.Join(c.args[:1], " ")+" reads none as "+filepath.Base(c.path), func(t *testing.T) {
			aside := c.path + ".aside"
			moved := os.Rename(c.path, aside) == nil
			if err := syscall.Mkfifo(c.path, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			p := exec.CommandContext(ctx, built, c.args...)
			p.Env = d.env
			r := d.finish(p)
			d.refused(r, exitFailed, c.path, "not a")
			if err := os.Remove(c.path); err != nil {
				t.Fatal(err)
			}
			if moved {
				if err := os.Rename(aside, c.path); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	d.credential(d.token(id))
	t.Run("nor does a lock wait for one", func(t *testing.T) {
		if err := os.Remove(d.cached(id)); err != nil {
			t.Fatal(err)
		}
		path := d.cached(id) + ".lock"
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		d.credential(d.token(id))
	})
}
