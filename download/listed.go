package download

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// sumsFile lists the checksums of what was built together, as sha256sum and
// cmd/kubectl-daypass/build-all write it.
const sumsFile = "SHA256SUMS"

// mostSums is more than any such list has.
const mostSums = 64 << 10

// ErrUnlisted is the error of a file that SHA256SUMS, where there is one in the
// folder, does not list as it is. It finds copies that broke off and builds that
// were mixed; whoever can write to the folder can write both.
var ErrUnlisted = errors.New("the file is not the one that SHA256SUMS lists")

// agrees holds a file against SHA256SUMS. Where there is none, it agrees.
func agrees(root *os.Root, name string, known *facts) error {
	sums, err := listed(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s cannot be held against %s, so it is not offered: %w; correct that file, or remove it", name, sumsFile, err)
	}
	want, ok := sums[name]
	switch {
	case !ok:
		return unlisted{fmt.Sprintf("%s has no line in %s beside it, so it is not offered; build all programs again with make clients, or remove this one", name, sumsFile)}
	case want != known.sum:
		return unlisted{fmt.Sprintf("%s is not the file that %s beside it lists, so it is not offered: its SHA-256 begins with %s, the one listed with %s; copy or build all programs again", name, sumsFile, mark(known.sum), mark(want))}
	}
	return nil
}

func mark(sum [32]byte) string { return hex.EncodeToString(sum[:4]) }

// unlisted is ErrUnlisted in words.
type unlisted struct{ say string }

func (u unlisted) Error() string        { return u.say }
func (u unlisted) Is(target error) bool { return target == ErrUnlisted }

// listed reads SHA256SUMS: fs.ErrNotExist when there is none. Lines that are no
// checksum are left out; whoever needs one of them finds none.
func listed(root *os.Root) (map[string][32]byte, error) {
	info, err := root.Stat(sumsFile)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > mostSums) {
		err = errors.New("it is no list of checksums")
	}
	if err != nil {
		return nil, err
	}
	f, err := root.Open(sumsFile)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, mostSums))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	sums := map[string][32]byte{}
	for line := range bytes.Lines(text) {
		sum, name, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		raw, err := hex.DecodeString(sum)
		if err != nil || len(raw) != 32 || len(name) < 2 { // a space or a star, then the name
			continue
		}
		sums[name[1:]] = [32]byte(raw)
	}
	return sums, nil
}
