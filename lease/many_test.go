package lease_test

import (
	"testing"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/lease"
)

func TestABrokenGlassThatIsOneTooManyIsOnRecordAsSuch(t *testing.T) {
	w, _ := onSQLite(t)
	w.most = 1
	w.start()
	w.begun("k")
	w.policy.Store(policyWith(t, "daypass-viewer", grant(), emergency()))
	ask := want("glass")
	ask.BreakGlass, ask.Confirmed, ask.Reason, ask.For = true, true, "down", 0
	if _, err := w.keeper.Start(t.Context(), ask, ada()); refusal(err) != lease.TooMany {
		t.Fatal(err)
	}
	rows, err := w.store.Events(t.Context(), audit.Query{Kind: audit.Refused})
	must(t, err)
	if len(rows) != 1 || rows[0].Event.Facts["breakGlass"] != "true" {
		t.Errorf("on record: %+v", rows)
	}
}

// emergency is the grant to break the glass by.
func emergency() access.Grant {
	g := grant()
	g.Name, g.BreakGlass = "emergency", true
	return g
}
