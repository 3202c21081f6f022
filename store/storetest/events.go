package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
)

func testEvents(t *testing.T, o opener) {
	t.Run("gives an event back as it was recorded", func(t *testing.T) {
		s := o.open(t)
		e := event(audit.Minted, noon, newLease("pr_ada", "k", noon))
		e.Issuance, e.AccessKeyID, e.Reason = "is_1", "ASIAX", "why"
		e.Details.Text, e.Details.More = "nul \x00 and <tags> & 'quotes'", map[string]string{"b": "2", "a": "1"}
		must(t, s.Record(t.Context(), e))
		row, err := s.Event(t.Context(), e.ID)
		must(t, err)
		if diff := cmp.Diff(e, row.Event); diff != "" {
			t.Errorf("the event changed (-recorded +read):\n%s", diff)
		}
		if row.Seq != 1 || len(row.Salt) != audit.SaltSize {
			t.Errorf("seq %d, salt of %d bytes", row.Seq, len(row.Salt))
		}
	})
	t.Run("records and finds fields of any length and bytes", func(t *testing.T) {
		s := o.open(t)
		e := event(audit.Refused, noon, lease.Lease{Principal: "pr_ada"})
		e.Cluster, e.Details.Email = noise(9000)+"\x00\xff", noise(9000)+"@example.com"
		must(t, s.Record(t.Context(), e))
		for _, q := range []audit.Query{{Cluster: e.Cluster}, {Person: e.Details.Email}} {
			if found, err := s.Events(t.Context(), q); err != nil || len(found) != 1 {
				t.Errorf("found %d, %v", len(found), err)
			}
		}
		if _, err := s.Event(t.Context(), "\x00\xff"); !errors.Is(err, audit.ErrNone) {
			t.Errorf("an ID of strange bytes: %v", err)
		}
	})
	t.Run("says that an event is absent", func(t *testing.T) {
		if _, err := o.open(t).Event(t.Context(), "ev_none"); !errors.Is(err, audit.ErrNone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("writes an event once that is recorded twice", func(t *testing.T) {
		s := o.open(t)
		e := event(audit.SignedIn, noon, lease.Lease{Principal: "pr_ada"})
		errs := atOnce(8, func(int) error { return s.Record(t.Context(), e) })
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if n := len(Gapless(t, s)); n != 1 {
			t.Errorf("it stands in the log %d times", n)
		}
	})
	t.Run("numbers the events of 64 writers without a gap", func(t *testing.T) {
		writersAtOnce(t, o, 1)
	})
	t.Run("numbers the events of two servers without a gap", func(t *testing.T) {
		writersAtOnce(t, o, 2)
	})
	t.Run("keeps events when it is opened again", func(t *testing.T) {
		c := o.fresh(t)
		must(t, Open(t, c).Record(t.Context(), event(audit.SignedIn, noon, lease.Lease{})))
		again := Open(t, c)
		must(t, again.Record(t.Context(), event(audit.SignedOut, noon, lease.Lease{})))
		if n := len(Gapless(t, again)); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

// noise is text that does not compress.
func noise(n int) string {
	var s strings.Builder
	for s.Len() < n {
		s.WriteString(audit.NewID("x", noon))
	}
	return s.String()
}

func writersAtOnce(t *testing.T, o opener, servers int) {
	const writers, each = 64, 8
	stores := o.several(t, servers)
	written := make([][]string, writers)
	errs := atOnce(writers, func(i int) error {
		for range each {
			e := event(audit.SignedIn, noon, lease.Lease{Principal: key("pr", i)})
			if err := stores[i%servers].Record(t.Context(), e); err != nil {
				return err
			}
			written[i] = append(written[i], e.ID)
		}
		return nil
	})
	must(t, errors.Join(errs...))
	on := map[string]bool{}
	for _, row := range Gapless(t, stores[0]) {
		on[row.Event.ID] = true
	}
	for _, ids := range written {
		for _, id := range ids {
			if !on[id] {
				t.Errorf("the event %s was acknowledged but is not in the log", id)
			}
		}
	}
	if len(on) != writers*each {
		t.Errorf("%d events in the log, %d were written", len(on), writers*each)
	}
}

func testSearch(t *testing.T, o opener) {
	s := o.open(t)
	ids := searchable(t, s.Record)
	for name, c := range map[string]struct {
		q    audit.Query
		want []int // newest first
	}{
		"gives all, newest first":                            {audit.Query{}, []int{7, 6, 5, 4, 3, 2, 1, 0}},
		"finds a person by pseudonym":                        {audit.Query{Person: "pr_0"}, []int{6, 4, 2, 0}},
		"finds a person by e-mail in any case":               {audit.Query{Person: "P1@example.COM"}, []int{7, 5, 3, 1}},
		"finds nobody by a part of an e-mail":                {audit.Query{Person: "1@example.com"}, nil},
		"takes quotes for what they are":                     {audit.Query{Person: "' OR 1=1 --@"}, nil},
		"finds a cluster":                                    {audit.Query{Cluster: "c0"}, []int{4, 0}},
		"finds a role":                                       {audit.Query{Role: "r1"}, []int{7, 5, 3, 1}},
		"finds a kind":                                       {audit.Query{Kind: audit.Minted}, []int{3}},
		"leaves a kind out":                                  {audit.Query{NotKind: audit.Minted}, []int{7, 6, 5, 4, 2, 1, 0}},
		"finds a lease":                                      {audit.Query{Lease: "ls_2"}, []int{2}},
		"finds an issuance":                                  {audit.Query{Issuance: "is_5"}, []int{5}},
		"finds an access key":                                {audit.Query{AccessKeyID: "AK6"}, []int{6}},
		"finds an address":                                   {audit.Query{Address: "192.0.2.3"}, []int{7, 3}},
		"joins fields by and":                                {audit.Query{Person: "pr_0", Cluster: "c2", Address: "192.0.2.2"}, []int{6, 2}},
		"pages to the older":                                 {audit.Query{Before: 4, Limit: 2}, []int{2, 1}},
		"pages to the newer, the nearest of them":            {audit.Query{After: 4, Limit: 2}, []int{5, 4}},
		"pages within a filter":                              {audit.Query{Person: "p1@example.com", Before: 6, Limit: 1}, []int{3}},
		"counts from inclusive and to exclusive":             {audit.Query{From: noon.Add(2 * time.Minute), To: noon.Add(4 * time.Minute)}, []int{3, 2}},
		"finds an event that was written late":               {audit.Query{From: noon.Add(-time.Hour), To: noon}, []int{5}},
		"finds nothing in the future":                        {audit.Query{From: noon.Add(time.Hour)}, nil},
		"finds nothing in the past":                          {audit.Query{To: noon.Add(-24 * time.Hour)}, nil},
		"finds by e-mail within a time":                      {audit.Query{Person: "p1@example.com", From: noon.Add(2 * time.Minute), To: noon.Add(10 * time.Minute)}, []int{7, 3}},
		"finds by field within a time that ends before late": {audit.Query{Role: "r1", To: noon.Add(2 * time.Minute)}, []int{5, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := s.Events(t.Context(), c.q)
			must(t, err)
			var got []int
			for _, r := range rows {
				got = append(got, ids[r.Event.ID])
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("never gives more than 500, and 50 unless told", func(t *testing.T) {
		s := o.open(t)
		must(t, errors.Join(atOnce(64, func(int) error {
			for range 9 {
				if err := s.Record(t.Context(), event(audit.SignedIn, noon, lease.Lease{})); err != nil {
					return err
				}
			}
			return nil
		})...))
		for limit, want := range map[int]int{0: 50, 7: 7, 10_000: 500, -1: 50} {
			rows, err := s.Events(t.Context(), audit.Query{Limit: limit})
			must(t, err)
			if len(rows) != want {
				t.Errorf("limit %d gave %d events", limit, len(rows))
			}
		}
	})
}

// searchable records eight events, a minute apart but for number five, which
// happened half an hour before the first and was written late.
func searchable(t *testing.T, record func(context.Context, audit.Event) error) map[string]int {
	t.Helper()
	ids := map[string]int{}
	for i := range 8 {
		when := noon.Add(time.Duration(i) * time.Minute)
		if i == 5 {
			when = noon.Add(-30 * time.Minute)
		}
		e := audit.New(audit.HandedOver, when, audit.Who{
			Principal: fmt.Sprintf("pr_%d", i%2), Email: fmt.Sprintf("p%d@Example.com", i%2), Address: fmt.Sprintf("192.0.2.%d", i%4),
		})
		if i == 3 {
			e.Kind = audit.Minted
		}
		e.Cluster, e.Role = fmt.Sprintf("c%d", i%4), fmt.Sprintf("r%d", i%2)
		e.Lease, e.Issuance, e.AccessKeyID = fmt.Sprintf("ls_%d", i), fmt.Sprintf("is_%d", i), fmt.Sprintf("AK%d", i)
		must(t, record(t.Context(), e))
		ids[e.ID] = i
	}
	return ids
}
