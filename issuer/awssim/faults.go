package awssim

import (
	"context"
	"sync"
	"time"
)

// faults are what tests break. Nothing is broken at first.
type faults struct {
	mu      sync.Mutex
	fail    map[Action][]*refusal // one per call still to be refused
	drop    map[Action]int        // calls whose answers are still to be lost
	hold    map[Action]*Hold
	latency time.Duration
}

func newFaults() *faults {
	return &faults{fail: map[Action][]*refusal{}, drop: map[Action]int{}, hold: map[Action]*Hold{}}
}

// Fail refuses the next n calls of an action before anything is done, with
// AWS's error code and HTTP status: ("Throttling", 400), ("ServiceUnavailable", 503).
func (s *Sim) Fail(action Action, n int, code string, status int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for range n {
		s.faults.fail[action] = append(s.faults.fail[action], refuse(status, code, "%s", messageOf(code)))
	}
}

func messageOf(code string) string {
	switch code {
	case "Throttling", "ThrottlingException":
		return "Rate exceeded"
	}
	return "The simulator was told to fail."
}

// Drop does what the next n calls of an action ask, and then breaks the
// connection instead of answering.
func (s *Sim) Drop(action Action, n int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.drop[action] += n
}

// Latency makes every call take that much longer, until it is set to zero.
func (s *Sim) Latency(d time.Duration) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.latency = d
}

// Hold is an action that hangs until Release.
type Hold struct {
	faults  *faults
	action  Action
	arrived chan struct{}
	open    chan struct{}
	once    sync.Once
}

// Hang makes all calls of an action wait for Release, or for their client to
// give up. A second Hang of one action releases the first.
func (s *Sim) Hang(action Action) *Hold {
	h := &Hold{faults: s.faults, action: action, arrived: make(chan struct{}, 1024), open: make(chan struct{})}
	s.faults.mu.Lock()
	before := s.faults.hold[action]
	s.faults.hold[action] = h
	s.faults.mu.Unlock()
	if before != nil {
		before.once.Do(func() { close(before.open) })
	}
	return h
}

// Arrived yields once for each call that hangs, up to a thousand.
func (h *Hold) Arrived() <-chan struct{} { return h.arrived }

// Release lets the hanging calls go on, and later ones through.
func (h *Hold) Release() {
	h.faults.mu.Lock()
	if h.faults.hold[h.action] == h {
		delete(h.faults.hold, h.action)
	}
	h.faults.mu.Unlock()
	h.once.Do(func() { close(h.open) })
}

// before runs ahead of a call: it waits as told, and refuses as told.
func (f *faults) before(ctx context.Context, action Action) error {
	f.mu.Lock()
	hold, wait := f.hold[action], f.latency
	f.mu.Unlock()
	if hold != nil {
		if err := hold.wait(ctx); err != nil {
			return err
		}
	}
	if wait > 0 {
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
	return f.next(action)
}

func (f *faults) next(action Action) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.fail[action]
	if len(queue) == 0 {
		return nil
	}
	f.fail[action] = queue[1:]
	return queue[0]
}

// dropped says whether this call's answer is to be lost.
func (f *faults) dropped(action Action) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drop[action] == 0 {
		return false
	}
	f.drop[action]--
	return true
}

func (h *Hold) wait(ctx context.Context) error {
	select {
	case h.arrived <- struct{}{}:
	default: // nobody counts that far
	}
	select {
	case <-h.open:
		return nil
	case <-ctx.Done():
		return gone(ctx)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return gone(ctx)
	}
}

func gone(ctx context.Context) error {
	return refuse(503, "ServiceUnavailable", "The client gave up: %v", context.Cause(ctx))
}
