package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
)

func statusCommand(w world) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say where this machine is signed in, as whom and until when",
		Long: "Say where this machine is signed in, as whom and until when, and where commands go.\n\nIt reads the files on this machine and asks no server: a sign-in that was ended\nelsewhere is still told. kubectl daypass list asks.",
		Args: takes(cobra.NoArgs, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkForm(c); err != nil {
				return err
			}
			s, err := w.status(c)
			if err != nil {
				return err
			}
			return w.give(c, s, s.names(), func() error { return w.tellStatus(s) })
		},
	}
}

// The states of a sign-in, as far as its files tell.
const (
	isGood   = "signedIn"
	isOver   = "over"
	isBroken = "broken" // its files are not what login wrote
)

// standing is what the files say of one sign-in.
type standing struct {
	Server   string    `json:"server"` // of a broken one perhaps only the folder's name
	State    string    `json:"state"`
	Person   string    `json:"person,omitempty"`
	SignedIn time.Time `json:"signedIn,omitzero"`
	Until    time.Time `json:"until,omitzero"` // zero: it was made by a client that did not keep it
	Key      string    `json:"key,omitempty"`  // its thumbprint, as login shows it
	Default  bool      `json:"default"`
	Note     string    `json:"note,omitempty"` // what is wrong
}

// status is status' answer for programs.
type status struct {
	Servers []standing `json:"servers"`
	// Default is the server that commands go to when none is named; empty: none.
	Default string `json:"default,omitempty"`
}

func (s status) names() []string {
	names := []string{}
	for _, one := range s.Servers {
		if one.State == isGood {
			names = append(names, one.Server)
		}
	}
	return names
}

func (w world) status(c *cobra.Command) (status, error) {
	s := status{Servers: []standing{}}
	main, err := w.at(c)
	switch {
	case err == nil:
		s.Default = main.server.String()
	case !errors.Is(err, api.ErrNoSession): // there it is only that nobody signed in
		return s, err
	}
	all, err := w.homes()
	if err != nil {
		return s, err
	}
	for _, h := range all {
		one, there := h.standing()
		one.Default = h.config == main.config
		if one.Default {
			one.Server = s.Default
		}
		if there && (one.Default || !c.Flags().Changed("server")) {
			s.Servers = append(s.Servers, one)
		}
	}
	return s, nil
}

// homes are those of all servers that anything is kept for, by name.
func (w world) homes() ([]home, error) {
	config, err := w.folder("XDG_CONFIG_HOME", ".config", "AppData")
	if err != nil {
		return nil, err
	}
	servers := filepath.Join(config, "servers")
	for _, folder := range []string{config, servers} {
		if err := safe(folder); err != nil {
			return nil, err
		}
	}
	there, err := os.ReadDir(servers)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", servers, reason(err))
	}
	var all []home
	for _, e := range there {
		all = append(all, home{world: w, config: filepath.Join(servers, e.Name())})
	}
	return all, nil
}

// standing reads one sign-in and mends nothing. It is not there where nobody
// signed in, or signed out.
func (h home) standing() (one standing, there bool) {
	var s signIn
	err := safe(h.config)
	if err == nil {
		err = readJSON(h.sessionFile(), &s)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return standing{}, false
	}
	one = standing{Server: s.Server, State: isGood, Person: s.Person, SignedIn: s.SignedIn, Until: s.Until, Key: s.Thumbprint}
	u, bad := api.ParseServer(s.Server)
	switch {
	case err != nil:
		return standing{Server: filepath.Base(h.config), State: isBroken, Note: err.Error()}, true
	case bad != nil || folderName(u) != filepath.Base(h.config) || s.Secret == "":
		return standing{Server: filepath.Base(h.config), State: isBroken, Note: h.sessionFile() + ": it is not this server's"}, true
	case !s.Until.IsZero() && !h.now().Before(s.Until):
		one.State = isOver
		return one, true
	}
	if err := h.holdsKey(s.Thumbprint); err != nil {
		one.State, one.Note = isBroken, err.Error()
	}
	return one, true
}

// holdsKey says what is wrong with the key that was signed in with.
func (h home) holdsKey(thumbprint string) error {
	b, err := readPrivate(h.keyFile())
	if err != nil {
		return err
	}
	key, err := parseKey(b)
	if err != nil {
		return fmt.Errorf("%s: %w", h.keyFile(), errDamaged)
	}
	if name, err := api.Thumbprint(&key.PublicKey); err != nil || name != thumbprint {
		return fmt.Errorf("%s is not the key that was signed in with", h.keyFile())
	}
	return nil
}

func (w world) tellStatus(s status) error {
	for _, one := range s.Servers {
		if err := w.print("%s", one.Server); err != nil {
			return err
		}
		for _, line := range one.lines() {
			if err := w.print("  %s", line); err != nil {
				return err
			}
		}
	}
	return w.print("%s", s.last())
}

func (one standing) lines() []string {
	again := "Run: kubectl daypass login " + one.Server
	if !strings.Contains(one.Server, "://") {
		again = "Run: kubectl daypass login SERVER"
	}
	switch {
	case one.State == isBroken:
		return []string{"not usable: " + one.Note + ". " + again}
	case one.State == isOver:
		return []string{fmt.Sprintf("was signed in as %s until %s. %s", one.Person, clock(one.Until), again)}
	}
	until := "; until when is not kept here"
	if !one.Until.IsZero() {
		until = ", until " + clock(one.Until)
	}
	return []string{fmt.Sprintf("signed in as %s since %s%s", one.Person, clock(one.SignedIn), until), "key " + one.Key}
}

// last is the sentence about where commands go.
func (s status) last() string {
	var here *standing
	for i := range s.Servers {
		if s.Servers[i].Default {
			here = &s.Servers[i]
		}
	}
	switch {
	case s.Default == "" && len(s.Servers) == 0:
		return "You are not signed in anywhere. Run: kubectl daypass login SERVER"
	case s.Default == "":
		return "Commands need a server: name one with --server, or sign in anew."
	case here == nil && len(s.Servers) == 0:
		return "You are not signed in. Run: kubectl daypass login " + s.Default
	case here == nil:
		return fmt.Sprintf("Commands go to %s unless --server names another, and there you are not signed in. Run: kubectl daypass login %s", s.Default, s.Default)
	}
	return fmt.Sprintf("Commands go to %s unless --server names another.", s.Default)
}
