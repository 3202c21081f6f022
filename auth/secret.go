package auth

import (
	"fmt"
	"log/slog"
)

// Secret is a client secret. It cannot print itself.
type Secret struct {
	// A function prints as an address even where fmt, looking into the
	// unexported fields of some other struct, passes our methods by.
	reveal func() string
}

const hidden = "[client secret]"

// NewSecret hides a client secret.
func NewSecret(s string) Secret { return Secret{func() string { return s }} }

func (s Secret) value() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String hides the secret.
func (s Secret) String() string { return hidden }

// Format hides the secret from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret from JSON and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
