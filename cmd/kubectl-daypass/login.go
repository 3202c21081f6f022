package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
)

func loginCommand(w world) *cobra.Command {
	var device, noBrowser bool
	c := &cobra.Command{
		Use: "login [SERVER]", Short: "Sign this machine in",
		Long: "Sign this machine in, by the browser on it, or by a code that you type into a\nbrowser elsewhere (--device; the default where there is no display).",
		Args: takes(cobra.MaximumNArgs(1), "one server at most"),
		RunE: func(c *cobra.Command, args []string) error {
			if device && noBrowser {
				return usage("--device opens no browser anyway; leave out --no-browser")
			}
			if len(args) == 1 {
				if err := c.Flags().Set("server", args[0]); err != nil {
					return usage("%v", err)
				}
			}
			h, err := w.at(c)
			if err != nil {
				return err
			}
			return h.login(c, way{device: device, link: noBrowser})
		},
	}
	c.Flags().BoolVar(&device, "device", false, "sign in by a code typed elsewhere")
	c.Flags().BoolVar(&noBrowser, "no-browser", false, "print the link instead of opening it (for a browser on this machine)")
	return c
}

// way is how a person wants to sign in. Neither: as the machine can.
type way struct{ device, link bool }

// login makes a key before anything else: where that cannot be kept, nobody
// needs to sign in.
func (h home) login(c *cobra.Command, how way) error {
	stranger := h.watched(h.stranger(patient))
	about, err := stranger.About(c.Context())
	if err != nil {
		return err
	}
	if err := sameServer(h.server, about); err != nil {
		return err
	}
	key, err := api.NewKey()
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	h.sweep()
	next := h.keyFile() + nextKey + rand.Text()[:8] // another login may be under way
	if err := writeKey(next, key); err != nil {
		return err
	}
	defer func() { _ = os.Remove(next) }() // gone already when all went well
	stranger.Key = key
	in, err := h.signInBy(c.Context(), stranger, about, how)
	if err != nil {
		return err
	}
	if err := h.keep(c.Context(), next, stranger, in); err != nil {
		return err
	}
	h.remember(stranger)
	return h.welcome(c, in)
}

// nextKey is in the names of keys that nobody has signed in with yet.
const nextKey = ".next"

// sweep takes away the keys of logins that were killed. None lasts an hour.
func (h home) sweep() {
	all, _ := os.ReadDir(h.config) // what stays is taken the next time
	for _, e := range all {
		path := filepath.Join(h.config, e.Name())
		info, err := e.Info()
		if err == nil && strings.HasPrefix(path, h.keyFile()+nextKey) && h.now().Sub(info.ModTime()) > time.Hour {
			_ = os.Remove(path)
		}
	}
}

func (h home) signInBy(ctx context.Context, c *api.Client, about api.Server, how way) (api.SignedIn, error) {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "a machine without a name"
	}
	switch {
	case how.device && !about.DeviceLogin:
		return api.SignedIn{}, &failure{code: exitRefused, say: "This server lets nobody sign in by a typed code. Leave out --device, or ask whoever runs Daypass for clients.deviceLogin."}
	case how.device, !how.link && about.DeviceLogin && !h.display():
		return h.byCode(ctx, c, name)
	}
	return h.byBrowser(ctx, c, name, how.link || !h.display())
}

// keep puts the new sign-in in the old one's place. The old one is ended at
// the server if that works: nobody has its key any more.
func (h home) keep(ctx context.Context, key string, c *api.Client, in api.SignedIn) error {
	name, err := api.Thumbprint(&c.Key.PublicKey)
	if err != nil {
		return err
	}
	s := signIn{Server: h.server.String(), Secret: in.Secret, Session: in.Session.ID, Person: in.Person.Label, Thumbprint: name, SignedIn: h.now().UTC(), Until: c.Local(in.Session.ExpiresAt).UTC()}
	old, err := h.replace(ctx, key, s)
	if err != nil {
		return err
	}
	if old != nil {
		_ = old.Replaced(ctx) // it ends by itself in hours
	}
	return errors.Join(h.forgetTokens(), h.lastIs())
}

// replace puts key and session in place, as one to whoever takes the lock, and
// gives whose place they took: nil, nobody's.
func (h home) replace(ctx context.Context, key string, s signIn) (*api.Client, error) {
	release, err := lock(ctx, h.signInLock(), patient)
	if err != nil {
		return nil, err
	}
	defer release()
	var old *api.Client
	was, oldKey, err := h.both()
	if err == nil {
		old = h.asker(was, oldKey, impatient)
	}
	if errors.Is(err, errDamaged) {
		h.say("A damaged file of the sign-in before was kept aside in %s.", h.config)
	}
	if err := os.Rename(key, h.keyFile()); err != nil {
		return nil, unwritable(h.keyFile(), err)
	}
	return old, writeJSON(h.sessionFile(), s)
}

func (h home) lastIs() error {
	path, err := h.lastFile()
	if err != nil {
		return err
	}
	return writePrivate(path, []byte(h.server.String()+"\n"))
}

func (h home) welcome(c *cobra.Command, in api.SignedIn) error {
	return h.give(c, in.Session, []string{in.Session.ID}, func() error {
		return h.print("Signed in to %s as %s until %s. See your clusters: kubectl daypass list", h.server.Host, in.Person.Label, clock(in.Session.ExpiresAt))
	})
}

// display says whether a browser can show itself here.
func (h home) display() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return h.getenv("SSH_CONNECTION") == ""
	}
	return h.getenv("DISPLAY") != "" || h.getenv("WAYLAND_DISPLAY") != ""
}

func logoutCommand(w world) *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Sign this machine out and forget its key and tokens", Args: takes(cobra.NoArgs, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := w.at(c)
			if err != nil {
				return err
			}
			return h.logout(c)
		},
	}
}

// logout forgets whatever the server says: without its key, a session is worth
// nothing to anybody.
func (h home) logout(c *cobra.Command) error {
	client, told := h.person()
	if told == nil {
		told = client.SignOut(c.Context(), api.This)
	}
	if err := h.forget(); err != nil {
		return err
	}
	if told == nil || exitOf(told) == exitSignedOut {
		return h.print("Signed out of %s. The key and all tokens here are gone.", h.server.Host)
	}
	return &failure{code: exitOf(told), err: told, say: fmt.Sprintf("The key and all tokens here are gone, but %s may still list the session; sign it out under My access: %s/access (%s)", h.server.Host, h.server, strings.TrimSuffix(told.Error(), "."))}
}
