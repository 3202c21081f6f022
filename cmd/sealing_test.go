package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/seal"
)

// keyFile makes a key file of one key and a configuration that names it.
func keyFile(t *testing.T) (config, path string) {
	t.Helper()
	_, line, _ := run(t, "sealing-key", "new", "--name", "first")
	if !strings.HasPrefix(line, "first ") {
		t.Fatalf("printed %q", line)
	}
	path = filepath.Join(t.TempDir(), "sealing.key")
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return written(t, address(t), address(t), "sealingKeyFile: "+path), path
}

func TestARotationTakesThreeSteps(t *testing.T) {
	cfg, path := keyFile(t)
	for _, tt := range []struct {
		claim string
		args  []string
		code  int
		want  string
		holds string
	}{
		{"the key that seals cannot be retired", []string{"retire", "first"}, exitUsage, "the key first is the one that seals; promote another", "[first]"},
		{"rotate adds a key that does not seal", []string{"rotate", "--name", "second"}, exitOK, "Added the key second. first still seals. Now restart every server, so that all of them can open with the new key; then run 'daypass sealing-key promote second'.", "[first second]"},
		{"a name twice", []string{"rotate", "--name", "second"}, exitUsage, "the name second stands twice", "[first second]"},
		{"a name that is none", []string{"rotate", "--name", "Big Key"}, exitUsage, "cannot name a key", "[first second]"},
		{"promote wants to know which", []string{"promote"}, exitUsage, "give the name of one key", "[first second]"},
		{"promote of a key that is not there", []string{"promote", "third"}, exitUsage, path + `: the sealing key file stays as it is: it has no key "third"; it has first, second`, "[first second]"},
		{"promote makes it seal", []string{"promote", "second"}, exitOK, "second seals from the next start of every server on; first can still be opened with. Now restart every server", "[second first]"},
		{"promote again changes nothing", []string{"promote", "second"}, exitUsage, "the key second seals already", "[second first]"},
		{"retire takes the old one out", []string{"retire", "first"}, exitOK, "Took the key first out. The file holds 1 key; second seals. Now restart every server.", "[second]"},
	} {
		code, out, errs := run(t, append([]string{"sealing-key"}, append(tt.args, "-c", cfg)...)...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("%s: exit code %d, %s%s", tt.claim, code, out, errs)
		}
		if keys, err := seal.Load(path); err != nil || fmt.Sprint(keys.IDs()) != tt.holds {
			t.Errorf("%s: the file holds %v, %v", tt.claim, keys.IDs(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".sealing-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestARotationWithoutAKeyFileSaysHowToGetOne(t *testing.T) {
	none := written(t, address(t), address(t), "")
	code, _, errs := run(t, "sealing-key", "rotate", "-c", none)
	if code != exitFailed || !strings.Contains(errs, "daypass sealing-key new > sealing.key") || !strings.Contains(errs, "set sealingKeyFile: sealing.key in "+none) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	t.Setenv("DAYPASS_TEST_KEYS", "anything")
	inEnv := written(t, address(t), address(t), "sealingKeyEnv: DAYPASS_TEST_KEYS")
	if code, _, errs := run(t, "sealing-key", "rotate", "-c", inEnv); code != exitFailed || !strings.Contains(errs, "in the environment variable DAYPASS_TEST_KEYS, which this command cannot change") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestAKeyFileThatCannotBeGivenToItsOwnerStaysAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealing.key")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	no := errors.New("not yours to give")
	if err := replace(path, []byte("after"), func(*os.File, os.FileInfo) error { return no }); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "before" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
}
