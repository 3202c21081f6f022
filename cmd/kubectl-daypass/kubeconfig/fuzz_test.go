package kubeconfig

import (
	"testing"

	api "k8s.io/client-go/tools/clientcmd/api"
)

// names are all a kubeconfig names, by kind.
func names(c *api.Config) map[string]bool {
	all := map[string]bool{}
	for name := range c.Clusters {
		all["cluster "+name] = true
	}
	for name := range c.Contexts {
		all["context "+name] = true
	}
	for name := range c.AuthInfos {
		all["user "+name] = true
	}
	return all
}

// FuzzMerge: whatever is in the file, a merge refuses it or keeps all of it.
func FuzzMerge(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nusers:\n- name: a\n  user: {token: x} # y\ncontexts: []\n"), true)
	f.Add([]byte(`{"clusters":[{"name":"a","cluster":{}}]}`), false)
	f.Add([]byte("a: &a\n  b: |+\n    c\n\n\nclusters:\n  - ? name\n    : a\n"), true)
	f.Add([]byte("{clusters: [{name: a}], users: null}"), true)
	f.Add([]byte("users:\r\n- name: \"a\\nb\"\r\n  user:\r\n    token: >-\r\n      x\r\n\r\n#c"), false)
	f.Fuzz(func(t *testing.T, text []byte, use bool) {
		e := entry()
		e.Use = use
		plan := func(d document) ([]step, error) { return mergeSteps(d, e) }
		after, err := edit("config", text, plan)
		if err != nil {
			return
		}
		if again, err := edit("config", after, plan); err != nil || string(again) != string(after) {
			t.Fatalf("a second merge changed it or failed: %v\n%q\n%q\n%q", err, text, after, again)
		}
		old, err := decode(text)
		if err != nil {
			// kubectl cannot read it either; that we kept its tree is what
			// take has checked.
			return
		}
		config, err := decode(after)
		if err != nil {
			t.Fatalf("kubectl could read it before and cannot now: %v\n%q\n%q", err, text, after)
		}
		got := names(config)
		for name := range names(old) {
			if !got[name] {
				t.Fatalf("%s is lost\n%q\n%q", name, text, after)
			}
		}
		if config.Contexts[e.Context] == nil || config.AuthInfos[e.User].Exec == nil {
			t.Fatalf("the entry is not there\n%q\n%q", text, after)
		}
		removed, err := edit("config", after, func(d document) ([]step, error) {
			return removeSteps(d, d.still(e.Command, []Holding{held(e)})), nil
		})
		if err != nil {
			return
		}
		left, err := decode(removed)
		if err != nil {
			t.Fatalf("after the removal kubectl cannot read it: %v\n%q\n%q", err, after, removed)
		}
		if got := names(left); got["context "+e.Context] {
			t.Fatalf("the context is still there\n%q\n%q", after, removed)
		}
		c := config.Contexts[e.Context]
		ours := map[string]bool{"context " + e.Context: true, "cluster " + c.Cluster: true, "user " + c.AuthInfo: true}
		for name := range names(old) {
			if !names(left)[name] && !ours[name] {
				t.Fatalf("%s went with it\n%q\n%q", name, after, removed)
			}
		}
	})
}
