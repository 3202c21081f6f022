package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/daypass/daypass/access"
)

// Config is a checked daypass.yaml. It is not changed after Load.
type Config struct {
	Path   string // as it was given to Load
	Digest string // of the file's bytes: sha256: and 64 hexadecimal digits

	URL               *url.URL // scheme and host only, as browsers write them
	Listen            string
	Operations        string
	TrustedProxies    []netip.Prefix
	Contact           string // whom to ask, shown on pages; may be empty
	Database          Database
	SealingKeyFile    string // empty: none, or in the environment
	SealingKeyEnv     string // a variable that holds the text of such a file; at most one of both is set
	SignIn            SignIn
	Clients           Clients
	Administrators    access.Whos
	Auditors          access.Whos
	Reviewers         access.Whos // of what others ask for; nothing asks them yet
	Policy            *access.Policy
	AuditStdout       bool
	Webhooks          []Webhook
	KubeconfigContext string // a template; see ContextName
	Files             []File // all that the file names
}

// Database is where state is kept. Exactly one of both is set.
type Database struct {
	SQLite   string // the file's path
	Postgres Secret // a URL, postgres:// or postgresql://
}

// SignIn says how people sign in and for how long.
type SignIn struct {
	Idle      time.Duration
	Absolute  time.Duration
	EndLeases bool // of whoever signs out
	Providers []Provider
}

// Clients says how programs sign in for people, and for how long.
type Clients struct {
	Enabled     bool
	DeviceLogin bool
	Longest     time.Duration // a program's session ends after this
	Staleness   time.Duration // how old the membership of groups may be
	Downloads   string        // the folder of the programs that are offered; empty: none are
}

// Provider is an OpenID Connect provider.
type Provider struct {
	Name         string // goes into URLs and group names
	Label        string // for the page
	Issuer       string
	ClientID     string
	ClientSecret Secret
	Scopes       []string // openid is always the first
	GroupsClaim  string
	GroupsFrom   string // idToken, userinfo or graph
	GraphURL     string // empty: of the cloud that the ID token names

	CAs                []byte // PEM, beside those of the system; nil: none
	TrustUnstatedEmail bool   // takes an e-mail of which the provider does not say whether it is verified
	Prompt             string
	MaxAge             time.Duration // zero: any
	ACRValues          []string      // nil: any
}

// Webhook is somebody to tell.
type Webhook struct {
	Name   string
	URL    string
	Secret Secret // signs what is sent
}

// ContextName is what the context of a role on a cluster is called.
func (c *Config) ContextName(cluster access.Cluster, role string) string {
	return contextName(c.KubeconfigContext, cluster, role)
}

func contextName(template string, c access.Cluster, role string) string {
	return strings.NewReplacer("{cluster}", c.Name, "{role}", role, "{account}", c.Account, "{region}", c.ARN.Region).Replace(template)
}

// Load reads and checks a file. The error is of the type Errors. Warnings are
// worth telling even when there is an error. Env is where secrets given as env
// come from, os.Getenv in most cases.
func Load(path string, env func(string) string) (*Config, []Warning, error) {
	data, err := readAtMost(path, maxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, Errors{{File: path, Text: "the file does not exist; name your file of configuration with -c PATH, or make one after docs/daypass.example.yaml"}}
	case err != nil:
		return nil, nil, Errors{{File: path, Text: fmt.Sprintf("the file cannot be read: %v; correct its rights, or name another file with -c PATH", err)}}
	}
	return Parse(path, data, env, time.Now())
}

// Parse is Load for bytes at hand. Relative paths in them are taken from the
// folder of name. It reads the files that hold secrets.
func Parse(name string, data []byte, env func(string) string, now time.Time) (*Config, []Warning, error) {
	d := &draft{
		reader: &reader{file: name, env: env, now: now},
		cfg:    &Config{Path: name, Digest: digest(data)},
		folder: filepath.Dir(name),
	}
	if root := d.document(data); root != nil {
		d.read(root)
	}
	sort.SliceStable(d.errors, func(i, j int) bool { return d.errors[i].Line < d.errors[j].Line })
	sort.SliceStable(d.warnings, func(i, j int) bool { return d.warnings[i].Line < d.warnings[j].Line })
	if len(d.errors) > 0 {
		return nil, d.warnings, d.errors.upTo(maxProblems)
	}
	return d.cfg, d.warnings, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
