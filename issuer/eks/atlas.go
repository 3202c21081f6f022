package eks

import (
	"reflect"
	"sync"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// known is what is known of one cluster.
type known struct {
	at      issuer.Endpoint
	kept    issuer.Endpoint // what Memory holds
	asked   bool            // AWS was asked since the start, in vain or not
	gone    bool            // AWS said that there is no endpoint: what Memory holds is of no use
	trouble string          // the code of the last asking, empty when it went well
}

// atlas holds what is known, by ARN.
type atlas struct {
	mu    sync.RWMutex
	known map[string]known
}

func (a *atlas) get(arn string) (known, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	k, ok := a.known[arn]
	return k, ok && k.at.URL != ""
}

// change lets f alter what is known of a cluster and gives what it was.
func (a *atlas) change(arn string, f func(*known)) (before known) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.known[arn]
	before = k
	f(&k)
	a.known[arn] = k
	return before
}

// only forgets all clusters but these.
func (a *atlas) only(clusters []access.Cluster) {
	wanted := make(map[string]bool, len(clusters))
	for _, c := range clusters {
		wanted[c.ARN.String()] = true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for arn := range a.known {
		if !wanted[arn] {
			delete(a.known, arn)
		}
	}
}

// same leaves aside when it was said.
func same(a, b issuer.Endpoint) bool {
	a.AsOf, b.AsOf = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}
