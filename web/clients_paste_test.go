package web_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/download"
)

// installed finds a program that tests run for real.
func installed(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// bench is a home folder, and a folder of programs that come before others.
type bench struct{ home, first string }

func newBench(t *testing.T) bench {
	t.Helper()
	dir := t.TempDir()
	b := bench{filepath.Join(dir, `ann's "own" $HOME`), filepath.Join(dir, "first")}
	must(t, os.Mkdir(b.home, 0o755))
	must(t, os.Mkdir(b.first, 0o755))
	return b
}

// has puts a program in front of others of its name.
func (b bench) has(t *testing.T, name, script string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(b.first, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

// calls itself a machine of some kind.
func (b bench) calls(t *testing.T, system, machine string) {
	b.has(t, "uname", `case $1 in -s) echo `+system+`;; -m) echo `+machine+`;; *) exit 2;; esac`)
}

// pastes gives a shell the text, and tells what it said.
func (b bench) pastes(t *testing.T, shell []string, text string) (stdout, stderr string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), installed(t, shell[0]), shell[1:]...)
	c.Dir = b.first
	c.Env = []string{"HOME=" + b.home, "PATH=" + b.first + ":" + os.Getenv("PATH"), "TERM=dumb", "LC_ALL=C.UTF-8", "HISTFILE=/dev/null"}
	c.Stdin = strings.NewReader(text)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	_ = c.Run() // what went wrong shows in what it said
	return out.String(), errs.String()
}

// holds lists the files in the home, with their modes and checksums.
func (b bench) holds(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(b.home, func(path string, e fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, b.home+"/")
		if err != nil || e.IsDir() || strings.HasPrefix(name, ".config/fish") || strings.HasPrefix(name, ".local/share/fish") || strings.HasPrefix(name, ".cache") {
			return err // fish keeps folders of its own
		}
		info, err := e.Info()
		must(t, err)
		text, err := os.ReadFile(path)
		out[name] = info.Mode().String() + " " + sumOf(text)
		return err
	}))
	return out
}

const place = ".local/bin/kubectl-daypass"

func (b bench) mustHold(t *testing.T, text []byte, said string) {
	t.Helper()
	want := map[string]string{}
	if text != nil {
		want[place] = "-rwxr-xr-x " + sumOf(text)
	}
	if diff := cmp.Diff(want, b.holds(t)); diff != "" {
		t.Errorf("-want +in the home:\n%s\nit said:\n%s", diff, said)
	}
}

func pastingShells() map[string][]string {
	return map[string][]string{
		"bash": {"bash", "--norc"}, "dash": {"dash"}, "zsh": {"zsh", "-f"}, "fish": {"fish", "--no-config"},
		"interactive bash": {"bash", "--norc", "-i"}, "interactive zsh": {"zsh", "-f", "-i"},
	}
}

func TestThePasteInstallsForTheMachineItRunsOn(t *testing.T) {
	installed(t, "curl")
	s, _ := offering(t)
	for name, shell := range pastingShells() {
		t.Run(name, func(t *testing.T) {
			installed(t, shell[0])
			for _, x := range []struct {
				system, machine string
				is              download.Build
			}{
				{"Linux", "x86_64", download.Build{OS: "linux", Arch: "amd64"}}, {"Linux", "aarch64", download.Build{OS: "linux", Arch: "arm64"}},
				{"Darwin", "x86_64", download.Build{OS: "darwin", Arch: "amd64"}}, {"Darwin", "arm64", download.Build{OS: "darwin", Arch: "arm64"}},
			} {
				b := newBench(t)
				b.calls(t, x.system, x.machine)
				stdout, stderr := b.pastes(t, shell, pasteOf(t, s, x.is.OS)+"echo then\n")
				b.mustHold(t, stands(x.is), stdout+stderr)
				for _, want := range []string{": OK", x.is.File() + " asked: version", "Now put " + b.home + "/.local/bin on your PATH", "then"} {
					if !strings.Contains(stdout, want) {
						t.Errorf("%v: it does not say %q:\n%s%s", x, want, stdout, stderr)
					}
				}
			}
		})
	}
}

func TestThePasteKnowsThisMachineAndItsPath(t *testing.T) {
	installed(t, "curl")
	system, known := map[string]string{"linux": "linux", "darwin": "darwin"}[runtime.GOOS]
	if !known {
		const why = "there is no shell here that the paste is for"
		if os.Getenv("DAYPASS_E2E") == "require" {
			t.Fatal(why + ", and DAYPASS_E2E=require demands one")
		}
		t.Skip(why)
	}
	s, _ := offering(t)
	b := newBench(t)
	text := "PATH=\"$HOME/.local/bin:$PATH\"\n" + pasteOf(t, s, system) + pasteOf(t, s, system) + "kubectl-daypass again\n"
	stdout, stderr := b.pastes(t, []string{"dash"}, text)
	is := download.Build{OS: system, Arch: runtime.GOARCH}
	b.mustHold(t, stands(is), stdout+stderr)
	if strings.Count(stdout, is.File()+" asked: version") != 2 || !strings.Contains(stdout, is.File()+" asked: again") || strings.Contains(stdout, "Now put") {
		t.Errorf("it says:\n%s%s", stdout, stderr)
	}
}

// Whatever goes wrong, the program that was there stays, nothing else is left
// behind, and the reason is told.
func TestThePasteInstallsNothingElse(t *testing.T) {
	curl, old := installed(t, "curl"), []byte("#!/bin/sh\necho old\n")
	is := download.Build{OS: "linux", Arch: "amd64"}
	for claim, x := range map[string]struct {
		harm func(t *testing.T, b bench, folder string)
		says string
	}{
		"a download that was tampered with on its way": {func(t *testing.T, b bench, _ string) {
			b.has(t, "curl", `"`+curl+`" "$@" && for f in .kubectl-daypass.*; do echo "echo evil" >>"$f"; done`)
		}, "The download does not have the checksum. Nothing was installed."},
		"a download that is empty": {func(t *testing.T, b bench, _ string) { b.has(t, "curl", "exit 0") }, "Nothing was installed."},
		"another program in its place on the server": {func(t *testing.T, _ bench, folder string) {
			must(t, os.WriteFile(filepath.Join(folder, is.File()), bytes.ToUpper(stands(is)), 0o644))
		}, "curl: ("},
		"a longer one in its place on the server": {func(t *testing.T, _ bench, folder string) {
			must(t, os.WriteFile(filepath.Join(folder, is.File()), append(stands(is), "echo evil\n"...), 0o644))
		}, "error: 503"},
		"none on the server any more": {func(t *testing.T, _ bench, folder string) { must(t, os.Remove(filepath.Join(folder, is.File()))) }, "error: 500"},
		"a machine that it is not for": {func(t *testing.T, b bench, _ string) { b.calls(t, "Linux", "riscv64") },
			"This is not for Linux on riscv64. Nothing was installed."},
		"a Mac": {func(t *testing.T, b bench, _ string) { b.calls(t, "Darwin", "x86_64") },
			"This is not for Darwin on x86_64. Nothing was installed."},
		"no curl":      {func(t *testing.T, b bench, _ string) { b.has(t, "curl", "echo curl: not here >&2; exit 127") }, "curl: not here"},
		"no sha256sum": {func(t *testing.T, b bench, _ string) { b.has(t, "sha256sum", "exit 127") }, "Nothing was installed."},
		"no room": {func(t *testing.T, b bench, _ string) {
			b.has(t, "curl", "echo curl: no space left on device >&2; exit 23")
		},
			"no space left"},
	} {
		for name, shell := range map[string][]string{"bash": {"bash", "--norc"}, "dash": {"dash"}} {
			t.Run(claim+", in "+name, func(t *testing.T) {
				s, folder := offering(t)
				b := newBench(t)
				b.calls(t, "Linux", "x86_64")
				text := pasteOf(t, s, "linux")
				must(t, os.MkdirAll(filepath.Join(b.home, ".local", "bin"), 0o755))
				must(t, os.WriteFile(filepath.Join(b.home, place), old, 0o755))
				x.harm(t, b, folder)
				stdout, stderr := b.pastes(t, shell, text+"echo then\n")
				b.mustHold(t, old, stdout+stderr)
				if !strings.Contains(stderr, x.says) || strings.Contains(stdout, "asked:") || strings.Contains(stdout, "evil") || !strings.Contains(stdout, "then") {
					t.Errorf("want %q, it says:\n%s%s", x.says, stdout, stderr)
				}
			})
		}
	}
}
