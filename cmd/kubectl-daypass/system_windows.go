package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// others cannot be told by a mode here: a profile's folders are closed to
// others by what they inherit.
func others(os.FileInfo) bool { return false }

// foreign and shared cannot be told by an owner's number and a mode either.
func foreign(os.FileInfo) bool { return false }
func shared(os.FileInfo) bool  { return false }

// noLink asks for nothing: to make a symbolic link is a right that users do not
// have here.
const noLink = 0

// noWait asks for nothing: there are no pipes among files here.
const noWait = 0

// hold takes the lock of an open file, and says whether it got it. The lock
// goes when the file is closed, or when the process ends.
func hold(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}
