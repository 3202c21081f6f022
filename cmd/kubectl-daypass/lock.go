package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// errBusy is for a lock that another process has.
var errBusy = errors.New("another kubectl-daypass is at it")

// lock takes a lock that one process at a time has. The file stays: were it
// taken away, two processes could hold two locks of one name.
func lock(ctx context.Context, path string, wait time.Duration) (release func(), err error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, unwritable(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noLink|noWait, 0o600)
	if err != nil && isLink(path) {
		return nil, fmt.Errorf("%s is a link, and could lead to anything: take it away", path)
	}
	if err != nil {
		return nil, unwritable(path, err)
	}
	if err := await(ctx, f, wait); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("waiting for %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// await asks again and again rather than sleep in the lock: whoever has it may
// be stopped, and kubectl would wait for ever.
func await(ctx context.Context, f *os.File, wait time.Duration) error {
	give, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		got, err := hold(f)
		if got || err != nil {
			return err
		}
		if wait == 0 {
			return errBusy
		}
		select {
		case <-time.After(15 * time.Millisecond):
		case <-give.Done():
			return errBusy
		}
	}
}
