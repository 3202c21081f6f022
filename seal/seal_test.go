package seal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func line(t *testing.T, id string) string {
	t.Helper()
	l, err := NewLine(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func keys(t *testing.T, lines ...string) Keys {
	t.Helper()
	k, err := Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	k := keys(t, line(t, "a"))
	sealed := k.Seal("id-token", "session-1", []byte("hush"))
	if plain, err := k.Open("id-token", "session-1", sealed); err != nil || string(plain) != "hush" {
		t.Fatalf("%q, %v", plain, err)
	}
	if strings.Contains(string(sealed), "hush") {
		t.Error("it can be read")
	}
	for claim, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return k.Open("refresh-token", "session-1", sealed) },
		"another place":   func() ([]byte, error) { return k.Open("id-token", "session-2", sealed) },
		"nothing":         func() ([]byte, error) { return k.Open("id-token", "session-1", nil) },
		"a short one":     func() ([]byte, error) { return k.Open("id-token", "session-1", sealed[:5]) },
	} {
		if _, err := open(); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", claim, err)
		}
	}
	for i := 2; i < len(sealed); i++ { // a changed name is another key
		bent := append([]byte(nil), sealed...)
		bent[i] ^= 1
		if _, err := k.Open("id-token", "session-1", bent); !errors.Is(err, ErrBroken) {
			t.Fatalf("byte %d can be changed: %v", i, err)
		}
	}
}

func TestRotationKeepsOldThingsReadable(t *testing.T) {
	old, young := line(t, "2026-03"), line(t, "2026-04")
	before := keys(t, old)
	sealed, mark := before.Seal("p", "x", []byte("hush")), before.Mark("row", []byte("a"), []byte("b"))
	both := keys(t, young, old)
	if both.ID() != "2026-04" {
		t.Errorf("the key that seals is %s", both.ID())
	}
	if plain, err := both.Open("p", "x", sealed); err != nil || string(plain) != "hush" {
		t.Errorf("%q, %v", plain, err)
	}
	if err := both.Check("row", mark, []byte("a"), []byte("b")); err != nil {
		t.Error(err)
	}
	after := keys(t, young)
	if _, err := after.Open("p", "x", sealed); !errors.Is(err, ErrKey) {
		t.Errorf("without the old key: %v", err)
	}
	if err := after.Check("row", mark, []byte("a"), []byte("b")); !errors.Is(err, ErrKey) {
		t.Errorf("without the old key: %v", err)
	}
	if _, err := keys(t, line(t, "2026-03")).Open("p", "x", sealed); !errors.Is(err, ErrBroken) {
		t.Errorf("with another key of that name: %v", err)
	}
}

func TestAMarkHoldsForItsFieldsAlone(t *testing.T) {
	k := keys(t, line(t, "a"))
	mark := k.Mark("lease", []byte("ls_1"), []byte("viewer"))
	if err := k.Check("lease", mark, []byte("ls_1"), []byte("viewer")); err != nil {
		t.Fatal(err)
	}
	for claim, err := range map[string]error{
		"another value":     k.Check("lease", mark, []byte("ls_1"), []byte("admin")),
		"a moved border":    k.Check("lease", mark, []byte("ls_1v"), []byte("iewer")),
		"fields left out":   k.Check("lease", mark, []byte("ls_1")),
		"fields added":      k.Check("lease", mark, []byte("ls_1"), []byte("viewer"), nil),
		"another purpose":   k.Check("session", mark, []byte("ls_1"), []byte("viewer")),
		"no mark":           k.Check("lease", nil, []byte("ls_1"), []byte("viewer")),
		"a mark cut short":  k.Check("lease", mark[:10], []byte("ls_1"), []byte("viewer")),
		"another key's own": k.Check("lease", keys(t, line(t, "a")).Mark("lease", []byte("ls_1"), []byte("viewer")), []byte("ls_1"), []byte("viewer")),
	} {
		if !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := "# the keys\n\n" + line(t, "a") + "\n" + line(t, "b") + "\n"
	if k, err := Load(write("good", good, 0o600)); err != nil || fmt.Sprint(k.IDs()) != "[a b]" {
		t.Errorf("%v, %v", k, err)
	}
	if _, err := Load(write("group", good, 0o640)); err != nil {
		t.Errorf("a group may read it, as Kubernetes' fsGroup does: %v", err)
	}
	same := line(t, "a")
	for want, path := range map[string]string{
		"is open to others":       write("open", good, 0o644),
		"no such file":            filepath.Join(dir, "none"),
		"there is no sealing key": write("empty", "# nothing\n", 0o600),
		"line 2: the key b is":    write("short", line(t, "a")+"\nb aGVsbG8=\n", 0o600),
		"line 1: want a name":     write("name", "Big aGVsbG8=\n", 0o600),
		"the name a stands twice": write("twice", same+"\n"+same, 0o600),
	} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestKeysCannotPrintThemselves(t *testing.T) {
	l := line(t, "a")
	_, secret, _ := strings.Cut(l, " ")
	k := keys(t, l)
	inside := struct{ k Keys }{k}
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %x", k, k, k, k), fmt.Sprintf("%+v %#v", inside, inside)} {
		if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprint((*k.all)[0].secret[:4])) {
			t.Errorf("printed as %s", s)
		}
	}
}
