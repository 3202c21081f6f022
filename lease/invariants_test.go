package lease_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store/storetest"
)

// holds checks, from the log alone and as a new server reads it, what must be
// true whatever broke.
func (w *world) holds(reconcile func()) []audit.Row {
	w.t.Helper()
	reconcile()
	w.restart()
	rows := storetest.Gapless(w.t, w.store)
	w.everyTokenIsOnRecord(rows)
	w.everyIntentHasOneOutcome(rows)
	w.nothingFollowsTheEnd(rows)
	w.leasesAgree(rows)
	w.noTokenLeaked(rows)
	w.everyDirectionIsOnRecord(rows)
	if w.t.Failed() {
		w.t.Logf("the log:%s", describe(rows))
	}
	return rows
}

// reconciled lets an interrupted issuance grow old, on a server of its own.
func (w *world) reconciled(wait func(time.Duration)) func() {
	return func() {
		wait(3 * time.Minute)
		must(w.t, w.keeper.Issuer.Reconcile(context.Background()))
	}
}

func (w *world) everyTokenIsOnRecord(rows []audit.Row) {
	w.t.Helper()
	given := map[string]int{}
	for _, made := range w.received {
		given[made.ID]++
		minted := slices.IndexFunc(rows, func(r audit.Row) bool {
			return r.Event.Kind == audit.Minted && r.Event.Issuance == made.ID && r.Event.Facts["tokenSHA256"] == made.Token.SHA256() && r.Event.AccessKeyID == made.AccessKeyID
		})
		if minted < 0 {
			w.t.Errorf("a token of %s was given that is not on record", made.ID)
			continue
		}
		if n := kinds(of(rows[minted:], made))[audit.HandedOver]; n < given[made.ID] {
			w.t.Errorf("%s was given %d times, of which %d are on record", made.ID, given[made.ID], n)
		}
	}
}

// everyDirectionIsOnRecord counts: a direction that was withheld may stand there
// too, one that was told must.
func (w *world) everyDirectionIsOnRecord(rows []audit.Row) {
	w.t.Helper()
	n := 0
	for _, r := range rows {
		if r.Event.Kind == audit.HandedOver && r.Event.Facts["form"] == string(lease.AWSRole) {
			n++
		}
	}
	if n < w.told {
		w.t.Errorf("the role was told %d times, of which %d are on record", w.told, n)
	}
}

func of(rows []audit.Row, made issuer.Issuance) (out []audit.Row) {
	for _, r := range rows {
		if r.Event.Issuance == made.ID && r.Event.Lease == made.Lease {
			out = append(out, r)
		}
	}
	return out
}

func (w *world) everyIntentHasOneOutcome(rows []audit.Row) {
	w.t.Helper()
	intended, concluded := map[string]bool{}, map[string]int{}
	for _, r := range rows {
		id := r.Event.Issuance
		switch r.Event.Kind {
		case audit.Intended:
			intended[id] = true
		case audit.Minted, audit.MintFailed:
			concluded[id]++
			if !intended[id] {
				w.t.Errorf("%s has an outcome before an intent", id)
			}
		}
	}
	for id := range intended {
		if concluded[id] != 1 {
			w.t.Errorf("%s has %d outcomes", id, concluded[id])
		}
	}
}

func (w *world) nothingFollowsTheEnd(rows []audit.Row) {
	w.t.Helper()
	over := map[string]bool{}
	for _, r := range rows {
		id := r.Event.Lease
		switch r.Event.Kind {
		case audit.LeaseEnded, audit.LeaseExpired:
			if over[id] {
				w.t.Errorf("%s ended twice", id)
			}
			over[id] = true
		case audit.HandedOver, audit.Intended:
			if over[id] {
				w.t.Errorf("number %d, %s, stands behind the end of %s", r.Seq, r.Event.Kind, id)
			}
		}
	}
}

func (w *world) leasesAgree(rows []audit.Row) {
	w.t.Helper()
	rank := map[lease.State]int{lease.Active: 0, lease.Ended: 1, lease.Expired: 1}
	for i := 1; i < len(w.states); i++ {
		if a, b := w.states[i-1], w.states[i]; rank[b] < rank[a] || rank[a] == 1 && a != b {
			w.t.Errorf("the lease went from %s to %s", a, b)
		}
	}
	for _, r := range rows {
		state, end := lease.State(""), map[audit.Kind]lease.State{audit.LeaseEnded: lease.Ended, audit.LeaseExpired: lease.Expired}
		if state = end[r.Event.Kind]; state == "" {
			continue
		}
		l, err := w.store.Lease(context.Background(), r.Event.Lease)
		if err != nil || l.State != state {
			w.t.Errorf("the log says %s, the lease is %s (%v)", r.Event.Kind, l.State, err)
		}
	}
}

func (w *world) noTokenLeaked(rows []audit.Row) {
	w.t.Helper()
	for _, token := range w.aws.tokens {
		if strings.Contains(w.log.b.String(), token) {
			w.t.Error("a token stands in the server's log")
		}
		for _, r := range rows {
			if strings.Contains(string(r.Record)+string(r.Details), token) {
				w.t.Errorf("a token stands in event %d", r.Seq)
			}
		}
	}
}
