package auth

import (
	"net/netip"
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

// take counts one under a name, unless that has had its most.
func (t *throttle) take(name string, most int, now time.Time) bool {
	return t.takeAll([]string{name}, most, now)
}

// takeAll counts one under each name, unless one of them has had its most.
func (t *throttle) takeAll(names []string, most int, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if s := t.seen[name]; s.n >= most && now.Sub(s.since) < throttleSpell {
			return false
		}
	}
	for _, name := range names {
		t.add(name, now)
	}
	return true
}

// giveBack takes back what was counted for something that went well.
func (t *throttle) giveBack(names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if s, ok := t.seen[name]; ok {
			s.n = max(s.n-1, 0)
			t.seen[name] = s
		}
	}
}

func (t *throttle) add(name string, now time.Time) {
	s, ok := t.seen[name]
	if !ok {
		t.makeRoom(now)
	}
	if !ok || now.Sub(s.since) >= throttleSpell {
		s = spell{since: now}
	}
	s.n++
	t.seen[name] = s
}

// makeRoom forgets names whose time is over, or else the one that was counted
// least and longest ago: a crowd of new names neither keeps others out nor
// hides who was counted often.
func (t *throttle) makeRoom(now time.Time) {
	if t.seen == nil {
		t.seen = map[string]spell{}
	}
	if len(t.seen) < throttleNames {
		return
	}
	var least string
	for name, s := range t.seen {
		if now.Sub(s.since) >= throttleSpell {
			delete(t.seen, name)
			continue
		}
		if x, ok := t.seen[least]; !ok || s.n < x.n || s.n == x.n && s.since.Before(x.since) {
			least = name
		}
	}
	if len(t.seen) >= throttleNames {
		delete(t.seen, least)
	}
}

// network is what addresses are counted by: an IPv4 address, or the 64 bits of
// an IPv6 address that a site is given as a whole.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
