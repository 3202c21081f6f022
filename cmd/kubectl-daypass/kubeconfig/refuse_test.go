package kubeconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// untouched checks that a file is as it was and that nothing lies beside it.
func untouched(t *testing.T, path, before string) {
	t.Helper()
	if diff := cmp.Diff(before, contents(t, path)); diff != "" {
		t.Errorf("the file was changed: %s", diff)
	}
	alone(t, path)
}

func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != filepath.Base(path) {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestMergeRefusesWhatItCannotReadAndLeavesItAlone(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"broken YAML", "apiVersion: v1\nclusters:\n- name: [a\n", "line 3"},
		{"an unknown alias", "clusters: *nothing\n", "nothing"},
		{"tabs for indentation", "clusters:\n- name: a\n\tcluster: {}\n", "tab character"},
		{"two documents", "kind: Config\n---\nkind: Config\n", "second YAML document"},
		{"a list at the top", "- a\n", "line 1: a kubeconfig is a mapping"},
		{"a word", "hello\n", "mapping at its top"},
		{"a list in JSON", `["a"]`, "mapping at its top"},
		{"half of JSON", `{"clusters": [`, "line 1"},
		{"bytes that are no text", "\xff\xfea\x00", "UTF-8"},
		{"another kind", "apiVersion: v1\nkind: Pod\n", "line 2: kind must be Config"},
		{"another version", "apiVersion: v2\n", "line 1: apiVersion must be v1"},
		{"two clusters of one name", "clusters:\n- name: a\n- cluster: {}\n  name: a\n", `line 3: cluster "a" is there already at line 2`},
		{"two users of one name", "users: [{name: a}, {name: a}]\n", `user "a" is there already`},
		{"a key twice", "kind: Config\nusers: []\nusers: []\n", `line 3: "users" is given twice`},
		{"a key twice in JSON", "{\"users\": [],\n\"users\": []}", `line 2: "users" is given twice`},
		{"a list that is none", "clusters: {a: b}\n", "line 1: clusters must be a list"},
		{"a list from elsewhere", "x: &x []\nclusters: *x\n", "line 2: clusters must be a list"},
		{"an item without a name", "users:\n- user: {}\n", "line 2: each of users needs a name"},
		{"a name that is a number", "users:\n- name: 1\n", "needs a name that is text"},
		{"a top from elsewhere", "x: &x {kind: Config}\n<<: *x\n", "line 2: Daypass cannot add"},
		{"a current context that is a list", "current-context: [a]\n", "line 1: current-context must be a name"},
		{"a nest without end", strings.Repeat("{a: ", 200) + strings.Repeat("}", 200), "nested too deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := place(t, c.text)
			_, err := Merge(path, entry())
			if err == nil {
				t.Fatalf("it was taken:\n%s", contents(t, path))
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%q says not %q and the file", err, c.want)
			}
			untouched(t, path, c.text)
		})
	}
}

// theirs is a kubeconfig with one entry under the names of ours.
func theirs(cluster, context, user string) string {
	return "apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster: " + cluster +
		"\ncontexts:\n- name: prod-reader\n  context: " + context + "\nusers:\n- name: prod-reader\n  user: " + user + "\n"
}

func TestMergeNeverOverwritesAnEntryOfAnother(t *testing.T) {
	const (
		server  = "{server: 'https://prod.eks.example.com'}"
		context = "{cluster: prod, user: prod-reader}"
		user    = "{exec: {command: /opt/kubectl-daypass, args: [token]}}"

		elsewhere = "- name: far\n  user: {exec: {command: kubectl-daypass, args: [token, --server, 'https://daypass.example.org']}}\n"
	)
	for _, c := range []struct{ name, text, want string }{
		{"a cluster that lies elsewhere, and that nobody uses", theirs("{server: 'https://other'}", "{cluster: old, user: far}", user) + elsewhere, `context "prod-reader"`},
		{"a cluster that lies elsewhere, and that others use", strings.Replace(theirs("{server: 'https://other'}", context, user), "contexts:\n", "contexts:\n- name: ada\n  context: {cluster: prod, user: ada}\n", 1), "it is at https://other, and this one at https://prod.eks.example.com"},
		{"a cluster that checks no certificate", theirs("{server: 'https://prod.eks.example.com', insecure-skip-tls-verify: true}", context, user), "insecure-skip-tls-verify"},
		{"a cluster with a file of authorities", theirs("{server: 'https://prod.eks.example.com', certificate-authority: a}", context, user), "certificate-authority"},
		{"a cluster that nobody uses, with a proxy", "clusters: [{name: prod, cluster: {server: 'https://prod.eks.example.com', proxy-url: 'http://elsewhere:3128'}}]\n", "it has proxy-url"},
		{"a cluster that nobody uses, with a proxy from elsewhere", "x: &x {proxy-url: 'http://elsewhere:3128'}\nclusters: [{name: prod, cluster: {server: 'https://prod.eks.example.com', <<: *x}}]\n", "it has proxy-url"},
		{"a cluster that nobody uses, under another name", "clusters: [{name: prod, cluster: {server: 'https://prod.eks.example.com', tls-server-name: elsewhere}}]\n", "it has tls-server-name"},
		{"a user with a token", theirs(server, context, "{token: x}"), `user "prod-reader"`},
		{"a user with another helper", theirs(server, context, "{exec: {command: aws, args: [token]}}"), "kubectl-daypass"},
		{"a user with another deed of our helper", theirs(server, context, "{exec: {command: kubectl-daypass, args: [login]}}"), `user "prod-reader"`},
		{"a user of ours who has a token", theirs(server, context, "{token: x, exec: {command: kubectl-daypass, args: [token]}}"), "it has token"},
		{"a user of ours who has a certificate", theirs(server, context, "{client-certificate: x, exec: {command: kubectl-daypass, args: [token]}}"), "it has client-certificate"},
		{"a user of ours who asks to be another", theirs(server, context, "{as: 'system:admin', exec: {command: kubectl-daypass, args: [token]}}"), "(it has as)"},
		{"a user of ours who asks to be in groups", theirs(server, context, "{as-groups: ['system:masters'], exec: {command: kubectl-daypass, args: [token]}}"), "it has as-groups"},
		{"a user of ours who has something from elsewhere", "x: &x {as: root}\n" + theirs(server, context, "{<<: [*x], exec: {command: kubectl-daypass, args: [token]}}"), "(it has as)"},
		{"a user of ours whose helper has another world", theirs(server, context, "{exec: {command: kubectl-daypass, args: [token], env: [{name: HTTPS_PROXY, value: x}, {name: XDG_CONFIG_HOME, value: /tmp}]}}"), "it has env XDG_CONFIG_HOME"},
		{"a user of ours whose helper has what nobody knows", theirs(server, context, "{exec: {command: kubectl-daypass, args: [token], config: {a: b}}}"), "it has config"},
		{"a context whose user asks to be another", theirs(server, "{cluster: prod, user: near}", user) + "- name: near\n  user: {as: root, exec: {command: kubectl-daypass, args: [token]}}\n", "its user has as"},
		{"a user without anything", theirs(server, context, "{}"), `user "prod-reader"`},
		{"a user of another Daypass", theirs(server, context, "{exec: {command: kubectl-daypass, args: [token, --server, 'https://daypass.example.org', --lease, l-1]}}"), "it asks https://daypass.example.org for tokens"},
		{"a user of another Daypass, told with =", theirs(server, context, "{exec: {command: kubectl-daypass, args: [token, '--server=https://daypass.example.org']}}"), "it asks https://daypass.example.org for tokens"},
		{"a user whose last server is another Daypass", theirs(server, context, "{exec: {command: kubectl-daypass, args: [token, --server, 'https://daypass.example.com', --server, 'https://daypass.example.org']}}"), "it asks https://daypass.example.org for tokens"},
		{"a context whose user is of another Daypass", theirs(server, "{cluster: prod, user: far}", user) + elsewhere, `context "prod-reader"`},
		{"another Daypass's context on a cluster whose authority would change", strings.Replace(theirs(server, context, user), "contexts:\n", "contexts:\n- name: far\n  context: {cluster: prod, user: far}\n", 1) + elsewhere, "contexts of others"},
		{"a context of another user", theirs(server, "{cluster: prod, user: ada}", user), `context "prod-reader"`},
		{"a context of another cluster", theirs(server, "{cluster: old, user: prod-reader}", user), `context "prod-reader"`},
		{"another's context on a cluster whose authority would change", strings.Replace(theirs(server, context, user), "contexts:\n", "contexts:\n- name: ada\n  context: {cluster: prod, user: ada}\n", 1), "contexts of others"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := place(t, c.text)
			_, err := Merge(path, entry())
			if err == nil {
				t.Fatalf("it was overwritten:\n%s", contents(t, path))
			}
			for _, want := range []string{c.want, "--context", path + ", line "} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q says not %q", err, want)
				}
			}
			untouched(t, path, c.text)
		})
	}
	for _, ours := range []string{user, "{token: '', as: null, as-groups: [], extensions: [{name: a, extension: {b: c}}], exec: {command: kubectl-daypass, args: [token]}}", "{exec: {command: kubectl-daypass, args: [token, --server, 'https://daypass.example.com/']}}", "{exec: {command: kubectl-daypass, args: [token, --lease, l-0, '--server=https://daypass.example.com']}}"} {
		path := place(t, theirs(server, context, ours))
		merge(t, path, entry())
		holds(t, load(t, path), entry())
	}
	merge(t, place(t, theirs(server, context, "{exec: {command: kubectl-daypass, args: [token], env: [{name: https_proxy, value: 'http://p'}, {name: NO_PROXY, value: a}]}}")), entry())
}

func TestMergeBreaksNobodyElsesWayToACluster(t *testing.T) {
	path := place(t, "")
	merge(t, path, entry())
	ada := strings.Replace(contents(t, path), "users:\n", "users:\n- name: ada\n  user: {token: x}\n", 1)
	ada = strings.Replace(ada, "contexts:\n", "contexts:\n- name: ada\n  context: {cluster: prod, user: ada}\n", 1)
	path = place(t, ada)
	e := entry()
	e.ProxyURL = "http://egress.example.com:3128"
	if _, err := Merge(path, e); err == nil || !strings.Contains(err.Error(), "its proxy-url differs, and contexts of others use it") {
		t.Error(err)
	}
	untouched(t, path, ada)
}

func TestMergeFollowsAClusterThatMoved(t *testing.T) {
	path := place(t, "")
	merge(t, path, entry())
	moved := entry()
	moved.Server = "https://elsewhere.eks.example.com"
	merge(t, path, moved)
	holds(t, load(t, path), moved)
}

func TestTryTellsBeforehandAndChangesNothing(t *testing.T) {
	good := place(t, "apiVersion: v1\n")
	if err := Try(good, Entry{}); err != nil {
		t.Error(err)
	}
	untouched(t, good, "apiVersion: v1\n")
	missing := filepath.Join(t.TempDir(), "new", "config")
	if err := Try(missing, Entry{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("it was made")
	}
	for _, bad := range []string{place(t, "a: [\n"), t.TempDir()} {
		if err := Try(bad, Entry{}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestTryTellsOfNamesThatAreTaken(t *testing.T) {
	early := entry()
	early.Server, early.CA = "", nil
	const free = "users: [{name: prod-reader, user: {exec: {command: kubectl-daypass, args: [token]}}}]\n"
	for _, c := range []struct {
		name, text, want string
		server           string
	}{
		{"nothing is taken", "", "", ""},
		{"the user is ours", free, "", ""},
		{"the user is somebody else's", "users: [{name: prod-reader, user: {token: x}}]\n", `user "prod-reader"`, ""},
		{"the context is somebody else's", "contexts: [{name: prod-reader, context: {cluster: prod, user: ada}}]\n", `context "prod-reader"`, ""},
		{"the cluster may be the same", "clusters: [{name: prod, cluster: {server: 'https://mine.example.com', proxy-url: 'http://p'}}]\n", "", ""},
		{"a context's cluster may be the same", free + "clusters: [{name: c, cluster: {server: 'https://mine.example.com'}}]\ncontexts: [{name: prod-reader, context: {cluster: c, user: prod-reader}}]\n", "", ""},
		{"the cluster is another", "clusters: [{name: prod, cluster: {server: 'https://mine.example.com'}}]\n", `cluster "prod"`, "https://prod.eks.example.com"},
		{"the cluster is the same", "clusters: [{name: prod, cluster: {server: 'https://prod.eks.example.com', proxy-url: 'http://p'}}]\n", "", "https://prod.eks.example.com"},
		{"the cluster checks no certificate", "clusters: [{name: prod, cluster: {server: 'https://prod.eks.example.com', insecure-skip-tls-verify: true}}]\n", "insecure-skip-tls-verify", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := early
			e.Server = c.server
			path, empty := place(t, c.text), place(t, "")
			e.Beside = []string{path}
			for _, at := range []string{path, empty} {
				err := Try(at, e)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path+", line ")) {
					t.Errorf("%s: %v", at, err)
				}
			}
			untouched(t, path, c.text)
		})
	}
	nameless := place(t, "users: [{name: '', user: {token: x}}]\n")
	if err := Try(nameless, Entry{}); err != nil {
		t.Errorf("no name is known, and one is taken: %v", err)
	}
}

func TestMergeRefusesToChangeWhatIsSharedThroughAnAlias(t *testing.T) {
	before := "x: &x {exec: {command: kubectl-daypass, args: [token]}}\nusers:\n- name: prod-reader\n  user: *x\n"
	path := place(t, before)
	if _, err := Merge(path, entry()); err == nil || !strings.Contains(err.Error(), "alias") {
		t.Errorf("got %v", err)
	}
	untouched(t, path, before)
}

func TestMergeRefusesAnEntryThatLacksAName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	for _, e := range []Entry{{}, {Context: "a"}, {Context: "a", Cluster: "a", User: "a", Server: "a"}} {
		if _, err := Merge(path, e); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
	if !absent(path) {
		t.Error("a file was made")
	}
}

func TestRemoveTakesOnlyWhatNobodyElseNeeds(t *testing.T) {
	path := place(t, rich(t))
	one, two := entry(), entry()
	two.Context, two.User = "prod-admin", "prod-admin"
	one.Use = true
	merge(t, path, one)
	merge(t, path, two)
	remove(t, path, one)
	config := load(t, path)
	holds(t, config, two)
	if config.Contexts[one.Context] != nil || config.AuthInfos[one.User] != nil {
		t.Error("the context or its user is still there")
	}
	if config.CurrentContext != "" {
		t.Errorf("the current context is one that is gone: %q", config.CurrentContext)
	}
}

func TestRemoveKeepsAClusterThatWasThereBefore(t *testing.T) {
	before := "clusters:\n- name: prod\n  cluster:\n    server: https://prod.eks.example.com/\n    disable-compression: true # mine\n"
	path := place(t, before)
	e := entry()
	e.CA = nil
	merge(t, path, e)
	onlyAdded(t, before, contents(t, path))
	remove(t, path, e)
	if load(t, path).Clusters["prod"] == nil {
		t.Error("the cluster is gone")
	}
}

func TestRemoveKeepsAUserThatAnotherContextNeeds(t *testing.T) {
	path := place(t, "apiVersion: v1\nkind: Config\ncontexts:\n- name: mine # another name for it\n  context: {cluster: prod, user: prod-reader}\n")
	merge(t, path, entry())
	remove(t, path, entry())
	if c := load(t, path); c.AuthInfos["prod-reader"] == nil || c.Clusters["prod"] == nil || c.Contexts["mine"] == nil || len(c.Contexts) != 1 {
		t.Error(contents(t, path))
	}
}

func TestRemoveTakesSeveralAtOnceWithWhatTheyShare(t *testing.T) {
	path := place(t, rich(t))
	one, two := entry(), entry()
	two.Context, two.User = "prod-admin", "prod-admin"
	merge(t, path, one)
	merge(t, path, two)
	before := contents(t, path)
	backup := remove(t, path, one, two)
	if diff := cmp.Diff(rich(t), contents(t, path)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, contents(t, backup)); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveLeavesWhatIsNotTheSameAnyMore(t *testing.T) {
	path := place(t, rich(t))
	merge(t, path, entry())
	before := contents(t, path)
	lease, server, context := held(entry()), held(entry()), held(entry())
	lease.Lease, server.Server, context.Context = "l-0", "https://daypass.example.org", "staging"
	took, backup, err := Remove(path, "kubectl-daypass", nil, lease, server, context, Holding{Context: "nothing"})
	if err != nil || backup != "" || len(took) != 0 || contents(t, path) != before {
		t.Errorf("%v, %q, %+v:\n%s", err, backup, took, contents(t, path))
	}
	gone := filepath.Join(t.TempDir(), "folder", "config")
	if took, _, err := Remove(gone, "kubectl-daypass", nil, held(entry())); err != nil || len(took) != 0 {
		t.Errorf("%v, %+v", err, took)
	}
	if !absent(filepath.Dir(gone)) {
		t.Error("a folder was made")
	}
}
