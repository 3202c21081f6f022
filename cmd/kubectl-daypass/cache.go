package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/api"
)

// spare is how long before its end a token counts as over, so that a request
// that is on its way arrives with a good one.
const spare = 20 * time.Second

// How long a refusal is repeated without a question, since kubectl tries five
// times; and how soon a server that was away is asked again.
const (
	finalFor = 30 * time.Second
	awayFor  = 5 * time.Second
)

// confirmEvery is how long a token is given without asking whether its lease
// still lives. A lease that was ended elsewhere is over here after that.
const confirmEvery = 30 * time.Second

// kept is LEASE.json: a lease's token, or why there is none. All times are by
// the local clock.
type kept struct {
	Server  string    `json:"server"`
	Lease   string    `json:"lease"`
	At      time.Time `json:"at"` // when the server was last asked
	Token   string    `json:"token,omitempty"`
	Until   time.Time `json:"until,omitzero"`  // the token is good
	NextAt  time.Time `json:"nextAt,omitzero"` // another is to be had
	Refusal *refusal  `json:"refusal,omitempty"`
}

// refusal is an answer to repeat for a while.
type refusal struct {
	Code    int       `json:"code"`
	Say     string    `json:"say"`
	Session string    `json:"session,omitempty"` // whom it was said to; empty: everybody
	Until   time.Time `json:"until"`
}

func (h home) tokenFile(lease string) string { return filepath.Join(h.cache, lease+".json") }

// kept reads what is kept of a lease. A damaged file is kept aside and told:
// it costs a question and no more.
func (h home) kept(lease string) (kept, error) {
	var k kept
	path := h.tokenFile(lease)
	err := readJSON(path, &k)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kept{}, nil
	case errors.Is(err, errDamaged):
		to, err := h.setAside(path)
		if errors.Is(err, fs.ErrNotExist) { // another process was faster
			return kept{}, nil
		}
		if err == nil {
			h.say("%s is damaged and was kept as %s", path, to)
		}
		return kept{}, err
	case err != nil:
		return kept{}, err
	}
	if k.Server != h.server.String() || k.Lease != lease || k.At.After(h.now().Add(time.Second)) {
		return kept{}, nil // another's, or the clock was set back since: its times say nothing
	}
	return k, nil
}

// good says whether the token may still be used, due whether another is to be
// had, and fresh whether nobody needs to ask the server yet.
func (k kept) good(now time.Time) bool { return k.Token != "" && now.Before(k.Until) }
func (k kept) due(now time.Time) bool  { return !now.Before(k.NextAt) }
func (k kept) fresh(now time.Time) bool {
	return k.good(now) && !k.due(now) && now.Before(k.At.Add(confirmEvery))
}

// refused gives the refusal to repeat to this session, if there is one.
func (k kept) refused(now time.Time, session string) error {
	r := k.Refusal
	if r == nil || !now.Before(r.Until) || (r.Session != "" && r.Session != session) {
		return nil
	}
	return &failure{code: r.Code, say: r.Say}
}

// took is what is kept of a token that the server gave.
func (h home) took(lease string, t api.Token, c *api.Client) kept {
	until := c.Local(t.ExpiresAt).Add(-spare)
	next := c.Local(t.NextAt)
	if next.IsZero() || t.NextAt.IsZero() || next.After(until) {
		next = until
	}
	return kept{Server: h.server.String(), Lease: lease, At: h.now(), Token: t.Token, Until: until, NextAt: next}
}

// was is what is kept of a refusal.
func (h home) was(lease string, err error, session string, d time.Duration) kept {
	now := h.now()
	return kept{Server: h.server.String(), Lease: lease, At: now, Refusal: &refusal{Code: exitOf(err), Say: err.Error(), Session: session, Until: now.Add(d)}}
}
