//go:build unix

package kubeconfig

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// noWait has the opening of a pipe not wait for whoever writes into it.
const noWait = syscall.O_NONBLOCK

// keepOwner gives the new file to the owner of the old: under sudo a
// kubeconfig would become root's, and its person be locked out.
func keepOwner(f *os.File, old fs.FileInfo) error {
	if old == nil {
		return nil
	}
	was, known := old.Sys().(*syscall.Stat_t)
	if !known {
		return nil
	}
	uid, gid := int(was.Uid), int(was.Gid)
	if uid == os.Geteuid() {
		return nil
	}
	if err := f.Chown(uid, gid); err != nil {
		return fmt.Errorf("the file belongs to another user: %w", err)
	}
	return nil
}
