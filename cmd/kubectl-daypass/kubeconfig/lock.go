package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// FACT: kubectl guards its own changes of a kubeconfig with a file of the
// same name and ".lock", made with O_EXCL, and gives up at once when it is
// there (client-go, tools/clientcmd/loader.go, lockFile). It locks the name
// it was given, not what a link leads to; so we lock both.
type lock struct {
	files   []string
	signals chan os.Signal
}

// lock takes the locks, waiting for another's. An interrupt does not kill us
// while we hold one, for the lock would stay; it makes us give up in order.
func (k keeper) lock(paths ...string) (*lock, error) {
	l := &lock{signals: make(chan os.Signal, 1)}
	signal.Notify(l.signals, os.Interrupt, syscall.SIGTERM)
	for i, path := range paths {
		if i > 0 && path == paths[0] {
			continue
		}
		if err := k.take(l, path); err != nil {
			return nil, errors.Join(err, l.release())
		}
	}
	return l, nil
}

func (k keeper) take(l *lock, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("the folder of %s cannot be made (%w); name another file with --kubeconfig", path, cause(err))
	}
	name := path + ".lock"
	late := time.NewTimer(k.patience)
	defer late.Stop()
	again := time.NewTicker(k.tick)
	defer again.Stop()
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			l.files = append(l.files, name)
			return f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s stays as it is: a lock cannot be put beside it, as kubectl does for each change (%w); name another file with --kubeconfig", path, cause(err))
		}
		select {
		case <-again.C:
		case <-late.C:
			return fmt.Errorf("another program is changing %s: %s is there. If none is, remove that file and try again", path, name)
		case s := <-l.signals:
			return fmt.Errorf("stopped by %v while waiting for %s", s, name)
		}
	}
}

// cause is the error without the path.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// interrupted says whether somebody wants us to stop; asked before the change
// becomes one.
func (l *lock) interrupted() error {
	select {
	case s := <-l.signals:
		return fmt.Errorf("stopped by %v", s)
	default:
		return nil
	}
}

func (l *lock) release() error {
	var errs []error
	for _, name := range l.files {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove our lock: %w", err))
		}
	}
	signal.Stop(l.signals)
	return errors.Join(errs...)
}
