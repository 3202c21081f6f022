package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/access"
)

// Defaults and bounds.
const (
	defaultListen      = "127.0.0.1:8080"
	defaultOperations  = "127.0.0.1:9090"
	defaultIdle        = time.Hour
	defaultAbsolute    = 12 * time.Hour
	defaultGroupsClaim = "groups"
	defaultContext     = "{cluster}-{role}"

	// maxLease bounds what a grant may allow: a long working day. Nothing in AWS
	// asks for it, since each token lives minutes anyway; but whoever needs
	// longer asks again, and so leaves another record.
	maxLease = 12 * time.Hour
	// maxAbsolute bounds a sign-in, and with it how stale groups can be.
	maxAbsolute = 24 * time.Hour

	// maxProof bounds maxAge, beyond which a provider's own session ends
	// anyway.
	maxProof = 30 * 24 * time.Hour

	shortest = time.Minute
)

// draft is a Config in the making.
type draft struct {
	*reader
	cfg       *Config
	folder    string // relative paths start here
	root      table
	accounts  shelf[account]
	providers shelf[Provider]
	clusters  shelf[access.Cluster]
	roles     shelf[access.Role]
	webhooks  shelf[Webhook]
	grants    shelf[access.Grant]
}

func (d *draft) read(root *yaml.Node) {
	d.root = d.table(root, "", fileKeys())
	if d.root.broken {
		return
	}
	d.readServer()
	d.readDatabase()
	d.readSealingKey()
	d.readSignIn()
	d.readClients()
	d.readNotify()
	d.cfg.Administrators = d.whos(d.root, "administrators")
	d.cfg.Auditors = d.whos(d.root, "auditors")
	d.cfg.Reviewers = d.whos(d.root, "reviewers")
	d.readAccounts()
	d.readClusters()
	d.readRoles()
	d.readGrants()
	d.check()
	d.compile()
}

func (d *draft) readServer() {
	t, c := d.root, d.cfg
	c.URL = read(t, "url", parseOrigin)
	c.Listen = orElse(read(t, "listen", parseListen), defaultListen)
	c.Operations = orElse(read(t, "operations", parseListen), defaultOperations)
	if c.Listen == c.Operations && !strings.HasSuffix(c.Listen, ":0") {
		t.fail(t.node, "listen and operations are both %s; give operations a port of its own, away from the public one", c.Listen)
	}
	c.TrustedProxies = readAll(t, "trustedProxies", parseNetwork)
	if slices.ContainsFunc(c.TrustedProxies, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		t.warn(t.at["trustedProxies"], "trustedProxies believes everybody, so that anybody can claim any address; list your proxies only")
	}
	d.warnPort()
	c.Contact = t.text("contact")
	c.AuditStdout = true
	if audit, ok := t.section("audit"); ok {
		c.AuditStdout = audit.flag("stdout", true)
	}
	c.KubeconfigContext = defaultContext
	if k, ok := t.section("kubeconfig"); ok {
		c.KubeconfigContext = orElse(read(k, "context", parseContext), defaultContext)
	}
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// path resolves a path in the file against the file's own folder.
func (d *draft) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.folder, p)
}

func (d *draft) readDatabase() {
	t, ok := d.root.section("database")
	if !ok {
		return
	}
	switch t.oneOf("sqlite", "postgres") {
	case "sqlite":
		d.cfg.Database.SQLite = d.path(t.text("sqlite"))
	case "postgres":
		d.cfg.Database.Postgres = d.postgres(t)
	}
}

func (d *draft) postgres(parent table) Secret {
	t, ok := parent.section("postgres")
	if !ok {
		return Secret{}
	}
	key := t.oneOf("url", "urlFile", "urlEnv")
	var s Secret
	switch key {
	case "url":
		s = NewSecret(t.text("url"))
	case "urlFile":
		s = d.fileSecret(t, "urlFile", File{Key: "database", what: databaseURL})
	case "urlEnv":
		s = d.envSecret(t, "urlEnv")
	}
	if s.Reveal() == "" {
		return Secret{}
	}
	if text := notPostgres(s.Reveal(), key == "url"); text != "" {
		t.fail(t.at[key], "%s: %s", t.of(key), text)
	}
	return s
}

// notPostgres tells what is wrong with a database's URL, and never quotes it.
func notPostgres(s string, inline bool) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "not a PostgreSQL URL; write one such as postgres://daypass@db.example.com/daypass?sslmode=verify-full (special characters in a password as %XX)"
	}
	_, password := u.User.Password()
	if inline && (password || u.Query().Has("password") || u.Query().Has("sslpassword")) {
		return "the URL holds a password; put the whole URL into a file or the environment and name it as urlFile or urlEnv"
	}
	return ""
}

func (d *draft) readSealingKey() {
	t := d.root
	if t.has("sealingKeyFile") && t.has("sealingKeyEnv") {
		t.fail(t.at["sealingKeyEnv"], "the file has both sealingKeyFile and sealingKeyEnv; keep one")
		return
	}
	d.cfg.SealingKeyFile = d.sealingKeyFile(t, "sealingKeyFile")
	d.cfg.SealingKeyEnv = d.sealingKeyEnv(t, "sealingKeyEnv")
}

func (d *draft) sealingKeyFile(t table, key string) string {
	path := d.path(t.text(key))
	if path == "" {
		return ""
	}
	b, err := keyFile(path)
	d.named(File{Key: "sealingKeyFile", what: sealingKeys}, path, b)
	if err != nil {
		t.fail(t.at[key], "%s: %v", key, err)
	} else if mode, open := openToOthers(path); open {
		t.fail(t.at[key], "%s: the file %s is open to everybody on the machine (mode %04o); chmod o= it, or in Kubernetes set the volume's defaultMode to 0440", key, path, mode)
	}
	return path
}

// sealingKeyEnv reads the name of the variable. Whoever seals reads the keys
// in it, and knows their form.
func (d *draft) sealingKeyEnv(t table, key string) string {
	name := t.variable(key)
	if name != "" && strings.TrimSpace(d.env(name)) == "" {
		t.fail(t.at[key], "%s: the environment variable %s is not set or empty; set it where Daypass is started", key, name)
	}
	return name
}

// secret reads {file: …} or {env: …}. A secret written in their place is not
// quoted, nor is an unknown key, which may be the secret itself.
func (d *draft) secret(parent table, key string, as File) Secret {
	n := parent.at[key]
	if n == nil || n.Kind == 0 {
		return Secret{}
	}
	const how = "write {file: PATH} or {env: NAME}; a secret is never written into this file"
	if n.Kind != yaml.MappingNode || slices.ContainsFunc(keys(n), func(k string) bool { return k != "file" && k != "env" }) {
		d.fail(n, "%s does not say where the secret is; %s", parent.of(key), how)
		return Secret{}
	}
	t := d.table(n, parent.of(key), find(parent.keys, key).keys)
	switch t.oneOf("file", "env") {
	case "file":
		return d.fileSecret(t, "file", as)
	case "env":
		return d.envSecret(t, "env")
	}
	return Secret{}
}

func keys(n *yaml.Node) []string {
	var out []string
	for i := 0; i < len(n.Content); i += 2 {
		out = append(out, n.Content[i].Value)
	}
	return out
}

func (d *draft) fileSecret(t table, key string, as File) Secret {
	path := d.path(t.text(key))
	if path == "" {
		return Secret{}
	}
	s, content, err := secretFile(path)
	d.named(as, path, content)
	if err != nil {
		t.fail(t.at[key], "%s: %v", t.of(key), err)
		return Secret{}
	}
	if mode, open := openToOthers(path); open {
		t.warn(t.at[key], "%s: the file %s is open to everybody on the machine (mode %04o); chmod o= it, or in Kubernetes set the volume's defaultMode to 0440", t.of(key), path, mode)
	}
	return s
}

// named keeps a file that the configuration names, and what it held.
func (d *draft) named(as File, path string, content []byte) {
	as.Path, as.content = path, NewSecret(digest(content))
	d.cfg.Files = append(d.cfg.Files, as)
}

func (d *draft) envSecret(t table, key string) Secret {
	name := t.variable(key)
	if name == "" {
		return Secret{}
	}
	s, err := secretEnv(name, d.env)
	if err != nil {
		t.fail(t.at[key], "%s: %v", t.of(key), err)
	}
	return s
}

// variable reads the name of an environment variable.
func (t table) variable(key string) string {
	name := t.text(key)
	if name != "" && !variable.MatchString(name) { // perhaps the secret itself: not quoted
		t.fail(t.at[key], "%s is not the name of an environment variable; use capital letters, digits and _", t.of(key))
		return ""
	}
	return name
}

// reference renders where something is declared, for messages about a second.
func reference(kind, name string, n *yaml.Node) string {
	return fmt.Sprintf("%s %q on line %d", kind, name, n.Line)
}
