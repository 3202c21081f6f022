package issuer

import (
	"sync"
	"time"
)

// SpentBefore is how long before its end a token is no longer given again.
const SpentBefore = 2 * time.Minute

// live keeps the tokens that can still be given again, by lease, in memory
// only: after a restart, or on another replica, a token is minted anew.
type live struct {
	mu sync.Mutex
	by map[string]Issuance
}

func (l *live) put(lease string, made Issuance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[string]Issuance{}
	}
	l.by[lease] = made
}

// Live gives the token of a lease if this server still holds one that is good
// for two more minutes.
func (i *Issuer) Live(lease string) (Issuance, bool) {
	i.live.mu.Lock()
	defer i.live.mu.Unlock()
	made, ok := i.live.by[lease]
	if ok && i.Now().Before(made.Expires.Add(-SpentBefore)) {
		return made, true
	}
	delete(i.live.by, lease)
	return Issuance{}, false
}

// Forget drops the token of a lease from memory.
func (i *Issuer) Forget(lease string) {
	i.live.mu.Lock()
	defer i.live.mu.Unlock()
	delete(i.live.by, lease)
}

// sweep drops all tokens that are spent.
func (l *live) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for lease, made := range l.by {
		if !now.Before(made.Expires.Add(-SpentBefore)) {
			delete(l.by, lease)
		}
	}
}
