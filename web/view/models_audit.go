package view

import (
	"strings"
	"time"
)

// Audit is the search of the audit log.
type Audit struct {
	Frame
	Filter Filter
	Kinds  []Choice
	Error  string // why the filter was not understood
	Rows   []EventRow
	Older  string // empty: there are none
	Newer  string
	Every  string // the log without a filter
}

// Filter is what was typed. From and To are UTC, as datetime-local writes them.
type Filter struct {
	Person, Cluster, Role, Kind         string
	Lease, Issuance, AccessKey, Address string
	From, To                            string
}

// Words is the filter as it is put on record: everything, or the fields that
// are set.
func (f Filter) Words() string {
	var out []string
	for _, x := range [][2]string{{FieldPerson, f.Person}, {FieldCluster, f.Cluster}, {FieldRole, f.Role}, {FieldKind, f.Kind}, {FieldLease, f.Lease},
		{FieldIssuance, f.Issuance}, {FieldAccessKey, f.AccessKey}, {FieldAddress, f.Address}, {FieldFrom, f.From}, {FieldTo, f.To}} {
		if x[1] != "" {
			out = append(out, x[0]+"="+x[1])
		}
	}
	if len(out) == 0 {
		return "everything"
	}
	return strings.Join(out, " ")
}

func (f Filter) used() bool { return f != Filter{} }

// EventRow is one event in a list.
type EventRow struct {
	URL           string
	At            time.Time
	Kind          string
	Who           string
	Cluster, Role string
	AccessKeyID   string
	Address       string
	Say           string // what happened, in a sentence
	Current       bool   // it is the event whose story is told
}

// Event is one event with everything known of it.
type Event struct {
	Frame
	ID     string
	Seq    int64
	Kind   string
	At     time.Time
	Say    string
	Fields []Field
	Erased bool   // its personal part was erased
	Record string // the canonical bytes as text; may be empty
	Story  []EventRow
	Back   string
}

// Field is one named value; a URL leads to everything with the same value.
type Field struct {
	Name, Value, URL string
}
