package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/access"
)

var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hush is a secret that must never be seen in what is printed.
const hush = "hunter2-hush-hunter2-hush"

func environment(name string) string {
	return map[string]string{
		"DAYPASS_OKTA_SECRET": hush,
		"SECRET":              hush,
		"SHORT_SECRET":        hush[:23],
		"LONG_SECRET":         strings.Repeat("x", 65),
		"TWO_LINES":           hush + "\n" + hush,
		"DATABASE_URL":        "postgres://daypass:" + hush + "@db.example.com/daypass",
		"NOT_POSTGRES":        "mysql://daypass:" + hush + "@db.example.com/daypass",
		"BROKEN_URL":          "postgres://daypass:" + hush + "/x@db.example.com",
	}[name]
}

// folder holds the example and the secrets it names.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"guests-client-secret", "webhook-secret"} {
		write(t, filepath.Join(dir, "secrets", name), hush+"\n", 0o600)
	}
	return dir
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func example(t *testing.T) (string, *Config) {
	t.Helper()
	data, err := os.ReadFile("../docs/daypass.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder(t), "daypass.yaml")
	write(t, path, string(data), 0o644)
	c, warnings, err := Load(path, environment)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("the example has warnings: %v", warnings)
	}
	return path, c
}

func TestTheAnnotatedExample(t *testing.T) {
	path, c := example(t)
	t.Run("keeps where it came from", func(t *testing.T) {
		data, _ := os.ReadFile(path)
		if c.Path != path || c.Digest != digest(data) || !strings.HasPrefix(c.Digest, "sha256:") || len(c.Digest) != 71 {
			t.Errorf("path %q, digest %q", c.Path, c.Digest)
		}
	})
	t.Run("becomes plain fields", func(t *testing.T) {
		got := []any{c.URL.String(), c.Listen, c.Operations, c.TrustedProxies, c.Contact, c.Database.SQLite,
			c.SignIn.Idle, c.SignIn.Absolute, c.Administrators, c.Auditors, c.Reviewers, c.AuditStdout, c.KubeconfigContext}
		want := []any{"https://daypass.example.com", "127.0.0.1:8080", "127.0.0.1:9090",
			[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "#platform on Slack", "/var/lib/daypass/daypass.db",
			time.Hour, 12 * time.Hour,
			access.Whos{{Provider: "okta", Group: "platform"}},
			access.Whos{{Provider: "okta", Group: "audit"}, {Provider: "okta", Email: "ann@example.com"}},
			access.Whos{{Provider: "okta", Group: "leads"}},
			true, "{cluster}-{role}"}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("reads secrets from the environment and from files beside it", func(t *testing.T) {
		for i, s := range []Secret{c.SignIn.Providers[0].ClientSecret, c.SignIn.Providers[1].ClientSecret, c.Webhooks[0].Secret} {
			if s.Reveal() != hush {
				t.Errorf("secret %d is %q", i, s.Reveal())
			}
		}
	})
	t.Run("adds openid to the scopes, and profile and email where none are named", func(t *testing.T) {
		got := [][]string{c.SignIn.Providers[0].Scopes, c.SignIn.Providers[1].Scopes}
		want := [][]string{{"openid", "profile", "email", "groups"}, {"openid", "profile", "email"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("gives clusters what is known of their accounts", func(t *testing.T) {
		prod, _ := c.Policy.Cluster("payments-prod")
		dev, _ := c.Policy.Cluster("payments-dev")
		if prod.Account != "prod" || prod.DescribeRole != "arn:aws:iam::111122223333:role/daypass-describe" || dev.Account != "dev" || dev.DescribeRole != "" {
			t.Errorf("prod %+v, dev %+v", prod, dev)
		}
	})
	t.Run("decides as it is written", func(t *testing.T) { decides(t, c) })
}

// decides asks the example's policy what its comments promise.
func decides(t *testing.T, c *Config) {
	engineer := access.Standing{Principal: access.Principal{Provider: "okta", Subject: "x", Groups: []string{"engineering", "on-call"}}}
	guest := access.Standing{Principal: access.Principal{Provider: "guests", Subject: "x"}, Address: netip.MustParseAddr("203.0.113.7")}
	for _, tt := range []struct {
		ask  access.Ask
		who  access.Standing
		want access.Answer
	}{
		{access.Ask{Cluster: "payments-prod", Role: "viewer", For: 8 * time.Hour}, engineer, access.Allowed},
		{access.Ask{Cluster: "payments-prod", Role: "viewer", For: 9 * time.Hour}, engineer, access.Refused},
		{access.Ask{Cluster: "payments-prod", Role: "editor"}, engineer, access.Refused},
		{access.Ask{Cluster: "payments-prod", Role: "admin"}, engineer, access.Refused},
		{access.Ask{Cluster: "payments-prod", Role: "admin", BreakGlass: true}, engineer, access.Needs},
		{access.Ask{Cluster: "search-dev", Role: "viewer"}, guest, access.Allowed},
		{access.Ask{Cluster: "payments-dev", Role: "viewer"}, guest, access.Refused},
		{access.Ask{Cluster: "search-dev", Role: "viewer"}, access.Standing{Principal: guest.Principal}, access.Refused},
	} {
		if got := c.Policy.Decide(tt.ask, tt.who, today).Answer; got != tt.want {
			t.Errorf("%+v by %s: %s, want %s", tt.ask, tt.who.Principal.Provider, got, tt.want)
		}
	}
}

func TestASecretCannotPrintItself(t *testing.T) {
	_, c := example(t)
	c.Database = Database{Postgres: NewSecret(hush)}
	type inside struct{ config Config }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, *c, inside{*c}, c.Webhooks[0].Secret)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("config", "config", c, "secret", c.Webhooks[0].Secret)
	slog.New(slog.NewTextHandler(&out, nil)).Info("config", "config", c, "secret", c.Webhooks[0].Secret)
	if err := json.NewEncoder(&out).Encode(c.SignIn); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{hush, fmt.Sprintf("%x", hush)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("printed %s", form)
		}
	}
	if !strings.Contains(out.String(), "[secret]") {
		t.Error("does not say [secret]")
	}
	if (Secret{}).Reveal() != "" {
		t.Error("the zero Secret is not empty")
	}
}

func TestLoadTellsWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "large.yaml"), strings.Repeat("# nothing\n", maxSize/10+1), 0o600)
	for name, want := range map[string]string{
		"missing.yaml": "missing.yaml: the file does not exist; name your file of configuration with -c PATH",
		".":            "; correct its rights, or name another file with -c PATH",
		"large.yaml":   "large.yaml: the file is larger than 1 MiB; is it the right one?",
	} {
		c, _, err := Load(filepath.Join(dir, name), environment)
		var errs Errors
		if c != nil || !errors.As(err, &errs) || len(errs) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestSecretsInFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("good"), hush, 0o640)
	write(t, at("crlf"), hush+"\r\n", 0o600)
	write(t, at("open"), hush, 0o644)
	write(t, at("empty"), "\n", 0o600)
	write(t, at("lines"), hush+"\n"+hush+"\n", 0o600)
	write(t, at("large"), strings.Repeat("x", maxSecret+1), 0o600)
	if err := os.Symlink("good", at("link")); err != nil {
		t.Fatal(err)
	}
	const fix = "chmod o= it, or in Kubernetes set the volume's defaultMode to 0440"
	for name, want := range map[string]string{
		"good": "", "crlf": "", "link": "",
		"open":    "warning: D/daypass.yaml:9: provider \"okta\": clientSecret: file: the file D/open is open to everybody on the machine (mode 0644); " + fix,
		"empty":   "D/daypass.yaml:9: provider \"okta\": clientSecret: file: the file D/empty is empty; put the secret into it",
		"lines":   "D/daypass.yaml:9: provider \"okta\": clientSecret: file: the file D/lines holds more than one line of text; leave only the secret in it",
		"large":   "D/daypass.yaml:9: provider \"okta\": clientSecret: file: the file D/large is larger than 64 KiB, which no secret is; correct the path",
		"missing": "D/daypass.yaml:9: provider \"okta\": clientSecret: file: the file D/missing does not exist; create it or correct the path",
		".":       "D/daypass.yaml:9: provider \"okta\": clientSecret: file: D is not a file; correct the path",
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(base, "{env: SECRET}", "{file: "+name+"}", 1)
			c, warnings, err := Parse(at("daypass.yaml"), []byte(data), environment, today)
			got := ""
			for _, w := range warnings {
				got += "warning: " + w.String()
			}
			if err != nil {
				got += err.Error()
			} else if c.SignIn.Providers[0].ClientSecret.Reveal() != hush {
				t.Errorf("read %q", c.SignIn.Providers[0].ClientSecret.Reveal())
			}
			if got = strings.ReplaceAll(got, dir, "D"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	t.Run("a sealing key open to others is refused", func(t *testing.T) {
		for name, want := range map[string]string{
			"good": "",
			"open": "D/daypass.yaml:14: sealingKeyFile: the file D/open is open to everybody on the machine (mode 0644); " + fix,
			"none": "D/daypass.yaml:14: sealingKeyFile: the file D/none does not exist; create it or correct the path",
		} {
			_, _, err := Parse(at("daypass.yaml"), []byte(base+"sealingKeyFile: "+name+"\n"), environment, today)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "D")
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	})
}

func TestSealingKeysComeFromOnePlace(t *testing.T) {
	for text, want := range map[string]string{"": "", "sealingKeyEnv: TWO_LINES\n": "TWO_LINES", "sealingKeyEnv: SECRET\n": "SECRET"} {
		c, _, err := Parse("f", []byte(base+text), environment, today)
		if err != nil || c.SealingKeyEnv != want || c.SealingKeyFile != "" {
			t.Errorf("%q: %v, %v, want the variable %q", text, c, err, want)
		}
	}
}

func TestAProviderAsItIs(t *testing.T) {
	dir := t.TempDir()
	first, second := certificate(t), certificate(t)
	write(t, filepath.Join(dir, "ca.pem"), first+"\n"+second, 0o644)
	data := strings.Replace(base, "{env: SECRET}", `{env: SECRET}
      caFile: ca.pem
      prompt: "login  select_account"
      maxAge: 720h
      acrValues: [phr, "urn:okta:loa:2fa:any"]
      trustUnstatedEmail: true
      groupsFrom: graph
      graphURL: https://graph.microsoft.us`, 1)
	c, _, err := Parse(filepath.Join(dir, "daypass.yaml"), []byte(data), environment, today)
	if err != nil {
		t.Fatal(err)
	}
	p := c.SignIn.Providers[0]
	got := []any{string(p.CAs), p.Prompt, p.MaxAge, p.ACRValues, p.TrustUnstatedEmail, p.GroupsFrom, p.GraphURL}
	want := []any{first + "\n" + second, "login select_account", 720 * time.Hour, []string{"phr", "urn:okta:loa:2fa:any"}, true, "graph", "https://graph.microsoft.us"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for claim, text := range map[string]string{
		"a key beside a certificate": first + "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
		"no certificate at all":      "",
		"a certificate cut short":    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	} {
		write(t, filepath.Join(dir, "ca.pem"), text, 0o644)
		if _, _, err := Parse(filepath.Join(dir, "daypass.yaml"), []byte(data), environment, today); err == nil || !strings.Contains(err.Error(), "caFile: the file "+dir+"/ca.pem holds") {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func TestTheRecipesForProvidersAreAccepted(t *testing.T) {
	page, err := os.ReadFile("../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.pem"), certificate(t), 0o644)
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	file := regexp.MustCompile(`\{file: [^}]*\}`)
	ca := regexp.MustCompile(`caFile: \S+`)
	names := map[string]bool{}
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		text := ca.ReplaceAllString(file.ReplaceAllString(m[1], "{env: SECRET}"), "caFile: ca.pem")
		text = strings.ReplaceAll("\n"+strings.TrimRight(text, "\n"), "\n", "\n    ")
		data := strings.NewReplacer("  providers:\n", "  providers:"+text+"\n", "name: okta", "name: other", "okta:eng", "other:eng").Replace(base)
		c, _, err := Parse(filepath.Join(dir, "daypass.yaml"), []byte(data), environment, today)
		if err != nil {
			t.Errorf("%v\n%s", err, data)
			continue
		}
		names[c.SignIn.Providers[0].Name] = true
	}
	want := map[string]bool{"okta": true, "entra": true, "google": true, "keycloak": true, "cognito": true, "dex": true}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("recipes (-want +got):\n%s", diff)
	}
}

// certificate makes one in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: today.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestDatabases(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "url"), environment("DATABASE_URL")+"\n", 0o600)
	for text, want := range map[string]Database{
		"{sqlite: daypass.db}":                                             {SQLite: filepath.Join(dir, "daypass.db")},
		"{sqlite: /data/daypass.db}":                                       {SQLite: "/data/daypass.db"},
		"{postgres: {urlFile: url}}":                                       {Postgres: NewSecret(environment("DATABASE_URL"))},
		"{postgres: {urlEnv: DATABASE_URL}}":                               {Postgres: NewSecret(environment("DATABASE_URL"))},
		"{postgres: {url: 'postgresql://daypass@db.example.com/daypass'}}": {Postgres: NewSecret("postgresql://daypass@db.example.com/daypass")},
	} {
		data := strings.Replace(base, "{sqlite: d.db}", text, 1)
		c, _, err := Parse(filepath.Join(dir, "daypass.yaml"), []byte(data), environment, today)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.Database.SQLite != want.SQLite || c.Database.Postgres.Reveal() != want.Postgres.Reveal() {
			t.Errorf("%s: %q, %q", text, c.Database.SQLite, c.Database.Postgres.Reveal())
		}
	}
}

func TestDefaults(t *testing.T) {
	c, warnings, err := Parse("daypass.yaml", []byte(base), environment, today)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	p, r, g := c.SignIn.Providers[0], c.Policy.Roles()[0], c.Policy.Grants()[0]
	got := []any{c.Listen, c.Operations, c.SignIn.Idle, c.SignIn.Absolute, p.Label, p.GroupsClaim, p.GroupsFrom, p.TrustUnstatedEmail, p.MaxAge, p.Scopes,
		c.AuditStdout, c.KubeconfigContext, r.NoSourceIdentity, r.NoSessionTags, g.Longest, g.Until, g.Reason,
		c.ContextName(c.Policy.Clusters()[0], "viewer")}
	want := []any{"127.0.0.1:8080", "127.0.0.1:9090", time.Hour, 12 * time.Hour, "okta", "groups", "idToken", false, time.Duration(0),
		[]string{"openid", "profile", "email"}, true, "{cluster}-{role}", false, false, time.Hour, time.Time{}, false, "one-viewer"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheOriginIsWrittenAsBrowsersDo(t *testing.T) {
	for text, want := range map[string]string{
		"https://Daypass.Example.com:443/": "https://daypass.example.com",
		"https://daypass.example.com:8443": "https://daypass.example.com:8443",
		"http://localhost:80":              "http://localhost",
		"http://[::1]:8080":                "http://[::1]:8080",
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080",
	} {
		u, err := parseOrigin(text)
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, u, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("../docs/daypass.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(base))
	for _, tt := range badFiles {
		f.Add([]byte(tt.file()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := Parse("nowhere/daypass.yaml", data, environment, today)
		if (c == nil) != (err != nil) {
			t.Fatalf("config %v with error %v", c != nil, err)
		}
		if err == nil {
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("an error without problems: %#v", err)
		}
		for _, p := range errs {
			if lines := bytes.Count(data, []byte("\n")) + 1; p.Line < 0 || p.Line > lines || p.Text == "" {
				t.Fatalf("line %d of %d: %q", p.Line, lines, p.Text)
			}
		}
	})
}

func TestTheReferenceExplainsEveryKeyOfTheExample(t *testing.T) {
	reference, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../docs/daypass.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keyForm := regexp.MustCompile(`(?:^|[{,-]|\n) *([a-z][A-Za-z]+):[ \n]`)
	free := map[string]bool{"env": true, "team": true} // labels
	found := 0
	for _, m := range keyForm.FindAllStringSubmatch(string(data), -1) {
		key := m[1]
		found++
		if !free[key] && !regexp.MustCompile("`[^`\n]*\\b"+key+"\\b[^`\n]*`").Match(reference) {
			t.Errorf("%s is not explained", key)
		}
	}
	if found < 60 {
		t.Errorf("found %d keys in the example only", found)
	}
}
