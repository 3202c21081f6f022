//go:build unix

package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// folder is a folder that one run at a time holds. The folder itself is locked:
// a lock on a file in it would be on the old one once that is replaced.
type folder struct{ *os.File }

// patience is how long a run waits for another one, which takes milliseconds.
const patience = 10 * time.Second

// errHeld says that another run holds the folder.
var errHeld = errors.New("another run of 'daypass sealing-key' holds it; let that one finish, and try again")

// hold waits for its turn. Where the file system has no locks, it says so to
// warn and goes on.
func hold(ctx context.Context, path string, warn func(string)) (*folder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return &folder{f}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			warn(fmt.Sprintf("the folder %s cannot be locked (%v); see that nobody else changes the sealing keys meanwhile", path, err))
			return &folder{f}, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("the folder %s: %w", path, errHeld), f.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// settle has it outlast a power cut that a file in the folder has another's
// place. Some file systems have nothing to do for that, and say so.
func (f *folder) settle() error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
