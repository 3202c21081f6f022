package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Format is the version of the canonical bytes that this package writes.
const Format = 1

// SaltSize is the length of the salt of an event's details, in bytes. It keeps
// a hash of erased details from being guessed.
const SaltSize = 16

// Row is an event as the log keeps it: the record's canonical bytes, verbatim,
// and its details beside them.
type Row struct {
	Seq     int64 // gapless from 1
	Event   Event
	Record  []byte // canonical bytes; they hold the sequence number
	Salt    []byte
	Details []byte // canonical bytes of the details; nil once erased
}

// record fixes the order of fields in the canonical bytes. New fields go at
// the end, and only with a new Format.
type record struct {
	Format      int               `json:"v"`
	Seq         int64             `json:"seq"`
	ID          string            `json:"id"`
	At          string            `json:"at"`
	Kind        Kind              `json:"kind"`
	Principal   string            `json:"principal,omitempty"`
	Provider    string            `json:"provider,omitempty"`
	Cluster     string            `json:"cluster,omitempty"`
	Role        string            `json:"role,omitempty"`
	Grant       string            `json:"grant,omitempty"`
	Lease       string            `json:"lease,omitempty"`
	Issuance    string            `json:"issuance,omitempty"`
	AccessKeyID string            `json:"accessKeyID,omitempty"`
	Policy      string            `json:"policy,omitempty"`
	Request     string            `json:"request,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Facts       map[string]string `json:"facts,omitempty"`
	Details     string            `json:"details"` // hex SHA-256 of salt and details
}

const atFormat = "2006-01-02T15:04:05.000000Z"

// Seal gives an event its place in the log and makes its bytes. Canonical
// bytes are JSON with the fields in a fixed order, map keys sorted, no white
// space, times in UTC with six decimals.
func Seal(seq int64, e Event) (Row, error) {
	salt := make([]byte, SaltSize)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	return seal(seq, e, salt)
}

func seal(seq int64, e Event, salt []byte) (Row, error) {
	details, err := encode(e.Details)
	if err != nil {
		return Row{}, fmt.Errorf("encode the details of event %s: %w", e.ID, err)
	}
	rec, err := encode(record{
		Format: Format, Seq: seq, ID: e.ID, At: e.At.UTC().Format(atFormat), Kind: e.Kind,
		Principal: e.Principal, Provider: e.Provider, Cluster: e.Cluster, Role: e.Role, Grant: e.Grant,
		Lease: e.Lease, Issuance: e.Issuance, AccessKeyID: e.AccessKeyID, Policy: e.Policy,
		Request: e.Request, Reason: e.Reason, Facts: e.Facts, Details: hashDetails(salt, details),
	})
	if err != nil {
		return Row{}, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return Row{Seq: seq, Event: e, Record: rec, Salt: salt, Details: details}, nil
}

// Open reads a row back from its bytes and checks that they belong together.
// Details may be nil: erased. It detects a record whose details were changed,
// not a record that was itself replaced.
func Open(rec, salt, details []byte) (Row, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(rec))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Row{}, fmt.Errorf("read the record of an event: %w", err)
	}
	if r.Format != Format {
		return Row{}, fmt.Errorf("event %s has the format %d; this version reads %d", r.ID, r.Format, Format)
	}
	at, err := time.Parse(atFormat, r.At)
	if err != nil {
		return Row{}, fmt.Errorf("event %s: read its time: %w", r.ID, err)
	}
	row := Row{Seq: r.Seq, Record: rec, Salt: salt, Details: details, Event: Event{
		ID: r.ID, At: at, Kind: r.Kind, Principal: r.Principal, Provider: r.Provider,
		Cluster: r.Cluster, Role: r.Role, Grant: r.Grant, Lease: r.Lease, Issuance: r.Issuance,
		AccessKeyID: r.AccessKeyID, Policy: r.Policy, Request: r.Request, Reason: r.Reason, Facts: r.Facts,
	}}
	if details == nil {
		return row, nil
	}
	if hashDetails(salt, details) != r.Details {
		return Row{}, fmt.Errorf("event %s (seq %d): its details are not those that were recorded", r.ID, r.Seq)
	}
	if err := json.Unmarshal(details, &row.Event.Details); err != nil {
		return Row{}, fmt.Errorf("event %s: read its details: %w", r.ID, err)
	}
	return row, nil
}

// Line is the row as one line of JSON, with its newline: the record and what
// is left of the details, both verbatim, so that a reader of lines can check
// the hashes.
func (r Row) Line() []byte {
	details := r.Details
	if details == nil {
		details = []byte("null")
	}
	return slices.Concat([]byte(`{"event":`), r.Record, []byte(`,"details":`), details, []byte("}\n"))
}

func hashDetails(salt, details []byte) string {
	sum := sha256.Sum256(append(append(make([]byte, 0, len(salt)+len(details)), salt...), details...))
	return hex.EncodeToString(sum[:])
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
