package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/config"
)

const (
	// reloadEvery is how often the file is looked at. Kubernetes swaps
	// symbolic links under a mounted ConfigMap, which watchers miss.
	reloadEvery = 5 * time.Second
	// toleratesBad is how long the server stays ready on an old configuration
	// while the file on disk is not valid.
	toleratesBad = 10 * time.Minute
	// maxTold is how many lines of a change an event tells.
	maxTold = 100
)

// snapshot is the configuration in force. It is replaced as a whole, and only
// by one that is valid.
type snapshot struct {
	current atomic.Pointer[config.Config]
	begun   *config.Config // what the server started with

	mu      sync.Mutex
	seen    string    // digest of the file's last content, good or bad
	told    string    // what was last said to be wrong with it
	badFrom time.Time // since when it has been bad; zero: it is good
	restart []string  // in words, what waits for a restart
}

func newSnapshot(c *config.Config) *snapshot {
	s := &snapshot{begun: c, seen: c.Digest}
	s.current.Store(c)
	return s
}

func (s *snapshot) config() *config.Config { return s.current.Load() }
func (s *snapshot) policy() *access.Policy { return s.config().Policy }

// standing says since when the file has been bad, and in words what waits for
// a restart.
func (s *snapshot) standing() (badFrom time.Time, restart []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.badFrom, s.restart
}

// changed reports whether the file is to be read: its content is another than
// last time, or that of a file it names is, or it was bad then.
func (s *snapshot) changed(digest string) bool {
	altered := slices.ContainsFunc(s.config().Files, config.File.Altered)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == digest && !altered && s.badFrom.IsZero() {
		return false
	}
	s.seen = digest
	return true
}

// bad notes what is wrong with the file, and reports whether that is news.
func (s *snapshot) bad(now time.Time, why string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.badFrom.IsZero() {
		s.badFrom = now
	}
	news := s.told != why
	s.told = why
	return news
}

// again has the file looked at anew next time.
func (s *snapshot) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = ""
}

// take puts a valid configuration in force.
func (s *snapshot) take(c *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.badFrom, s.told, s.restart = time.Time{}, "", needRestart(s.begun, c)
	s.current.Store(c)
}

// needRestart says in words what waits for a restart: keys that changed, and
// files that changed under keys that did not.
func needRestart(begun, c *config.Config) (told []string) {
	var keys []string
	files := slices.DeleteFunc(config.Altered(begun, c), takenAtOnce)
	for _, x := range []struct {
		key  string
		a, b any
	}{
		{"url", begun.URL.String(), c.URL.String()}, {"listen", begun.Listen, c.Listen}, {"operations", begun.Operations, c.Operations},
		{"trustedProxies", begun.TrustedProxies, c.TrustedProxies}, {"database", databaseOf(begun, files), databaseOf(c, files)},
		{"sealingKeyFile", begun.SealingKeyFile, c.SealingKeyFile}, {"sealingKeyEnv", begun.SealingKeyEnv, c.SealingKeyEnv},
		{"signIn", signInOf(begun, files), signInOf(c, files)}, {"clients", begun.Clients, c.Clients}, {"audit", begun.AuditStdout, c.AuditStdout},
	} {
		if !reflect.DeepEqual(x.a, x.b) {
			keys = append(keys, x.key)
		}
	}
	if len(keys) > 0 {
		told = append(told, "changes of "+strings.Join(keys, ", ")+" wait for a restart")
	}
	for _, f := range files {
		told = append(told, newContent(f))
	}
	return told
}

// takenAtOnce tells whether a file's new content is in force without a restart:
// a webhook's secret is looked up for each notice.
func takenAtOnce(f config.File) bool { return f.Key == "notify" }

// newContent says what became of a file that changed.
func newContent(f config.File) string {
	if takenAtOnce(f) {
		return f.String() + " changed on disk and is in use"
	}
	return f.String() + " changed on disk; restart to use it"
}

// databaseOf is what the database was opened by, but for a file that is told
// by itself.
func databaseOf(c *config.Config, told []config.File) any {
	if slices.ContainsFunc(told, func(f config.File) bool { return f.Key == "database" }) {
		return c.Database.SQLite
	}
	return [2]string{c.Database.SQLite, c.Database.Postgres.Reveal()}
}

// signInOf is the part of the configuration that sign-in was set up from, its
// secrets laid open for comparison, but for files that are told by themselves.
func signInOf(c *config.Config, told []config.File) any {
	type plain struct {
		config.Provider
		secret string
	}
	out := []any{c.SignIn.Idle, c.SignIn.Absolute}
	for _, p := range c.SignIn.Providers {
		secret := p.ClientSecret.Reveal()
		p.ClientSecret = config.Secret{}
		for _, f := range told {
			if f.Holds("signIn", p.Name, config.ClientSecret) {
				secret = ""
			} else if f.Holds("signIn", p.Name, config.Certificates) {
				p.CAs = nil
			}
		}
		out = append(out, plain{p, secret})
	}
	return out
}

// reload looks at the file again and again until the context ends.
func (h *house) reload(ctx context.Context) {
	tick := time.NewTicker(h.reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.look(ctx)
		}
	}
}

// look reads the file if its content changed, or that of a file it names, and
// puts it in force if it is valid.
func (h *house) look(ctx context.Context) {
	path := h.snapshot.config().Path
	if !h.snapshot.changed(fileDigest(path)) {
		return
	}
	next, warnings, err := config.Load(path, os.Getenv)
	if err == nil {
		err = soundKeys(next)
	}
	now := time.Now()
	if err != nil {
		if !h.snapshot.bad(now, err.Error()) {
			return
		}
		h.log.Error("the changed configuration is not valid; the one before stays in force", "error", err)
		e := audit.New(audit.ConfigRefused, now, audit.Who{})
		e.Policy = h.snapshot.policy().Digest()
		e.Details.Text = err.Error()
		h.note(ctx, e)
		return
	}
	for _, w := range warnings {
		h.log.Warn("configuration", "warning", w.String())
	}
	// On record first: a rule that nobody can look up later must not decide.
	if err := h.store.Record(ctx, configChanged(h.snapshot.config(), next, now)); err != nil {
		h.log.Error("a changed configuration could not be recorded, so it is not in force; it is tried again", "error", err)
		h.snapshot.again()
		return
	}
	h.snapshot.take(next)
	_, restart := h.snapshot.standing()
	h.log.Info("the changed configuration is in force", "policy", next.Policy.Digest(), "waits for a restart", strings.Join(restart, "; "))
}

// fileDigest names the content of a file; one that cannot be read has a name
// of its own, so that its loss is noticed once.
func fileDigest(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unreadable"
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// configChanged tells what a new configuration changes for people.
func configChanged(before, after *config.Config, now time.Time) audit.Event {
	e := audit.New(audit.ConfigLoaded, now, audit.Who{})
	e.Policy = after.Policy.Digest()
	e.Facts = map[string]string{"file": after.Digest, "before": before.Policy.Digest()}
	told := access.Diff(before.Policy, after.Policy)
	if n := len(told); n > maxTold {
		told = append(told[:maxTold:maxTold], fmt.Sprintf("and %d changes more", n-maxTold))
	}
	for _, f := range config.Altered(before, after) {
		told = append(told, newContent(f))
	}
	if len(told) == 0 {
		told = []string{"nothing changes for anybody"}
	}
	e.Details.Text = strings.Join(told, "\n")
	return e
}

// note puts an event on record; one that cannot be is told in the log.
func (h *house) note(ctx context.Context, e audit.Event) {
	if err := h.store.Record(ctx, e); err != nil {
		h.log.Error("an event could not be recorded", "kind", e.Kind, "error", err)
	}
}
