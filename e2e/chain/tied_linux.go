package chain

import "syscall"

// tied makes a child its own process group, so that Ctrl-C does not end etcd
// before the API server, and ends it with us, so that a killed test run leaves
// nothing behind.
func tied() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
