//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tops are the folders of ours, each with what is in it.
func (d *desk) tops() (all []string) {
	for _, leaf := range []string{d.files(), filepath.Dir(d.cached("ls_x"))} {
		all = append(all, leaf, filepath.Dir(leaf), filepath.Dir(filepath.Dir(leaf)))
	}
	return all
}

// foreign puts a folder of somebody else in one's place, by a link of our own.
func (d *desk) foreign(folder string) {
	d.Helper()
	theirs := "/usr"
	if os.Getuid() == 0 {
		theirs = d.TempDir()
		if err := os.Chown(theirs, 65534, 65534); err != nil {
			d.Fatal(err)
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		d.Fatal(err)
	}
	if err := os.Symlink(theirs, folder); err != nil {
		d.Fatal(err)
	}
}

func TestAFolderOfAnother(t *testing.T) {
	for i, name := range []string{"config", "config's servers", "all config", "cache", "cache's servers", "all cache"} {
		t.Run("is not taken for "+name, func(t *testing.T) {
			d := newDesk(t)
			d.login()
			before := d.server.Asked("")
			d.foreign(d.tops()[i])
			for _, args := range [][]string{{"list"}, {"status"}, {"login", "--device"}, {"logout"}, {"token", "--lease", "ls_x"}} {
				d.refused(d.run(append(args, "--server", d.server.URL)...), exitFailed, d.tops()[i]+" belongs to another user", "XDG_C")
			}
			if left, err := os.ReadDir(d.tops()[i]); d.server.Asked("") != before || err != nil || os.Getuid() == 0 && len(left) != 0 {
				t.Errorf("the server was asked, or something was left: %v, %v", left, err)
			}
		})
		t.Run("is not taken for "+name+", nor what others may write into", func(t *testing.T) {
			d := newDesk(t)
			id := d.lease()
			before := d.server.Asked("")
			for _, mode := range []os.FileMode{0o770, 0o702} {
				if err := os.Chmod(d.tops()[i], mode); err != nil {
					t.Fatal(err)
				}
				d.refused(d.run("list"), exitFailed, d.tops()[i]+" may be written by others", "chmod 700")
				d.refused(d.token(id), exitFailed, d.tops()[i]+" may be written by others", "chmod 700")
			}
			if d.server.Asked("") != before {
				t.Error("the server was asked")
			}
			if err := os.Chmod(d.tops()[i], 0o700); err != nil {
				t.Fatal(err)
			}
			d.credential(d.token(id))
		})
	}
	t.Run("gives no token, though one lies there", func(t *testing.T) {
		d := newDesk(t)
		id := d.lease()
		d.credential(d.token(id))
		if err := os.Chmod(filepath.Dir(d.cached(id)), 0o777); err != nil {
			t.Fatal(err)
		}
		d.refused(d.token(id), exitFailed, "may be written by others")
	})
	t.Run("does not say which server was last", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		if err := os.Chmod(d.tops()[2], 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.tops()[2], "last-server"), []byte("https://daypass.example.org\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.refused(d.run("list"), exitFailed, "may be written by others")
	})
	t.Run("is not found behind a link of somebody else", func(t *testing.T) {
		if os.Getuid() != 0 {
			const why = "only root can make such a link"
			if os.Getenv("DAYPASS_E2E") == "require" {
				t.Fatal(why + ", and DAYPASS_E2E=require demands that it is tried")
			}
			t.Skip(why)
		}
		d := newDesk(t)
		d.login()
		at := d.tops()[3]
		if err := os.Rename(at, at+".moved"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at+".moved", at); err != nil {
			t.Fatal(err)
		}
		d.must("list") // by a link of our own
		if err := os.Lchown(at, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		d.refused(d.run("list"), exitFailed, at+" belongs to another user")
	})
}

func TestALockIsNoLink(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	victim := filepath.Join(d.home, "victim")
	if err := os.Symlink(victim, d.cached(id)+".lock"); err != nil {
		t.Fatal(err)
	}
	d.refused(d.token(id), exitFailed, d.cached(id)+".lock is a link", "take it away")
	if _, err := os.Lstat(victim); !os.IsNotExist(err) {
		t.Errorf("a file was made where the link leads: %v", err)
	}
}

func TestStatusTrustsNoFolderThatOthersMayWriteInto(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	other.home, other.env = d.home, d.env
	other.login()
	d.login() // commands go there, so of the other's folder only status looks
	if err := os.Chmod(other.files(), 0o770); err != nil {
		t.Fatal(err)
	}
	if s := d.status(); len(s.Servers) != 2 || s.Servers[0].State == s.Servers[1].State || !strings.Contains(s.Servers[0].Note+s.Servers[1].Note, other.files()+" may be written by others") {
		t.Errorf("%+v", s)
	}
}
