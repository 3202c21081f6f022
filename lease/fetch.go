package lease

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
)

// Fetch gives the lease's token to a helper of its owner: the same until it is
// nearly spent, then one minted anew. The lease is read and the decision made
// each time. What is new, a token or where it goes, is on record before this
// returns; the rest is counted, and Tidy writes the counts.
func (k *Keeper) Fetch(ctx context.Context, id string, who issuer.Asker) (Lease, issuer.Issuance, error) {
	l, t, err := k.asToday(ctx, k.Book.Bare, id, who)
	if err != nil {
		return l, issuer.Issuance{}, err
	}
	made, err := k.current(ctx, l, t)
	if err != nil {
		return l, issuer.Issuance{}, err
	}
	now, to := k.Now(), place{who.Who().Address, who.UserAgent, who.Session}
	if !k.fetches.known(l.ID, made.ID, to) {
		e := l.event(audit.HandedOver, now, who.Who())
		e.Issuance, e.AccessKeyID, e.Policy = made.ID, made.AccessKeyID, t.Decision().Policy
		e.Facts = map[string]string{"form": string(Helper)}
		if who.Session != "" {
			e.Facts["session"] = who.Session[:min(len(who.Session), marked)]
		}
		if err := k.Book.HandOver(ctx, l.ID, e); err != nil {
			return l, issuer.Issuance{}, fmt.Errorf("record the hand-over, the token is withheld: %w", err)
		}
		k.fetches.recorded(l.ID, made.ID, to)
	}
	k.fetches.count(l.ID, now)
	return l, made, nil
}

// Tidy writes how often tokens were fetched, and forgets where they went once
// they are spent. What cannot be written is kept for the next time.
func (k *Keeper) Tidy(ctx context.Context) {
	for some := range slices.Chunk(k.fetches.due(), usesAtOnce) {
		if err := k.Book.Used(ctx, some); err != nil {
			k.fetches.restore(some)
			k.Log.Error("the use of leases could not be noted; it is tried again", "leases", len(some), "error", err)
		}
	}
	k.fetches.sweep(k.Now())
}

// usesAtOnce is how many leases one write notes the use of: few, so that others
// do not wait behind it for long.
const usesAtOnce = 64

// place is where a token went.
type place struct{ address, client, session string }

// marked is as much of a session's hash as goes on record, as where the session
// began.
const marked = 16

// maxPlaces bounds what is remembered of one token; beyond it all are written.
const maxPlaces = 100

type fetched struct {
	issuance string
	places   map[place]bool
	last     time.Time
}

// fetches remembers, per lease, where its token went, and counts.
type fetches struct {
	mu   sync.Mutex
	by   map[string]*fetched
	uses map[string]Use
}

func (f *fetches) known(lease, issuance string, to place) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.by[lease]
	return x != nil && x.issuance == issuance && x.places[to]
}

func (f *fetches) recorded(lease, issuance string, to place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]*fetched{}
	}
	x := f.by[lease]
	if x == nil || x.issuance != issuance {
		x = &fetched{issuance: issuance, places: map[place]bool{}}
		f.by[lease] = x
	}
	if len(x.places) < maxPlaces {
		x.places[to] = true
	}
}

func (f *fetches) count(lease string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(Use{lease, now, 1})
	if x := f.by[lease]; x != nil {
		x.last = now
	}
}

// add is for whoever holds the lock.
func (f *fetches) add(u Use) {
	if f.uses == nil {
		f.uses = map[string]Use{}
	}
	if had, ok := f.uses[u.Lease]; ok {
		u.More += had.More
		if had.Last.After(u.Last) {
			u.Last = had.Last
		}
	}
	f.uses[u.Lease] = u
}

func (f *fetches) due() []Use {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Collect(maps.Values(f.uses))
	f.uses = nil
	return out
}

func (f *fetches) restore(uses []Use) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range uses {
		f.add(u)
	}
}

// sweep forgets tokens that nobody can fetch any more.
func (f *fetches) sweep(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, x := range f.by {
		if now.Sub(x.last) > time.Hour {
			delete(f.by, id)
		}
	}
}
