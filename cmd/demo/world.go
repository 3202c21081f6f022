package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/issuer/awssim"
	"github.com/daypass/daypass/seal"
)

// world is everything around Daypass.
type world struct {
	url        string // of the portal
	operations string // address
	config     string // path of daypass.yaml
	folder     string
	aws        *awssim.Server
	bundle     string // path of the simulated AWS's CA
	key        awssim.User
	staff      *oidcsim.Server
	guests     *oidcsim.Server
	doors      map[string]*doorway // by the cluster's short name
	closers    []func() error
}

// doorway is one cluster's endpoint.
type doorway struct {
	url    string
	caFile string
}

// buildWorld starts all of it on loopback.
func buildWorld(o options, folder string, say *narrator) (_ *world, err error) {
	w := &world{folder: folder, doors: map[string]*doorway{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	// The portal's address is needed before it listens: providers compare
	// redirect addresses to the letter.
	portal, err := w.portal(o.listen)
	if err != nil {
		return nil, err
	}
	if w.operations, err = w.reserve("operations", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	w.url = "http://" + portal
	secrets, err := w.secrets("staff", "guests", "security")
	if err != nil {
		return nil, err
	}
	if err := w.sealingKey(); err != nil {
		return nil, err
	}
	if err := w.startProviders(secrets, say); err != nil {
		return nil, err
	}
	if err := w.startAWS(o.tokenLife, say); err != nil {
		return nil, err
	}
	hook, err := w.startReceiver(secrets["security"], say)
	if err != nil {
		return nil, err
	}
	w.config = filepath.Join(folder, "daypass.yaml")
	text := configuration(w, portal, hook)
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the demo's configuration: %w", err)
	}
	return w, nil
}

// reserve finds a free address and lets go of it again. An address that was
// used with this folder before is taken again if it is free: people are known
// by their provider's address, and cookies and bookmarks by the portal's.
func (w *world) reserve(name, wanted string) (string, error) {
	file := filepath.Join(w.folder, name+".address")
	if before, err := os.ReadFile(file); err == nil {
		wanted = string(before)
	}
	l, err := listen(wanted)
	if err != nil {
		return "", err
	}
	return w.keep(file, l)
}

// portal finds the portal's address: the one that -listen demands, or else as
// reserve does. A port of 0 demands none.
func (w *world) portal(wanted string) (string, error) {
	if wanted == "" {
		return w.reserve("portal", usual)
	}
	if _, port, err := net.SplitHostPort(wanted); err == nil && port == "0" {
		return w.reserve("portal", wanted)
	}
	l, err := demanded(wanted)
	if err != nil {
		return "", err
	}
	return w.keep(filepath.Join(w.folder, "portal.address"), l)
}

// keep writes down the address of a listener and lets go of it.
func (w *world) keep(file string, l net.Listener) (string, error) {
	if err := os.WriteFile(file, []byte(l.Addr().String()), 0o600); err != nil {
		return "", errors.Join(err, l.Close())
	}
	return l.Addr().String(), l.Close()
}

// secrets makes a secret for each name and writes it where the configuration
// will look for it.
func (w *world) secrets(names ...string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range names {
		out[name] = rand.Text()
		if err := os.WriteFile(filepath.Join(w.folder, name+".secret"), []byte(out[name]), 0o600); err != nil {
			return nil, fmt.Errorf("write a secret: %w", err)
		}
	}
	return out, nil
}

// sealingKey makes the key that lies outside the database, unless the folder
// has one from before.
func (w *world) sealingKey() error {
	path := filepath.Join(w.folder, "sealing.key")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	line, err := seal.NewLine("demo")
	if err == nil {
		err = os.WriteFile(path, []byte(line+"\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("make the sealing key: %w", err)
	}
	return nil
}

func (w *world) startProviders(secrets map[string]string, say *narrator) (err error) {
	start := func(name, title string, people []oidcsim.Person) *oidcsim.Server {
		if err != nil {
			return nil
		}
		var s *oidcsim.Server
		var at string
		if at, err = w.reserve(name, "127.0.0.1:0"); err != nil {
			return nil
		}
		s, err = oidcsim.Start(at, oidcsim.Options{Title: title, People: people, Observe: say.provider(name),
			Clients: []oidcsim.Client{{ID: "daypass", Secret: secrets[name], RedirectURIs: []string{w.url + "/auth/" + name + "/callback"},
				SignedOut: []string{w.url + "/signed-out"}, BackChannel: w.url + "/auth/" + name + "/logout"}}})
		if err == nil {
			w.closers = append(w.closers, s.Close)
		}
		return s
	}
	w.staff = start("staff", "Example staff", staff())
	w.guests = start("guests", "Example guests", guests())
	if err != nil {
		return fmt.Errorf("start an identity provider: %w", err)
	}
	return nil
}

// serve runs a handler on a listener until the world ends.
func (w *world) serve(l net.Listener, s *http.Server, tls bool) {
	s.ReadHeaderTimeout = 10 * time.Second
	go func() { // ends with Close
		if tls {
			_ = s.ServeTLS(l, "", "")
		} else {
			_ = s.Serve(l)
		}
	}()
	w.closers = append(w.closers, s.Close)
}

// close takes the world down, last things first.
func (w *world) close() (err error) {
	for i := len(w.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, w.closers[i]())
	}
	w.closers = nil
	return err
}

// environment points the AWS SDK at the simulated AWS by the SDK's own
// variables, and away from whatever account this machine knows.
func (w *world) environment() error {
	set := map[string]string{
		"AWS_ACCESS_KEY_ID": w.key.AccessKeyID, "AWS_SECRET_ACCESS_KEY": string(w.key.Secret), "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "eu-west-1", "AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_STS": w.aws.URL, "AWS_ENDPOINT_URL_EKS": w.aws.URL,
		"AWS_CA_BUNDLE": w.bundle, "AWS_EC2_METADATA_DISABLED": "true",
	}
	for name, value := range set {
		var err error
		if value == "" {
			err = os.Unsetenv(name)
		} else {
			err = os.Setenv(name, value)
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}
