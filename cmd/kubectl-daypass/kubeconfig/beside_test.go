package kubeconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBesideAreTheOtherFilesThatKubectlReads(t *testing.T) {
	one, two, none := place(t, ""), place(t, ""), filepath.Join(t.TempDir(), "none")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(one, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", strings.Join([]string{none, one, "", two, link, one}, string(filepath.ListSeparator)))
	if diff := cmp.Diff([]string{two}, Beside("")); diff != "" || Path("") != one {
		t.Errorf("%s: %s", Path(""), diff)
	}
	if got := Beside(two); got != nil {
		t.Errorf("kubectl reads %s alone, and beside it are %v", two, got)
	}
	t.Setenv("KUBECONFIG", "")
	if got := Beside(""); got != nil {
		t.Errorf("beside the usual one are %v", got)
	}
}

func TestMergeCoversNothingOfOthersInFilesBeside(t *testing.T) {
	const (
		head = "apiVersion: v1\nkind: Config\n"
		ours = "users: [{name: prod-reader, user: {exec: {command: kubectl-daypass, args: [token]}}}]\n"
	)
	for _, c := range []struct{ name, text, want string }{
		{"a user", head + "users: [{name: prod-reader, user: {token: mine}}]\n", `user "prod-reader"`},
		{"a context", head + "contexts: [{name: prod-reader, context: {cluster: prod, user: ada}}]\nusers: [{name: ada, user: {token: mine}}]\n", `context "prod-reader"`},
		{"a cluster", head + "clusters: [{name: prod, cluster: {server: 'https://mine.example.com'}}]\n", `cluster "prod"`},
		{"an entry of ours", head + ours, ""},
		{"nothing of that name", head + "users: [{name: ada, user: {token: mine}}]\n", ""},
		{"nothing that can be read", "a: [\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, other := place(t, ""), place(t, c.text)
			e := entry()
			e.Beside = []string{filepath.Join(t.TempDir(), "none"), t.TempDir(), other}
			_, err := Merge(path, e)
			if c.want == "" && err == nil {
				holds(t, load(t, path), e)
				untouched(t, other, c.text)
				return
			}
			if c.want == "" || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), other+", line ") || !strings.Contains(err.Error(), "--context") {
				t.Fatalf("got %v", err)
			}
			untouched(t, path, "")
		})
	}
	t.Run("a way to a cluster that a context there needs", func(t *testing.T) {
		path := place(t, "")
		merge(t, path, entry())
		before := contents(t, path)
		e := entry()
		e.CA = []byte("another")
		e.Beside = []string{place(t, head+"contexts: [{name: ada, context: {cluster: prod, user: ada}}]\nusers: [{name: ada, user: {token: mine}}]\n")}
		if _, err := Merge(path, e); err == nil || !strings.Contains(err.Error(), "contexts of others use it") {
			t.Error(err)
		}
		untouched(t, path, before)
		covered := strings.Replace(before, "contexts:\n", "contexts:\n- name: ada\n  context: {cluster: old, user: ada}\n", 1)
		path = place(t, covered)
		merge(t, path, e)
		holds(t, load(t, path), e)
	})
	t.Run("and takes a context of ours whose user is there", func(t *testing.T) {
		path := place(t, head+"contexts: [{name: prod-reader, context: {cluster: prod, user: far}}]\n")
		e := entry()
		e.Beside = []string{place(t, strings.Replace(head+ours, "prod-reader", "far", 1))}
		merge(t, path, e)
		holds(t, load(t, path), e)
	})
}

func TestRemoveKeepsWhatAFileBesideNeeds(t *testing.T) {
	for _, needs := range []struct{ context, keeps string }{
		{"{cluster: old, user: prod-reader}", "user"}, {"{cluster: prod, user: ada}", "cluster"}, {"{cluster: old, user: ada}", ""},
	} {
		for _, name := range []string{"mine", entry().Context} { // under the same name, it is seen once ours is gone
			path, other := place(t, ""), place(t, "apiVersion: v1\nkind: Config\ncontexts:\n- name: "+name+"\n  context: "+needs.context+"\n")
			merge(t, path, entry())
			if took, _, err := Remove(path, "kubectl-daypass", []string{other}, held(entry())); err != nil || len(took) != 1 {
				t.Fatal(err, took)
			}
			c := load(t, path)
			if len(c.Contexts) != 0 || (c.AuthInfos["prod-reader"] != nil) != (needs.keeps == "user") || (c.Clusters["prod"] != nil) != (needs.keeps == "cluster") {
				t.Errorf("%s of %s needs its %s:\n%s", needs.context, name, needs.keeps, contents(t, path))
			}
		}
	}
}

func TestMergeSwitchesNoContextOfAFileBeside(t *testing.T) {
	for _, c := range []struct {
		name, beside string
		use          bool
		want         string
	}{
		{"that has a current one", "current-context: mine\ncontexts: [{name: mine, context: {}}]\n", false, "mine"},
		{"that has some and no current one", "contexts: [{name: mine, context: {}}]\n", false, ""},
		{"unless asked", "current-context: mine\ncontexts: [{name: mine, context: {}}]\n", true, "prod-reader"},
		{"but gives one where there is nothing", "apiVersion: v1\n", false, "prod-reader"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, other := place(t, ""), place(t, c.beside)
			e := entry()
			e.Use, e.Beside = c.use, []string{other}
			merge(t, path, e)
			t.Setenv("KUBECONFIG", path+string(filepath.ListSeparator)+other)
			out, err := kubectl(t, "config", "view", "-o", "json")
			var got struct {
				Current string `json:"current-context"`
			}
			if err == nil {
				err = json.Unmarshal([]byte(out), &got)
			}
			if err != nil || got.Current != c.want {
				t.Errorf("%v: kubectl is at %q, want %q", err, got.Current, c.want)
			}
		})
	}
}
