package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web/view"
)

// auditRows is how many events one page of the audit log shows.
const auditRows = 50

// The keys of paging: sequence numbers, never offsets.
const (
	fieldBefore = "before"
	fieldAfter  = "after"
)

// auditPage is the search of the audit log.
func (s *server) auditPage(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	m := view.Audit{Frame: s.frame(r, "Audit", view.NavAudit), Filter: filterOf(v), Every: view.PathAudit}
	for _, k := range audit.Kinds() {
		m.Kinds = append(m.Kinds, view.Choice{Value: string(k), Text: string(k)})
	}
	q, wrong := query(v)
	if wrong != "" {
		m.Error = wrong
		s.page(w, r, http.StatusUnprocessableEntity, view.AuditPage(m))
		return nil
	}
	// Each page counts: whoever writes a place in the log into the address
	// would otherwise read from there on without a trace.
	if err := s.looked(r, audit.Read, searched(m.Filter, q)); err != nil {
		return err
	}
	rows, err := s.Log.Events(r.Context(), q)
	if err != nil {
		return fmt.Errorf("search the audit log: %w", err)
	}
	m.Older, m.Newer, rows = pages(v, q, rows)
	for _, row := range rows {
		m.Rows = append(m.Rows, eventRow(row))
	}
	s.page(w, r, http.StatusOK, view.AuditPage(m))
	return nil
}

// looked puts on record what an auditor looked at, before they see it.
func (s *server) looked(r *http.Request, k audit.Kind, what string) error {
	e := audit.New(k, s.Now(), asker(r).Who())
	e.Details.Text = what // may name people
	if err := s.Log.Record(r.Context(), e); err != nil {
		return fmt.Errorf("record that the audit log is read: %w", err)
	}
	return nil
}

// searched tells what was looked for, and from which place in the log.
func searched(f view.Filter, q audit.Query) string {
	words := f.Words()
	if q.Before > 0 {
		words += fmt.Sprintf(" %s=%d", fieldBefore, q.Before)
	}
	if q.After > 0 {
		words += fmt.Sprintf(" %s=%d", fieldAfter, q.After)
	}
	return words
}

func filterOf(v url.Values) view.Filter {
	get := func(name string) string { return strings.TrimSpace(legible(clip(v.Get(name), 300))) }
	return view.Filter{
		Person: get(view.FieldPerson), Cluster: get(view.FieldCluster), Role: get(view.FieldRole), Kind: get(view.FieldKind),
		Lease: get(view.FieldLease), Issuance: get(view.FieldIssuance), AccessKey: get(view.FieldAccessKey),
		Address: get(view.FieldAddress), From: get(view.FieldFrom), To: get(view.FieldTo),
	}
}

// query reads the filter. It asks for one row more than a page shows, to know
// whether there are others.
func query(v url.Values) (q audit.Query, wrong string) {
	f := filterOf(v)
	q = audit.Query{Person: f.Person, Cluster: f.Cluster, Role: f.Role, Kind: audit.Kind(f.Kind), Lease: f.Lease,
		Issuance: f.Issuance, AccessKeyID: f.AccessKey, Address: f.Address, Limit: auditRows + 1}
	if q.Kind != "" && !slices.Contains(audit.Kinds(), q.Kind) {
		return q, fmt.Sprintf("There is no kind of event called %q. Choose one from the list.", f.Kind)
	}
	var ok bool
	if q.From, ok = instant(f.From); !ok {
		return q, fmt.Sprintf("%q is no time. Write one such as 2026-03-01T15:04, in UTC.", f.From)
	}
	if q.To, ok = instant(f.To); !ok {
		return q, fmt.Sprintf("%q is no time. Write one such as 2026-03-01T15:04, in UTC.", f.To)
	}
	for name, at := range map[string]*int64{fieldBefore: &q.Before, fieldAfter: &q.After} {
		if text := v.Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return q, fmt.Sprintf("%q is no place in the log. Start again from the newest events.", clip(text, 40))
			}
			*at = n
		}
	}
	return q, ""
}

// instant reads a time as datetime-local writes it, in UTC; none is zero.
func instant(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// pages cuts the extra row off and links to what lies on either side.
func pages(v url.Values, q audit.Query, rows []audit.Row) (older, newer string, shown []audit.Row) {
	more := len(rows) > auditRows
	if more && q.After > 0 { // going back, the extra row is the newest
		rows = rows[1:]
	} else if more {
		rows = rows[:auditRows]
	}
	if len(rows) == 0 {
		return "", "", rows
	}
	if more && q.After == 0 || q.After > 0 {
		older = pageURL(v, fieldBefore, rows[len(rows)-1].Seq)
	}
	if more && q.After > 0 || q.Before > 0 {
		newer = pageURL(v, fieldAfter, rows[0].Seq)
	}
	return older, newer, rows
}

func pageURL(v url.Values, key string, seq int64) string {
	out := url.Values{}
	for name, value := range v {
		if name != fieldBefore && name != fieldAfter && len(value) > 0 && value[0] != "" {
			out.Set(name, value[0])
		}
	}
	out.Set(key, strconv.FormatInt(seq, 10))
	return view.PathAudit + "?" + out.Encode()
}

func eventRow(row audit.Row) view.EventRow {
	e := row.Event
	return view.EventRow{URL: eventURL(e.ID), At: e.At, Kind: string(e.Kind), Who: whoOf(row), Cluster: e.Cluster, Role: e.Role,
		AccessKeyID: e.AccessKeyID, Address: e.Details.Address, Say: say(e)}
}

func whoOf(row audit.Row) string {
	e := row.Event
	for _, s := range []string{e.Details.Email, e.Details.Name, e.Details.Subject, e.Principal} {
		if s != "" {
			return s
		}
	}
	return "Daypass"
}

// eventPage shows one event with all that is known of it, and its story.
func (s *server) eventPage(w http.ResponseWriter, r *http.Request) error {
	row, err := s.Log.Event(r.Context(), chi.URLParam(r, "event"))
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	if err := s.looked(r, audit.Read, "event="+row.Event.ID); err != nil {
		return err
	}
	e := row.Event
	m := view.Event{Frame: s.frame(r, "Event "+e.ID, view.NavAudit), ID: e.ID, Seq: row.Seq, Kind: string(e.Kind), At: e.At, Say: say(e),
		Fields: fields(e), Erased: row.Details == nil, Record: string(row.Record), Back: view.PathAudit}
	if e.Lease != "" {
		story, err := s.Log.Events(r.Context(), audit.Query{Lease: e.Lease, Limit: 200})
		if err != nil {
			return fmt.Errorf("read the event's story: %w", err)
		}
		slices.Reverse(story)
		for _, x := range story {
			line := eventRow(x)
			line.Current = x.Seq == row.Seq
			m.Story = append(m.Story, line)
		}
	}
	s.page(w, r, http.StatusOK, view.EventPage(m))
	return nil
}

// fields lists every value that an event carries; those one can search by are
// links.
func fields(e audit.Event) (out []view.Field) {
	add := func(name, value, by string) {
		if value == "" {
			return
		}
		f := view.Field{Name: name, Value: value}
		if by != "" {
			f.URL = view.PathAudit + "?" + url.Values{by: {value}}.Encode()
		}
		out = append(out, f)
	}
	d := e.Details
	add("Person", d.Email, view.FieldPerson)
	add("Name", d.Name, "")
	add("Subject", d.Subject, "")
	add("Principal", e.Principal, view.FieldPerson)
	add("Provider", e.Provider, "")
	add("Cluster", e.Cluster, view.FieldCluster)
	add("Role", e.Role, view.FieldRole)
	add("Grant", e.Grant, "")
	add("Lease", e.Lease, view.FieldLease)
	add("Issuance", e.Issuance, view.FieldIssuance)
	add("Access key", e.AccessKeyID, view.FieldAccessKey)
	add("Code", e.Reason, "")
	add("Text", d.Text, "")
	add("Address", d.Address, view.FieldAddress)
	add("User agent", d.UserAgent, "")
	add("Request", e.Request, "")
	add("Policy", e.Policy, "")
	for _, k := range slices.Sorted(maps.Keys(e.Facts)) {
		add(k, e.Facts[k], "")
	}
	for _, k := range slices.Sorted(maps.Keys(d.More)) {
		add(k, d.More[k], "")
	}
	return out
}
