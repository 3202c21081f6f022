package download

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// Program is an open program, to be read by one caller and closed. It reads
// block by block, each held against what it was when the checksum was made, so
// that it ends with ErrChanged before a byte that disagrees.
type Program struct {
	Offer
	file   *os.File
	facts  *facts
	at     int64
	held   int64 // the block at hand; -1: none
	block  []byte
	failed error
}

// Read gives bytes that are as they were.
func (p *Program) Read(b []byte) (int, error) {
	if p.at >= p.Size {
		return 0, io.EOF
	}
	if err := p.hold(p.at / blockSize); err != nil {
		p.failed = err
		return 0, err
	}
	n := copy(b, p.block[p.at%blockSize:])
	p.at += int64(n)
	return n, nil
}

func (p *Program) hold(i int64) error {
	if i == p.held {
		return nil
	}
	if p.block == nil {
		p.block = make([]byte, blockSize)
	}
	p.held, p.block = -1, p.block[:min(blockSize, p.Size-i*blockSize)]
	if _, err := p.file.ReadAt(p.block, i*blockSize); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", p.File(), err)
	}
	// One that became shorter ends in what the block held before, and differs.
	if sha256.Sum256(p.block) != p.facts.blocks[i] {
		return fmt.Errorf("%s: %w", p.File(), ErrChanged)
	}
	p.held = i
	return nil
}

// Seek goes to another place.
func (p *Program) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.Size
	}
	if offset < 0 {
		return 0, errors.New("there is nothing before a file's beginning")
	}
	p.at = offset
	return offset, nil
}

// Err is why reading ended early, if it did.
func (p *Program) Err() error { return p.failed }

// Close lets go of the file.
func (p *Program) Close() error { return p.file.Close() }
