package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/daypass/daypass/api"
)

// silence is how long a person looks at nothing before they are told why.
const silence = 2 * time.Second

// watched has a client tell a person at a terminal, once, whom it waits for.
func (h home) watched(c *api.Client) *api.Client {
	if terminal(h.err) {
		say := sync.OnceFunc(func() { fmt.Fprintf(h.err, "Waiting for %s ...\n", h.server) })
		c.HTTP.Transport = waiting{c.HTTP.Transport, say}
	}
	return c
}

// waiting is for questions whose answers may take a while.
type waiting struct {
	http.RoundTripper
	say func()
}

// RoundTrip asks, and says so when no answer comes.
func (w waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	late := time.AfterFunc(silence, w.say)
	defer late.Stop()
	return w.RoundTripper.RoundTrip(r)
}

// unawaited adds to an error what may be so although nobody waited for the
// answer.
func unawaited(err error, may string) error {
	var un *api.Unreachable
	if !errors.Is(err, context.Canceled) && (!errors.As(err, &un) || un.Unheard()) {
		return err
	}
	return &failure{code: exitOf(err), say: stopped(err.Error()) + " " + may + " all the same; see: kubectl daypass list leases", err: err}
}

// terminal says whether somebody reads along.
func terminal(w io.Writer) bool {
	f, is := w.(*os.File)
	if !is {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
