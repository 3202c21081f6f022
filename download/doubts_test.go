package download_test

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/daypass/daypass/download"
)

// head is the head of a program and nothing behind it but some padding.
func head(t testing.TB, parts ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		must(t, binary.Write(&b, binary.LittleEndian, p))
	}
	return append(b.Bytes(), make([]byte, 256)...)
}

func elfFor(t testing.TB, m elf.Machine, abi elf.OSABI) []byte {
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: uint32(elf.EV_CURRENT), Ehsize: 64, Shentsize: 64, Phentsize: 56}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION], h.Ident[elf.EI_OSABI] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT), byte(abi)
	return head(t, h)
}

func machoFor(t testing.TB, c macho.Cpu) []byte {
	return head(t, macho.FileHeader{Magic: macho.Magic64, Cpu: c, Type: macho.TypeExec}, uint32(0))
}

func peFor(t testing.TB, machine uint16) []byte {
	var dos [96]byte
	copy(dos[:], "MZ")
	dos[0x3c] = 96
	return head(t, dos, [4]byte{'P', 'E'}, pe.FileHeader{Machine: machine})
}

// programs are heads that fit their names.
func programs(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"kubectl-daypass-linux-amd64":       elfFor(t, elf.EM_X86_64, elf.ELFOSABI_NONE),
		"kubectl-daypass-linux-arm64":       elfFor(t, elf.EM_AARCH64, elf.ELFOSABI_LINUX),
		"kubectl-daypass-darwin-amd64":      machoFor(t, macho.CpuAmd64),
		"kubectl-daypass-darwin-arm64":      machoFor(t, macho.CpuArm64),
		"kubectl-daypass-windows-amd64.exe": peFor(t, pe.IMAGE_FILE_MACHINE_AMD64),
		"kubectl-daypass-windows-arm64.exe": peFor(t, pe.IMAGE_FILE_MACHINE_ARM64),
	}
}

func doubts(t testing.TB, files map[string][]byte) (out []string) {
	t.Helper()
	for _, err := range open(t, folder(t, files)).Doubts(t.Context()) {
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %v", err)
		}
		out = append(out, err.Error())
	}
	return out
}

func TestProgramsThatFitTheirNamesRaiseNoDoubt(t *testing.T) {
	if got := doubts(t, programs(t)); len(got) != 0 {
		t.Errorf("%q", got)
	}
	own, err := os.Executable() // a real one
	must(t, err)
	b, err := os.ReadFile(own)
	must(t, err)
	if got := doubts(t, map[string][]byte{(download.Build{OS: runtime.GOOS, Arch: runtime.GOARCH}).File(): b}); len(got) != 0 {
		t.Errorf("this test itself: %q", got)
	}
}

func TestAProgramUnderAnothersNameIsDoubted(t *testing.T) {
	all := programs(t)
	const want = "kubectl-daypass-linux-amd64 is "
	for claim, x := range map[string]struct {
		is  []byte
		say string
	}{
		"of another processor":      {all["kubectl-daypass-linux-arm64"], "a program for linux on arm64, not for linux on amd64; put the right one in its place"},
		"for macOS":                 {all["kubectl-daypass-darwin-amd64"], "a program for darwin on amd64, not for linux on amd64"},
		"for Windows":               {all["kubectl-daypass-windows-amd64.exe"], "a program for windows on amd64, not for linux on amd64"},
		"for another Unix":          {elfFor(t, elf.EM_X86_64, elf.ELFOSABI_FREEBSD), "a program for freebsd on amd64, not"},
		"of a processor of no name": {elfFor(t, elf.EM_RISCV, elf.ELFOSABI_NONE), "a program for linux on another processor (EM_RISCV), not"},
		"a script":                  {[]byte("#!/bin/sh\nexit 0\n"), "no program for linux on amd64: it begins like none; build it again with make clients"},
		"one byte":                  {[]byte("M"), "no program for linux on amd64: it begins like none"},
		"half a head":               {all["kubectl-daypass-linux-amd64"][:20], "no program for linux on amd64: its head cannot be read"},
		"half a head of Windows":    {[]byte("MZ"), "no program for linux on amd64: its head cannot be read"},
		"half a head of macOS":      {all["kubectl-daypass-darwin-arm64"][:6], "no program for linux on amd64: its head cannot be read"},
	} {
		got := doubts(t, map[string][]byte{linux: x.is, windows: all[windows]})
		if len(got) != 1 || !strings.HasPrefix(got[0], want+x.say) {
			t.Errorf("%s: %q, want %q", claim, got, want+x.say)
		}
	}
}

// sums is a list of checksums as sha256sum writes it.
func sums(files map[string][]byte) (out []byte) {
	for name, b := range files {
		sum := sha256.Sum256(b)
		out = append(out, hex.EncodeToString(sum[:])+"  "+name+"\n"...)
	}
	return out
}

// capitals writes the checksums of a list so, and its names as they are.
func capitals(list []byte) (out []byte) {
	for line := range bytes.Lines(list) {
		out = append(append(out, bytes.ToUpper(line[:64])...), line[64:]...)
	}
	return out
}

func with(files map[string][]byte, list []byte) map[string][]byte {
	out := map[string][]byte{"SHA256SUMS": list}
	for name, b := range files {
		out[name] = b
	}
	return out
}

func TestWhatSHA256SUMSListsIsOffered(t *testing.T) {
	all := programs(t)
	plain := sums(all)
	for claim, list := range map[string][]byte{
		"as it is":              plain,
		"of binary files":       bytes.ReplaceAll(plain, []byte("  "), []byte(" *")),
		"in capitals":           capitals(plain),
		"with lines of Windows": bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
		"among other lines":     append([]byte("# built at noon\n\nabc  kubectl-daypass-linux-amd64\n"), plain...),
	} {
		s := open(t, folder(t, with(all, list)))
		if offers, err := s.Offers(); err != nil || len(offers) != len(all) || len(s.Doubts(t.Context())) != 0 {
			t.Errorf("%s: %d offered, %v", claim, len(offers), err)
		}
	}
}

func TestWhatSHA256SUMSDoesNotListAsItIsIsNotOffered(t *testing.T) {
	all := programs(t)
	others := map[string][]byte{windows: all[windows]}
	for claim, x := range map[string]struct {
		list []byte
		say  string
	}{
		"another file":  {sums(map[string][]byte{linux: {1}, windows: all[windows]}), linux + " is not the file that SHA256SUMS beside it lists, so it is not offered: its SHA-256 begins with "},
		"not listed":    {sums(others), linux + " has no line in SHA256SUMS beside it, so it is not offered; build all programs again with make clients, or remove this one"},
		"a broken line": {append(sums(others), "0123  "+linux+"\n"...), linux + " has no line in SHA256SUMS"},
	} {
		dir := folder(t, with(map[string][]byte{linux: all[linux], windows: all[windows]}, x.list))
		s := open(t, dir)
		offers, err := s.Offers()
		if len(offers) != 1 || offers[0].File() != windows || !errors.Is(err, download.ErrUnlisted) || !strings.HasPrefix(err.Error(), x.say) {
			t.Errorf("%s: %+v, %v", claim, offers, err)
		}
		must(t, os.Remove(filepath.Join(dir, "SHA256SUMS"))) // as for a change of the file, a restart is wanted
		if _, err := s.Get(linux); !errors.Is(err, download.ErrUnlisted) {
			t.Errorf("%s: it is given out: %v", claim, err)
		}
		if p, err := s.Get(windows); err != nil {
			t.Errorf("%s: the other one: %v", claim, err)
		} else if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, all[windows]) || p.Close() != nil {
			t.Errorf("%s: the other one: %d bytes, %v", claim, len(got), err)
		}
	}
}

func TestAListThatCannotBeReadOffersNothing(t *testing.T) {
	for claim, lay := range map[string]func(path string) error{
		"a folder":      func(path string) error { return os.Mkdir(path, 0o700) },
		"far too large": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("\n"), 65<<10), 0o600) },
	} {
		dir := folder(t, programs(t))
		must(t, lay(filepath.Join(dir, "SHA256SUMS")))
		got := open(t, dir).Doubts(t.Context())
		if len(got) != 6 || !strings.Contains(got[0].Error(), "cannot be held against SHA256SUMS, so it is not offered: it is no list of checksums; correct that file, or remove it") {
			t.Errorf("%s: %v", claim, got)
		}
	}
}
