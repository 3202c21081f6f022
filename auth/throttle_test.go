package auth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAThrottle(t *testing.T) {
	now := time.Now()
	t.Run("lets no more through at once than one after another", func(t *testing.T) {
		var th throttle
		var all sync.WaitGroup
		var n atomic.Int64
		for range 200 {
			all.Go(func() {
				if th.takeAll([]string{"a", "b"}, 10, now) {
					n.Add(1)
				}
			})
		}
		all.Wait()
		if n.Load() != 10 {
			t.Errorf("%d went through", n.Load())
		}
	})
	t.Run("forgets after its time, and what was given back", func(t *testing.T) {
		var th throttle
		for range 3 {
			th.take("a", 3, now)
		}
		if th.take("a", 3, now) || !th.take("a", 3, now.Add(throttleSpell)) {
			t.Error("its time does not count")
		}
		th.take("b", 1, now)
		th.giveBack([]string{"b", "none"})
		if !th.take("b", 1, now) {
			t.Error("what was given back counts")
		}
	})
	t.Run("is neither shut nor emptied by a crowd of names", func(t *testing.T) {
		var th throttle
		for range 5 {
			th.take("often", 5, now)
		}
		for i := range 3 * throttleNames {
			if !th.take(fmt.Sprint("crowd ", i), 5, now) {
				t.Fatal("somebody new is kept out")
			}
		}
		if th.take("often", 5, now) || len(th.seen) > throttleNames {
			t.Errorf("who was counted often is forgotten; %d names are kept", len(th.seen))
		}
	})
}

func TestASiteIsOneNetwork(t *testing.T) {
	for address, want := range map[string]string{"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9%eth0": "2001:db8:1:2::/64", "": "", "unknown": "unknown"} {
		if got := network(address); got != want {
			t.Errorf("%q is counted as %q, want %q", address, got, want)
		}
	}
}
