package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

// entryOf is one that an honest server gives for a lease.
func entryOf(id string) api.Entry {
	return api.Entry{Lease: api.Lease{ID: id, Cluster: "payments-prod", Role: "viewer"}, Server: "https://pay.example:8443/k8s", CA: []byte(apitest.CA), Context: "pay-viewer"}
}

func TestAnEntryThatNoDaypassGives(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	file := filepath.Join(d.home, "file")
	for _, c := range []struct {
		name, say string
		change    func(e *api.Entry)
	}{
		{"of another lease", "and gave ls_other", func(e *api.Entry) { e.Lease.ID = "ls_other" }},
		{"at plain http", "is at 'http://pay.example', where", func(e *api.Entry) { e.Server = "http://pay.example" }},
		{"at http of this machine", "is at 'http://127.0.0.1:80', where", func(e *api.Entry) { e.Server = "http://127.0.0.1:80" }},
		{"at no address", "is at '', where", func(e *api.Entry) { e.Server = "" }},
		{"at a file", "where tokens would not be safe", func(e *api.Entry) { e.Server = "file:///etc" }},
		{"at an address with a password", "where tokens would not be safe", func(e *api.Entry) { e.Server = "https://a:b@pay.example" }},
		{"at an address with a question", "where tokens would not be safe", func(e *api.Entry) { e.Server = "https://pay.example/?a=b" }},
		{"by a proxy of another kind", "the proxy 'ssh://egress.example.com'", func(e *api.Entry) { e.ProxyURL = "ssh://egress.example.com" }},
		{"by a proxy with a password", "none for kubectl", func(e *api.Entry) { e.ProxyURL = "http://a:b@egress.example.com" }},
		{"under no host's name", "is for 'a b', which", func(e *api.Entry) { e.TLSServerName = "a b" }},
		{"without a certificate authority", "gave no certificate authority", func(e *api.Entry) { e.CA = nil }},
		{"with words for one", "more than certificates", func(e *api.Entry) { e.CA = []byte("trust me") }},
		{"with words beside one", "more than certificates", func(e *api.Entry) { e.CA = []byte(apitest.CA + "trust me") }},
		{"with a key beside one", "more than certificates", func(e *api.Entry) {
			e.CA = []byte(apitest.CA + strings.ReplaceAll(apitest.CA, "CERTIFICATE", "PRIVATE KEY"))
		}},
		{"with one that cannot be read", "cannot be read", func(e *api.Entry) {
			e.CA = []byte("-----BEGIN CERTIFICATE-----\nTm90IG9uZQ==\n-----END CERTIFICATE-----\n")
		}},
		{"with too many", "KB for the cluster's certificate authority", func(e *api.Entry) { e.CA = []byte(strings.Repeat(apitest.CA, 200)) }},
	} {
		t.Run(c.name+" is refused", func(t *testing.T) {
			e := entryOf(id)
			c.change(&e)
			d.answers("POST /api/v1/leases/"+id+"/entry", e)
			d.refused(d.run("get", "--lease", id, "--kubeconfig", file), exitFailed, "Nothing was put into the kubeconfig: the server ", c.say)
		})
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a kubeconfig was made")
	}
	e := entryOf(id)
	e.CA, e.ProxyURL, e.TLSServerName = []byte(apitest.CA+"\n"+apitest.CA), "socks5://localhost:1080", "*.sk1.eu-west-1.eks.amazonaws.com"
	d.answers("POST /api/v1/leases/"+id+"/entry", e)
	d.must("get", "--lease", id, "--kubeconfig", file)
}

func TestAnEntryForAnotherLeaseThanTheOneThatBegan(t *testing.T) {
	for what, change := range map[string]func(l *api.Lease){
		"lease":   func(l *api.Lease) { l.ID = "ls_other" },
		"cluster": func(l *api.Lease) { l.Cluster = "payments-test" },
		"role":    func(l *api.Lease) { l.Role = "operator" },
	} {
		t.Run("another "+what, func(t *testing.T) {
			d := newDesk(t)
			first := d.lease()
			e := entryOf(first)
			e.Context = "daypass-payments-prod-viewer"
			change(&e.Lease)
			d.answers("POST /api/v1/leases/"+first+"/entry", e)
			if again, _ := d.get("--for", "4h"); again.Kept {
				t.Error("it was taken for the lease that goes on")
			}
			l := api.Lease{ID: "ls_new", Cluster: "payments-prod", Role: "viewer", State: active}
			e = entryOf(l.ID)
			change(&e.Lease)
			d.all(map[string]any{"POST /api/v1/leases": l, "POST /api/v1/leases/ls_new/entry": e, "POST /api/v1/leases/ls_new/end": l})
			d.refused(d.run("get", "payments-prod", "--role", "viewer", "--new"), exitFailed, "was asked for ls_new (viewer on payments-prod) and gave "+fmt.Sprintf("%s (%s on %s)", e.Lease.ID, e.Lease.Role, e.Lease.Cluster), "The lease was ended again.")
		})
	}
}
