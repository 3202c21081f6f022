//go:build unix

package cmd

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestARotationByRootLeavesTheFileToItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		const why = "only root can give a file away"
		if os.Getenv("DAYPASS_E2E") == "require" {
			t.Fatal(why + ", and DAYPASS_E2E=require demands that it is tried")
		}
		t.Skip(why)
	}
	cfg, path := keyFile(t)
	const user, group = 12345, 23456
	if err := os.Chown(path, user, group); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o440); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "sealing-key", "rotate", "-c", cfg, "--name", "second"); code != exitOK {
		t.Fatal(errs)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != user || s.Gid != group || info.Mode().Perm() != 0o440 {
		t.Errorf("it belongs to %d:%d with mode %04o", s.Uid, s.Gid, info.Mode().Perm())
	}
}

func TestAFileThatCannotBeGivenAwaySaysToWhom(t *testing.T) {
	err := give(syscall.Stat_t{Uid: 12345, Gid: 7}, syscall.Stat_t{}, func(int, int) error { return os.ErrPermission })
	if err == nil || !strings.Contains(err.Error(), "cannot be given to user 12345 and group 7") || !strings.Contains(err.Error(), "run the command as root or as that user") {
		t.Errorf("got %v", err)
	}
}
