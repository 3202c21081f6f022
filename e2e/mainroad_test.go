package e2e_test

import (
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/web/webtest"
)

// road is a portal between dex and a real cluster, with all that its people
// have seen of it.
type road struct {
	world
	*portal
	dex    *chain.Dex
	people map[string]chain.Account
	signed map[string]*http.Client
	eyes   *eyewitness
	secret string // the client's, at dex
}

// Policy of the road. dex's ID tokens carry no groups for who has none.
const roadPolicy = `
signIn:
  providers:
    - {name: dex, label: Dex, issuer: ISSUER, clientID: daypass, clientSecret: {env: DEX_SECRET}, scopes: [profile, email, groups]}
contact: "the platform team"
auditors: [{group: "dex:audit"}]
clusters:
  - {name: prod, arn: "ARN:cluster/prod", labels: {env: prod}}
  - {name: staging, arn: "ARN:cluster/staging", labels: {env: dev}}
roles:
  - {name: reader, arn: "READER", description: Reads namespaces.}
grants:
  - {name: engineers, who: [{group: "dex:engineering"}], clusters: [{name: prod}, {name: staging}], role: reader, longest: 8h}
`

func newRoad(t *testing.T, w world, database store.Config) *road {
	t.Helper()
	return roadTo(t, w, newSite(t, database))
}

func roadTo(t *testing.T, w world, s site) *road {
	t.Helper()
	person := func(id string, groups ...string) chain.Account {
		return chain.Account{ID: id, Email: id + "@example.com", Name: id, Password: "pass-" + newOwner().secret[:16], Groups: groups}
	}
	r := &road{world: w, signed: map[string]*http.Client{}, eyes: &eyewitness{}, secret: newOwner().secret, people: map[string]chain.Account{
		"ada": person("ada", "engineering"), "nobody": person("nobody"), "auditor": person("auditor", "audit"),
	}}
	r.dex = chain.StartDex(t, []chain.Client{{ID: "daypass", Secret: r.secret, RedirectURIs: []string{s.callback("dex")}}},
		[]chain.Account{r.people["ada"], r.people["nobody"], r.people["auditor"]})
	s.rest = strings.NewReplacer("ISSUER", r.dex.Issuer, "ARN", "arn:aws:eks:"+region+":"+account, "READER", reader).Replace(roadPolicy)
	s.env = slices.Concat(w.names.Env(), w.owner.env(), []string{"DEX_SECRET=" + r.secret})
	r.portal = s.prepare(t)
	r.Start(t)
	return r
}

// as is somebody's browser, signed in at dex.
func (r *road) as(t *testing.T, who string) *webtest.Browser {
	t.Helper()
	b := webtest.New(t, r.URL)
	if client, ok := r.signed[who]; ok {
		b.Client = client
		return b
	}
	b.Client.Transport = r.eyes
	r.signed[who] = b.Client
	form := b.Get("/") // one provider: the portal leads straight to it
	action := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(form.Text)
	if action == nil {
		t.Fatalf("no form of dex's at %s:\n%s", form.URL, form.Text)
	}
	to := must[*url.URL](t)(form.URL.Parse(html.UnescapeString(action[1])))
	typed := url.Values{"login": {r.people[who].Email}, "password": {r.people[who].Password}}
	req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, to.String(), strings.NewReader(typed.Encode())))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	home := b.Do(req)
	home.MustSay(t, http.StatusOK, r.people[who].Email)
	if home.URL.String() != r.URL+"/" {
		t.Fatalf("signed in, and sent to %s", home.URL)
	}
	return b
}

// start starts a lease and gives the address of its page.
func start(t *testing.T, b *webtest.Browser, cluster string) string {
	t.Helper()
	choose := b.Get("/clusters/" + cluster)
	page := b.Post("/clusters/"+cluster, url.Values{"role": {"reader"}, "for": {"1h"}, "namespace": {"shop"}, "key": {choose.Field(t, "key")}})
	page.MustSay(t, http.StatusOK, "Works until")
	if !strings.HasPrefix(page.URL.Path, "/leases/ls_") || strings.Contains(page.Text, "k8s-aws-v1.") {
		t.Fatalf("%s is not a lease's page without the secret", page.URL.Path)
	}
	return page.URL.Path
}

// download takes the kubeconfig away as a file.
func download(t *testing.T, b *webtest.Browser, lease string) string {
	t.Helper()
	got := b.Post(lease+"/download", url.Values{"form": {"file"}})
	got.MustSay(t, http.StatusOK, "k8s-aws-v1.")
	if h := got.Header; h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment;") {
		t.Errorf("the file came with Cache-Control %q, Content-Disposition %q", h.Get("Cache-Control"), h.Get("Content-Disposition"))
	}
	path := filepath.Join(t.TempDir(), "kubeconfig.yaml")
	writeFile(t, path, got.Text)
	return path
}

var bearer = regexp.MustCompile(`token: (k8s-aws-v1\.[A-Za-z0-9_-]+)\n`)

func tokenIn(t *testing.T, kubeconfig string) string {
	t.Helper()
	found := bearer.FindSubmatch(readFile(t, kubeconfig))
	if found == nil {
		t.Fatalf("no token in %s", kubeconfig)
	}
	return string(found[1])
}

func TestMainRoad(t *testing.T) {
	chain.Need(t, "dex", "bash", "zsh", "dash")
	w := newWorld(t)
	t.Run("SQLite", func(t *testing.T) { newRoad(t, w, onSQLite(t)).walk(t) })
	t.Run("PostgreSQL", func(t *testing.T) { newRoad(t, w, onPostgres(t)).walk(t) })
}

func (r *road) walk(t *testing.T) {
	var lease, accessKeyID string
	t.Run("who has no group sees no cluster and can enter none", r.nobodyEnters)
	t.Run("an engineer's kubeconfig works at once, and everybody knows whose it is", func(t *testing.T) {
		lease, accessKeyID = r.takesOne(t)
	})
	if t.Failed() {
		return // what follows looks for the traces of that
	}
	t.Run("the auditor finds the access key", func(t *testing.T) { r.auditorFinds(t, lease, accessKeyID) })
	t.Run("standard output tells all four steps", func(t *testing.T) { r.standardOutputTells(t, lease, accessKeyID) })
	t.Run("the cluster's own audit log knows the access key", func(t *testing.T) {
		if len(r.cluster.AuditedBy(t, accessKeyID)) == 0 {
			t.Errorf("%s does not stand in %s", accessKeyID, r.cluster.AuditLog)
		}
	})
	t.Run("the cluster refuses a changed token", func(t *testing.T) { r.refuses(t, changed(t, tokenIn(t, download(t, r.as(t, "ada"), lease)))) })
	t.Run("the cluster refuses a token for another cluster", func(t *testing.T) {
		b := r.as(t, "ada")
		r.refuses(t, tokenIn(t, download(t, b, start(t, b, "staging"))))
	})
	t.Run("the cluster refuses a token past its time", r.refusesTheSpent)
	t.Run("one paste serves this shell alone", r.pastes)
	t.Run("an ended lease hands out nothing more", r.endedIsEnded)
	t.Run("nobody called out to the world", func(t *testing.T) {
		if strangers := r.names.Refused(); len(strangers) != 0 {
			t.Errorf("asked for: %v", strangers)
		}
	})
	t.Run("no secret is left anywhere", r.leavesNoSecret)
}

func (r *road) nobodyEnters(t *testing.T) {
	b := r.as(t, "nobody")
	b.Get("/").MustSay(t, http.StatusOK, "dex:engineering", "the platform team")
	b.Get("/clusters/prod").MustSay(t, http.StatusForbidden, "No grant lets you be reader on prod.")
	b.Post("/clusters/prod", url.Values{"role": {"reader"}, "for": {"1h"}, "key": {"k"}}).MustSay(t, http.StatusForbidden, "No grant lets you be reader on prod.")
	b.Get("/audit").MustSay(t, http.StatusForbidden)
}

// takesOne is the whole road once: the lease's page and the token's access key.
func (r *road) takesOne(t *testing.T) (lease, accessKeyID string) {
	b := r.as(t, "ada")
	lease = start(t, b, "prod")
	file := download(t, b, lease)
	person, got := chain.WhoAmI(t, file)
	if got.Code != 0 {
		t.Fatalf("the kubeconfig does not work: %s", got.Stderr)
	}
	if len(person.Extra["accessKeyId"]) != 1 || len(person.Extra["sessionName"]) != 1 {
		t.Fatalf("known with %v", person.Extra)
	}
	accessKeyID = person.Extra["accessKeyId"][0]
	session := person.Extra["sessionName"][0]
	if !regexp.MustCompile(`^ada-[0-9a-z]{16}$`).MatchString(session) {
		t.Errorf("the session is called %q", session)
	}
	want := chain.Person{Username: "reader:" + session, Groups: []string{"readers", "system:authenticated"}}
	if diff := cmp.Diff(want, chain.Person{Username: person.Username, Groups: person.Groups}); diff != "" {
		t.Error(diff)
	}
	b.Get(lease).MustSay(t, http.StatusOK, accessKeyID, session, "Downloaded")
	if got := chain.Kubectl(t, file, "get", "namespaces", "-o", "name"); got.Code != 0 || !strings.Contains(got.Stdout, "namespace/default") {
		t.Errorf("kubectl get namespaces: %s", got.Stderr)
	}
	if got := chain.Kubectl(t, file, "get", "pods"); !strings.Contains(got.Stderr, "forbidden") || !strings.Contains(got.Stderr, `"shop"`) {
		t.Errorf("kubectl get pods, which the role lacks, in the namespace chosen: %s%s", got.Stdout, got.Stderr)
	}
	return lease, accessKeyID
}

func (r *road) auditorFinds(t *testing.T, lease, accessKeyID string) {
	b := r.as(t, "auditor")
	b.Get("/").MustSay(t, http.StatusOK, "Audit")
	byKey := b.Get("/audit?accessKey=" + accessKeyID)
	byKey.MustSay(t, http.StatusOK, accessKeyID, "issuance.minted", "hand-over", "ada@example.com")
	if strings.Contains(byKey.Text, "<code>lease.started</code>") {
		t.Error("the search by access key finds events that carry none")
	}
	b.Get("/audit?lease="+filepath.Base(lease)).MustSay(t, http.StatusOK,
		"<code>lease.started</code>", "<code>issuance.intended</code>", "<code>issuance.minted</code>", "<code>hand-over</code>")
	b.Get(lease).MustSay(t, http.StatusNotFound) // the log is open to auditors, leases are their owners'
}

func (r *road) standardOutputTells(t *testing.T, lease, accessKeyID string) {
	var told []audit.Kind
	for _, e := range r.events(t) {
		if e.Event.Lease != filepath.Base(lease) {
			continue
		}
		if e.Event.Kind == audit.Refused { // the auditor's try
			continue
		}
		told = append(told, e.Event.Kind)
		if e.Details.Email != "ada@example.com" {
			t.Errorf("%s is told of %q", e.Event.Kind, e.Details.Email)
		}
		if carries := e.Event.AccessKeyID == accessKeyID; carries != (e.Event.Kind == audit.Minted || e.Event.Kind == audit.HandedOver) {
			t.Errorf("%s carries the access key %q", e.Event.Kind, e.Event.AccessKeyID)
		}
	}
	want := []audit.Kind{audit.LeaseStarted, audit.Intended, audit.Minted, audit.HandedOver}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// refusesTheSpent lets AWS's clock run ahead, for a token that the cluster has
// not seen yet and so cannot remember.
func (r *road) refusesTheSpent(t *testing.T) {
	b := r.as(t, "ada")
	lease := start(t, b, "prod")
	spent := tokenIn(t, download(t, b, lease))
	r.ahead.Store(int64(15*time.Minute + time.Second))
	r.refuses(t, spent)
	r.ahead.Store(0)
	b.Post(lease+"/renew", url.Values{}).MustSay(t, http.StatusOK, "Works until")
	if _, got := chain.WhoAmI(t, download(t, b, lease)); got.Code != 0 {
		t.Errorf("a renewed one does not work: %s", got.Stderr)
	}
}

// pastes runs the text for shells in each of them, as a script and as if typed.
func (r *road) pastes(t *testing.T) {
	b := r.as(t, "ada")
	paste := b.Post(start(t, b, "prod")+"/copy", url.Values{"form": {"bash"}})
	paste.MustSay(t, http.StatusOK, "k8s-aws-v1.", "kubectl auth whoami")
	for _, shell := range [][]string{{"bash", "--norc"}, {"zsh", "-f"}, {"dash"}} {
		for _, typed := range []string{"", "-i"} {
			t.Run(strings.TrimSpace(strings.Join(shell, " ")+" "+typed), func(t *testing.T) { r.pasted(t, paste.Text, shell, typed) })
		}
	}
}

// pasted has a shell read the paste on standard input, which it takes for a
// terminal's when it is told to be interactive.
func (r *road) pasted(t *testing.T, paste string, shell []string, typed string) {
	home := t.TempDir()
	own := filepath.Join(home, ".kube", "config")
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, own, "# mine\napiVersion: v1\nkind: Config\ncurrent-context: mine\n")
	before := must[os.FileInfo](t)(os.Stat(own))
	script := filepath.Join(home, "paste")
	writeFile(t, script, paste+"\necho \"at $KUBECONFIG\"\n")
	command := strings.TrimSpace(strings.Join(shell, " ") + " " + typed)
	got := chain.Run(t, []string{"HOME=" + home, "KUBECONFIG=" + own, "HISTFILE=" + filepath.Join(home, "history"),
		"PATH=" + filepath.Dir(chain.Path(t, "kubectl")) + ":" + os.Getenv("PATH")}, "sh", "-c", command+" <'"+script+"'")
	if !strings.Contains(got.Stdout, "reader:ada-") || !strings.Contains(got.Stdout, "at "+home+"/.kube/daypass/prod-reader.yaml") {
		t.Fatalf("exit %d\n%s\n%s", got.Code, got.Stdout, withoutTokens(got.Stderr))
	}
	after := must[os.FileInfo](t)(os.Stat(own))
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || !strings.HasPrefix(string(readFile(t, own)), "# mine\n") {
		t.Error("the person's own kubeconfig was touched")
	}
	made := must[os.FileInfo](t)(os.Stat(filepath.Join(home, ".kube", "daypass", "prod-reader.yaml")))
	if made.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", made.Mode())
	}
}

func withoutTokens(text string) string {
	return regexp.MustCompile(`k8s-aws-v1\.[A-Za-z0-9_-]+`).ReplaceAllString(text, "[token]")
}

func (r *road) endedIsEnded(t *testing.T) {
	b := r.as(t, "ada")
	lease := start(t, b, "prod")
	download(t, b, lease)
	b.Post(lease+"/end", url.Values{}).MustSay(t, http.StatusOK, "Ended at", "may work until")
	before := len(r.events(t))
	for _, deed := range []string{"download", "show", "copy", "renew"} {
		got := b.Post(lease+"/"+deed, url.Values{"form": {"file"}})
		if got.Status < 400 || strings.Contains(got.Text, "k8s-aws-v1.") {
			t.Errorf("%s of an ended lease: %d\n%s", deed, got.Status, withoutTokens(got.Text))
		}
	}
	for _, e := range r.events(t)[before:] {
		if e.Event.Kind == audit.Intended || e.Event.Kind == audit.HandedOver {
			t.Errorf("after its end: %s", e.Event.Kind)
		}
	}
}

// changed is the token with its signature's last digit changed.
func changed(t *testing.T, token string) string {
	t.Helper()
	u := presigned(t, token)
	edit("X-Amz-Signature", flip)(u)
	return "k8s-aws-v1." + encoded(u.String())
}
