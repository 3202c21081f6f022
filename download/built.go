package download

import (
	"bytes"
	"context"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Doubts tells, of each program that should not lie in the folder under its
// name, what is wrong with it and what to do. It reads them all.
func (s *Shelf) Doubts(ctx context.Context) (out []error) {
	for _, it := range s.items {
		if ctx.Err() != nil {
			return out
		}
		if _, err := it.known(s.root); err != nil {
			out = append(out, err)
		}
		if err := it.fits(s.root); err != nil {
			out = append(out, err)
		}
	}
	return out
}

// fits tells what the file is when it is not what its name says.
func (it *item) fits(root *os.Root) error {
	f, err := root.Open(it.File())
	if err != nil {
		return fmt.Errorf("look at a client: %w", err)
	}
	is, err := builtFor(f)
	_ = f.Close() // it was only read
	switch {
	case err != nil:
		return fmt.Errorf("%s is no program for %s on %s: %w; build it again with make clients, or remove it", it.File(), it.OS, it.Arch, err)
	case is != it.Build:
		return fmt.Errorf("%s is a program for %s on %s, not for %s on %s; put the right one in its place, or build it again with make clients", it.File(), is.OS, is.Arch, it.OS, it.Arch)
	}
	return nil
}

// builtFor reads from a program's first bytes what it was built for.
func builtFor(r io.ReaderAt) (Build, error) {
	head := make([]byte, 4)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Build{}, err
	}
	switch {
	case bytes.Equal(head, []byte(elf.ELFMAG)):
		return builtELF(r)
	case bytes.Equal(head, []byte{0xcf, 0xfa, 0xed, 0xfe}): // 64 bits, little-endian
		return builtMachO(r)
	case bytes.HasPrefix(head, []byte("MZ")):
		return builtPE(r)
	}
	return Build{}, errors.New("it begins like none")
}

func builtELF(r io.ReaderAt) (Build, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return Build{}, fmt.Errorf("its head cannot be read: %w", err)
	}
	b := Build{"linux", called(f.Machine, map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"})}
	if f.OSABI != elf.ELFOSABI_NONE && f.OSABI != elf.ELFOSABI_LINUX {
		b.OS = strings.ToLower(strings.TrimPrefix(f.OSABI.String(), "ELFOSABI_"))
	}
	return b, nil
}

func builtMachO(r io.ReaderAt) (Build, error) {
	f, err := macho.NewFile(r)
	if err != nil {
		return Build{}, fmt.Errorf("its head cannot be read: %w", err)
	}
	return Build{"darwin", called(f.Cpu, map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"})}, nil
}

func builtPE(r io.ReaderAt) (Build, error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return Build{}, fmt.Errorf("its head cannot be read: %w", err)
	}
	return Build{"windows", called(f.Machine, map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"})}, nil
}

// called is what Go calls a processor; of one that is offered nothing, what
// its format calls it.
func called[T comparable](processor T, ours map[T]string) string {
	if name, ok := ours[processor]; ok {
		return name
	}
	return fmt.Sprintf("another processor (%v)", processor)
}
