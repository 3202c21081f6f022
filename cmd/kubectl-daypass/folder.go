package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// safe refuses the folders of a server, down from the one that all servers
// have in common, that are not ours alone.
func (h home) safe() error {
	for _, leaf := range []string{h.config, h.cache} {
		servers := filepath.Dir(leaf)
		for _, folder := range []string{filepath.Dir(servers), servers, leaf} {
			if err := safe(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// safe refuses a folder that somebody else owns or may write into: what lies
// in it may be theirs, and what is put there they may take. Where there is
// none, we are going to make it.
func safe(folder string) error {
	info, err := os.Lstat(folder)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && !foreign(info) {
		info, err = os.Stat(folder) // a link of the person's own
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot look at %s: %w", folder, reason(err))
	case foreign(info):
		return fmt.Errorf("%s belongs to another user, so nothing is read from it or kept in it: take it away, or name folders of your own by XDG_CONFIG_HOME and XDG_CACHE_HOME", folder)
	case shared(info):
		return fmt.Errorf("%s may be written by others (%v), so what lies in it may be theirs: take it away, or look through it and run: chmod 700 %s", folder, info.Mode().Perm(), folder)
	}
	return nil
}

// makeFolder makes a folder that is ours alone, unless there is one.
func makeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return safe(folder) // somebody else may have been faster
}
