package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// A kubeconfig of a thousand clusters is about 3 MB.
const largest = 32 << 20

// state is a file as it was read; info is nil when there was none.
type state struct {
	path string
	text []byte
	info fs.FileInfo
}

// follow finds the file behind symbolic links, also when it is not there yet:
// the link has to stay a link.
func follow(path string) (string, error) {
	for range 40 {
		target, err := os.Readlink(path)
		if err != nil {
			// Not a link, or not there: this is the one.
			return path, nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", fmt.Errorf("the symbolic links of %s lead in a circle", path)
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// read takes a regular file that may be written, or none at all. Anything
// else, a pipe say, would hang or break.
func read(path string) (state, error) {
	s := state{path: path}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("look at the kubeconfig: %w", err)
	}
	switch {
	case info.IsDir():
		return s, fmt.Errorf("%s is a folder, not a kubeconfig; name a file with --kubeconfig", path)
	case !info.Mode().IsRegular():
		return s, fmt.Errorf("%s is not a regular file; name one with --kubeconfig", path)
	case info.Mode().Perm()&0o200 == 0:
		return s, fmt.Errorf("%s is write-protected and stays as it is; allow it with chmod u+w, or name another with --kubeconfig", path)
	case info.Size() > largest:
		return s, fmt.Errorf("%s has %d MB, too much for a kubeconfig", path, info.Size()>>20)
	}
	s.info = info
	if s.text, err = slurp(path); err != nil {
		return s, fmt.Errorf("read the kubeconfig: %w", err)
	}
	return s, nil
}

// slurp reads a regular file, also where a pipe took its place meanwhile: to
// open one takes until somebody writes into it.
func slurp(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, largest+1))
}

// glance reads files that are not going to be changed. One that cannot be read
// is passed over: to mend it is somebody else's matter.
func glance(paths []string) (all []document) {
	for _, path := range paths {
		if d, err := glimpse(path); err == nil {
			all = append(all, d)
		}
	}
	return all
}

func glimpse(path string) (document, error) {
	info, err := os.Stat(path)
	if err != nil {
		return document{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > largest {
		return document{}, fmt.Errorf("%s is no kubeconfig", path)
	}
	text, err := slurp(path)
	if err != nil {
		return document{}, err
	}
	return parse(path, text)
}

// PassedOver says what is wrong with those of the files that cannot be read.
func PassedOver(paths []string) (all []error) {
	for _, path := range paths {
		if _, err := glimpse(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return all
}

// mode is the mode of the file to come: the old one, unless that was open to
// others.
func (s state) mode() fs.FileMode {
	if s.info == nil || s.info.Mode().Perm()&0o077 != 0 {
		return 0o600
	}
	return s.info.Mode().Perm()
}

// replace backs the old state up and puts the new text in its place, whole or
// not at all.
func (k keeper) replace(old state, text []byte, held *lock) (backup string, err error) {
	if backup, err = k.backUp(old); err != nil {
		return "", fmt.Errorf("back up %s (it stays as it is): %w", old.path, err)
	}
	if err := old.write(text, held); err != nil {
		if backup != "" {
			err = errors.Join(err, os.Remove(backup))
		}
		return "", fmt.Errorf("write %s (it stays as it is): %w", old.path, err)
	}
	k.prune(old.path, backup)
	return backup, nil
}

func (s state) write(text []byte, held *lock) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".daypass-*")
	if err != nil {
		return err
	}
	name := temporary.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	err = errors.Join(s.fill(temporary, text), temporary.Close())
	if err = errors.Join(err, s.unchanged(), held.interrupted()); err != nil {
		return err
	}
	if err = os.Rename(name, s.path); err != nil {
		return err
	}
	syncFolder(filepath.Dir(s.path))
	return nil
}

func (s state) fill(f *os.File, text []byte) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Chmod(s.mode()); err != nil {
		return err
	}
	if err := keepOwner(f, s.info); err != nil {
		return err
	}
	return f.Sync()
}

// unchanged finds an editor that saved in the meantime: those honour no lock.
func (s state) unchanged() error {
	now, err := slurp(s.path)
	if s.info == nil && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.info == nil || !bytes.Equal(now, s.text) {
		return errors.New("another program changed it in this moment; try again")
	}
	return nil
}

// syncFolder makes the rename last through a power cut, where the system can;
// where it cannot, the file is whole all the same.
func syncFolder(path string) {
	folder, err := os.Open(path)
	if err != nil {
		return
	}
	_ = folder.Sync()
	_ = folder.Close()
}

const (
	backupName = ".daypass-backup"
	backupTime = "20060102T150405.000000000Z"
	backups    = 3
)

// backUp keeps the state before Daypass first changed the file under one name
// for good, and the states before later changes under names with their time.
func (k keeper) backUp(old state) (string, error) {
	if len(old.text) == 0 {
		return "", nil
	}
	name := old.path + backupName
	at := k.now().UTC()
	for range 100 {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			name = old.path + backupName + "-" + at.Format(backupTime)
			at = at.Add(time.Nanosecond)
			continue
		}
		if err != nil {
			return "", err
		}
		return name, keep(f, old)
	}
	return "", fmt.Errorf("there is no free name beside %s", name)
}

// keep fills a backup; half a backup is none.
func keep(f *os.File, old state) error {
	_, err := io.Copy(f, bytes.NewReader(old.text))
	if err == nil {
		err = errors.Join(keepOwner(f, old.info), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// prune leaves the newest of the backups with a time, and the one just made
// even when the clock went back. What it cannot remove is tried again the next
// time.
func (k keeper) prune(path, made string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	prefix := filepath.Base(path) + backupName + "-"
	var old []string
	for _, entry := range entries {
		stamp, ours := strings.CutPrefix(entry.Name(), prefix)
		if _, err := time.Parse(backupTime, stamp); ours && err == nil && entry.Name() != filepath.Base(made) {
			old = append(old, entry.Name())
		}
	}
	keep := backups
	if made != "" && made != path+backupName {
		keep--
	}
	sort.Strings(old)
	for len(old) > keep {
		_ = os.Remove(filepath.Join(filepath.Dir(path), old[0]))
		old = old[1:]
	}
}
