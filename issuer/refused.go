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

type refusalKey struct{ principal, cluster, role, lease, code string }

type repeated struct {
	event   audit.Event // the first
	since   time.Time
	written bool // the first is on record
	more    int  // repeats that were only counted
}

// owes reports whether something is not on record yet.
func (r *repeated) owes() bool { return !r.written || r.more > 0 }

// count tells how often the first was repeated.
func (r *repeated) count(now time.Time) audit.Event {
	e := r.event
	e.ID, e.At = audit.NewID("ev", now), now
	e.Facts = map[string]string{"repeats": strconv.Itoa(r.more), "of": r.event.ID}
	return e
}

type refusals struct {
	mu sync.Mutex
	by map[refusalKey]*repeated
}

// seen counts a refusal. It reports false when the refusal must be written. A
// count goes on past its minute until it is written itself.
func (r *refusals) seen(k refusalKey, e audit.Event, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, ok := r.by[k]
	if ok && (now.Sub(old.since) < refusalWindow || old.owes()) {
		old.more++
		return true
	}
	if r.by == nil {
		r.by = map[refusalKey]*repeated{}
	}
	if ok || len(r.by) < maxRefusals {
		r.by[k] = &repeated{event: e, since: now}
	}
	return false
}

// wrote notes that a first refusal is on record.
func (r *refusals) wrote(k refusalKey, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, ok := r.by[k]; ok && first.event.ID == id {
		first.written = true
	}
}

// due takes out what is older than the window, or everything, and gives those
// that owe the log something.
func (r *refusals) due(now time.Time, everything bool) map[refusalKey]*repeated {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[refusalKey]*repeated{}
	for k, old := range r.by {
		if !everything && now.Sub(old.since) < refusalWindow {
			continue
		}
		delete(r.by, k)
		if old.owes() {
			out[k] = old
		}
	}
	return out
}

// restore takes back what could not be written.
func (r *refusals) restore(k refusalKey, old *repeated) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newer, ok := r.by[k]
	if !ok {
		r.by[k] = old
		return
	}
	newer.more += old.more
	if !old.written {
		newer.more++
	}
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
	i.note(ctx, e, now)
}

// Refusal is a no to somebody known that is not the policy's.
type Refusal struct {
	Code          string
	Text          string
	Cluster, Role string // what it is about; may be empty
	Lease         string
	BreakGlass    bool // it was asked for by breaking the glass
}

// The codes of such refusals.
const (
	NotAuditor       = "not-auditor"           // the log is for auditors
	NotAdministrator = "not-administrator"     // so is what others hold, for administrators
	DeviceGlass      = "device-break-glass"    // a program that was let in by a typed code
	DeviceRule       = "device-administration" // an administrator's, and wanted what administrators may
	ForeignLease     = "foreign-lease"         // the lease is another person's
)

// Refused puts a refusal on record that was made elsewhere, as Decide does its
// own: repeats within a minute are a count.
func (i *Issuer) Refused(ctx context.Context, x Refusal, who Asker) {
	now := i.Now()
	e := audit.New(audit.Refused, now, who.Who())
	e.Reason, e.Details.Text = x.Code, x.Text
	e.Cluster, e.Role, e.Lease = x.Cluster, x.Role, x.Lease
	if x.BreakGlass {
		e.Facts = map[string]string{"breakGlass": "true"}
	}
	i.note(ctx, e, now)
}

// note writes or counts a refusal.
func (i *Issuer) note(ctx context.Context, e audit.Event, now time.Time) {
	key := refusalKey{e.Principal, e.Cluster, e.Role, e.Lease, e.Reason}
	if i.refusals.seen(key, e, now) {
		return
	}
	if err := i.record(ctx, e); err != nil {
		i.Log.Error("a refusal could not be recorded; it is tried again", "error", err, "request", e.Request)
		return
	}
	i.refusals.wrote(key, e.ID)
}

// record writes an event whether or not the asker waits for it: nobody gets
// around the log by hanging up.
func (i *Issuer) record(ctx context.Context, e audit.Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return i.Recorder.Record(ctx, e)
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
// whose minute is over, or all of them when the server stops. What cannot be
// written is kept for the next time.
func (i *Issuer) Tidy(ctx context.Context, stopping bool) {
	now := i.Now()
	i.live.sweep(now)
	for k, r := range i.refusals.due(now, stopping) {
		if err := i.settle(ctx, r, now); err != nil {
			i.refusals.restore(k, r)
			i.Log.Error("repeated refusals could not be recorded; it is tried again", "error", err)
		}
	}
}

// settle writes what is owed. Should a write fail but persist, the first is
// written once all the same, and the count may stand there twice.
func (i *Issuer) settle(ctx context.Context, r *repeated, now time.Time) error {
	if !r.written {
		if err := i.record(ctx, r.event); err != nil {
			return err
		}
		r.written = true
	}
	if r.more == 0 {
		return nil
	}
	return i.record(ctx, r.count(now))
}
