package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// home is where things are kept for one server.
type home struct {
	world
	server *url.URL
	config string // the key and the session
	cache  string // tokens, and what the server's last answer taught
}

func (w world) home(server *url.URL) (home, error) {
	config, err := w.folder("XDG_CONFIG_HOME", ".config", "AppData")
	if err != nil {
		return home{}, err
	}
	cache, err := w.folder("XDG_CACHE_HOME", ".cache", "LocalAppData")
	if err != nil {
		return home{}, err
	}
	name := folderName(server)
	return home{w, server, filepath.Join(config, "servers", name), filepath.Join(cache, "servers", name)}, nil
}

// folderName is a server's address as a folder is called.
func folderName(server *url.URL) string {
	return strings.NewReplacer(":", "_", "/", "_", "[", "", "]", "").Replace(server.Host + server.Path)
}

func (w world) folder(variable, usual, windows string) (string, error) {
	base := w.getenv(variable)
	if runtime.GOOS == "windows" && base == "" {
		base = w.getenv(windows)
	}
	if !filepath.IsAbs(base) { // the XDG specification has us ignore others
		at, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("there is no home folder to keep things in (%w); set %s", err, variable)
		}
		base = filepath.Join(at, usual)
	}
	return filepath.Join(base, "daypass"), nil
}

var errDamaged = errors.New("it is damaged")

// readPrivate reads a small file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) { return readSmall(path, checkPrivate) }

// readSmall reads a file that passes a check. It waits for nothing: to open a
// pipe takes until somebody writes into it, and a device may do anything.
func readSmall(path string, check func(*os.File) error) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notAFile(path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0) // it may be a pipe by now
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, reason(err))
	}
	defer func() { _ = f.Close() }() // it was read
	if err := check(f); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, reason(err))
	}
	return b, nil
}

func notAFile(path string) error { return fmt.Errorf("%s is not a file: take it away", path) }

func checkRegular(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", f.Name(), reason(err))
	}
	if !info.Mode().IsRegular() {
		return notAFile(f.Name())
	}
	return nil
}

// checkPrivate refuses what others may read: they may have read it already.
func checkPrivate(f *os.File) error {
	if err := checkRegular(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", f.Name(), reason(err))
	}
	if others(info) {
		return fmt.Errorf("%s is open to others (%v): sign in anew to be safe, or run: chmod 600 %s", f.Name(), info.Mode().Perm(), f.Name())
	}
	return nil
}

// readJSON reads what writeJSON wrote.
func readJSON(path string, into any) error {
	b, err := readPrivate(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, errDamaged)
	}
	return nil
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return writePrivate(path, append(b, '\n'))
}

// writePrivate puts a file in place whole or not at all.
func writePrivate(path string, b []byte) error {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return unwritable(path, err)
	}
	next := path + ".new-" + rand.Text()[:8]
	if err := fill(next, b); err != nil {
		_ = os.Remove(next) // what is left of it; the error tells more
		return unwritable(path, err)
	}
	if err := os.Rename(next, path); err != nil {
		_ = os.Remove(next)
		return unwritable(path, err)
	}
	return nil
}

// fill makes a file anew: with O_EXCL, no link is followed.
func fill(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close() // some file systems find out only now that they are full
}

func unwritable(path string, err error) error {
	return fmt.Errorf("cannot write %s: %w", path, reason(err))
}

// reason leaves out the path that the error repeats.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// atMostAside is how many damaged files of one name are kept.
const atMostAside = 3

// setAside keeps a damaged file under another name, for whoever wants to know
// what happened to it.
func (h home) setAside(path string) (string, error) {
	to := path + ".bad-" + h.now().UTC().Format("20060102T150405Z")
	if err := os.Rename(path, to); err != nil {
		return "", fmt.Errorf("%s is damaged and cannot be kept aside: %w", path, reason(err))
	}
	thin(path, to)
	return to, nil
}

// thin takes the oldest of what was set aside away, and never what just was.
// Where that fails, the next time does it.
func thin(path, made string) {
	all, err := os.ReadDir(filepath.Dir(path)) // sorted by name, which has the time
	if err != nil {
		return
	}
	var old []string
	for _, e := range all {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+".bad-") && e.Name() != filepath.Base(made) {
			old = append(old, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	for len(old) >= atMostAside {
		_ = os.Remove(old[0])
		old = old[1:]
	}
}
