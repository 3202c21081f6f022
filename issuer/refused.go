package issuer

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
)

// refusalWindow is how long a repeated refusal is counted instead of written.
const refusalWindow = time.Minute

// maxRefusals bounds the memory of the count; beyond it all are written.
const maxRefusals = 10_000

type refusalKey struct {
	principal, cluster, role string
	code                     access.RefusalCode
}

type repeated struct {
	event audit.Event // the one that was written
	since time.Time
	more  int // repeats that were only counted
}

type refusals struct {
	mu sync.Mutex
	by map[refusalKey]*repeated
}

// seen counts a refusal. It reports false when the refusal must be written.
func (r *refusals) seen(k refusalKey, e audit.Event, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.by[k]; ok && now.Sub(old.since) < refusalWindow {
		old.more++
		return true
	}
	if r.by == nil {
		r.by = map[refusalKey]*repeated{}
	}
	if old := r.by[k]; (old == nil && len(r.by) < maxRefusals) || (old != nil && old.more == 0) {
		r.by[k] = &repeated{event: e, since: now}
	}
	return false
}

// due takes out what is older than the window (or everything), as events that
// tell the count.
func (r *refusals) due(now time.Time, everything bool) (out []audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, old := range r.by {
		if !everything && now.Sub(old.since) < refusalWindow {
			continue
		}
		delete(r.by, k)
		if old.more == 0 {
			continue
		}
		e := old.event
		e.ID, e.At = audit.NewID("ev", now), now
		e.Facts = map[string]string{"repeats": strconv.Itoa(old.more), "of": old.event.ID}
		out = append(out, e)
	}
	return out
}

// refused puts a refusal on record. A record that fails changes nothing for
// the asker, who is refused either way.
func (i *Issuer) refused(ctx context.Context, d access.Decision, who Asker, now time.Time) {
	why := d.Refusals[0]
	e := audit.New(audit.Refused, now, who.Who())
	e.Cluster, e.Role, e.Grant, e.Policy = known(d.Cluster.Name), known(d.Role.Name), why.Grant, d.Policy
	e.Reason = string(why.Code)
	e.Details.Text = why.Say
	if d.Ask.BreakGlass {
		e.Facts = map[string]string{"breakGlass": "true"}
	}
	if i.refusals.seen(refusalKey{e.Principal, e.Cluster, e.Role, why.Code}, e, now) {
		return
	}
	if err := i.Recorder.Record(ctx, e); err != nil {
		i.Log.Error("a refusal could not be recorded", "error", err, "request", who.Request)
	}
}

// known stands for names the policy does not have, so that nobody can fill
// the log's index with names of their own making.
func known(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}

// Tidy drops spent tokens and writes the counts of repeated refusals: those
// whose minute is over, or all of them when the server stops.
func (i *Issuer) Tidy(ctx context.Context, stopping bool) {
	now := i.Now()
	i.live.sweep(now)
	for _, e := range i.refusals.due(now, stopping) {
		if err := i.Recorder.Record(ctx, e); err != nil {
			i.Log.Error("the count of a repeated refusal could not be recorded", "error", err)
		}
	}
}
