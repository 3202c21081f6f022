package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// status runs status for programs.
func (d *desk) status(args ...string) (s status) {
	d.Helper()
	out := d.must(append([]string{"status", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		d.Fatalf("%v: %s", err, out)
	}
	return s
}

// session reads what login kept, and changed writes it as another client might.
func (d *desk) session() (s signIn) {
	d.Helper()
	b, err := os.ReadFile(filepath.Join(d.files(), "session.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		d.Fatal(err)
	}
	return s
}

func (d *desk) changed(f func(*signIn)) {
	d.Helper()
	s := d.session()
	f(&s)
	if err := writeJSON(filepath.Join(d.files(), "session.json"), s); err != nil {
		d.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	t.Run("says so where nobody is signed in", func(t *testing.T) {
		d := newDesk(t)
		if out := d.must("status"); out != "You are not signed in anywhere. Run: kubectl daypass login SERVER\n" {
			t.Error(out)
		}
		if out := d.must("status", "--server", d.server.URL); out != "You are not signed in. Run: kubectl daypass login "+d.server.URL+"\n" {
			t.Error(out)
		}
		if out := d.must("status", "-o", "json"); out != "{\n  \"servers\": []\n}\n" {
			t.Error(out)
		}
	})
	t.Run("tells who is signed in until when with which key, and asks nobody", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		s, before := d.session(), d.server.Asked("")
		if s.Until.Sub(s.SignedIn).Round(time.Minute) != 12*time.Hour {
			t.Errorf("login kept %+v", s)
		}
		want := d.server.URL + "\n  signed in as ann@example.com since " + clock(s.SignedIn) + ", until " + clock(s.Until) + "\n  key " + s.Thumbprint +
			"\nCommands go to " + d.server.URL + " unless --server names another.\n"
		if diff := cmp.Diff(want, d.must("status")); diff != "" {
			t.Error(diff)
		}
		all := status{[]standing{{d.server.URL, isGood, "ann@example.com", s.SignedIn, s.Until, s.Thumbprint, true, ""}}, d.server.URL}
		if diff := cmp.Diff(all, d.status()); diff != "" {
			t.Error(diff)
		}
		if out := d.must("status", "-o", "name"); out != d.server.URL+"\n" || strings.Contains(d.must("status", "-o", "yaml"), s.Secret) {
			t.Error(out)
		}
		if d.server.Asked("") != before {
			t.Error("the server was asked")
		}
	})
	t.Run("tells of each server, and where commands go", func(t *testing.T) {
		d, other := newDesk(t), newDesk(t)
		d.login()
		other.home, other.env = d.home, d.env
		other.login()
		if s := d.status(); len(s.Servers) != 2 || s.Default != other.server.URL || s.Servers[0].Default == s.Servers[1].Default {
			t.Errorf("%+v", s)
		}
		d.env = append(d.env, "DAYPASS_SERVER="+d.server.URL)
		if s := d.status(); s.Default != d.server.URL {
			t.Errorf("%+v", s)
		}
		if s := d.status("--server", other.server.URL); len(s.Servers) != 1 || s.Servers[0].Server != other.server.URL {
			t.Errorf("%+v", s)
		}
		d.must("logout")
		if out := d.must("status"); !strings.HasSuffix(out, "\nCommands go to "+d.server.URL+" unless --server names another, and there you are not signed in. Run: kubectl daypass login "+d.server.URL+"\n") || !strings.HasPrefix(out, other.server.URL+"\n  signed in") {
			t.Error(out)
		}
		if err := os.Remove(filepath.Join(d.home, ".config", "daypass", "last-server")); err != nil {
			t.Fatal(err)
		}
		if out := other.must("status"); !strings.HasSuffix(out, "\nCommands need a server: name one with --server, or sign in anew.\n") {
			t.Error(out)
		}
	})
	t.Run("goes by what the files hold", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		again := " Run: kubectl daypass login " + d.server.URL + "\n"
		d.changed(func(s *signIn) { s.Until = time.Time{} })
		if out := d.must("status"); !strings.Contains(out, "; until when is not kept here\n  key ") {
			t.Error(out)
		}
		d.must("list") // as with every client before
		d.changed(func(s *signIn) { s.Until = time.Now().Add(-time.Minute) })
		if out := d.must("status"); !strings.Contains(out, "  was signed in as ann@example.com until 20") || !strings.Contains(out, again) || d.must("status", "-o", "name") != "" {
			t.Error(out)
		}
		d.changed(func(s *signIn) { s.Until = time.Now().Add(time.Hour) })
		for _, c := range [][2]string{{"key.pem", "no key"}, {"session.json", "{"}} { // the session is looked at first
			name, text := c[0], c[1]
			if err := os.WriteFile(filepath.Join(d.files(), name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if out := d.must("status"); !strings.HasPrefix(out, d.server.URL+"\n  not usable: "+filepath.Join(d.files(), name)+": it is damaged."+again) {
				t.Error(out)
			}
			if b, err := os.ReadFile(filepath.Join(d.files(), name)); err != nil || string(b) != text {
				t.Errorf("status changed %s: %v, %s", name, err, b)
			}
		}
	})
	t.Run("takes no key for the one that was signed in with", func(t *testing.T) {
		d, other := newDesk(t), newDesk(t)
		d.login()
		other.login()
		key, err := os.ReadFile(filepath.Join(other.files(), "key.pem"))
		if err == nil {
			err = os.WriteFile(filepath.Join(d.files(), "key.pem"), key, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if s := d.status(); s.Servers[0].State != isBroken || !strings.Contains(s.Servers[0].Note, "is not the key that was signed in with") {
			t.Errorf("%+v", s)
		}
		session, err := os.ReadFile(filepath.Join(other.files(), "session.json"))
		if err == nil {
			err = os.WriteFile(filepath.Join(d.files(), "session.json"), session, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if s := d.status(); s.Servers[0].State != isBroken || s.Servers[0].Server != d.server.URL {
			t.Errorf("%+v", s)
		}
	})
}
