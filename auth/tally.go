package auth

import (
	"fmt"
	"sync"
	"time"

	"github.com/daypass/daypass/audit"
)

// tally counts failures that repeat within a minute instead of recording each:
// anybody can make one by opening an address, and the log is for good.
type tally struct {
	mu   sync.Mutex
	seen map[string]*repeat
}

type repeat struct {
	since time.Time
	event audit.Event // the one that was recorded
	more  int         // its like that were only counted
}

const (
	tallyWindow = time.Minute
	tallyMost   = 4096
)

// count says whether a failure is due to be recorded, and how many of its like
// were not since the last that was.
func (t *tally) count(key string, now time.Time) (repeats int, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.seen[key]
	if r != nil && now.Sub(r.since) < tallyWindow {
		r.more++
		return 0, false
	}
	if r != nil {
		repeats = r.more
		r.more = 0
	}
	if r != nil || t.room(now) {
		t.seen[key] = &repeat{since: now}
	}
	return repeats, true
}

// recorded keeps the event that later ones of its like are counted against.
func (t *tally) recorded(key string, e audit.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.seen[key]; r != nil {
		r.event = e
	}
}

// due takes out the counts whose minute is over, or all of them, as events.
func (t *tally) due(now time.Time, everything bool) (out []audit.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, r := range t.seen {
		if !everything && now.Sub(r.since) < tallyWindow {
			continue
		}
		delete(t.seen, k)
		if r.more == 0 || r.event.ID == "" {
			continue
		}
		e := r.event
		e.ID, e.At = audit.NewID("ev", now), now
		e.Facts = map[string]string{"repeats": fmt.Sprint(r.more), "of": r.event.ID}
		if of := r.event.Facts["session"]; of != "" {
			e.Facts["session"] = of
		}
		out = append(out, e)
	}
	return out
}

// forget makes the next of its like due again: this one could not be recorded.
func (t *tally) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, key)
}

// room makes some where it can, by forgetting what is over and was not
// repeated. Without room a failure is recorded each time: too much is the safe
// side.
func (t *tally) room(now time.Time) bool {
	if t.seen == nil {
		t.seen = map[string]*repeat{}
	}
	if len(t.seen) < tallyMost {
		return true
	}
	for k, r := range t.seen {
		if r.more == 0 && now.Sub(r.since) >= tallyWindow {
			delete(t.seen, k)
		}
	}
	return len(t.seen) < tallyMost
}
