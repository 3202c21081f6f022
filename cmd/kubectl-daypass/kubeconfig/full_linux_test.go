package kubeconfig

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestChildWithALimit is the child of the test below: it may write no file
// larger than its limit, as on a full disk.
func TestChildWithALimit(t *testing.T) {
	path := os.Getenv("DAYPASS_TEST_LIMITED")
	if path == "" {
		return // not the child
	}
	limit, err := strconv.ParseUint(os.Getenv("DAYPASS_TEST_LIMIT"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(path, entry()); err != nil {
		t.Fatal(err)
	}
}

func TestMergeOnAFullDiskLeavesTheFileAndNothingElse(t *testing.T) {
	size := len(rich(t))
	for name, c := range map[string]struct {
		limit int
		want  string
	}{
		"no room for the backup":   {size - 10, "back up "},
		"no room for the new file": {size + 10, "write "},
		"room enough":              {size * 10, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := place(t, rich(t))
			child := exec.Command(os.Args[0], "-test.run=^TestChildWithALimit$")
			child.Env = append(os.Environ(), "DAYPASS_TEST_LIMITED="+path, "DAYPASS_TEST_LIMIT="+strconv.Itoa(c.limit))
			out, err := child.CombinedOutput()
			if c.want == "" {
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				holds(t, load(t, path), entry())
				return
			}
			if err == nil || !strings.Contains(string(out), c.want+path+" (it stays as it is)") || !strings.Contains(string(out), "file too large") {
				t.Errorf("%v: %s", err, out)
			}
			untouched(t, path, rich(t))
		})
	}
}

// asNobody makes this thread's file accesses those of a person without
// rights: the superuser may write into any folder.
func asNobody(t *testing.T) (back func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		return func() {}
	}
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	return func() {
		syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
		runtime.UnlockOSThread()
	}
}

func TestMergeInAReadOnlyFolderSaysSo(t *testing.T) {
	path := place(t, rich(t))
	folder := filepath.Dir(path)
	for name, mode := range map[string]os.FileMode{path: 0o666, folder: 0o555, filepath.Dir(folder): 0o755} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	back := asNobody(t)
	_, err := Merge(path, entry())
	back()
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
	untouched(t, path, rich(t))
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
}
