package auth

import (
	"sync"
	"time"
)

// throttle bounds how often something may happen under a name within ten
// minutes, on this server.
type throttle struct {
	mu   sync.Mutex
	seen map[string]spell
}

type spell struct {
	since time.Time
	n     int
}

const (
	throttleSpell = 10 * time.Minute
	throttleNames = 4096
)

// over reports whether a name has had its most.
func (t *throttle) over(name string, most int, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.seen[name]
	if !ok {
		return !t.room(now) // a crowd of names must not be a way around
	}
	return s.n >= most && now.Sub(s.since) < throttleSpell
}

// add counts one more for a name.
func (t *throttle) add(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.seen[name]
	if !ok && !t.room(now) {
		return
	}
	if !ok || now.Sub(s.since) >= throttleSpell {
		s = spell{since: now}
	}
	s.n++
	t.seen[name] = s
}

func (t *throttle) room(now time.Time) bool {
	if t.seen == nil {
		t.seen = map[string]spell{}
	}
	if len(t.seen) < throttleNames {
		return true
	}
	for name, s := range t.seen {
		if now.Sub(s.since) >= throttleSpell {
			delete(t.seen, name)
		}
	}
	return len(t.seen) < throttleNames
}
