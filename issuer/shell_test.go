package issuer_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/issuer"
)

// shell is a shell and how it is made to read commands as if they were pasted.
type shell struct {
	name string
	args []string
	// begin is fed first. In interactive shells it turns on what could hurt,
	// and what keeps commands that begin with a blank out of the history.
	begin string
	// end is fed last.
	end string
}

func shells() []shell {
	return []shell{
		{"bash", []string{"bash", "--norc"}, "", ""},
		{"dash", []string{"dash"}, "", ""},
		{"zsh", []string{"zsh", "-f"}, "", ""},
		{"interactive bash", []string{"bash", "--norc", "-i"}, "HISTCONTROL=ignorespace; set -H -C; alias cat=false rm=false mkdir='mkdir -v'\necho told\n!!\n", "history -w \"$HISTORY\"\n"},
		{"interactive zsh", []string{"zsh", "-f", "-i"}, "HISTSIZE=99; SAVEHIST=99; setopt BANG_HIST HIST_IGNORE_SPACE NO_CLOBBER; alias cat=false rm=false mkdir='mkdir -v'\necho told\n!!\n", "fc -W \"$HISTORY\"\n"},
	}
}

func (s shell) interactive() bool { return s.begin != "" }

func contexts() []string {
	return []string{
		"pay-prod-viewer", "with space", "'single'", `"double"`, `'"mixed"'`, "$HOME", "`id`", "$(id)", "!history!", "!!", "^a^b",
		"zoë 张伟", "🚀", ".hidden", "..", "-rf", "--kubeconfig=x", "null", "yes", "0x1", ": ", "#", "a #b", "{}", "[", "&a", "*a", "%", "@", "~", "~root",
		"a/../../b", `back\slash`, "\x01\x02\t\x1b[31m\b", "\u2028\u202e\ufeff", "a;b|c&d>e", "EOF", strings.Repeat("long", 75),
	}
}

// desk is a home folder with what was there before, and a cluster to talk to.
type desk struct {
	home    string
	earlier string // the file that KUBECONFIG named before
	history string
	cluster *httptest.Server
}

const before = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: mine\ncontexts:\n- name: mine\n  context: {cluster: c, user: u}\n"

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{home: filepath.Join(dir, `ann's "own" $HOME`), earlier: filepath.Join(dir, "earlier.yaml"), history: filepath.Join(dir, "history")}
	must(t, os.MkdirAll(filepath.Join(d.home, ".kube"), 0o755))
	must(t, os.WriteFile(filepath.Join(d.home, ".kube", "config"), []byte(before), 0o644))
	must(t, os.WriteFile(d.earlier, []byte(before), 0o644))
	d.cluster = httptest.NewTLSServer(http.HandlerFunc(whoami))
	t.Cleanup(d.cluster.Close)
	return d
}

// whoami answers who holds a token: the token's own last part.
func whoami(w http.ResponseWriter, r *http.Request) {
	_, name, ok := strings.Cut(r.Header.Get("Authorization"), "Bearer k8s-aws-v1.")
	if !ok || r.URL.Path != "/apis/authentication.k8s.io/v1/selfsubjectreviews" {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": map[string]any{"creationTimestamp": nil},
		"status": map[string]any{"userInfo": map[string]any{"username": "holder-of-" + name}},
	})
}

// issues makes an issuance one for the desk's cluster.
func (d *desk) issues(token string) func(*issuer.Issuance) {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.cluster.Certificate().Raw})
	return func(m *issuer.Issuance) {
		m.Token = issuer.NewToken("k8s-aws-v1." + token)
		m.Endpoint = issuer.Endpoint{URL: d.cluster.URL, CA: ca}
		m.Cluster.Name = "a cluster !! with $(id)"
	}
}

func (d *desk) snippet(t *testing.T, context, token string) string {
	t.Helper()
	k, err := issuer.Render(made(d.issues(token)), context, "")
	must(t, err)
	s, err := issuer.Bash(k)
	must(t, err)
	return string(s.Reveal())
}

// pastes feeds text to a shell and gives what it and its commands wrote.
func (d *desk) pastes(t *testing.T, s shell, text string) (stdout, stderr string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), installed(t, s.args[0]), s.args[1:]...)
	c.WaitDelay = time.Minute
	c.Dir = filepath.Dir(d.home)
	c.Env = []string{"HOME=" + d.home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + d.earlier, "TERM=dumb", "LC_ALL=C.UTF-8", "HISTFILE=/dev/null", "HISTORY=" + d.history}
	c.Stdin = strings.NewReader(s.begin + text + s.end)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	_ = c.Run() // what went wrong shows in what it printed
	return out.String(), errs.String()
}

const tell = `printf 'now<%s>\n' "$KUBECONFIG"` + "\n"

func TestPasting(t *testing.T) {
	installed(t, "kubectl")
	for _, s := range shells() {
		t.Run("into "+s.name, func(t *testing.T) {
			installed(t, s.args[0])
			for i, context := range contexts() {
				t.Run(fmt.Sprintf("works for the context %q", context), func(t *testing.T) { pasting(t, s, context, fmt.Sprintf("n%d", i)) })
			}
			t.Run("works twice, in place of an older file that others could read", func(t *testing.T) { pastingTwice(t, s) })
			t.Run("changes nothing when the folder cannot be made", func(t *testing.T) { pastingInVain(t, s) })
		})
	}
}

func pasting(t *testing.T, s shell, context, token string) {
	d := newDesk(t)
	stdout, stderr := d.pastes(t, s, d.snippet(t, context, token)+tell)
	file := filepath.Join(d.home, ".kube", "daypass", issuer.FileName(context))
	if !strings.Contains(stdout, "holder-of-"+token) || !strings.Contains(stdout, "now<"+file+">") {
		t.Errorf("no proof, or another file:\n%s%s", stdout, stderr)
	}
	b, err := os.ReadFile(file)
	must(t, err)
	r := rendering{name: context, made: made(d.issues(token))}
	reads(t, b, r.means())
	if s.interactive() {
		d.tookCare(t, stdout, token)
	}
	d.untouched(t, file)
}

// tookCare checks that the history was expanded in this shell, so that it could
// have hurt, and that the token did not stay in it.
func (d *desk) tookCare(t *testing.T, stdout, token string) {
	t.Helper()
	if strings.Count(stdout, "told\n") < 2 {
		t.Errorf("this shell expands no history:\n%s", stdout)
	}
	kept, err := os.ReadFile(d.history)
	must(t, err)
	if !bytes.Contains(kept, []byte("echo told")) {
		t.Errorf("this shell keeps no history:\n%s", kept)
	}
	if bytes.Contains(kept, []byte("k8s-aws-v1."+token)) {
		t.Errorf("the token is in the history:\n%s", kept)
	}
}

// untouched checks that nothing but the file is new or changed in the home.
func (d *desk) untouched(t *testing.T, file string) {
	t.Helper()
	got := map[string]string{}
	must(t, filepath.WalkDir(d.home, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == d.home {
			return err
		}
		if path == filepath.Join(d.home, ".kube", "cache") { // kubectl's own; it keeps what clusters offer there
			return fs.SkipDir
		}
		info, err := e.Info()
		got[strings.TrimPrefix(path, d.home+"/")] = info.Mode().String()
		return err
	}))
	want := map[string]string{".kube": "drwxr-xr-x", ".kube/config": "-rw-r--r--"}
	if file != "" {
		want[".kube/daypass"] = "drwx------"
		want[strings.TrimPrefix(file, d.home+"/")] = "-rw-------"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +in the home:\n%s", diff)
	}
	for _, old := range []string{d.earlier, filepath.Join(d.home, ".kube", "config")} {
		if b, err := os.ReadFile(old); err != nil || string(b) != before {
			t.Errorf("%s changed (%v):\n%s", old, err, b)
		}
	}
}

func pastingTwice(t *testing.T, s shell) {
	d := newDesk(t)
	file := filepath.Join(d.home, ".kube", "daypass", issuer.FileName("pay"))
	must(t, os.Mkdir(filepath.Dir(file), 0o700))
	must(t, os.WriteFile(file, []byte("old"), 0o644))
	stdout, stderr := d.pastes(t, s, d.snippet(t, "pay", "first")+d.snippet(t, "pay", "second")+tell)
	first, second := strings.Index(stdout, "holder-of-first"), strings.Index(stdout, "holder-of-second")
	if first < 0 || second < first || !strings.Contains(stdout, "now<"+file+">") {
		t.Errorf("not both proofs, one after the other:\n%s%s", stdout, stderr)
	}
	d.untouched(t, file)
}

func pastingInVain(t *testing.T, s shell) {
	d := newDesk(t)
	must(t, os.RemoveAll(filepath.Join(d.home, ".kube")))
	must(t, os.WriteFile(filepath.Join(d.home, ".kube"), nil, 0o644)) // no folder
	stdout, stderr := d.pastes(t, s, d.snippet(t, "pay", "first")+tell)
	if strings.Contains(stdout, "holder-of") || !strings.Contains(stdout, "now<"+d.earlier+">") || !strings.Contains(stderr, "mkdir") {
		t.Errorf("it went on, or did not say why:\n%s%s", stdout, stderr)
	}
}
