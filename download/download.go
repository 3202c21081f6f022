// Package download keeps the client's programs that a server offers, one for
// each system, in one folder. Its promise: a checksum that was stated once
// stays, and no byte leaves that is not of the file it was made from, whatever
// happens to the folder meanwhile, nor one of a file that SHA256SUMS beside it
// does not list as it is. Its one danger is a path: callers name a
// program, and only names of this package's own ever reach the file system.
package download

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// What Get can fail with, beside failures to read.
var (
	ErrNone    = errors.New("there is no such program in the folder")
	ErrChanged = errors.New("the file is not the one whose checksum was stated")
)

// Build is what a program was built for, in Go's words.
type Build struct{ OS, Arch string }

// Builds are all that there are, as cmd/kubectl-daypass/build-all makes them.
func Builds() []Build {
	return []Build{
		{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
	}
}

// File is what the program's file is called.
func (b Build) File() string {
	name := "kubectl-daypass-" + b.OS + "-" + b.Arch
	if b.OS == "windows" {
		name += ".exe"
	}
	return name
}

// Offer is a program and its checksum.
type Offer struct {
	Build
	Size   int64
	SHA256 string // in small hexadecimal digits
}

// Shelf is a folder of programs; the zero Shelf offers none. Its methods may be
// called at once.
type Shelf struct {
	root  *os.Root
	items []*item
}

// item is one program. What is known of it is worked out when it is first
// asked for, since a server has better things to do before it is ready.
type item struct {
	Build
	mu    sync.Mutex
	facts *facts // nil: not worked out yet
	wrong error  // why it is not offered, whatever its facts are
}

// facts are what a file was when it was read.
type facts struct {
	size   int64
	sum    [sha256.Size]byte
	blocks [][sha256.Size]byte
}

// blockSize is how much of a file is checked and sent at once.
const blockSize = 64 << 10

// largest is more than any client has.
const largest = 128 << 20

// Open takes a folder, which has to hold one of the programs at least. What
// else lies in it is not looked at.
func Open(folder string) (*Shelf, error) {
	root, err := os.OpenRoot(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the folder %s does not exist; create it or correct the path", folder)
	case err != nil:
		return nil, fmt.Errorf("%w; correct the path or its rights", err)
	}
	s := &Shelf{root: root}
	for _, b := range Builds() {
		err := s.look(b.File())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("in the folder %s: %w", folder, err), root.Close())
		}
		s.items = append(s.items, &item{Build: b})
	}
	if len(s.items) == 0 {
		return nil, errors.Join(fmt.Errorf("the folder %s holds none of the programs (%s); build them with make clients, or correct the path", folder, strings.Join(names(), ", ")), root.Close())
	}
	return s, nil
}

func names() (out []string) {
	for _, b := range Builds() {
		out = append(out, b.File())
	}
	return out
}

// Check tells why Open would not take a folder.
func Check(folder string) error {
	s, err := Open(folder)
	if err != nil {
		return err
	}
	return s.Close()
}

// Close lets go of the folder.
func (s *Shelf) Close() error { return s.root.Close() }

// look tells what is wrong with a file that is there. A pipe would hold up
// whoever opens it, so its kind is asked first.
func (s *Shelf) look(name string) error {
	info, err := s.root.Stat(name)
	switch {
	case err != nil:
		return fmt.Errorf("%w; give Daypass the right to read it", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file; remove it", name)
	case info.Size() == 0:
		return fmt.Errorf("%s is empty; build it again", name)
	case info.Size() > largest:
		return fmt.Errorf("%s is larger than %d MiB, which no client is; is it the right one?", name, largest>>20)
	}
	f, err := s.root.Open(name)
	if err != nil {
		return fmt.Errorf("%w; give Daypass the right to read it", err)
	}
	return f.Close()
}

// Offers lists the programs with their checksums. An error is about those that
// are left out for it.
func (s *Shelf) Offers() (out []Offer, err error) {
	for _, it := range s.items {
		known, failed := it.known(s.root)
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		out = append(out, known.offer(it.Build))
	}
	return out, err
}

// Get opens a program by the name of its file.
func (s *Shelf) Get(file string) (*Program, error) {
	for _, it := range s.items {
		if it.File() != file {
			continue
		}
		known, err := it.known(s.root)
		if err != nil {
			return nil, err
		}
		return s.open(it.Build, known)
	}
	return nil, ErrNone
}

func (s *Shelf) open(b Build, known *facts) (*Program, error) {
	f, err := s.root.Open(b.File())
	if err != nil {
		return nil, fmt.Errorf("open the client: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != known.size {
		err = ErrChanged
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the client %s: %w", b.File(), err), f.Close())
	}
	return &Program{Offer: known.offer(b), file: f, facts: known, held: -1}, nil
}

func (f *facts) offer(b Build) Offer { return Offer{b, f.size, hex.EncodeToString(f.sum[:])} }

// known reads the file once. What failed is tried again for the next who asks;
// what is not as SHA256SUMS lists it stays away, or everybody who asks would
// have the whole file read.
func (it *item) known(root *os.Root) (*facts, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.facts != nil {
		return it.facts, it.wrong
	}
	f, err := root.Open(it.File())
	if err != nil {
		return nil, fmt.Errorf("work out a checksum: %w", err)
	}
	known, err := measure(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("work out the checksum of %s: %w", it.File(), err)
	}
	it.facts, it.wrong = known, agrees(root, it.File(), known)
	return it.facts, it.wrong
}

func measure(r io.Reader) (*facts, error) {
	whole, block, out := sha256.New(), make([]byte, blockSize), &facts{}
	for {
		n, err := io.ReadFull(r, block)
		if n > 0 {
			whole.Write(block[:n]) // a hash takes everything
			out.blocks = append(out.blocks, sha256.Sum256(block[:n]))
			out.size += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			whole.Sum(out.sum[:0])
			return out, nil
		case err != nil:
			return nil, err
		}
	}
}
