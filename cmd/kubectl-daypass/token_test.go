package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

func TestTheHelper(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	t.Run("answers kubectl, and the second time without a question", func(t *testing.T) {
		first, second := d.credential(d.token(id)), d.credential(d.token(id))
		if first != second || d.server.Asked(asks(id)) != 1 {
			t.Errorf("asked %d times; %v, then %v", d.server.Asked(asks(id)), first, second)
		}
		if left := time.Until(first.Status.Expires); left < 14*time.Minute || left > 15*time.Minute {
			t.Errorf("the token is good for %s", left)
		}
	})
	t.Run("answers in the version it is asked in", func(t *testing.T) {
		for _, v := range []string{v1, v1beta} {
			c := d.command("token", "--server="+d.server.URL, "--lease="+id)
			c.Env = append(c.Env, `KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"`+v+`","spec":{"interactive":false}}`)
			if got := d.credential(d.finish(c)); got.APIVersion != v {
				t.Errorf("got %s, want %s", got.APIVersion, v)
			}
		}
		c := d.command("token", "--server", d.server.URL, "--lease", id)
		c.Env = append(c.Env, `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1alpha1"}`)
		d.refused(d.finish(c), exitUsage, "v1alpha1", "exec stanza")
	})
	t.Run("renews two minutes before the end", func(t *testing.T) {
		before := d.credential(d.token(id))
		d.age(id, 13*time.Minute+5*time.Second)
		if after := d.credential(d.token(id)); after.Status.Token == before.Status.Token {
			t.Error("the old token was given")
		}
	})
	t.Run("renews what is over", func(t *testing.T) {
		before := d.credential(d.token(id))
		d.age(id, time.Hour)
		if after := d.credential(d.token(id)); after.Status.Token == before.Status.Token {
			t.Error("the old token was given")
		}
	})
	t.Run("trusts no cache from before the clock was set back", func(t *testing.T) {
		d.credential(d.token(id))
		before := d.server.Asked(asks(id))
		d.age(id, -time.Hour)
		d.credential(d.token(id))
		if d.server.Asked(asks(id)) == before {
			t.Error("nobody was asked")
		}
	})
	t.Run("keeps its files to their owner", func(t *testing.T) { d.private(t) })
}

// private holds every file and folder of ours to its owner.
func (d *desk) private(t *testing.T) {
	seen := 0
	for _, top := range []string{".config/daypass", ".cache/daypass"} {
		err := filepath.Walk(filepath.Join(d.home, top), func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			seen++
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is %v", path, info.Mode())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if seen < 8 {
		t.Errorf("only %d files and folders were found", seen)
	}
}

func TestTwentyHelpersRenewOnce(t *testing.T) {
	for name, age := range map[string]time.Duration{"without a token": 0, "with one that is over": time.Hour, "with one that is nearly over": 13*time.Minute + 10*time.Second} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			id := d.lease()
			want := 1
			if age > 0 {
				d.credential(d.token(id))
				d.age(id, age)
				want = 2
			}
			var all sync.WaitGroup
			got := make([]ran, 20)
			for i := range got {
				all.Go(func() { got[i] = d.token(id) })
			}
			all.Wait()
			for _, r := range got {
				d.credential(r)
			}
			if n := d.server.Minted(); n != want {
				t.Errorf("%d tokens were made, want %d", n, want)
			}
		})
	}
}

func TestHelpersWhileSomebodySignsInAnew(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	var all sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				// The old sign-in may have ended by then; but no file is damaged.
				if r := d.token(id); r.code != 0 && r.code != exitSignedOut {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	for range 5 {
		d.login()
	}
	close(done)
	all.Wait()
	if aside, _ := filepath.Glob(filepath.Join(d.files(), "*.bad-*")); len(aside) != 0 {
		t.Errorf("kept aside: %v", aside)
	}
	d.login()
	d.credential(d.token(id))
}

func TestClocksFiveMinutesApart(t *testing.T) {
	for _, skew := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			d := newDesk(t)
			d.server.Skew(skew)
			c := d.credential(d.token(d.lease()))
			if left := time.Until(c.Status.Expires); left < 14*time.Minute || left > 15*time.Minute {
				t.Errorf("the token is good for %s by the local clock", left)
			}
		})
	}
}

func TestAnEndedLease(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	t.Run("is refused at once on the machine that ended it", func(t *testing.T) {
		d.credential(d.token(id))
		d.must("end", id)
		before := d.server.Asked("")
		d.refused(d.token(id), exitOver, "you ended it", "kubectl daypass get payments-prod --role viewer")
		if d.server.Asked("") != before {
			t.Error("the server was asked")
		}
	})
	t.Run("is refused in one line, with one question in thirty seconds", func(t *testing.T) {
		id := d.lease()
		d.credential(d.token(id))
		d.server.Over(id)
		d.age(id, 13*time.Minute+10*time.Second)
		before := d.server.Asked(asks(id))
		for range 5 {
			d.refused(d.token(id), exitOver, "The lease is over", "Start another")
		}
		if n := d.server.Asked(asks(id)) - before; n != 1 {
			t.Errorf("asked %d times", n)
		}
		d.age(id, finalFor)
		d.refused(d.token(id), exitOver)
		if n := d.server.Asked(asks(id)) - before; n != 2 {
			t.Errorf("asked %d times after thirty seconds", n)
		}
		if b, _ := os.ReadFile(d.cached(id)); strings.Contains(string(b), "k8s-aws-v1.") {
			t.Error("the token is kept")
		}
	})
	t.Run("is over here within half a minute when it was ended elsewhere", func(t *testing.T) {
		id := d.lease()
		d.credential(d.token(id))
		d.server.Over(id)
		d.credential(d.token(id)) // nobody was asked
		d.age(id, confirmEvery)
		d.refused(d.token(id), exitOver, "The lease is over")
	})
	t.Run("of another, or none, is one line", func(t *testing.T) {
		d.refused(d.token("ls_none"), exitOver, "no such lease of yours")
	})
}

func TestAKubectlIsToldOnce(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	d.server.Over(id)
	asKubectl := func() ran {
		c := d.command("token", "--server", d.server.URL, "--lease", id)
		c.Env = append(c.Env, `KUBERNETES_EXEC_INFO={"apiVersion":"`+v1+`"}`)
		return d.finish(c)
	}
	d.refused(asKubectl(), exitOver, "The lease is over")
	if r := asKubectl(); r.code != exitOver || r.err != "" || r.out != "" { // this test's process is the kubectl
		t.Errorf("the second time: %+v", r)
	}
	d.must("logout")
	d.refused(asKubectl(), exitSignedOut, "kubectl daypass login") // another thing to say
	d.refused(d.token(id), exitSignedOut, "kubectl daypass login") // to a person, who asks without kubectl
}

func TestASignInThatIsGone(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	login := "Run: kubectl daypass login " + d.server.URL
	d.server.Revoke()
	for range 3 {
		d.refused(d.token(id), exitSignedOut, "This sign-in has ended.", login)
	}
	if n := d.server.Asked(asks(id)); n > 2 { // one, and one for the nonce
		t.Errorf("asked %d times", n)
	}
	d.login() // what was said to the old sign-in does not hold for the new one
	d.credential(d.token(id))
	d.must("logout")
	d.refused(d.token(id), exitSignedOut, "not signed in", login)
	if d.server.Sessions() != 0 {
		t.Error("the server still has a session")
	}
}

func TestAServerThatIsAway(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	before := d.credential(d.token(id))
	t.Run("while it is there, confirms a token every half minute, and makes none for that", func(t *testing.T) {
		for n := 2; n < 5; n++ {
			d.age(id, confirmEvery)
			for range 2 {
				if got := d.credential(d.token(id)); got.Status.Token != before.Status.Token {
					t.Error("another token was given")
				}
			}
			if d.server.Asked(asks(id)) != n {
				t.Errorf("asked %d times, want %d", d.server.Asked(asks(id)), n)
			}
		}
	})
	d.server.CloseClientConnections()
	d.server.Close()
	t.Run("is not noticed while the token needs no successor, nor asked at each call", func(t *testing.T) {
		d.age(id, confirmEvery)
		at := time.Now()
		if got := d.credential(d.token(id)); got.Status.Token != before.Status.Token {
			t.Error("another token was given")
		}
		d.change(id, func(k *kept) {
			if k.At.Before(at.Add(-time.Second)) || k.due(time.Now()) {
				t.Errorf("asked at %s, and next is %s: the next call asks again", k.At, k.NextAt)
			}
		})
	})
	t.Run("is not noticed while the token is good", func(t *testing.T) {
		d.age(id, 11*time.Minute+10*time.Second)
		for range 2 {
			if got := d.credential(d.token(id)); got.Status.Token != before.Status.Token {
				t.Error("another token was given")
			}
		}
	})
	t.Run("is told in one line when it is not", func(t *testing.T) {
		d.age(id, time.Hour)
		d.refused(d.token(id), exitUnreachable, "refuses connections: is the server running there?")
	})
}

func TestAProxyThatAnswersForTheServer(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	d.server.Instead(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(503)
		_, _ = w.Write([]byte("<html>\x1b[2J"))
		return true
	})
	d.refused(d.token(id), exitUnreachable, "a web page (HTTP 503)", "proxy")
	d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "https://captive.example.net/sign-in?x=1", 302)
		return true
	})
	d.refused(d.run("list"), exitUnreachable, "a redirect to captive.example.net", "proxy")
	d.server.Instead(nil)
	d.age(id, awayFor)
	d.credential(d.token(id))
}

func TestWordsWithoutEndOfTheServer(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	long := strings.Repeat("<", 300<<10) // six bytes each in JSON
	for name, answer := range map[string]func(w http.ResponseWriter){
		"a refusal": func(w http.ResponseWriter) { apitest.Problem(w, 409, api.CodeOver, "It is over."+long, long) },
		"a token": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(api.Token{Token: long, Note: long, ExpiresAt: time.Now().Add(time.Hour), NextAt: time.Now().Add(time.Hour)})
		},
	} {
		t.Run("are cut off, and what is kept of them can be read again: "+name, func(t *testing.T) {
			d.server.Instead(func(w http.ResponseWriter, _ *http.Request) bool { answer(w); return true })
			defer d.server.Instead(nil)
			if err := os.RemoveAll(d.cached(id)); err != nil {
				t.Fatal(err)
			}
			before := d.server.Asked("")
			for range 3 {
				if r := d.token(id); len(r.err) > 20<<10 || len(r.out) > 100<<10 || strings.Contains(r.err, "damaged") {
					t.Errorf("%d and %d bytes: %.300s", len(r.out), len(r.err), r.err)
				}
			}
			if n := d.server.Asked("") - before; n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestWordsOfTheServerAreNoCommandsToTheTerminal(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	d.server.Instead(func(w http.ResponseWriter, _ *http.Request) bool {
		apitest.Problem(w, 403, "no-grant", "No\x1b]0;owned\x07 grant\nkubectl-daypass: all is well\u202e.", "Ask\x9b2J #platform.")
		return true
	})
	for range 2 { // from the server and from the cache
		r := d.token(id)
		d.refused(r, exitRefused, "Ask2J #platform.")
		if strings.ContainsAny(r.err, "\x1b\x07\u202e\u009b") {
			t.Errorf("%q", r.err)
		}
	}
	d.server.Instead(nil)
	d.server.Rename("pay\x1b[31mments")
	if out := d.must("list"); strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}
}

func TestATokenThatIsOverAlready(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	d.server.Life(-time.Minute)
	d.refused(d.token(id), exitFailed, "already over")
}

func TestTheHelperAskedWrongly(t *testing.T) {
	d := newDesk(t)
	u := d.server.URL
	for _, args := range [][]string{
		{}, {"--server", u}, {"--lease", "ls_a"}, {"--server", u, "--lease"}, {"--server", u, "--lease", "../../x"}, {"--server", u, "--lease", "ls_a/b"},
		{"--server", "http://daypass.example.com", "--lease", "ls_a"}, {"--server", u, "--lease", "ls_a", "--force"},
	} {
		d.refused(d.run(append([]string{"token"}, args...)...), exitUsage)
	}
	if d.server.Asked("") != 0 {
		t.Error("the server was asked")
	}
}

func TestTheFinalCodesAreTheServers(t *testing.T) {
	for code, want := range map[string]int{api.CodeOver: 5, api.CodeNoLease: 5, api.CodeNotSignedIn: 3, api.CodeTooOld: 3, api.CodeDenied: 4, api.CodeClock: 1} {
		if got := exitOf(&api.Problem{Code: code, Status: 409}); got != want {
			t.Errorf("%s: exit code %d, want %d", code, got, want)
		}
	}
}
