//go:build unix

package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/daypass/daypass/audit"
)

func TestAPipeInPlaceOfASecretHoldsUpNothing(t *testing.T) {
	f := inFiles(t)
	f.look(t.Context())
	path := filepath.Join(f.dir, "client")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f.look(t.Context()) // nobody will ever write to it
	if got := f.texts(t, audit.ConfigRefused); len(got) != 1 || !strings.Contains(got[0], "is not a file") {
		t.Errorf("on record is %q", got)
	}
}
