//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// others says whether somebody but the owner may read or write a file.
func others(info os.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// foreign says whether a file is somebody else's.
func foreign(info os.FileInfo) bool {
	s, known := info.Sys().(*syscall.Stat_t)
	return known && int(s.Uid) != os.Geteuid()
}

// shared says whether somebody but the owner may write.
func shared(info os.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// noLink has a file not be opened by way of a symbolic link.
const noLink = syscall.O_NOFOLLOW

// noWait has the opening of a pipe not wait for whoever writes into it.
const noWait = syscall.O_NONBLOCK

// hold takes the lock of an open file, and says whether it got it. The lock
// goes when the file is closed, or when the process ends.
func hold(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		}
		return false, err
	}
}
