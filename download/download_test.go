package download_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/daypass/daypass/download"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// content is a program of a size, which no part of it repeats.
func content(name string, size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		sum := sha256.Sum256([]byte(name + string(rune(i))))
		b.Write(sum[:])
	}
	return b.Bytes()[:size]
}

func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	return dir
}

func open(t testing.TB, dir string) *download.Shelf {
	t.Helper()
	s, err := download.Open(dir)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

const linux, windows = "kubectl-daypass-linux-amd64", "kubectl-daypass-windows-arm64.exe"

func TestItOffersWhatIsThereWithItsChecksum(t *testing.T) {
	want := map[string][]byte{linux: content("l", 200_000), windows: content("w", 65_536)}
	s := open(t, folder(t, map[string][]byte{linux: want[linux], windows: want[windows], "kubectl-daypass-plan9-386": {1}}))
	offers, err := s.Offers()
	must(t, err)
	if len(offers) != 2 || offers[0].File() != linux || offers[1].File() != windows {
		t.Fatalf("%+v", offers)
	}
	for _, o := range offers {
		sum := sha256.Sum256(want[o.File()])
		if o.SHA256 != hex.EncodeToString(sum[:]) || o.Size != int64(len(want[o.File()])) {
			t.Errorf("%+v", o)
		}
		p, err := s.Get(o.File())
		must(t, err)
		got, err := io.ReadAll(p)
		must(t, errors.Join(err, p.Close(), p.Err()))
		if !bytes.Equal(got, want[o.File()]) || p.Offer != o {
			t.Errorf("%s came out as %d other bytes", o.File(), len(got))
		}
	}
}

func TestAProgramIsReadFromAnyPlace(t *testing.T) {
	for _, size := range []int{1, 65_535, 65_536, 65_537, 131_072, 200_001} {
		b := content("x", size)
		p, err := open(t, folder(t, map[string][]byte{linux: b})).Get(linux)
		must(t, err)
		must(t, iotest.TestReader(p, b))
		must(t, p.Close())
	}
}

func TestOnlyProgramsByNameAreFound(t *testing.T) {
	dir := folder(t, map[string][]byte{linux: {1}, "SHA256SUMS": {2}, "secret": {3}})
	s := open(t, filepath.Join(dir, "."))
	for _, name := range []string{"", ".", "SHA256SUMS", "secret", "../" + filepath.Base(dir) + "/" + linux, "./" + linux, linux + "/", windows, strings.ToUpper(linux), linux + "\x00"} {
		if p, err := s.Get(name); !errors.Is(err, download.ErrNone) {
			t.Errorf("%q: %v, %v", name, p, err)
		}
	}
}

func TestAFolderThatOffersNothingIsRefused(t *testing.T) {
	good := content("l", 10)
	pipe := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(pipe, linux), 0o600))
	out := t.TempDir()
	must(t, os.Symlink(filepath.Join(folder(t, map[string][]byte{"x": good}), "x"), filepath.Join(out, linux)))
	within := folder(t, map[string][]byte{"x": good})
	must(t, os.Mkdir(filepath.Join(within, linux), 0o700))
	big := folder(t, map[string][]byte{linux: good})
	must(t, os.Truncate(filepath.Join(big, linux), 129<<20))
	for claim, x := range map[string][2]string{
		"missing":             {filepath.Join(t.TempDir(), "none"), "does not exist; create it"},
		"a file":              {filepath.Join(folder(t, map[string][]byte{"f": good}), "f"), "correct the path"},
		"empty":               {t.TempDir(), "holds none of the programs (kubectl-daypass-linux-amd64, "},
		"of other files":      {folder(t, map[string][]byte{"SHA256SUMS": good}), "holds none of the programs"},
		"an empty program":    {folder(t, map[string][]byte{linux: {}}), "kubectl-daypass-linux-amd64 is empty"},
		"a pipe":              {pipe, "is not a file"},
		"a folder in place":   {within, "is not a file"},
		"a link that escapes": {out, "escapes"},
		"far too large":       {big, "larger than 128 MiB"},
	} {
		if err := download.Check(x[0]); err == nil || !strings.Contains(err.Error(), x[1]) {
			t.Errorf("%s: %v, want %q", claim, err, x[1])
		}
	}
	if err := download.Check(folder(t, map[string][]byte{linux: good})); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

// A file that changed is told by its size, before anything is sent; one that
// kept it, before a byte that disagrees.
func TestNoByteLeavesThatDisagreesWithTheChecksum(t *testing.T) {
	was := content("was", 200_000)
	for claim, x := range map[string]struct {
		change func(t *testing.T, path string)
		early  bool // told when it is opened
		most   int  // bytes that may leave
	}{
		"longer":  {func(t *testing.T, p string) { must(t, os.WriteFile(p, append(was[:len(was):len(was)], 0), 0o644)) }, true, 0},
		"shorter": {func(t *testing.T, p string) { must(t, os.Truncate(p, 100_000)) }, true, 0},
		"gone":    {func(t *testing.T, p string) { must(t, os.Remove(p)) }, true, 0},
		"another of its size": {func(t *testing.T, p string) {
			must(t, os.Remove(p))
			must(t, os.WriteFile(p, content("is", 200_000), 0o644))
		}, false, 0},
		"one byte near the end": {func(t *testing.T, p string) { patch(t, p, 199_999) }, false, 196_608},
		"one byte in the midst": {func(t *testing.T, p string) { patch(t, p, 70_000) }, false, 65_536},
	} {
		t.Run(claim, func(t *testing.T) {
			dir := folder(t, map[string][]byte{linux: was})
			s := open(t, dir)
			before, err := s.Offers()
			must(t, err)
			x.change(t, filepath.Join(dir, linux))
			p, err := s.Get(linux)
			if (err != nil) != x.early {
				t.Fatalf("opening: %v", err)
			}
			if err == nil {
				got, err := io.ReadAll(p)
				if !errors.Is(err, download.ErrChanged) || !errors.Is(p.Err(), download.ErrChanged) || len(got) != x.most || !bytes.HasPrefix(was, got) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				must(t, p.Close())
			}
			after, err := s.Offers()
			if err != nil || !slices.Equal(before, after) {
				t.Errorf("the checksum was worked out anew: %v, %v", after, err)
			}
		})
	}
}

func patch(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	must(t, errors.Join(err, f.Close()))
}

func TestAFileThatChangesWhileItIsReadEndsTheReading(t *testing.T) {
	was := content("was", 200_000)
	dir := folder(t, map[string][]byte{linux: was})
	p, err := open(t, dir).Get(linux)
	must(t, err)
	_, err = io.CopyN(io.Discard, p, 70_000)
	must(t, err)
	must(t, os.Truncate(filepath.Join(dir, linux), 140_000))
	rest, err := io.ReadAll(p)
	if !errors.Is(err, download.ErrChanged) || !bytes.Equal(rest, was[70_000:131_072]) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	must(t, p.Close())
}

func TestWhatCannotBeReadYetIsReadTheNextTime(t *testing.T) {
	dir := folder(t, map[string][]byte{linux: {1}, windows: {2}})
	s := open(t, dir)
	must(t, os.Rename(filepath.Join(dir, linux), filepath.Join(dir, "away")))
	offers, err := s.Offers()
	if err == nil || len(offers) != 1 || offers[0].File() != windows {
		t.Errorf("one of two was gone: %v, %v", offers, err)
	}
	if _, err := s.Get(linux); err == nil || errors.Is(err, download.ErrNone) {
		t.Errorf("the one that was gone: %v", err)
	}
	must(t, os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, linux)))
	if offers, err := s.Offers(); err != nil || len(offers) != 2 {
		t.Errorf("it came back: %v, %v", offers, err)
	}
}

func TestManyMayAskAtOnce(t *testing.T) {
	b := content("x", 150_000)
	s := open(t, folder(t, map[string][]byte{linux: b, windows: b}))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if offers, err := s.Offers(); err != nil || len(offers) != 2 {
				t.Error(offers, err)
			}
			p, err := s.Get(windows)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, b) {
				t.Error(len(got), err)
			}
			_ = p.Close()
		})
	}
	all.Wait()
}

// The script that builds the programs cannot import the list of them.
func TestTheScriptBuildsWhatIsOffered(t *testing.T) {
	b, err := os.ReadFile("../cmd/kubectl-daypass/build-all")
	must(t, err)
	m := regexp.MustCompile(`(?m)^for build in (.*); do$`).FindStringSubmatch(string(b))
	if m == nil {
		t.Fatal("cmd/kubectl-daypass/build-all has no list any more")
	}
	var want []string
	for _, x := range download.Builds() {
		want = append(want, x.OS+"/"+x.Arch)
	}
	if m[1] != strings.Join(want, " ") {
		t.Errorf("it builds %s, want %s", m[1], strings.Join(want, " "))
	}
}
