package main

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/api/apitest"
)

func TestNear(t *testing.T) {
	names := []string{"payments-dev", "payments-prod", "viewer", "qa", "ls_01k9x2m4qjabcdefghijklmn"}
	for said, want := range map[string]string{
		"payments-dve": "payments-dev", "payment-prod": "payments-prod", "payments_prod": "payments-prod", "Payments-Dev": "payments-dev",
		"paymentsprd": "payments-prod", "pyaments-dve": "payments-dev", "veiwer": "viewer", "viewers": "viewer", "q": "qa",
		"PAYMENTS-DEV": "payments-dev", "ls_01k9x2m4qjabcdefghijk": "ls_01k9x2m4qjabcdefghijklmn", "ls_01k9x2m4qjabcdefghij": "",
		"payments": "", "viiweer": "", "view": "", "dev": "", "prod": "", "xy": "", "": "",
	} {
		if got := near(said, names); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
	if got := near("payments-pro", []string{"payments-pods", "payments-prod", "payments-prob"}); got != "payments-prod" {
		t.Errorf("not the closest, or not the first of the closest: %q", got)
	}
}

func TestSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "cab", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"é", "e", 1}} {
		if got := slips(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	d := newDesk(t)
	id := d.lease()
	slip := id[:len(id)-2] + id[len(id)-1:]
	const list = "See: kubectl daypass list"
	t.Run("the cluster, the role or the lease", func(t *testing.T) {
		d.refused(d.run("get", "payments-prdo"), exitRefused, `There is no cluster "payments-prdo" for you. Did you mean payments-prod? `+list)
		d.refused(d.run("get", "payments-prod", "--role", "veiwer"), exitRefused, "There is no role veiwer for you. Did you mean viewer? Run: kubectl daypass get payments-prod --role viewer\n")
		d.refused(d.run("end", slip), exitOver, "There is no such lease of yours.", "Did you mean "+id+"? "+list+" leases")
		d.refused(d.run("get", "--lease", slip), exitOver, "Did you mean "+id+"? "+list+" leases")
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method+" "+r.URL.Path == starts {
				apitest.Problem(w, 403, "unknown-cluster", `No cluster is named "payments-prdo".`, "See what there is for you: kubectl daypass list.")
			}
			return r.Method+" "+r.URL.Path == starts
		})
		defer d.server.Instead(nil)
		d.refused(d.run("get", "payments-prdo", "--role", "viewer"), exitRefused, "kubectl daypass list. Did you mean payments-prod?\n")
	})
	t.Run("says nothing where none is close, or what was said is there", func(t *testing.T) {
		for _, r := range []ran{
			d.run("get", "payments"), d.run("get", "payments-prod", "--role", "root"), d.run("end", "ls_none"), d.run("get", "--lease", "ls_none"),
			d.run("get", "payments-prod", "--role", "viewer", "--break-glass", "--yes", "--reason", "fire"),
		} {
			if r.code != exitRefused && r.code != exitOver || strings.Contains(r.err, "Did you mean") {
				t.Errorf("%+v", r)
			}
		}
		if err := suggested(&failure{say: "No."}, "viewer", []string{"viewer2", "viewer"}, "list"); err.Error() != "No." {
			t.Error(err)
		}
		d.refused(d.run("get", "payments"), exitRefused, `There is no cluster "payments" for you. `+list)
	})
	t.Run("offers no lease that is over", func(t *testing.T) {
		d.must("end", id)
		if r := d.run("end", slip); r.code != exitOver || strings.Contains(r.err, "Did you mean") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("keeps what was refused where the names cannot be had", func(t *testing.T) {
		var what atomic.Value
		what.Store("/clusters")
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			away := r.Method == "GET" && strings.HasSuffix(r.URL.Path, what.Load().(string))
			if away {
				apitest.Problem(w, 503, "internal", "Not now.", "")
			}
			return away
		})
		defer d.server.Instead(nil)
		d.refused(d.run("get", "payments-prod", "--role", "veiwer"), exitRefused, "There is no role veiwer for you. "+list+"\n")
		what.Store("/leases")
		d.refused(d.run("end", slip), exitOver, "There is no such lease of yours.")
	})
	t.Run("knows a cluster where only the glass can be broken, and one where it cannot", func(t *testing.T) {
		d.refused(d.run("get", "payments-prod", "--break-glass"), exitRefused, "On payments-prod there is no glass for you to break. "+list)
		d.server.Offer(api.Choice{Role: "admin", BreakGlass: true})
		d.refused(d.run("get", "payments-prod"), exitRefused, "On payments-prod you may only break the glass, with --break-glass and --reason. "+list)
	})
}

func TestACommandThatWasMeant(t *testing.T) {
	d := newDesk(t)
	d.refused(d.run("lst"), exitUsage, `there is no command "lst". Did you mean list? See: kubectl daypass --help`)
	d.refused(d.run("stauts"), exitUsage, "Did you mean status?")
	d.refused(d.run("frobnicate"), exitUsage, `there is no command "frobnicate". See: kubectl daypass --help`)
}

func TestARefusalGivesTheWholeCommandThatIsRight(t *testing.T) {
	d := newDesk(t)
	d.login()
	const run = "kubectl daypass get payments-prod --role "
	d.server.Offer(api.Choice{Role: "viewer"}, api.Choice{Role: "admin", Reason: true, BreakGlass: true, ReasonHint: "The incident's number."})
	d.refused(d.run("get", "payments-prod", "--break-glass", "--for", "90m", "-n", "shop", "--server", d.server.URL), exitRefused,
		"admin on payments-prod needs a reason. Say there: The incident's number. Run: "+run+"admin --for 90m --namespace shop --break-glass --reason '…' --server "+d.server.URL+"\n")
	for code, want := range map[string]string{
		"needs":            "Not so. Run: " + run + "viewer --use --reason '…'\n",
		"break-glass-only": "Not so. If this is an emergency, run: " + run + "viewer --use --break-glass --reason '…'\n",
		"not-break-glass":  "Not so. Run: " + run + "viewer --use\n",
		"no-grant":         "Not so. Go to the page.\n",
	} {
		d.server.Instead(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method+" "+r.URL.Path == starts {
				apitest.Problem(w, 403, code, "Not so.", "Go to the page.")
			}
			return r.Method+" "+r.URL.Path == starts
		})
		d.refused(d.run("get", "payments-prod", "--role", "viewer", "--use"), exitRefused, want)
	}
	d.answers("POST /api/v1/decisions", api.Decision{Answer: "refused", Refusals: []api.Refusal{{Code: "not-break-glass", Say: "You may without.", Next: "Choose the role on the page."}}})
	d.refused(d.run("get", "payments-prod", "--role", "viewer", "--break-glass", "--reason", "it's on fire"), exitRefused,
		"You may without. Run: "+run+`viewer --reason 'it'\''s on fire'`+"\n")
}
