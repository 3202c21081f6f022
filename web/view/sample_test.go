package view

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// page is one page with a model rich enough that every part of it is drawn.
type page struct {
	name  string
	model any
	draw  func(any) templ.Component
}

func drawn[M any](name string, m M, draw func(M) templ.Component) page {
	return page{name, m, func(v any) templ.Component { return draw(v.(M)) }}
}

var noon = time.Date(2026, 11, 12, 14, 19, 0, 0, time.UTC)

func in(d time.Duration) time.Time  { return noon.Add(d) }
func at(d time.Duration) *time.Time { t := in(d); return &t }
func env(v string) Label            { return Label{"env", v} }
func team(v string) Label           { return Label{"team", v} }
func labels(l ...Label) []Label     { return l }
func lifetime(d time.Duration, chosen bool) Lifetime {
	return Lifetime{d.String(), d, in(d), chosen}
}

func framed(title string, nav Nav) Frame {
	return Frame{
		Title: title, Nav: nav, Now: noon, RequestID: "rq_01k9x2m4",
		Person: &Person{Email: "ada@example.com", Name: "Ada", Provider: "okta"},
		Assets: Assets{"/assets/daypass.css", "/assets/daypass.js", "/assets/favicon.svg"},
	}
}

func auditor(title string) Frame {
	f := framed(title, NavAudit)
	f.IsAuditor = true
	return f
}

func administrator(title string) Frame {
	f := framed(title, NavAdministration)
	f.IsAuditor, f.IsAdministrator = true, true
	return f
}

func contractor(f Frame) Frame {
	f.Person = &Person{Email: "grace@partner.example", Provider: "guests", EndDate: at(18 * 24 * time.Hour)}
	return f
}

func alarmed(f Frame) Frame {
	f.Banner = []Glass{{"payments-prod", "admin", in(42 * time.Minute), "/leases/ls_1"}}
	return f
}

func stranger(title string) Frame {
	f := framed(title, "")
	f.Person = nil
	return f
}

func samples() []page {
	pages := []page{
		drawn("sign-in", SignIn{
			Frame: stranger("Sign in"), Going: "payments-prod",
			Providers: []Provider{{"Example staff", "/auth/okta/start?return=%2F", ""}, {"Guests", "/auth/guests/start", "It cannot be reached just now; it may fail."}},
			Failure:   &Failure{"Okta answered, but its answer does not carry your groups.", "Ask whoever runs Okta to add the groups claim.", false},
		}, SignInPage),
		drawn("signed-out", SignedOut{stranger("Signed out"), "/sign-in", "You may still be signed in at Okta.", "", "", false}, SignedOutPage),
		drawn("signed-out-leave", SignedOut{stranger("Signed out"), "/sign-in", "Okta still knows this browser.", "Okta & sons", "/auth/okta/leave", true}, SignedOutPage),
		drawn("not-signed-in", NotSignedIn{stranger("Not signed in"), "/sign-in", "Your session ended after 8 hours."}, NotSignedInPage),
		drawn("problem", Problem{
			Frame: framed("Not allowed", ""), Status: 403, What: "No grant opens ledger-prod as admin to you.",
			Next: "Ask #platform for the group okta:ledger.", Details: []string{"The grant ledger-admin names okta:ledger."},
			Links: []Link{{"Back to the clusters", "/"}},
		}, ProblemPage),
		drawn("clusters", someClusters(), ClustersPage),
		drawn("clusters-unfiltered", someClusters(), func(m Clusters) templ.Component { m.Query = ""; return ClustersPage(m) }),
		drawn("clusters-none", Clusters{Frame: contractor(framed("Clusters", NavClusters)), Nothing: &Nothing{
			Provider: "guests", Groups: []string{"everyone", "ärzte"}, Contact: "Ask in #platform.\nOr call 4711.",
			Grants: []GrantHint{{"eng-view", "okta:engineering", "viewer on 12 clusters"}},
		}}, ClustersPage),
		drawn("why", Why{framed("Why", NavClusters), "ledger-prod", []WhyAnswer{
			{"viewer", false, "No grant names one of your groups for it.", "Ask for okta:ledger."},
			{"editor", true, "The grant eng-edit opens it.", ""},
		}, "/clusters/ledger-prod", "Ask in #platform."}, WhyPage),
	}
	return append(append(append(pages, leasePages()...), auditPages()...), tokenPages()...)
}

func someClusters() Clusters {
	return Clusters{
		Frame: framed("Clusters", NavClusters),
		Rows: []ClusterRow{
			{Name: "billing-eu", URL: "/c/billing-eu", Roles: []string{"viewer", "editor"}, Labels: labels(env("prod"), team("billing")), Account: "prod", Region: "eu-west-1", Version: "1.36"},
			{Name: "data-batch", URL: "/c/data-batch", Roles: []string{"viewer"}, Labels: labels(env("staging")), Account: "data", Region: "us-east-1", Version: "1.35", NeedsNetwork: true, Status: "UPDATING"},
			{Name: "ledger-prod", URL: "/c/ledger-prod", GlassRoles: []string{"admin"}, Labels: labels(env("prod"), Label{"pci", ""}), Account: "111122223333", Region: "eu-central-1", Version: "1.36"},
			{Name: "payments-dev", URL: "/c/payments-dev", Roles: []string{"viewer", "editor", "admin"}, Labels: labels(env("dev")), Account: "dev", Region: "eu-west-1", Version: "1.37"},
		},
		Recents: []Recent{
			{Cluster: "payments-prod", Role: "viewer", Labels: labels(env("prod")), At: in(-26 * time.Hour), Lasted: 4 * time.Hour, Namespace: "payments", Start: "/clusters/payments-prod", For: "4h", Key: "sk_3", Change: "/clusters/payments-prod?role=viewer"},
			{Cluster: "payments-dev", Role: "admin", Labels: labels(env("dev")), At: in(-time.Hour), Lasted: 4 * time.Hour, Until: at(192 * time.Minute), Open: "/leases/ls_2", End: "/leases/ls_2/end"},
			{Cluster: "ledger-staging", Role: "editor", Labels: labels(env("staging")), BreakGlass: true, At: in(-400 * 24 * time.Hour), Lasted: 90 * time.Minute, Change: "/clusters/ledger-staging/break-glass/editor"},
			{Cluster: "ledger-dev", Role: "editor", At: in(-26 * time.Hour), Lasted: time.Hour, Change: "/clusters/ledger-dev?role=editor"},
		},
	}
}

func oneCluster() Cluster {
	return Cluster{
		Frame: contractor(framed("payments-prod", NavClusters)),
		Name:  "payments-prod", ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/payments", Labels: labels(env("prod"), team("payments")),
		Account: "prod", Region: "eu-west-1", Version: "1.36", Status: "ACTIVE", NeedsNetwork: true,
		Roles: []RoleCard{
			{Name: "viewer", Description: "Reads everything but Secrets.", Longest: 8 * time.Hour, FreeFor: 8 * time.Hour, Grant: "eng-view", Through: "okta:engineering", IAMRole: "daypass-viewer", Chosen: true},
			{Name: "editor", Description: "Changes workloads in payments-*.", Longest: 2 * time.Hour, Hint: "A ticket such as PAY-123, and what you will change.", Grant: "eng-edit", Through: "okta:engineering", IAMRole: "daypass-editor", Until: at(18 * 24 * time.Hour)},
		},
		Lifetimes: []Lifetime{lifetime(15*time.Minute, false), lifetime(time.Hour, true), lifetime(4*time.Hour, false), lifetime(8*time.Hour, false)},
		Namespace: "payments", Key: "sk_1", Start: "/c/payments-prod/start",
		Glass:       []GlassCard{{"admin", "Full control.", time.Hour, "#oncall-payments and security@example.com; the use is reviewed tomorrow.", []string{"pager", "security-siem"}, "/c/payments-prod/break-glass/admin"}},
		SessionName: "ada-7f3a", CheckedAt: in(-10 * time.Second),
		Checks: []Check{{"Cluster is ACTIVE", Fine}, {"Endpoint is private: connect the VPN", Warning}, {"Whether the role may be assumed shows when you start", Unknown}},
	}
}

func wrongCluster() Cluster {
	m := oneCluster()
	m.Roles[0].Chosen, m.Roles[1].Chosen = false, true
	m.Reason, m.CheckedAt = "short", in(-time.Hour)
	m.Errors = FormErrors{Role: "Pick a role.", For: "You asked for 8 h; the grant eng-edit allows 2 h at most.", Namespace: "A namespace has small letters, digits and dashes only.", Reason: "Say which ticket.", Whole: "AWS could not be asked."}
	return m
}

func glass() BreakGlass {
	return BreakGlass{
		Frame: framed("Break the glass", NavClusters), Cluster: "payments-prod", Role: "admin", Labels: labels(env("prod")), Namespace: "shop",
		Description: "Full control of the whole cluster.", Grant: "oncall-glass", Through: "okta:oncall",
		TellsWhom: "#oncall-payments and security@example.com", Tells: []string{"pager", "security-siem"}, Hint: "The incident, and what you will do.",
		Lifetimes: []Lifetime{lifetime(15*time.Minute, false), lifetime(time.Hour, true)}, Key: "sk_2", Start: "/c/payments-prod/break-glass/admin", Back: "/c/payments-prod",
		Errors: FormErrors{Reason: "Say why.", Understood: "Tick that you understand who is told."},
	}
}

func linked() Confirm {
	return Confirm{
		Frame: framed("viewer on payments-prod", NavClusters), Cluster: "payments-prod", Role: "viewer", Labels: labels(env("prod")), Description: "Reads everything but Secrets.",
		Grant: "eng-view", Through: "okta:engineering", IAMRole: "daypass-viewer", SessionName: "ada-7f3a", For: time.Hour, Lasts: "1h", Ends: in(40 * time.Minute), CutShort: true,
		Namespace: "payments", Checks: oneCluster().Checks, CheckedAt: in(-time.Hour), Key: "sk_4", Start: "/clusters/payments-prod", Change: "/clusters/payments-prod?role=viewer",
	}
}

func lease() Kubeconfig {
	return Kubeconfig{
		Frame: alarmed(framed("payments-prod as viewer", NavAccess)), ID: "ls_01k9x2m4qj", Cluster: "payments-prod", Role: "viewer", Labels: labels(env("prod")),
		Reason: "PAY-123: look at the queue", Namespace: "payments", State: Active, Started: in(-2 * time.Minute), Ends: in(227 * time.Minute),
		Token: &Token{in(-2 * time.Minute), in(12*time.Minute + 30*time.Second), in(13 * time.Minute)},
		Form:  FormFile, FormURLs: formURLs(), Naming: Naming{Context: "payments-prod-viewer", Usual: "payments-prod-viewer", Namespace: "payments", Action: "/leases/ls_1"},
		FileName: "payments-prod.viewer.yaml", Download: "/leases/ls_1/download", Copy: "/leases/ls_1/copy", Show: "/leases/ls_1/show", Renew: "/leases/ls_1/renew", End: "/leases/ls_1/end", Again: "/c/payments-prod",
		RoleARN: "arn:aws:iam::111122223333:role/daypass-viewer", SessionName: "ada-7f3a", Username: "daypass:ada-7f3a", AccessKeyID: "ASIAZ3KQEXAMPLE7WQ",
		History: []Step{{in(-2 * time.Minute), "started, grant eng-view", ""}, {in(-2 * time.Minute), "token minted", ""}, {in(-time.Minute), "downloaded", "203.0.113.7"}},
	}
}

func formURLs() map[Form]string {
	out := map[Form]string{}
	for _, f := range Forms() {
		out[f] = "/leases/ls_1?form=" + string(f)
	}
	return out
}

func leaseWith(change func(*Kubeconfig)) Kubeconfig {
	k := lease()
	k.Banner = nil
	change(&k)
	return k
}

func closed(s State, ends time.Duration) func(*Kubeconfig) {
	return func(k *Kubeconfig) {
		k.State, k.Ends, k.Renew, k.End, k.Download, k.Copy, k.Show = s, in(ends), "", "", "", "", ""
	}
}

func leasePages() []page {
	return []page{
		drawn("cluster", oneCluster(), ClusterPage),
		drawn("cluster-wrong", wrongCluster(), ClusterPage),
		drawn("cluster-glass-only", func() Cluster { c := oneCluster(); c.Roles = nil; return c }(), ClusterPage),
		drawn("break-glass", glass(), BreakGlassPage),
		drawn("confirm", linked(), ConfirmPage),
		drawn("confirm-reason", func() Confirm { m := linked(); m.AsksReason, m.Hint = true, "The ticket."; return m }(), ConfirmPage),
		drawn("kubeconfig", lease(), KubeconfigPage),
		drawn("kubeconfig-bash", leaseWith(func(k *Kubeconfig) { k.Form, k.BreakGlass = FormBash, true }), KubeconfigPage),
		drawn("kubeconfig-raw", leaseWith(func(k *Kubeconfig) { k.Form = FormRaw; k.Ends = in(5 * time.Minute) }), KubeconfigPage),
		drawn("kubeconfig-fish", leaseWith(func(k *Kubeconfig) { k.Form = FormFish }), KubeconfigPage),
		drawn("kubeconfig-powershell", leaseWith(func(k *Kubeconfig) { k.Form = FormPowerShell }), KubeconfigPage),
		drawn("kubeconfig-cmd", leaseWith(func(k *Kubeconfig) { k.Form = FormCmd }), KubeconfigPage),
		drawn("kubeconfig-aws", leaseWith(func(k *Kubeconfig) { k.Form = FormAWS }), KubeconfigPage),
		drawn("kubeconfig-aws-role", leaseWith(func(k *Kubeconfig) { k.Form = FormAWSRole }), KubeconfigPage),
		drawn("kubeconfig-renewing", leaseWith(func(k *Kubeconfig) { k.Form, k.Server = FormRenewing, "https://daypass.example.com" }), KubeconfigPage),
		drawn("kubeconfig-renewing-quiet", leaseWith(func(k *Kubeconfig) {
			k.Form, k.Server, k.Now, k.Naming.Context = FormRenewing, "https://daypass.example.com", in(20*time.Minute), "it's mine"
		}), KubeconfigPage),
		drawn("kubeconfig-dies", leaseWith(func(k *Kubeconfig) { k.Server = "https://daypass.example.com" }), KubeconfigPage),
		drawn("kubeconfig-names", leaseWith(func(k *Kubeconfig) {
			k.Naming.ContextError, k.Naming.NamespaceError, k.Download, k.Copy, k.Show = "It is too long.", "It has a blank.", "", "", ""
		}), KubeconfigPage),
		drawn("kubeconfig-waiting", leaseWith(func(k *Kubeconfig) { k.Now = in(20 * time.Minute) }), KubeconfigPage),
		drawn("kubeconfig-failed", leaseWith(func(k *Kubeconfig) {
			k.Failure = &Failure{"AWS does not let Daypass assume daypass-viewer in 111122223333.", "Ask whoever owns the account to check the role’s trust policy.", false}
		}), KubeconfigPage),
		drawn("kubeconfig-ended", leaseWith(closed(Ended, -time.Minute)), KubeconfigPage),
		drawn("kubeconfig-expired", leaseWith(func(k *Kubeconfig) { closed(Expired, -time.Minute)(k); k.Token.Latest = in(-time.Second) }), KubeconfigPage),
		drawn("shown", Shown{framed("payments-prod.viewer.yaml", NavAccess), "payments-prod", "viewer", labels(env("prod")), FormRaw, "payments-prod.viewer.yaml",
			"apiVersion: v1\nkind: Config\nusers:\n- name: payments-prod-viewer\n  user:\n    token: " + fakeToken + "\n", in(12 * time.Minute), "/leases/ls_1"}, ShownPage),
		drawn("shown-bash", Shown{framed("Paste", NavAccess), "payments-prod", "viewer", nil, FormBash, "x.yaml", "(umask 077 && cat >x <<'EOF'\n…\nEOF\n)\nkubectl auth whoami\n", in(12 * time.Minute), "/leases/ls_1"}, ShownPage),
		drawn("shown-aws", Shown{framed("x.yaml", NavAccess), "payments-prod", "viewer", nil, FormAWS, "x.yaml", "apiVersion: v1\nusers: []\n", time.Time{}, "/leases/ls_1"}, ShownPage),
		drawn("shown-renewing", Shown{framed("x.yaml", NavAccess), "payments-prod", "viewer", nil, FormRenewing, "x.yaml", "apiVersion: v1\nusers: []\n", time.Time{}, "/leases/ls_1"}, ShownPage),
		drawn("authorize", Authorize{framed("Let a program in", ""), "anns-laptop", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "http://127.0.0.1:7777", "/client/authorize", []Hidden{{"state", "st"}}}, AuthorizePage),
		drawn("device", Device{Frame: framed("Let a program in", ""), Action: "/client/device", Wrong: &Failure{What: "No program waits for this code.", Next: "Look at it again."}}, DevicePage),
		drawn("device-confirm", Device{Frame: framed("Let a program in", ""), Action: "/client/device", Code: "BCDF-GHJK", Program: "build-host", Fingerprint: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", Address: "10.0.0.5", Yours: "198.51.100.7", Begun: in(-time.Minute)}, DevicePage),
		drawn("device-done", Device{Frame: framed("Let a program in", ""), Done: true, Allowed: true}, DevicePage),
		drawn("client", someClients(), ClientPage),
		drawn("client-unknown", func() Client { m := someClients(); m.Systems[0].Yours = false; return m }(), ClientPage),
		drawn("client-none", Client{Frame: stranger("Get kubectl daypass"), Site: "https://daypass.example.com", Contact: "#platform"}, ClientPage),
		drawn("access", Access{alarmed(framed("My access", NavAccess)),
			[]LeaseRow{
				{"payments-prod", "admin", labels(env("prod")), true, Active, in(-18 * time.Minute), in(42 * time.Minute), at(-17 * time.Minute), 41, nil, "/leases/ls_1", "/leases/ls_1/end", "ls_1", "PAY-4711: <b>queue</b> is stuck"},
				{"payments-dev", "editor", labels(env("dev"), team("payments")), false, Active, in(-time.Hour), in(192 * time.Minute), nil, 0, nil, "/leases/ls_2", "/leases/ls_2/end", "ls_2", ""},
			},
			"/leases/end",
			[]LeaseRow{
				{"data-batch", "viewer", labels(env("staging")), false, Ended, in(-time.Hour), in(-2 * time.Minute), at(-8 * time.Minute), 1, at(7 * time.Minute), "/leases/ls_3", "", "ls_3", ""},
				{"billing-eu", "viewer", labels(env("prod")), false, Expired, in(-30 * time.Hour), in(-26 * time.Hour), at(-27 * time.Hour), 0, nil, "/leases/ls_4", "", "ls_4", ""},
			}, "/access?before=ls_4", "/access",
			[]SessionRow{
				{true, "okta", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "203.0.113.7", in(-time.Hour), in(-time.Minute), "/sessions/0123456789abcdef/end"},
				{false, "okta", "<b>curl</b>", "2001:db8::1", in(-30 * time.Hour), in(-20 * time.Minute), "/sessions/fedcba9876543210/end"},
			}, true, true}, AccessPage),
		drawn("administration", Administration{administrator("Administration"), "", "", []HeldRow{
			{LeaseRow{"payments-prod", "admin", labels(env("prod")), true, Active, in(-18 * time.Minute), in(42 * time.Minute), at(-17 * time.Minute), 41, nil, "/audit?lease=ls_1", "/administration/leases/ls_1/end", "ls_1", "PAY-4711: <b>queue</b> is stuck\nand grows"}, "grace@partner.example", "guests", "/administration?person=pr_1"},
			{LeaseRow{"payments-dev", "editor", labels(env("dev"), team("payments")), false, Active, in(-time.Hour), in(192 * time.Minute), nil, 0, nil, "", "/administration/leases/ls_2/end", "ls_2", ""}, "pr_2", "okta", "/administration?person=pr_2"},
		}, true, nil}, AdministrationPage),
		drawn("administration-person", Administration{administrator("Administration"), "grace@partner.example", "", nil, false, []Holder{
			{"grace@partner.example", "pr_1", []SessionRow{{false, "guests", "kubectl daypass on <b>laptop</b>", "203.0.113.9", in(-time.Hour), in(-time.Minute), "/administration/people/pr_1/sessions/0123456789abcdef/end"}}, "/administration/people/pr_1/end", true},
			{"grace@partner.example", "pr_2", nil, "/administration/people/pr_2/end", false},
		}}, AdministrationPage),
		drawn("administration-end-person", EndHeld{administrator("Sign out and end all"), "grace@partner.example", []HeldRow{
			{LeaseRow{"payments-prod", "admin", labels(env("prod")), true, Active, in(-18 * time.Minute), in(42 * time.Minute), nil, 0, nil, "", "", "ls_3", "PAY-4711: <b>queue</b> is stuck"}, "grace@partner.example", "guests", ""},
			{LeaseRow{"payments-dev", "editor", labels(env("dev")), false, Active, in(-time.Hour), in(192 * time.Minute), nil, 0, nil, "", "", "ls_4", ""}, "grace@partner.example", "guests", ""},
		}, true, 1, "/administration/people/pr_1/end", "/administration?person=pr_1"}, EndHeldPage),
		drawn("administration-end-person-nowhere", EndHeld{administrator("Sign out and end all"), "pr_2", nil, true, 2, "/administration/people/pr_2/end", "/administration?person=pr_2"}, EndHeldPage),
		drawn("administration-end-lease", EndHeld{administrator("End a lease"), "grace@partner.example", []HeldRow{
			{LeaseRow{"payments-prod", "admin", labels(env("prod")), true, Active, in(-18 * time.Minute), in(42 * time.Minute), nil, 0, nil, "", "", "ls_5", "PAY-4711"}, "grace@partner.example", "guests", ""},
		}, false, 0, "/administration/leases/ls_1/end", "/administration?person=pr_1"}, EndHeldPage),
		drawn("administration-none", Administration{Frame: administrator("Administration")}, AdministrationPage),
		drawn("kubeconfig-ended-by-another", leaseWith(func(k *Kubeconfig) { closed(Ended, -time.Minute)(k); k.ByOther = true }), KubeconfigPage),
		drawn("access-none", Access{Frame: framed("My access", NavAccess)}, AccessPage),
	}
}

func someClients() Client {
	file := func(name string, arch Arch) ClientFile {
		return ClientFile{"kubectl-daypass-" + name, "/client/download/kubectl-daypass-" + name, arch, 6_234_567, strings.Repeat("0123456789abcdef", 4)}
	}
	return Client{
		Frame: stranger("Get kubectl daypass"), Site: "https://daypass.example.com", Sums: "/client/SHA256SUMS",
		Systems: []ClientSystem{
			{MacOS, true, "sh -c 'set -eu\n…\n'\n", []ClientFile{file("darwin-amd64", "amd64"), file("darwin-arm64", "arm64")}},
			{Linux, false, "sh -c 'set -eu\n…\n'\n", []ClientFile{file("linux-amd64", "amd64"), file("linux-riscv64", "riscv64")}},
			{Windows, false, "& {\n…\n}\n", []ClientFile{file("windows-arm64.exe", "arm64")}},
		},
	}
}

// fakeToken stands for the secret.
const fakeToken = "k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0xLmFtYXpvbmF3cy5jb20vP0FjdGlvbj1HZXRDYWxsZXJJZGVudGl0eQ"

func someEvents() []EventRow {
	return []EventRow{
		{"/audit/ev_3", in(-time.Minute), "hand-over", "ada@example.com", "payments-prod", "viewer", "ASIAZ3KQEXAMPLE7WQ", "203.0.113.7", "Downloaded.", true},
		{"/audit/ev_2", in(-2 * time.Minute), "issuance.minted", "ada@example.com", "payments-prod", "viewer", "ASIAZ3KQEXAMPLE7WQ", "203.0.113.7", "", false},
		{"/audit/ev_1", in(-3 * time.Minute), "server.started", "Daypass", "", "", "", "", "", false},
	}
}

func auditPages() []page {
	return []page{
		drawn("audit", Audit{auditor("Audit"), Filter{Person: "ada@example.com", Kind: "hand-over", From: "2026-11-12T00:00:00"},
			[]Choice{{"hand-over", "hand-over"}, {"issuance.minted", "issuance.minted"}}, "“To” is not a time.", someEvents(), "/audit?before=1", "/audit?after=3", "/audit"}, AuditPage),
		drawn("audit-none", Audit{Frame: auditor("Audit"), Filter: Filter{Role: "admin"}, Every: "/audit"}, AuditPage),
		drawn("event", Event{auditor("hand-over"), "ev_3", 1204, "hand-over", in(-time.Minute), "Ada downloaded the kubeconfig.",
			[]Field{{"Person", "ada@example.com", "/audit?person=pr_1"}, {"Access key", "ASIAZ3KQEXAMPLE7WQ", "/audit?accessKey=ASIA"}, {"form", "file", ""}}, true, `{"kind":"hand-over"}`, someEvents(), "/audit"}, EventPage),
	}
}

// many is a model with as many clusters as a large company has.
func many(n int) Clusters {
	m := someClusters()
	for i := range n {
		r := m.Rows[i%4]
		r.Name = fmt.Sprintf("%s-%04d", r.Name, i)
		r.URL = "/c/" + r.Name
		m.Rows = append(m.Rows, r)
	}
	return m
}

// poisoned is the model with a hostile text at the end of every text in it.
// Named kinds of strings are words of the product's own and stay.
func poisoned(model any, poison string) any {
	v := reflect.New(reflect.TypeOf(model)).Elem()
	v.Set(reflect.ValueOf(model))
	spoil(v, poison)
	return v.Interface()
}

func spoil(v reflect.Value, poison string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(v.String() + poison)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			spoil(v.Field(i), poison)
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i), poison)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			spoil(e, poison)
			v.SetMapIndex(k, e)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem(), poison)
		}
	}
}
