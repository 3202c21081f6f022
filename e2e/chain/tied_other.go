//go:build !linux

package chain

import "syscall"

// tied is weaker here than on Linux: a child outlives a test run that is
// killed.
func tied() *syscall.SysProcAttr { return nil }
