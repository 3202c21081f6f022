package kubeconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	api "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"
)

func entry() Entry {
	return Entry{
		Context: "prod-reader", Cluster: "prod", User: "prod-reader",
		Server: "https://prod.eks.example.com", CA: []byte("a certificate"),
		Namespace: "shop", Command: "kubectl-daypass",
		Args:        []string{"token", "--server", "https://daypass.example.com", "--lease", "l-1"},
		InstallHint: "Install kubectl-daypass: https://daypass.example.com/client",
	}
}

func quick() keeper {
	k := defaults()
	k.patience, k.tick = 0, time.Millisecond
	return k
}

// place makes a kubeconfig in a folder of its own.
func place(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func rich(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/rich.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decode reads as kubectl does: clientcmd.Load is this call.
func decode(text []byte) (*api.Config, error) {
	config := api.NewConfig()
	if len(text) == 0 {
		return config, nil
	}
	_, _, err := latest.Codec.Decode(text, &schema.GroupVersionKind{Version: "v1", Kind: "Config"}, config)
	return config, err
}

func load(t *testing.T, path string) *api.Config {
	t.Helper()
	config, err := decode([]byte(contents(t, path)))
	if err != nil {
		t.Fatalf("kubectl could not load it: %v\n%s", err, contents(t, path))
	}
	return config
}

func merge(t *testing.T, path string, e Entry) string {
	t.Helper()
	w, err := Merge(path, e)
	if err != nil {
		t.Fatal(err)
	}
	return w.Backup
}

// held is an entry as Holdings lists it.
func held(e Entry) Holding {
	return Holding{Context: e.Context, Server: argument(e.Args, "--server"), Lease: argument(e.Args, "--lease")}
}

// remove takes entries out that are there.
func remove(t *testing.T, path string, all ...Entry) string {
	t.Helper()
	var gone []Holding
	for _, e := range all {
		gone = append(gone, held(e))
	}
	took, backup, err := Remove(path, "kubectl-daypass", nil, gone...)
	if err != nil || len(took) != len(all) {
		t.Fatalf("%v, took %+v", err, took)
	}
	return backup
}

// holds checks that all of the entry can be used from the file.
func holds(t *testing.T, config *api.Config, e Entry) {
	t.Helper()
	context, cluster, user := config.Contexts[e.Context], config.Clusters[e.Cluster], config.AuthInfos[e.User]
	if context == nil || cluster == nil || user == nil {
		t.Fatalf("the entry is not there: %v %v %v", context, cluster, user)
	}
	got := []string{context.Cluster, context.AuthInfo, context.Namespace, cluster.Server, string(cluster.CertificateAuthorityData), cluster.ProxyURL, cluster.TLSServerName}
	want := []string{e.Cluster, e.User, e.Namespace, e.Server, string(e.CA), e.ProxyURL, e.TLSServerName}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	exec := &api.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: e.Command, Args: e.Args,
		InteractiveMode: api.NeverExecInteractiveMode, InstallHint: e.InstallHint,
	}
	if diff := cmp.Diff(exec.String(), user.Exec.String()); diff != "" {
		t.Error(diff)
	}
}

// onlyAdded checks that every line of before is in after, in its order.
func onlyAdded(t *testing.T, before, after string) {
	t.Helper()
	rest := strings.SplitAfter(after, "\n")
	for _, line := range strings.SplitAfter(before, "\n") {
		if line == "" {
			continue
		}
		for len(rest) > 0 && rest[0] != line {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Fatalf("the line %q was changed or lost in:\n%s", line, after)
		}
		rest = rest[1:]
	}
}

func TestMergeAddsToARichKubeconfigAndChangesNothingElse(t *testing.T) {
	before := rich(t)
	path := place(t, before)
	old := load(t, path)
	backup := merge(t, path, entry())
	after := contents(t, path)
	onlyAdded(t, before, after)
	if diff := cmp.Diff(before, contents(t, backup)); diff != "" {
		t.Error(diff)
	}
	config := load(t, path)
	holds(t, config, entry())
	if config.CurrentContext != old.CurrentContext {
		t.Errorf("the current context was switched to %q", config.CurrentContext)
	}
	for name := range old.Contexts {
		if config.Contexts[name] == nil {
			t.Errorf("context %q is lost", name)
		}
	}
	golden, err := os.ReadFile("testdata/rich.merged.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), after); diff != "" {
		t.Error(diff)
	}
}

func TestMergeOfTheSameWritesNothing(t *testing.T) {
	for name, text := range forms(t) {
		t.Run(name, func(t *testing.T) {
			path := place(t, text)
			merge(t, path, entry())
			first, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			before := contents(t, path)
			if backup := merge(t, path, entry()); backup != "" {
				t.Errorf("a backup was made: %s", backup)
			}
			second, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if !os.SameFile(first, second) || before != contents(t, path) {
				t.Error("the file was written")
			}
		})
	}
}

// forms are the ways a kubeconfig may be written.
func forms(t *testing.T) map[string]string {
	return map[string]string{
		"rich":         rich(t),
		"CRLF":         strings.ReplaceAll(rich(t), "\n", "\r\n"),
		"empty":        "",
		"comment only": "# mine\n",
		"begun":        "---\n",
		"null":         "null\n",
		"by kubectl":   "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n",
		"empty lists":  "apiVersion: v1\nkind: Config\nclusters: [] # none yet\ncontexts:\nusers: []\n# end\n",
		"no last line": "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: x}",
		"set in": "apiVersion: v1\nkind: Config\nclusters:\n    - name: a\n      cluster:\n        server: https://a\n      # of a\n    # of the list\n# of the contexts\ncontexts:\n" +
			"    -\n      name: a\n      context: {cluster: a, user: a}\n\nusers:\n    - name: a\n      user:\n        token: |\n          x\n          # no comment\n",
		"ended":          "%YAML 1.1\n---\napiVersion: v1\nkind: Config\n...\n",
		"flow":           "{apiVersion: v1, kind: Config, clusters: [{name: a, cluster: {server: 'https://a'}}]}\n",
		"flow lists":     "apiVersion: v1\nkind: Config\n# mine\nclusters: [{name: a, cluster: {server: 'https://a'}}]\n",
		"byte order":     "\ufeffapiVersion: v1\nkind: Config\n",
		"anchors":        "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: &a\n    server: https://a\n- name: b\n  cluster:\n    <<: *a\n    tls-server-name: b\n",
		"JSON, one line": `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{"server":"https://a"}}],"users":[],"contexts":null}`,
		"JSON, tabs":     "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Config\",\n\t\"clusters\": [\n\t\t{\"name\": \"a\\u00e9\", \"cluster\": {\"server\": \"https://a\"}}\n\t],\n\t\"preferences\": {}\n}\n",
		"JSON, nothing":  "{}",
	}
}

func TestMergeWorksInEveryForm(t *testing.T) {
	for name, before := range forms(t) {
		t.Run(name, func(t *testing.T) {
			path := place(t, before)
			e := entry()
			e.Use = true
			old := load(t, path)
			merge(t, path, e)
			config := load(t, path)
			holds(t, config, e)
			if config.CurrentContext != e.Context {
				t.Errorf("current context is %q", config.CurrentContext)
			}
			for name, cluster := range old.Clusters {
				cluster.LocationOfOrigin = config.Clusters[name].LocationOfOrigin
				if diff := cmp.Diff(cluster, config.Clusters[name]); diff != "" {
					t.Error(diff)
				}
			}
			if strings.Count(contents(t, path), "#") != strings.Count(before, "#") {
				t.Errorf("comments were lost:\n%s", contents(t, path))
			}
			if strings.Contains(before, "\r\n") && strings.Count(contents(t, path), "\n") != strings.Count(contents(t, path), "\r\n") {
				t.Error("line ends are mixed")
			}
		})
	}
}

func TestMergeFollowsTheWayToACluster(t *testing.T) {
	for name, before := range forms(t) {
		t.Run(name, func(t *testing.T) {
			path := place(t, before)
			for _, way := range [][2]string{{"http://egress.example.com:3128", "kubernetes.default.svc"}, {"socks5://localhost:1080", ""}, {"", ""}} {
				e := entry()
				e.ProxyURL, e.TLSServerName = way[0], way[1]
				merge(t, path, e)
				holds(t, load(t, path), e)
			}
			if strings.Count(contents(t, path), "proxy-url") != strings.Count(before, "proxy-url") {
				t.Errorf("something of the way is left:\n%s", contents(t, path))
			}
		})
	}
	path := place(t, "")
	e := entry()
	e.ProxyURL, e.TLSServerName = "http://egress.example.com:3128", "kubernetes.default.svc"
	merge(t, path, e)
	w, err := Merge(path, entry())
	if diff := cmp.Diff([]string{"proxy-url", "tls-server-name"}, w.Dropped); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if w, err := Merge(path, entry()); err != nil || w.Dropped != nil {
		t.Errorf("%v, %+v", err, w)
	}
	merge(t, path, e)
	remove(t, path, e)
	if len(load(t, path).Clusters) != 0 {
		t.Errorf("the cluster stays:\n%s", contents(t, path))
	}
	merged := place(t, "x: &x {proxy-url: 'http://elsewhere:3128'}\nclusters:\n- name: prod\n  cluster: {server: 'https://prod.eks.example.com', <<: *x}\ncontexts: [{name: prod-reader, context: {cluster: prod, user: prod-reader}}]\nusers: [{name: prod-reader, user: {exec: {command: kubectl-daypass, args: [token]}}}]\n")
	merge(t, merged, entry())
	holds(t, load(t, merged), entry())
}

func TestMergeThenRemoveLeavesWhatWasThere(t *testing.T) {
	for name, before := range forms(t) {
		t.Run(name, func(t *testing.T) {
			path := place(t, before)
			old := load(t, path)
			merge(t, path, entry())
			remove(t, path, entry())
			config := load(t, path)
			if len(config.Clusters) != len(old.Clusters) || len(config.Contexts) != len(old.Contexts) || len(config.AuthInfos) != len(old.AuthInfos) {
				t.Errorf("left behind or lost:\n%s", contents(t, path))
			}
			if config.CurrentContext != old.CurrentContext {
				t.Errorf("current context is %q", config.CurrentContext)
			}
		})
	}
	path := place(t, rich(t))
	merge(t, path, entry())
	remove(t, path, entry())
	if diff := cmp.Diff(rich(t), contents(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestMergeRenewsItsOwnEntryAndKeepsWhatPeopleAdded(t *testing.T) {
	path := place(t, rich(t))
	merge(t, path, entry())
	text := contents(t, path)
	text = strings.Replace(text, "      provideClusterInfo: false\n", "      provideClusterInfo: false # quick\n      env: [{name: HTTPS_PROXY, value: 'http://p'}] # our proxy\n", 1)
	text += "# the end\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e := entry()
	e.Args[4], e.Namespace = "l-2", ""
	merge(t, path, e)
	after := contents(t, path)
	if diff := cmp.Diff(strings.Replace(text, "l-1", "l-2", 1), after); diff != "" {
		t.Error(diff)
	}
	if got := load(t, path).Contexts[e.Context].Namespace; got != "shop" {
		t.Errorf("the namespace became %q", got)
	}
}

func TestMergeSwitchesOnlyWhenAskedOrFirst(t *testing.T) {
	none := "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: 'https://a'}\n"
	for _, c := range []struct {
		name, text string
		use        bool
		want       string
	}{
		{"a new file gets a current context", "", false, "prod-reader"},
		{"a file with others and no current context gets none", none, false, ""},
		{"a file with others switches when asked", none, true, "prod-reader"},
		{"a current context stays", none + "current-context: 'it''s'\n", false, "it's"},
		{"a quoted one is replaced when asked", none + "current-context: 'it''s' # mine\n", true, "prod-reader"},
		{"one without a value is filled when asked", "current-context: # mine\n" + none, true, "prod-reader"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := place(t, c.text)
			e := entry()
			e.Use = c.use
			merge(t, path, e)
			if got := load(t, path).CurrentContext; got != c.want {
				t.Errorf("current context is %q, want %q", got, c.want)
			}
			if strings.Contains(c.text, "# mine") != strings.Contains(contents(t, path), "# mine") {
				t.Errorf("the comment is lost:\n%s", contents(t, path))
			}
		})
	}
}

func TestMergeWritesNamesThatEveryReaderTakesAsText(t *testing.T) {
	for _, name := range []string{"yes", "on", "1:30", "0o7", "1_000", "null", "~", "a: b", "# no", "- x", "é ü", "line\nbreak", "tab\tin", `q"uo'te`, "arn:aws:eks:eu-west-1:1:cluster/a", "x:", "1e3", ".inf", "&a", "*a", "---", "--"} {
		for _, form := range []string{"", "{}", "{apiVersion: v1, kind: Config}"} {
			path := place(t, form)
			e := entry()
			e.Context, e.Cluster, e.User, e.Args = name, name, name, []string{"token", name}
			merge(t, path, e)
			holds(t, load(t, path), e)
		}
	}
}
