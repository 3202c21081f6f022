package kubeconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestMergeMakesAFileAndFolderForTheirOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", ".kube", "config")
	if backup := merge(t, path, entry()); backup != "" {
		t.Errorf("there was nothing to back up, and %s was", backup)
	}
	if mode(t, path) != 0o600 || mode(t, filepath.Dir(path)) != 0o700 {
		t.Errorf("modes are %o and %o", mode(t, path), mode(t, filepath.Dir(path)))
	}
	config := load(t, path)
	holds(t, config, entry())
	if config.CurrentContext != entry().Context {
		t.Errorf("current context is %q", config.CurrentContext)
	}
	alone(t, path)
}

func TestMergeKeepsAModeUnlessItIsOpenToOthers(t *testing.T) {
	for was, want := range map[os.FileMode]os.FileMode{0o600: 0o600, 0o700: 0o700, 0o644: 0o600, 0o640: 0o600, 0o666: 0o600} {
		path := place(t, rich(t))
		if err := os.Chmod(path, was); err != nil {
			t.Fatal(err)
		}
		backup := merge(t, path, entry())
		if mode(t, path) != want || mode(t, backup) != 0o600 {
			t.Errorf("%o became %o, its backup %o", was, mode(t, path), mode(t, backup))
		}
	}
}

func TestMergeKeepsTheFirstStateAndTheLastThree(t *testing.T) {
	path := place(t, rich(t))
	mine := path + ".daypass-backup-mine"
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := defaults()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	k.now = func() time.Time { at = at.Add(time.Hour); return at }
	for i := range 6 {
		e := entry()
		e.Args[4] = fmt.Sprint("lease-", i)
		before := contents(t, path)
		w, err := k.merge(path, e)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, contents(t, w.Backup)); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff(rich(t), contents(t, path+".daypass-backup")); diff != "" {
		t.Error(diff)
	}
	kept, err := filepath.Glob(path + ".daypass-backup-2026*")
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != 3 || !strings.Contains(contents(t, kept[2]), "lease-4") {
		t.Errorf("kept %v", kept)
	}
	at = at.Add(-48 * time.Hour)
	e := entry()
	w, err := k.merge(path, e)
	if err != nil || !strings.Contains(contents(t, w.Backup), "lease-5") {
		t.Errorf("with a clock that went back: %v", err)
	}
	if absent(mine) {
		t.Error("a person's own file was removed")
	}
}

func TestMergeFollowsALinkAndLeavesIt(t *testing.T) {
	for name, text := range map[string]string{"to a file": rich(t), "to nothing yet": ""} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			real := filepath.Join(folder, "dotfiles", "kube")
			link := filepath.Join(folder, "config")
			if text != "" {
				if err := os.MkdirAll(filepath.Dir(real), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(real, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(filepath.Join("dotfiles", "kube"), link); err != nil {
				t.Fatal(err)
			}
			merge(t, link, entry())
			if target, err := os.Readlink(link); err != nil || target != filepath.Join("dotfiles", "kube") {
				t.Errorf("the link became %q, %v", target, err)
			}
			holds(t, load(t, real), entry())
			alone := []string{link + ".lock", real + ".lock"}
			for _, lock := range alone {
				if !absent(lock) {
					t.Errorf("%s was left", lock)
				}
			}
		})
	}
	circle := filepath.Join(t.TempDir(), "config")
	if err := os.Symlink(circle, circle); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(circle, entry()); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("got %v", err)
	}
}

func TestMergeRefusesWhatIsNoFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "config")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(folder, entry()); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("got %v", err)
	}
	alone(t, folder)
	beneath := filepath.Join(place(t, "kind: Config\n"), "config")
	if _, err := Merge(beneath, entry()); err == nil || !strings.Contains(err.Error(), beneath[:len(beneath)-len("/config")]) {
		t.Errorf("got %v", err)
	}
	locked := place(t, rich(t))
	if err := os.Chmod(locked, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(locked, entry()); err == nil || !strings.Contains(err.Error(), "write-protected") {
		t.Errorf("got %v", err)
	}
	untouched(t, locked, rich(t))
}

func TestMergeWaitsForAnothersLockAndNeverRemovesIt(t *testing.T) {
	path := place(t, rich(t))
	lock := path + ".lock"
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := quick().merge(path, entry())
	if err == nil || !strings.Contains(err.Error(), lock) {
		t.Errorf("got %v", err)
	}
	if absent(lock) {
		t.Error("another's lock was removed")
	}
	if contents(t, path) != rich(t) {
		t.Error("the file was changed under another's lock")
	}
	k := defaults()
	k.tick = time.Millisecond
	k.patience = time.Minute
	done := make(chan error)
	go func() { _, err := k.merge(path, entry()); done <- err }()
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	holds(t, load(t, path), entry())
	if !absent(lock) {
		t.Error("our lock was left")
	}
}

func TestMergesAtOnceLoseNothing(t *testing.T) {
	path := place(t, rich(t))
	k := defaults()
	k.tick, k.patience = time.Millisecond, time.Minute
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			e := entry()
			e.Context, e.User = fmt.Sprint("c", i), fmt.Sprint("u", i)
			if _, err := k.merge(path, e); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	config := load(t, path)
	for i := range 8 {
		e := entry()
		e.Context, e.User = fmt.Sprint("c", i), fmt.Sprint("u", i)
		holds(t, config, e)
	}
	onlyAdded(t, rich(t), contents(t, path))
}

func TestMergeFindsThatAnEditorSavedMeanwhile(t *testing.T) {
	path := place(t, rich(t))
	old, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	held, err := quick().lock(path)
	if err != nil {
		t.Fatal(err)
	}
	const theirs = "kind: Config # saved by an editor\n"
	if err := os.WriteFile(path, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := quick().replace(old, []byte("ours"), held); err == nil || !strings.Contains(err.Error(), "try again") {
		t.Errorf("got %v", err)
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	untouched(t, path, theirs)
}

func TestPathSaysWhichFile(t *testing.T) {
	folder := t.TempDir()
	there, missing := filepath.Join(folder, "there"), filepath.Join(folder, "missing")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	join := func(paths ...string) string { return strings.Join(paths, string(filepath.ListSeparator)) }
	for _, c := range []struct{ flag, env, want string }{
		{"mine", there, "mine"},
		{"", join(missing, there), there},
		{"", join("", missing, missing+"2"), missing},
		{"", "", filepath.Join(home, ".kube", "config")},
	} {
		t.Setenv("KUBECONFIG", c.env)
		if got := Path(c.flag); got != c.want {
			t.Errorf("%q with %q is %q, want %q", c.flag, c.env, got, c.want)
		}
	}
}
