package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// Secret is text that cannot print itself. Only Reveal gives it away.
type Secret struct {
	value *string // behind a pointer, so that even reflection in fmt shows an address only
}

const hidden = "[secret]"

// NewSecret hides a text.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal gives the text away; the zero Secret is empty.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String says [secret].
func (s Secret) String() string { return hidden }

// Format says [secret], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue says [secret].
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText says [secret], in JSON and YAML too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// maxSecret bounds what is read from a secret's file, which is a key or a
// password and not a disk image given by mistake.
const maxSecret = 64 << 10

// secretFile reads a secret from a file, without the newline at its end.
func secretFile(path string) (s Secret, content []byte, err error) {
	if content, err = keyFile(path); err != nil {
		return Secret{}, nil, err
	}
	s, err = oneLine(string(content), "the file "+path)
	return s, content, err
}

// keyFile reads a file of secrets as it is.
func keyFile(path string) ([]byte, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	b, err := readAtMost(path, maxSecret)
	if err != nil {
		return nil, fmt.Errorf("%w; give Daypass the right to read the file", err)
	}
	if len(b) > maxSecret {
		return nil, fmt.Errorf("the file %s is larger than 64 KiB, which no secret is; correct the path", path)
	}
	return b, nil
}

// certificateFile reads certificates in PEM. They are no secret; a key among
// them would be.
func certificateFile(path string) ([]byte, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	b, err := readAtMost(path, maxSize)
	if err != nil {
		return nil, fmt.Errorf("%w; give Daypass the right to read the file", err)
	}
	if len(b) > maxSize {
		return nil, fmt.Errorf("the file %s is larger than 1 MiB; is it the right one?", path)
	}
	for n, rest := 0, b; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil && n > 0 {
			return b, nil
		}
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("the file %s holds something else than certificates in PEM; leave only those in it", path)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("the file %s holds a certificate that cannot be read; export it again as PEM", path)
		}
	}
}

// secretEnv reads a secret from a variable of the environment.
func secretEnv(name string, env func(string) string) (Secret, error) {
	value := env(name)
	if value == "" {
		return Secret{}, fmt.Errorf("the environment variable %s is not set or empty; set it where Daypass is started", name)
	}
	return oneLine(value, "the environment variable "+name)
}

func oneLine(s, source string) (Secret, error) {
	s = strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
	switch {
	case strings.TrimSpace(s) == "":
		return Secret{}, fmt.Errorf("%s is empty; put the secret into it", source)
	case strings.ContainsAny(s, "\x00\r\n"):
		return Secret{}, fmt.Errorf("%s holds more than one line of text; leave only the secret in it", source)
	}
	return NewSecret(s), nil
}

// regular tells a file that can be read from a missing one, a folder or a
// pipe, which would hang the reader.
func regular(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the file %s does not exist; create it or correct the path", path)
	case err != nil:
		return fmt.Errorf("%w; correct the path or its rights", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file; correct the path", path)
	}
	return nil
}

// openToOthers tells whether everybody on the machine may read or change the
// file. Its group may: Kubernetes hands secrets to a group.
func openToOthers(path string) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false // whoever reads the file reports it
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o007 != 0
}

// readAtMost reads up to limit bytes and one more, so that too many are seen.
func readAtMost(path string, limit int64) (b []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}
