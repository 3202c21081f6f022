package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

func anEvent() audit.Event {
	return audit.New(audit.SignedIn, time.Now(), audit.Who{Principal: "pr_ada", Email: "ada@example.com", Address: "192.0.2.1"})
}

// execute runs a statement through the writer's own connection.
func execute(t *testing.T, s *store.Store, query string) error {
	t.Helper()
	return s.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(query)
		return err
	})
}

func TestTheLogCannotBeChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		c := fresh(t)
		s := storetest.Open(t, c)
		for range 3 {
			if err := s.Record(t.Context(), anEvent()); err != nil {
				t.Fatal(err)
			}
		}
		before := storetest.Gapless(t, s)
		refused := map[string]string{
			"an update":                `UPDATE events SET kind = 'x' WHERE seq = 2`,
			"an update of nothing":     `UPDATE events SET kind = kind WHERE seq = 2`,
			"a delete of the last":     `DELETE FROM events WHERE seq = 3`,
			"a delete of all":          `DELETE FROM events`,
			"a number that is skipped": `INSERT INTO events (seq, id, bytes, at_us, high_us, kind) SELECT 9, 'ev_x', bytes, 0, 0, 'x' FROM events WHERE seq = 1`,
			"a number that is taken":   `INSERT INTO events (seq, id, bytes, at_us, high_us, kind) SELECT 2, 'ev_x', bytes, 0, 0, 'x' FROM events WHERE seq = 1`,
			"an update by conflict":    `INSERT INTO events (seq, id, bytes, at_us, high_us, kind) SELECT 4, id, bytes, 0, 0, 'x' FROM events WHERE seq = 1 ON CONFLICT (id) DO UPDATE SET kind = 'x'`,
			"a change of details":      `UPDATE event_details SET email = 'eve@example.com' WHERE seq = 2`,
			"other bytes of details":   `UPDATE event_details SET bytes = salt WHERE seq = 2`,
			"details of another event": `UPDATE event_details SET seq = 9 WHERE seq = 2`,
			"a delete of details":      `DELETE FROM event_details WHERE seq = 2`,
			"a delete of all details":  `DELETE FROM event_details`,
			"details without an event": `INSERT INTO event_details (seq) VALUES (9)`,
			"a second set of details":  `INSERT INTO event_details (seq) VALUES (2)`,
		}
		if c.SQLite != "" {
			refused["a replace by number"] = `INSERT OR REPLACE INTO events (seq, id, bytes, at_us, high_us, kind) SELECT 3, 'ev_x', bytes, 0, 0, 'x' FROM events WHERE seq = 3`
			refused["a replace by ID"] = `REPLACE INTO events (seq, id, bytes, at_us, high_us, kind) SELECT 4, id, bytes, 0, 0, 'x' FROM events WHERE seq = 3`
			refused["a replace of details"] = `REPLACE INTO event_details (seq, email) VALUES (2, 'eve@example.com')`
			refused["an update or replace"] = `UPDATE OR REPLACE events SET seq = 2 WHERE seq = 3`
		} else {
			refused["a truncate"] = `TRUNCATE events CASCADE`
			refused["a truncate of details"] = `TRUNCATE event_details`
		}
		for name, query := range refused {
			t.Run("refuses "+name, func(t *testing.T) {
				if err := execute(t, s, query); err == nil {
					t.Errorf("took %s", query)
				}
				if after := storetest.Gapless(t, s); len(after) != len(before) {
					t.Errorf("%d events are left of %d", len(after), len(before))
				}
			})
		}
		t.Run("says why", func(t *testing.T) {
			if err := execute(t, s, `DELETE FROM events`); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestDetailsCanBeErased(t *testing.T) {
	onBoth(t, func(t *testing.T, fresh func(*testing.T) store.Config) {
		s := storetest.Open(t, fresh(t))
		e := anEvent()
		if err := s.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if err := execute(t, s, `UPDATE event_details SET bytes = NULL, salt = NULL, email = NULL, address = NULL WHERE seq = 1`); err != nil {
			t.Fatalf("erase: %v", err)
		}
		row, err := s.Event(t.Context(), e.ID)
		if err != nil {
			t.Fatalf("read what is left: %v", err)
		}
		if row.Event.Principal != "pr_ada" || row.Event.Details.Email != "" || row.Details != nil || row.Salt != nil {
			t.Errorf("left: %+v", row)
		}
		if found, err := s.Events(t.Context(), audit.Query{Person: "ada@example.com"}); err != nil || len(found) != 0 {
			t.Errorf("still found by e-mail: %v, %v", found, err)
		}
		if err := execute(t, s, `UPDATE event_details SET email = 'ada@example.com' WHERE seq = 1`); err == nil {
			t.Error("what was erased could be written again")
		}
	})
}

func TestTheLogNoticesBytesThatWereSwapped(t *testing.T) {
	s := storetest.Open(t, freshSQLite(t))
	for range 2 {
		if err := s.Record(t.Context(), anEvent()); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{ // as somebody with the file would
		`DROP TRIGGER events_keep_update`,
		`UPDATE events SET bytes = (SELECT bytes FROM events WHERE seq = 2) WHERE seq = 1`,
	} {
		if err := execute(t, s, query); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Events(t.Context(), audit.Query{}); err == nil {
		t.Error("read a log with an event in the wrong place")
	}
}

// TestSearchesUseTheirIndex keeps a page from costing more as the log grows.
func TestSearchesUseTheirIndex(t *testing.T) {
	s := storetest.Open(t, freshSQLite(t))
	for name, q := range map[string]audit.Query{
		"events_principal": {Person: "pr_ada"}, "event_details_email": {Person: "a@b"}, "events_cluster": {Cluster: "c"},
		"events_role": {Role: "r"}, "events_kind": {Kind: audit.Minted}, "events_lease": {Lease: "l"},
		"events_issuance": {Issuance: "i"}, "events_access_key_id": {AccessKeyID: "a"}, "event_details_address": {Address: "x"},
		"events_principal ": {Person: "pr_ada", Role: "r", Cluster: "c", Kind: audit.Minted}, "events_cluster ": {Cluster: "c", Role: "r", Kind: audit.Minted},
		"event_details_email ": {Person: "a@b", Address: "x", Cluster: "c"}, "events_lease ": {Lease: "l", Address: "x", Person: "a@b"},
	} {
		t.Run(name, func(t *testing.T) {
			q.Before, q.Limit = 1000, 10
			plan := plan(t, s, q)
			if !strings.Contains(plan, name) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("the plan is\n%s", plan)
			}
		})
	}
}

func plan(t *testing.T, s *store.Store, q audit.Query) string {
	t.Helper()
	query, args := store.SearchQuery(q)
	rows, err := s.Reads().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		all = append(all, detail)
	}
	return strings.Join(all, "\n")
}
