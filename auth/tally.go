package auth

import (
	"sync"
	"time"
)

// tally counts failures that repeat within a minute instead of recording each:
// anybody can make one by opening an address, and the log is for good.
type tally struct {
	mu   sync.Mutex
	seen map[string]*repeat
}

type repeat struct {
	since time.Time
	more  int
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
	}
	t.makeRoom(now)
	t.seen[key] = &repeat{since: now}
	return repeats, true
}

// forget makes the next of its like due again: this one could not be recorded.
func (t *tally) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, key)
}

// makeRoom forgets what is over. When that is not enough it forgets all:
// recording too much is the safe side.
func (t *tally) makeRoom(now time.Time) {
	if t.seen != nil && len(t.seen) < tallyMost {
		return
	}
	old := t.seen
	t.seen = map[string]*repeat{}
	for k, r := range old {
		if now.Sub(r.since) < tallyWindow {
			t.seen[k] = r
		}
	}
	if len(t.seen) >= tallyMost {
		clear(t.seen)
	}
}
