package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
)

// How long kubectl waits for us at most: shorter while there is a token to
// fall back on, and shortest while that needs no successor yet.
const (
	patient   = 15 * time.Second
	impatient = 3 * time.Second
	brief     = time.Second
)

// patience is how long one question may take.
func (k kept) patience(now time.Time) time.Duration {
	switch {
	case !k.good(now):
		return patient
	case k.due(now):
		return impatient
	default:
		return brief
	}
}

// helper is the command token: what kubectl runs.
func helper(ctx context.Context, w world, args []string) error {
	server, lease, err := tokenFlags(args)
	if err != nil {
		return err
	}
	version, err := execVersion(w.getenv("KUBERNETES_EXEC_INFO"))
	if err != nil {
		return err
	}
	u, err := api.ParseServer(server)
	if err != nil {
		return usage("%v", err)
	}
	h, err := w.home(u)
	if err != nil {
		return err
	}
	k, err := h.token(ctx, lease)
	if err != nil {
		if w.getenv("KUBERNETES_EXEC_INFO") != "" {
			err = h.unsaid(lease, err, os.Getppid())
		}
		return err
	}
	return writeCredential(w.out, version, k)
}

// tokenFlags reads --server and --lease without the library that people's
// commands use.
func tokenFlags(args []string) (server, lease string, err error) {
	into := map[string]*string{"--server": &server, "--lease": &lease}
	for len(args) > 0 {
		name, value, given := strings.Cut(args[0], "=")
		args = args[1:]
		to, ok := into[name]
		if !ok {
			return "", "", usage("token takes --server URL and --lease ID, not %q", name)
		}
		if !given {
			if len(args) == 0 {
				return "", "", usage("%s needs a value", name)
			}
			value, args = args[0], args[1:]
		}
		*to = value
	}
	if server == "" || lease == "" {
		return "", "", usage("token needs --server URL and --lease ID")
	}
	return server, lease, checkLease(lease)
}

// checkLease holds an ID to what may be part of a path.
func checkLease(id string) error {
	if rest, ok := strings.CutPrefix(id, "ls_"); ok && len(rest) <= 64 && plainName(rest) {
		return nil
	}
	return usage("%q is no lease's ID: one looks like ls_01k9x2m4qj", id)
}

func plainName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return s != ""
}

// said is what a kubectl was told in place of a token.
type said struct {
	Kubectl int       `json:"kubectl"` // its process
	Say     string    `json:"say"`
	At      time.Time `json:"at"`
}

// unsaid drops from an error what the same kubectl was told just before: it
// asks several times, and its person reads one line.
func (h home) unsaid(lease string, err error, kubectl int) error {
	path := filepath.Join(h.cache, lease+".said")
	now := said{kubectl, err.Error(), h.now()}
	var before said
	if readJSON(path, &before) == nil && before.Kubectl == kubectl && before.Say == now.Say && now.At.Sub(before.At).Abs() < finalFor {
		return &failure{code: exitOf(err), err: err}
	}
	_ = writeJSON(path, now) // unkept, it is said once more
	return err
}

// token gives the lease's token, from the cache while that is fresh. Asked
// about a token that is still good, the server gives the same, or says that the
// lease is over; while it does not answer, the token is given.
func (h home) token(ctx context.Context, lease string) (kept, error) {
	if err := safe(h.cache); err != nil {
		return kept{}, err
	}
	k, err := h.kept(lease)
	if err != nil || k.fresh(h.now()) {
		return k, err
	}
	if err := h.safe(); err != nil {
		return kept{}, err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	wait := patient
	if k.good(h.now()) {
		wait = 0 // whoever renews does it for us
	}
	release, err := lock(ctx, h.tokenFile(lease)+".lock", wait)
	if errors.Is(err, errBusy) && wait == 0 {
		return k, nil
	}
	if err != nil {
		return kept{}, err
	}
	defer release()
	return h.renew(ctx, lease)
}

// renew is for whoever has the lock. Another may have renewed in the meantime.
func (h home) renew(ctx context.Context, lease string) (kept, error) {
	k, err := h.kept(lease)
	if err != nil || k.fresh(h.now()) {
		return k, err
	}
	c, s, err := h.client(k.patience(h.now()))
	if err != nil {
		return kept{}, err
	}
	if err := k.refused(h.now(), s.Session); err != nil {
		return kept{}, err
	}
	t, err := c.Token(ctx, lease)
	h.remember(c)
	if err != nil {
		return h.denied(k, lease, s, advised(err, h.server.String()))
	}
	return h.given(lease, s, t, c)
}

// given keeps a token, unless the person signed out, or in anew, while it came.
func (h home) given(lease string, s signIn, t api.Token, c *api.Client) (kept, error) {
	k := h.took(lease, t, c)
	if t.Token == "" || !k.good(h.now()) {
		return kept{}, &failure{code: exitFailed, say: "The server gave a token that is already over. Tell whoever runs Daypass: its clock may be wrong."}
	}
	if t.Note != "" {
		h.say("%s", t.Note)
	}
	now, err := h.signedIn()
	if err != nil {
		return kept{}, err
	}
	if now.Session != s.Session {
		return k, nil
	}
	return k, writeJSON(h.tokenFile(lease), k)
}

// denied falls back on a token that is still good when nobody answered, and
// keeps what a server meant.
func (h home) denied(k kept, lease string, s signIn, err error) (kept, error) {
	final := map[int]bool{exitSignedOut: true, exitRefused: true, exitOver: true}[exitOf(err)]
	if !final && k.good(h.now()) {
		k.At = h.now()
		if k.due(k.At) {
			k.NextAt = k.At.Add(awayFor)
		}
		_ = writeJSON(h.tokenFile(lease), k) // unkept, it costs a question more
		return k, nil
	}
	d := awayFor
	if final {
		d = finalFor
	}
	if errors.Is(err, context.Canceled) { // the person's doing
		return kept{}, err
	}
	return kept{}, withCode(err, writeJSON(h.tokenFile(lease), h.was(lease, err, s.Session, d)))
}

// withCode adds to an error what else went wrong, under the first one's code.
func withCode(err, also error) error {
	if also == nil {
		return err
	}
	return &failure{code: exitOf(err), say: err.Error() + " Also: " + also.Error(), err: err}
}
