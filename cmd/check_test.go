package cmd

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/download"
)

func lay(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clientFolder is a folder with a real program, this test, under the name of a
// client for this machine.
func clientFolder(t *testing.T) (folder, name string) {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	folder, name = t.TempDir(), (download.Build{OS: runtime.GOOS, Arch: runtime.GOARCH}).File()
	lay(t, folder, name, string(b))
	return folder, name
}

func TestCheckDoubtsClientsThatAreNone(t *testing.T) {
	folder, right := clientFolder(t)
	cfg := written(t, address(t), address(t), "clients: {downloads: "+folder+"}")
	if code, out, errs := run(t, "check", "-c", cfg); code != exitOK || !strings.Contains(out, "is valid") {
		t.Errorf("a right one: exit code %d, %s%s", code, out, errs)
	}
	lay(t, folder, "kubectl-daypass-windows-arm64.exe", "notes about Windows")
	lay(t, folder, "SHA256SUMS", strings.Repeat("0", 64)+"  "+right+"\n"+strings.Repeat("1", 64)+"  kubectl-daypass-windows-arm64.exe\n")
	code, out, errs := run(t, "check", "-c", cfg)
	if code != exitFailed || out != "" || strings.Count(errs, "clients: downloads: in the folder "+folder+": ") != 3 || strings.Count(errs, "\n") != 3 {
		t.Errorf("wrong ones: exit code %d, %s%s", code, out, errs)
	}
	for _, want := range []string{right + " is not the file that SHA256SUMS beside it lists", "kubectl-daypass-windows-arm64.exe is no program for windows on arm64: it begins like none"} {
		if !strings.Contains(errs, want) {
			t.Errorf("it does not say %q:\n%s", want, errs)
		}
	}
}

func TestServeSaysWhichClientItDoubts(t *testing.T) {
	folder, _ := clientFolder(t)
	lay(t, folder, "kubectl-daypass-windows-arm64.exe", "notes about Windows")
	operations := address(t)
	_, stderr, stop := started(t, written(t, address(t), operations, "clients: {downloads: "+folder+"}"), operations)
	const want = "kubectl-daypass-windows-arm64.exe is no program for windows on arm64"
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(stderr.String(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %q:\n%s", want, stderr)
		}
	}
	if code := stop(); code != exitOK || strings.Count(stderr.String(), "a client should not lie in the folder") != 1 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
