//go:build unix

package web_test

import (
	"syscall"
	"time"
)

// processorTime is what this process, server and callers, has used of the
// processors. A database in a process of its own is not in it.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
