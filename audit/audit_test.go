package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 123456789, time.UTC)

func event() Event {
	e := New(Minted, noon, Who{Principal: "pr_1", Provider: "okta", Email: "ann@example.com", Name: "Ann <b>", Subject: "00u1", Address: "203.0.113.9", UserAgent: "x/1", Request: "rq_1"})
	e.ID = "ev_1"
	e.Cluster, e.Role, e.Grant, e.Lease, e.Issuance, e.AccessKeyID, e.Policy, e.Reason = "pay", "viewer", "g", "ls_1", "is_1", "ASIA1", "sha256:0", "code"
	e.Facts = map[string]string{"z": "1", "a": "ü & <"}
	e.Details.Text = "line one\nline two \u2028 \x00"
	return e
}

// The bytes are a contract: a verifier of another year must read them.
func TestCanonicalBytes(t *testing.T) {
	row, err := seal(7, event(), bytes.Repeat([]byte{1}, SaltSize))
	if err != nil {
		t.Fatal(err)
	}
	wantRecord := `{"v":1,"seq":7,"id":"ev_1","at":"2026-03-02T12:00:00.123456Z","kind":"issuance.minted","principal":"pr_1","provider":"okta","cluster":"pay","role":"viewer","grant":"g","lease":"ls_1","issuance":"is_1","accessKeyID":"ASIA1","policy":"sha256:0","request":"rq_1","reason":"code","facts":{"a":"ü & <","z":"1"},"details":"cbee18b07ad4f1c986780281460bf9166836046219efaefdd91426c695bef46c"}`
	wantDetails := `{"email":"ann@example.com","name":"Ann <b>","subject":"00u1","address":"203.0.113.9","userAgent":"x/1","text":"line one\nline two \u2028 \u0000"}`
	if diff := cmp.Diff(wantDetails, string(row.Details)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantRecord, string(row.Record)); diff != "" {
		t.Error(diff)
	}
}

func TestNoPersonalWordIsInTheRecord(t *testing.T) {
	row, err := Seal(1, event())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"ann@example.com", "Ann", "00u1", "203.0.113.9", "x/1", "line one"} {
		if strings.Contains(string(row.Record), s) {
			t.Errorf("the record says %q", s)
		}
	}
}

func TestOpenGivesBackWhatWasSealed(t *testing.T) {
	want := event()
	want.At = want.At.Truncate(time.Microsecond)
	sealed, err := Seal(7, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(sealed.Record, sealed.Salt, sealed.Details)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Event); diff != "" || got.Seq != 7 {
		t.Errorf("seq %d\n%s", got.Seq, diff)
	}
	erased, err := Open(sealed.Record, nil, nil)
	want.Details = Details{}
	if diff := cmp.Diff(want, erased.Event); err != nil || diff != "" {
		t.Errorf("erased: %v\n%s", err, diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	row, err := Seal(7, event())
	if err != nil {
		t.Fatal(err)
	}
	other, err := Seal(8, event())
	if err != nil {
		t.Fatal(err)
	}
	for claim, try := range map[string]func() (Row, error){
		"details that were changed": func() (Row, error) {
			return Open(row.Record, row.Salt, bytes.Replace(row.Details, []byte("ann"), []byte("bob"), 1))
		},
		"another event's details": func() (Row, error) { return Open(row.Record, other.Salt, other.Details) },
		"another salt":            func() (Row, error) { return Open(row.Record, other.Salt, row.Details) },
		"a format of another year": func() (Row, error) {
			return Open(bytes.Replace(row.Record, []byte(`"v":1`), []byte(`"v":2`), 1), row.Salt, row.Details)
		},
		"a field that nobody knows": func() (Row, error) {
			return Open(bytes.Replace(row.Record, []byte(`"v":1`), []byte(`"v":1,"w":1`), 1), row.Salt, row.Details)
		},
		"something that is no record": func() (Row, error) { return Open([]byte("{"), row.Salt, row.Details) },
		"a time that is none": func() (Row, error) {
			return Open(bytes.Replace(row.Record, []byte("2026"), []byte("last"), 1), row.Salt, row.Details)
		},
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: taken", claim)
		}
	}
}

func TestALineIsOneLine(t *testing.T) {
	row, err := Seal(7, event())
	if err != nil {
		t.Fatal(err)
	}
	for _, details := range [][]byte{row.Details, nil} {
		row.Details = details
		line := row.Line()
		if bytes.Count(line, []byte("\n")) != 1 || !bytes.HasSuffix(line, []byte("\n")) || !bytes.Contains(line, row.Record) {
			t.Errorf("%s", line)
		}
		var back struct{ Event, Details json.RawMessage }
		if err := json.Unmarshal(line, &back); err != nil {
			t.Error(err)
		}
	}
}

func TestIDsSortByTimeAndDoNotRepeat(t *testing.T) {
	seen := map[string]bool{}
	before := ""
	for i := range 2000 {
		id := NewID("ls", noon.Add(time.Duration(i)*time.Millisecond))
		if len(id) != 3+26 || !strings.HasPrefix(id, "ls_") || strings.Trim(id[3:], "0123456789abcdefghjkmnpqrstvwxyz") != "" {
			t.Fatalf("%s is not of the form", id)
		}
		if id <= before || seen[id] {
			t.Fatalf("%s comes after %s", id, before)
		}
		before, seen[id] = id, true
	}
	same := NewID("ls", noon)
	for range 1000 {
		if NewID("ls", noon) == same {
			t.Fatal("an ID came twice")
		}
	}
}

func TestEveryKindIsListedOnce(t *testing.T) {
	seen := map[Kind]bool{}
	for _, k := range Kinds() {
		if k == "" || seen[k] {
			t.Errorf("%q is listed twice", k)
		}
		seen[k] = true
	}
}
