package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

func TestTheMainRoad(t *testing.T) {
	d := newDesk(t)
	d.login()
	if out := d.must("list"); !strings.Contains(out, "payments-prod   viewer     8h          \n") || !strings.Contains(out, "--reason") {
		t.Errorf("list:\n%s", out)
	}
	file := filepath.Join(d.home, "kube")
	if err := os.WriteFile(file, []byte("# mine\ncurrent-context: other\n"+before), 0o600); err != nil {
		t.Fatal(err)
	}
	out := d.must("get", "payments-prod", "--role", "viewer", "--for", "4h", "--kubeconfig", file, "-n", "shop", "-o", "yaml")
	var g got
	plain := map[string]any{}
	if err := yaml.Unmarshal([]byte(out), &plain); err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(plain)
	if err := json.Unmarshal(b, &g); err != nil || g.Context != "daypass-payments-prod-viewer" || g.Lease.EndsAt.Sub(g.Lease.StartedAt).Round(time.Second) != 4*time.Hour || strings.Contains(out, "{") {
		t.Fatalf("%v:\n%s", err, out)
	}
	d.holds(t, file, g)
	if !strings.Contains(d.must("list", "leases"), g.Lease.ID) || !strings.Contains(d.must("list", "sessions"), "this one") {
		t.Error("the lease or the session is not listed")
	}
	if got := d.must("end", "--all", "-o", "name"); got != g.Lease.ID+"\n" {
		t.Errorf("ended %q", got)
	}
	if out := d.must("end", "--all"); !strings.Contains(out, "No lease of yours was active at ") {
		t.Error(out)
	}
	d.must("logout")
	d.refused(d.run("list"), exitSignedOut, "kubectl daypass login "+d.server.URL)
	if left, _ := os.ReadDir(d.files()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

const before = `contexts:
- name: other
  context: {cluster: other, user: other}
users:
- name: other
  user: {token: mine}
`

// holds holds a kubeconfig to what get promised, and to no secret.
func (d *desk) holds(t *testing.T, file string, g got) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Contexts []struct {
			Name    string
			Context struct{ Cluster, User, Namespace string }
		}
		Users []struct {
			Name string
			User struct {
				Token string
				Exec  struct {
					Command string
					Args    []string
					Hint    string `yaml:"installHint"`
				}
			}
		}
		Current string `yaml:"current-context"`
	}
	if err := yaml.Unmarshal(b, &k); err != nil || len(k.Contexts) != 2 || len(k.Users) != 2 || !strings.HasPrefix(string(b), "# mine\n") || k.Users[0].User.Token != "mine" {
		t.Fatalf("%v:\n%s", err, b)
	}
	if k.Contexts[1].Name != g.Context || k.Contexts[1].Context.Namespace != "shop" || k.Current != "other" {
		t.Errorf("%+v", k)
	}
	want := []string{"token", "--server", d.server.URL, "--lease", g.Lease.ID}
	if diff := cmp.Diff(want, k.Users[1].User.Exec.Args); diff != "" || k.Users[1].User.Exec.Command != built {
		t.Error(k.Users[1].User.Exec.Command, diff)
	}
	if hint := k.Users[1].User.Exec.Hint; !strings.HasSuffix(hint, " Get it from "+d.server.URL+"/client") {
		t.Error(hint)
	}
	session, _ := os.ReadFile(filepath.Join(d.files(), "session.json"))
	var s signIn
	if err := json.Unmarshal(session, &s); err != nil || s.Secret == "" || strings.Contains(string(b), s.Secret) {
		t.Errorf("%v; the kubeconfig holds the session's secret, or there is none", err)
	}
}

func TestLogin(t *testing.T) {
	t.Run("by a typed code, where there is no display", func(t *testing.T) {
		d := newDesk(t)
		r := d.run("login", d.server.URL)
		if r.code != 0 || !strings.Contains(r.err, "BCDF-GHJK") || !strings.Contains(r.err, "/client/device") {
			t.Errorf("%+v", r)
		}
		d.must("list")
	})
	t.Run("by a typed code is refused where the server allows none", func(t *testing.T) {
		d := newDesk(t)
		d.server.NoDevice()
		d.refused(d.run("login", "--device", d.server.URL), exitRefused, "clients.deviceLogin")
	})
	t.Run("again ends the sign-in before", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		d.login()
		if n := d.server.Sessions(); n != 1 || d.server.Replaced() != 1 {
			t.Errorf("%d sessions, %d replaced", n, d.server.Replaced())
		}
		if d.must("logout"); d.server.Replaced() != 1 {
			t.Error("a sign-out is told as something else")
		}
	})
	t.Run("proves nothing to a server that calls itself another", func(t *testing.T) {
		d := newDesk(t)
		d.server.Instead(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(api.Server{URL: "https://daypass.example.com"})
			return true
		})
		d.refused(d.run("login", d.server.URL), exitFailed, "calls itself https://daypass.example.com")
		if n := d.server.Asked(""); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("sends no code on that another server gave", func(t *testing.T) {
		d, honest := newDesk(t), newDesk(t)
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/client/authorize" {
				http.Redirect(w, r, honest.server.URL+r.URL.RequestURI(), http.StatusSeeOther)
			}
			return r.URL.Path == "/client/authorize"
		})
		r := d.visit()
		if r.code != exitFailed || r.out != "" || !strings.Contains(r.err, "came from another Daypass than "+d.server.URL) || !strings.Contains(r.err, "nobody was signed in") {
			t.Errorf("%+v", r)
		}
		if n := d.server.Asked("POST /api/v1/sessions") + honest.server.Asked("POST /api/v1/sessions"); n != 0 {
			t.Errorf("the code was sent on %d times", n)
		}
		if left, _ := os.ReadDir(d.files()); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("shows the key that the page has to show", func(t *testing.T) {
		d := newDesk(t)
		r := d.visit()
		_, asked, _ := strings.Cut(r.err, "dpop_jkt=")
		key, _, _ := strings.Cut(asked, "&")
		if len(key) != 43 || !strings.Contains(r.err, "shows this key: "+key+"\n") {
			t.Errorf("%+v", r)
		}
		r = d.run("login", "--device", d.server.URL)
		var s signIn
		if err := readJSON(filepath.Join(d.files(), "session.json"), &s); err != nil || s.Thumbprint == key || !strings.Contains(r.err, "shows this key: "+s.Thumbprint+"\n") {
			t.Errorf("%v, %+v", err, r)
		}
	})
	t.Run("in plain text over the network is refused", func(t *testing.T) {
		d := newDesk(t)
		d.refused(d.run("login", "http://daypass.example.com"), exitUsage, "Use https")
	})
}

func TestGet(t *testing.T) {
	d := newDesk(t)
	d.login()
	t.Run("says which roles there are", func(t *testing.T) {
		d.refused(d.run("get", "payments-prod"), exitUsage, "viewer, operator")
	})
	t.Run("passes a refusal on", func(t *testing.T) {
		d.refused(d.run("get", "payments-prod", "--role", "root"), exitRefused, "There is no role root for you. On payments-prod choose one of viewer, operator: kubectl daypass get payments-prod --role ROLE\n")
	})
	t.Run("asks nobody about glass that they could not break", func(t *testing.T) {
		d.stdin = "yes\n"
		r := d.run("get", "payments-prod", "--role", "viewer", "--break-glass")
		d.refused(r, exitRefused, "No grant gives you viewer so. Ask #platform.")
		if strings.Contains(r.err, "Type yes") {
			t.Errorf("the person was asked: %s", r.err)
		}
		d.server.Glass("admin")
		d.refused(d.run("get", "payments-prod", "--break-glass"), exitRefused, "admin on payments-prod needs a reason. Run: kubectl daypass get payments-prod --role admin --break-glass --reason '…'\n")
	})
	t.Run("does not break glass on a word that is not yes", func(t *testing.T) {
		d.stdin = "y\n"
		r := d.run("get", "payments-prod", "--break-glass", "--reason", "it is on fire")
		if r.code != exitUsage || !strings.Contains(r.err, "Break glass on payments-prod as admin? #security is told at once, and it stays on record. Type yes: ") || d.server.Asked("POST /api/v1/leases") != 1 { // the refusal above
			t.Errorf("%+v", r)
		}
		d.stdin = "yes\n"
		asked := d.server.Asked("POST /api/v1/decisions")
		d.must("get", "payments-prod", "--break-glass", "--reason", "it is on fire", "--kubeconfig", filepath.Join(d.home, "glass"))
		if n := d.server.Asked("POST /api/v1/decisions") - asked; n != 1 {
			t.Errorf("the decision was asked for %d times", n)
		}
		if n := d.server.Asked("POST /api/v1/leases"); n != 2 {
			t.Errorf("%d leases were asked for", n)
		}
	})
	t.Run("leaves a damaged kubeconfig as it is, and no lease behind", func(t *testing.T) {
		file := filepath.Join(d.home, "broken")
		if err := os.WriteFile(file, []byte("a: [\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.refused(d.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", file), exitFailed, file, "mend it")
		if n := d.server.Asked("POST /api/v1/leases"); n != 2 { // those above
			t.Errorf("%d leases were asked for", n)
		}
		if b, _ := os.ReadFile(file); string(b) != "a: [\n" {
			t.Errorf("%q", b)
		}
	})
	t.Run("says why there is no token yet, and is no failure", func(t *testing.T) {
		d.server.Slow("AWS is too busy. Try again.")
		defer d.server.Slow("")
		r := d.run("get", "payments-prod", "--role", "viewer")
		if r.code != exitOK || !strings.Contains(r.err, "No token yet, it is tried again when kubectl asks: AWS is too busy. Try again.") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("writes the way to the cluster, and says when that is gone", func(t *testing.T) {
		file := filepath.Join(d.home, "way")
		d.server.Route("http://egress.example.com:3128", "kubernetes.default.svc")
		d.must("get", "payments-prod", "--role", "viewer", "--kubeconfig", file)
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), "proxy-url: \"http://egress.example.com:3128\"\n") && !strings.Contains(string(b), "proxy-url: http://egress.example.com:3128\n") || !strings.Contains(string(b), "tls-server-name: kubernetes.default.svc\n") {
			t.Errorf("%v:\n%s", err, b)
		}
		d.server.Route("", "")
		r := d.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", file)
		if b, err = os.ReadFile(file); err != nil || r.code != 0 || !strings.Contains(r.err, "since the server names none: proxy-url and tls-server-name.") || strings.Contains(string(b), "egress") {
			t.Errorf("%v, %+v:\n%s", err, r, b)
		}
	})
	t.Run("covers nothing in the other files of $KUBECONFIG, and switches no context of theirs", func(t *testing.T) {
		first, second := filepath.Join(d.home, "first"), filepath.Join(d.home, "second")
		for file, text := range map[string]string{first: "", second: "current-context: other\n" + before} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		env := d.env
		d.env = append(d.env, "KUBECONFIG="+first+string(filepath.ListSeparator)+second)
		defer func() { d.env = env }()
		r := d.run("get", "payments-prod", "--role", "viewer", "--context", "other")
		if r.code != exitFailed || !strings.Contains(r.err, second+", line ") || !strings.Contains(r.err, `user "other"`) {
			t.Errorf("%+v", r)
		}
		d.must("get", "payments-prod", "--role", "viewer")
		if b, err := os.ReadFile(first); err != nil || !strings.Contains(string(b), "daypass-payments-prod-viewer") || strings.Contains(string(b), "current-context") {
			t.Errorf("%v:\n%s", err, b)
		}
		if err := os.WriteFile(second, []byte("a: [\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r = d.run("get", "payments-prod", "--role", "viewer")
		if r.code != 0 || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "A file of $KUBECONFIG was passed over, and kubectl may refuse it: "+second) {
			t.Errorf("%+v", r)
		}
		if err := os.Remove(second); err != nil {
			t.Fatal(err)
		}
		if r = d.run("get", "payments-prod", "--role", "viewer"); r.code != 0 || r.err != "" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("starts nothing, asks nobody and breaks no glass for a name that is taken", func(t *testing.T) {
		file := filepath.Join(d.home, "taken")
		for _, name := range []string{"daypass-payments-prod-viewer", "daypass-payments-prod-admin", "mine"} {
			if err := os.WriteFile(file, []byte("users: [{name: "+name+", user: {token: mine}}]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			asked := d.server.Asked("POST /api/v1/leases")
			args := map[string][]string{
				"daypass-payments-prod-viewer": {"--role", "viewer"},
				"daypass-payments-prod-admin":  {"--break-glass", "--reason", "it is on fire"},
				"mine":                         {"--role", "viewer", "--context", "mine"},
			}[name]
			d.refused(d.run(append([]string{"get", "payments-prod", "--kubeconfig", file}, args...)...), exitFailed, `user "`+name+`" already`, "--context")
			if n := d.server.Asked("POST /api/v1/leases") - asked; n != 0 {
				t.Errorf("%s: %d leases were asked for", name, n)
			}
		}
		d.answers("POST /api/v1/decisions", api.Decision{Answer: "allowed", Context: "$(touch ran)"})
		defer d.server.Instead(nil)
		asked := d.server.Asked("POST /api/v1/leases")
		d.refused(d.run("get", "payments-prod", "--role", "viewer"), exitFailed, "more than a name")
		if d.server.Asked("POST /api/v1/leases") != asked {
			t.Error("a lease was started under a name that a shell would run")
		}
	})
	t.Run("puts a lease that was started elsewhere in, and starts none", func(t *testing.T) {
		id := d.lease()
		before := d.server.Asked("POST /api/v1/leases")
		file := filepath.Join(d.home, "adopted")
		out := d.must("get", "--lease", id, "--kubeconfig", file, "--context", "mine", "-o", "name")
		b, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(out) != "mine" || !strings.Contains(string(b), id) || d.server.Asked("POST /api/v1/leases") != before {
			t.Errorf("%v, %q:\n%s", err, out, b)
		}
		d.refused(d.run("get", "--lease", "ls_none"), exitOver, "no such lease of yours")
		for _, args := range [][]string{{"--lease", id, "payments-prod"}, {"--lease", id, "--role", "viewer"}, {"--lease", "x/y"}, {}} {
			d.refused(d.run(append([]string{"get"}, args...)...), exitUsage)
		}
	})
	t.Run("takes no context over that another Daypass made", func(t *testing.T) {
		other := newDesk(t)
		file := filepath.Join(d.home, "shared")
		d.must("get", "payments-prod", "--role", "viewer", "--kubeconfig", file)
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		other.login()
		other.refused(other.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", file), exitFailed, "it asks "+d.server.URL+" for tokens", "--context NAME")
		if n := other.server.Asked("POST /api/v1/leases"); n != 0 {
			t.Errorf("%d leases were asked for", n)
		}
		other.answers("POST /api/v1/decisions", api.Decision{Answer: "allowed"}) // as a server does that tells no name
		other.refused(other.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", file), exitFailed, "it asks "+d.server.URL+" for tokens", "The lease was ended again.")
		other.server.Instead(nil)
		if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
			t.Errorf("%v:\n%s", err, after)
		}
		other.must("get", "payments-prod", "--role", "viewer", "--kubeconfig", file, "--context", "theirs")
		d.must("get", "payments-prod", "--role", "viewer", "--kubeconfig", file)
	})
	t.Run("says in words why a kubeconfig can have no lock", func(t *testing.T) {
		file := filepath.Join(d.home, "plain")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		under, long := filepath.Join(file, "kube"), filepath.Join(d.home, strings.Repeat("k", 252))
		d.refused(d.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", under), exitFailed, "kubectl-daypass: the folder of "+under+" cannot be made (not a directory); name another file with --kubeconfig\n")
		d.refused(d.run("get", "payments-prod", "--role", "viewer", "--kubeconfig", long), exitFailed, long+" stays as it is: a lock cannot be put beside it, as kubectl does for each change (file name too long); name another file")
	})
	t.Run("asks twice under one key when the answer is lost", func(t *testing.T) {
		var asked atomic.Int64
		d.server.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/api/v1/leases" && r.Method == "POST" && asked.Add(1) == 1 {
				panic(http.ErrAbortHandler)
			}
			return false
		})
		defer d.server.Instead(nil)
		d.must("get", "payments-prod", "--role", "viewer", "--new")
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestCompletion(t *testing.T) {
	d := newDesk(t)
	if out := d.must("__complete", "get", ""); strings.Contains(out, "payments") {
		t.Errorf("offered to nobody: %s", out)
	}
	id := d.lease()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"get", ""}, "payments-prod\n"}, {[]string{"get", "payments-prod", "--role", ""}, "viewer\noperator\n"}, {[]string{"end", ""}, id + "\n"},
	} {
		if out := d.must(append([]string{"__complete"}, c.args...)...); !strings.HasPrefix(out, c.want) {
			t.Errorf("%v offers %q", c.args, out)
		}
	}
	const nothing, files = ":4\n", ":0\n"
	d.must("get", "--lease", id, "--context", "mine")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"get", "--lease", ""}, id + "\n" + nothing}, {[]string{"get", "payments-prod", "--context", ""}, "daypass-payments-prod-viewer\nmine\n" + nothing},
		{[]string{"get", "--kubeconfig", filepath.Join(d.home, "none"), "--context", ""}, nothing},
		{[]string{"get", "--for", ""}, nothing}, {[]string{"get", "-n", ""}, nothing}, {[]string{"get", "--reason", ""}, nothing}, {[]string{"list", "--server", ""}, nothing},
		{[]string{"login", ""}, nothing}, {[]string{"status", ""}, nothing}, {[]string{"get", "--kubeconfig", ""}, files}, {[]string{"prune", "--kubeconfig", ""}, files},
	} {
		if out := d.must(append([]string{"__complete"}, c.args...)...); out != c.want {
			t.Errorf("%v offers %q", c.args, out)
		}
	}
	link := filepath.Join(d.home, "kubectl_complete-daypass")
	if err := os.Symlink(built, link); err != nil {
		t.Fatal(err)
	}
	c := d.command("get", "")
	c.Path, c.Args[0] = link, link
	if r := d.finish(c); !strings.HasPrefix(r.out, "payments-prod\n") {
		t.Errorf("kubectl completes %+v", r)
	}
	if out := d.must("completion", "bash"); !strings.Contains(out, "complete") {
		t.Error("no completion for bash")
	}
}

func TestTimesCarryTheirZone(t *testing.T) {
	defer func(here *time.Location) { time.Local = here }(time.Local)
	time.Local = time.FixedZone("XST", 3*3600)
	if got := clock(time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC)); got != "2026-03-02 01:30 XST" {
		t.Error(got)
	}
}

func TestAskedWrongly(t *testing.T) {
	d := newDesk(t)
	d.login()
	for name, want := range map[string]string{strings.Repeat("ü", 254): "1 to 253 characters, not 254", "a\u200bb": `"a\u200bb" holds a character that nobody sees`} {
		d.refused(d.run("get", "payments-prod", "--role", "viewer", "--context", name), exitUsage, want)
		d.refused(d.run("get", "--lease", "ls_a", "--context", name), exitUsage, want)
	}
	d.must("get", "payments-prod", "--role", "viewer", "--context", strings.Repeat("ü", 253))
	for _, args := range [][]string{{"what"}, {"get"}, {"get", "a", "b"}, {"list", "x"}, {"list", "-o", "xml"}, {"end"}, {"end", "ls_a", "--all"}, {"end", "../x"}, {"get", "a", "--for", "soon"}, {"get", "a", "--for", "1500ms"}, {"login", "a", "b"}, {"login", "--device", "--no-browser"}} {
		if r := d.run(args...); r.code != exitUsage || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if out := d.must("version"); !strings.HasPrefix(out, "kubectl-daypass ") {
		t.Error(out)
	}
	for form, want := range map[string]string{"json": "{\n  \"version\": \"development\"\n}\n", "yaml": "version: development\n", "name": "development\n"} {
		if out := d.must("version", "-o", form); out != want {
			t.Errorf("%s: %q", form, out)
		}
	}
	if out := d.must("token", "--help"); !strings.Contains(out, "Exit codes") || strings.Contains(out, "-o") || !strings.HasSuffix(out, "Usage:\n  kubectl daypass token --server URL --lease ID\n") {
		t.Error(out)
	}
}

func TestLogoutWithoutTheServer(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	d.credential(d.token(id))
	d.server.Instead(func(w http.ResponseWriter, _ *http.Request) bool {
		apitest.Problem(w, 503, "internal", "Not now.", "")
		return true
	})
	d.refused(d.run("logout"), exitUnreachable, "are gone, but "+strings.TrimPrefix(d.server.URL, "http://")+" may still list the session; sign it out under My access: "+d.server.URL+"/access (Not now. ")
	d.server.Instead(nil)
	d.refused(d.token(id), exitSignedOut)
}

func TestLeasesByTheirContexts(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.server.Glass("admin")
	file := d.config()
	more := filepath.Join(d.home, "more")
	d.env = append(d.env, "KUBECONFIG="+file+string(filepath.ListSeparator)+more)
	plain, _ := d.get("-n", "shop")
	d.adopt(plain.Lease.ID, "--context", "mine")
	other, _ := d.get("--context", "other-file", "--kubeconfig", more)
	d.must("get", "payments-prod", "--break-glass", "--yes", "--reason", "fire")
	elsewhere, _ := d.get("--new", "--kubeconfig", filepath.Join(d.home, "elsewhere"))
	out := d.must("list", "leases")
	for id, want := range map[string]string{plain.Lease.ID: "   daypass-payments-prod-viewer, mine", other.Lease.ID: "   other-file", elsewhere.Lease.ID: ""} {
		_, row, _ := strings.Cut(out, id)
		row, _, _ = strings.Cut(row, "\n")
		if strings.Contains(row, "break-glass") || !strings.HasSuffix(strings.TrimRight(row, " "), clock(plain.Lease.EndsAt)+want) {
			t.Errorf("%s is listed as %q", id, row)
		}
	}
	if _, row, _ := strings.Cut(out, "   daypass-payments-prod-admin "); !strings.HasPrefix(strings.TrimLeft(row, " "), "break-glass\n") || strings.Count(out, "break-glass") != 1 {
		t.Error(out)
	}
	if ended := d.must("end", "other-file", "-o", "name"); ended != other.Lease.ID+"\n" {
		t.Error(ended)
	}
	d.refused(d.run("end", "other"), exitUsage, `"other" is no lease's ID, which looks like ls_01k9x2m4qj, and no context of Daypass here. See: kubectl daypass list leases`)
	d.must("get", "--lease", plain.Lease.ID, "--context", "ls_mine")
	d.refused(d.run("end", "ls_mine"), exitOver, "There is no such lease of yours.")
	another := newDesk(t)
	another.home, another.env = d.home, d.env
	another.login()
	another.refused(another.run("end", "mine"), exitUsage, "the context mine is of another Daypass: give --server "+quoted(d.server.URL))
}
