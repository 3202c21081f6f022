package issuer_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// reading seeds a fuzz test with hostile names and hands it what it renders.
func reading(f *testing.F, test func(t *testing.T, k issuer.Kubeconfig, r rendering)) {
	for _, c := range contexts() {
		f.Add(c, "viewer", "")
	}
	f.Add("’@", "\n'@\nGet-Item", "http://p/%PATH%?a=(b)&c^d")
	f.Add(strings.Repeat(" ", 400), strings.Repeat(`\`, 400), strings.Repeat("é", 400))
	f.Fuzz(func(t *testing.T, context, role, proxy string) {
		if !utf8.ValidString(context + proxy) {
			t.Skip("names come from a configuration in UTF-8")
		}
		r := rendering{name: context, made: made(nil)}
		r.made.Role, r.made.Cluster.ProxyURL = role, proxy
		k, err := issuer.Render(r.made, context, "")
		if err != nil {
			return // TestRender and FuzzRender say when
		}
		test(t, k, r)
	})
}

// Fish ----------------------------------------------------------------------

// fishForm is all that may stand around the file.
var fishForm = regexp.MustCompile(`(?s)\A builtin printf '%s\\n' '((?:[^'\\]|\\'|\\\\)*)' \| command sh -c 'umask 077 && mkdir -p "\$HOME/\.kube/daypass" && rm -f "\$HOME/\.kube/daypass/([a-z0-9._-]+)" && cat > "\$HOME/\.kube/daypass/([a-z0-9._-]+)"'; and set -gx KUBECONFIG "\$HOME/\.kube/daypass/([a-z0-9._-]+)"; and kubectl auth whoami
\z`)

func FuzzFish(f *testing.F) {
	reading(f, func(t *testing.T, k issuer.Kubeconfig, r rendering) {
		text := issuer.Fish(k).Reveal()
		part := fishForm.FindSubmatch(text)
		if part == nil {
			t.Fatalf("not of the form:\n%s", text)
		}
		for _, name := range part[2:] {
			if string(name) != issuer.FileName(r.name) {
				t.Errorf("it names %s", name)
			}
		}
		body := strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(string(part[1]))
		if body+"\n" != string(k.Reveal()) {
			t.Errorf("fish reads another file:\n%s", body)
		}
	})
}

func TestPastingIntoFish(t *testing.T) {
	installed(t, "fish")
	installed(t, "kubectl")
	for _, s := range []shell{{"fish", []string{"fish", "--no-config"}, "", ""}, {"interactive fish", []string{"fish", "--no-config", "-i"}, "alias cat=false; alias rm=false; alias printf=false; alias sh=false\n", ""}} {
		t.Run("into "+s.name, func(t *testing.T) {
			for i, context := range contexts() {
				t.Run(fmt.Sprintf("works for the context %q", context), func(t *testing.T) { pastingFish(t, s, context, fmt.Sprintf("n%d", i)) })
			}
			t.Run("works twice, in place of an older file that others could read", func(t *testing.T) { pastingFishTwice(t, s) })
			t.Run("changes nothing when the folder cannot be made", func(t *testing.T) { pastingFishInVain(t, s) })
		})
	}
}

const tellFish = "echo \"now<$KUBECONFIG>\"\n"

func (d *desk) fish(t *testing.T, context, token string) string {
	t.Helper()
	return string(issuer.Fish(d.kubeconfig(t, context, token)).Reveal())
}

// kubeconfig is one for the desk's own cluster.
func (d *desk) kubeconfig(t *testing.T, context, token string) issuer.Kubeconfig {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.cluster.Certificate().Raw})
	k, err := issuer.Render(made(func(m *issuer.Issuance) {
		m.Token = issuer.NewToken("k8s-aws-v1." + token)
		m.Endpoint = issuer.Endpoint{URL: d.cluster.URL, CA: ca}
		m.Cluster.Name = `a cluster !! with $(id) and 'quotes' \ \'`
	}), context, "")
	must(t, err)
	return k
}

func pastingFish(t *testing.T, s shell, context, token string) {
	d := newDesk(t)
	text := d.fish(t, context, token)
	stdout, stderr := d.pastes(t, s, text+tellFish)
	file := filepath.Join(d.home, ".kube", "daypass", issuer.FileName(context))
	if !strings.Contains(stdout, "holder-of-"+token) || !strings.Contains(stdout, "now<"+file+">") {
		t.Errorf("no proof, or another file:\n%s%s", stdout, stderr)
	}
	d.onlyKube(t, file)
}

func pastingFishTwice(t *testing.T, s shell) {
	d := newDesk(t)
	file := filepath.Join(d.home, ".kube", "daypass", issuer.FileName("pay"))
	must(t, os.Mkdir(filepath.Dir(file), 0o700))
	must(t, os.WriteFile(file, []byte("old"), 0o644))
	stdout, stderr := d.pastes(t, s, d.fish(t, "pay", "first")+d.fish(t, "pay", "second")+tellFish)
	first, second := strings.Index(stdout, "holder-of-first"), strings.Index(stdout, "holder-of-second")
	if first < 0 || second < first || !strings.Contains(stdout, "now<"+file+">") {
		t.Errorf("not both proofs, one after the other:\n%s%s", stdout, stderr)
	}
	d.onlyKube(t, file)
}

func pastingFishInVain(t *testing.T, s shell) {
	d := newDesk(t)
	must(t, os.RemoveAll(filepath.Join(d.home, ".kube")))
	must(t, os.WriteFile(filepath.Join(d.home, ".kube"), nil, 0o644)) // no folder
	stdout, stderr := d.pastes(t, s, d.fish(t, "pay", "first")+tellFish)
	if strings.Contains(stdout, "holder-of") || !strings.Contains(stdout, "now<"+d.earlier+">") || !strings.Contains(stderr, "mkdir") {
		t.Errorf("it went on, or did not say why:\n%s%s", stdout, stderr)
	}
}

// onlyKube is untouched, but for the folders that fish keeps for itself.
func (d *desk) onlyKube(t *testing.T, file string) {
	t.Helper()
	for _, own := range []string{".local", ".config", ".cache"} {
		must(t, os.RemoveAll(filepath.Join(d.home, own)))
	}
	d.untouched(t, file)
}

// PowerShell, by its written rules -------------------------------------------

// hereString is what PowerShell reads between @' and '@, both of which stand
// at the ends of lines; any of its single quotes closes it (about_Quoting_Rules).
var hereString = regexp.MustCompile(`(?s)\A(.*?)@['‘’‚‛]\n(.*?)\n['‘’‚‛]@(.*)\z`)

func FuzzPowerShell(f *testing.F) {
	frame := ""
	reading(f, func(t *testing.T, k issuer.Kubeconfig, r rendering) {
		s, err := issuer.PowerShell(k)
		must(t, err)
		part := hereString.FindStringSubmatch(string(s.Reveal()))
		if part == nil {
			t.Fatalf("no here-string:\n%s", s.Reveal())
		}
		around := strings.Replace(part[1]+"…"+part[3], "'"+issuer.FileName(r.name)+"'", "FILE", 1)
		if frame == "" {
			frame = around
		}
		if around != frame || strings.Count(around, "FILE") != 1 {
			t.Errorf("a name changes what is run:\n%s", around)
		}
		if regexp.MustCompile(`\n\n|[^\n -~]`).Match(s.Reveal()) {
			t.Errorf("a console would read it otherwise:\n%q", s.Reveal())
		}
		reads(t, []byte(part[2]), r.means())
		reads(t, []byte(strings.ReplaceAll(part[2], "\n", "\r\n")), r.means())
	})
}

func TestPowerShellIsWholeBeforeItRuns(t *testing.T) {
	k, err := issuer.Render(made(nil), "pay-prod-viewer", "")
	must(t, err)
	s, err := issuer.PowerShell(k)
	must(t, err)
	golden(t, filepath.Join("testdata", "forms-powershell.golden"), s.Reveal())
}

// cmd, by its written rules --------------------------------------------------

// cmdWrites does what cmd does with the paste, as far as its rules are written
// (cmd /?, echo /?): it gives what is written into the file, with the line ends
// of Windows, and the lines around.
func cmdWrites(t *testing.T, text string) (file, around string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(line) > 1000 {
			t.Errorf("a line has %d characters; cmd takes 8191, and programs that send keys fewer", len(line))
		}
		said, ok := strings.CutPrefix(line, " echo ")
		if !ok {
			around += line
			continue
		}
		if i := strings.IndexAny(said, "&|<>^()%!"); i >= 0 {
			t.Errorf("cmd reads %q in %q", said[i], said)
		}
		file += strings.TrimSuffix(said, "\n") + "\r\n"
	}
	if regexp.MustCompile(`[^\n -~]`).MatchString(text) {
		t.Errorf("a code page would change it:\n%q", text)
	}
	return file, around
}

func FuzzCmd(f *testing.F) {
	frame := ""
	reading(f, func(t *testing.T, k issuer.Kubeconfig, r rendering) {
		s, err := issuer.Cmd(k)
		must(t, err)
		file, around := cmdWrites(t, string(s.Reveal()))
		around = strings.ReplaceAll(around, `daypass\`+issuer.FileName(r.name)+`"`, "NAMED")
		if frame == "" {
			frame = around
		}
		if around != frame || strings.Count(around, "NAMED") != 4 {
			t.Errorf("a name changes what is run:\n%s", around)
		}
		reads(t, []byte(file), r.means())
	})
}

func TestCmdWritesWhatKubectlReads(t *testing.T) {
	for _, r := range renderings() {
		t.Run(r.file, func(t *testing.T) {
			r.made.Token = issuer.NewToken("k8s-aws-v1." + strings.Repeat("aHR0cHM6", 1000))
			k, err := issuer.Render(r.made, r.name, r.namespace)
			must(t, err)
			s, err := issuer.Cmd(k)
			must(t, err)
			file, _ := cmdWrites(t, string(s.Reveal()))
			reads(t, kubectlReads(t, []byte(file)), r.means())
		})
	}
}

func TestCmdIsAsWritten(t *testing.T) {
	k, err := issuer.Render(made(nil), "pay-prod-viewer", "")
	must(t, err)
	s, err := issuer.Cmd(k)
	must(t, err)
	golden(t, filepath.Join("testdata", "forms-cmd.golden"), s.Reveal())
}

// The AWS CLI ----------------------------------------------------------------

const someRole = "arn:aws:iam::111122223333:role/team/viewer"

func paid(t testing.TB) access.Cluster {
	t.Helper()
	arn, err := access.ParseARN("arn:aws:eks:eu-west-1:111122223333:cluster/pay")
	must(t, err)
	return access.Cluster{Name: "pay-prod", ARN: arn, Account: arn.Account, ProxyURL: "socks5://localhost:1080"}
}

func TestRenderAWS(t *testing.T) {
	for file, role := range map[string]string{"forms-aws": "", "forms-aws-role": someRole} {
		t.Run(file, func(t *testing.T) {
			k, err := issuer.RenderAWS(paid(t), made(nil).Endpoint, role, "pay-prod-viewer", "shop")
			must(t, err)
			golden(t, filepath.Join("testdata", file+".golden"), k.Reveal())
			for _, b := range [][]byte{k.Reveal(), kubectlReads(t, k.Reveal())} {
				if strings.Contains(string(b), "k8s-aws-v1") {
					t.Errorf("a token is in it:\n%s", b)
				}
				if x := stanza(t, b); x.Command != "aws" || strings.Contains(strings.Join(x.Args, " "), "--role-arn "+someRole) != (role != "") {
					t.Errorf("it runs %s %q", x.Command, x.Args)
				}
			}
		})
	}
}

func TestRenderRenewing(t *testing.T) {
	k, err := issuer.RenderRenewing(paid(t), made(nil).Endpoint, "https://daypass.example.com", "ls_1", "pay-prod-viewer", "shop")
	must(t, err)
	golden(t, filepath.Join("testdata", "forms-renewing.golden"), k.Reveal())
	for _, b := range [][]byte{k.Reveal(), kubectlReads(t, k.Reveal())} {
		x := stanza(t, b)
		if x.Command != "kubectl-daypass" || strings.Join(x.Args, " ") != "token --server https://daypass.example.com --lease ls_1" || strings.Contains(string(b), "k8s-aws-v1") {
			t.Errorf("it runs %s %q", x.Command, x.Args)
		}
	}
}

func stanza(t *testing.T, b []byte) clientcmd.ExecConfig {
	t.Helper()
	var c clientcmd.Config
	must(t, yaml.UnmarshalStrict(b, &c))
	return *c.AuthInfos[0].AuthInfo.Exec
}

// TestTheAWSCLIAnswersKubectl runs the stanza as kubectl does, and kubectl
// with it.
func TestTheAWSCLIAnswersKubectl(t *testing.T) {
	aws := installed(t, "aws")
	for _, role := range []string{"", someRole} {
		t.Run("with the role "+role, func(t *testing.T) {
			var assumed string
			sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				assumed = r.PostForm.Get("RoleArn")
				fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			}))
			defer sts.Close()
			k, err := issuer.RenderAWS(paid(t), made(nil).Endpoint, role, "pay-prod-viewer", "")
			must(t, err)
			x := stanza(t, k.Reveal())
			info := fmt.Sprintf(`{"kind":"ExecCredential","apiVersion":%q,"spec":{"interactive":false}}`, x.APIVersion)
			answer := ask(t, aws, x, "KUBERNETES_EXEC_INFO="+info, "AWS_ENDPOINT_URL_STS="+sts.URL)
			key := "AKIAOFTHEPERSON"
			if role != "" {
				key = "ASIAOFTHEROLE"
			}
			if answer.Kind != "ExecCredential" || answer.APIVersion != x.APIVersion || assumed != role {
				t.Errorf("it assumed %q and answered %+v", assumed, answer)
			}
			url, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(answer.Status.Token, "k8s-aws-v1."))
			must(t, err)
			if !strings.Contains(string(url), "X-Amz-Credential="+key+"%2F") || !strings.Contains(string(url), "%2Feu-west-1%2Fsts%2F") || !strings.Contains(string(url), "x-k8s-aws-id") {
				t.Errorf("the token is for %s", url)
			}
		})
	}
}

type answered struct {
	Kind, APIVersion string
	Status           struct{ Token string }
}

func ask(t *testing.T, aws string, x clientcmd.ExecConfig, env ...string) (out answered) {
	t.Helper()
	c := exec.CommandContext(t.Context(), aws, x.Args...)
	c.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=AKIAOFTHEPERSON", "AWS_SECRET_ACCESS_KEY=s",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_DEFAULT_OUTPUT=text", "NO_PROXY=127.0.0.1"}, env...)
	var errs bytes.Buffer
	c.Stderr = &errs
	b, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("aws %q: %v\n%s", x.Args, err, &errs)
	}
	must(t, json.Unmarshal(b, &out))
	return out
}

func TestKubectlRunsTheAWSCLI(t *testing.T) {
	installed(t, "aws")
	d := newDesk(t)
	c := paid(t)
	c.ProxyURL = ""
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.cluster.Certificate().Raw})
	k, err := issuer.RenderAWS(c, issuer.Endpoint{URL: d.cluster.URL, CA: ca}, "", "pay", "")
	must(t, err)
	file := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.WriteFile(file, k.Reveal(), 0o600))
	run := exec.CommandContext(t.Context(), installed(t, "kubectl"), "auth", "whoami", "--kubeconfig", file)
	run.Env = []string{"HOME=" + d.home, "PATH=" + os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=AKIAOFTHEPERSON", "AWS_SECRET_ACCESS_KEY=s"}
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "holder-of-aHR0c") {
		t.Errorf("%v\n%s", err, out)
	}
	run = exec.CommandContext(t.Context(), installed(t, "kubectl"), "auth", "whoami", "--kubeconfig", file)
	run.Env = []string{"HOME=" + d.home, "PATH=" + t.TempDir()}
	if out, err := run.CombinedOutput(); err == nil || !strings.Contains(string(out), "kubectl needs the AWS CLI here") {
		t.Errorf("without the AWS CLI nobody is told what to do: %v\n%s", err, out)
	}
}

// Every kubectl ---------------------------------------------------------------

// kubectl finds a version under the names by which the Google Cloud SDK keeps
// several, or, for none, the one on the path.
func kubectl(t *testing.T, version string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/lib/google-cloud-sdk/bin", "/usr/local/google-cloud-sdk/bin") {
		if path := filepath.Join(dir, "kubectl."+version); version != "" && runs(path) {
			return path
		}
	}
	if version != "" {
		why := "kubectl " + version + " is not installed here"
		if os.Getenv("DAYPASS_E2E") == "require" {
			t.Fatal(why + ", and DAYPASS_E2E=require demands it: e2e/build-parts kubectls")
		}
		t.Skip(why)
	}
	return installed(t, "kubectl")
}

func runs(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0 && !info.IsDir()
}

func TestEveryKubectlLoadsEveryFile(t *testing.T) {
	files := everyFile(t)
	for _, version := range []string{"", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"} {
		t.Run("kubectl "+version, func(t *testing.T) {
			program := kubectl(t, version)
			for what, b := range files {
				file := filepath.Join(t.TempDir(), "config.yaml")
				must(t, os.WriteFile(file, b, 0o600))
				c := exec.CommandContext(t.Context(), program, "config", "view", "--minify", "-o", "jsonpath={.users[0].user}", "--kubeconfig", file)
				c.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
				out, err := c.CombinedOutput()
				if err != nil || !bytes.Contains(out, []byte("REDACTED")) && !bytes.Contains(out, []byte("get-token")) {
					t.Errorf("%s: %v\n%s", what, err, out)
				}
			}
		})
	}
}

// everyFile is what every form leaves on somebody's disk.
func everyFile(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, r := range renderings() {
		k, err := issuer.Render(r.made, r.name, r.namespace)
		must(t, err)
		out[r.file] = k.Reveal()
		c, err := issuer.Cmd(k)
		must(t, err)
		file, _ := cmdWrites(t, string(c.Reveal()))
		out[r.file+" by cmd"] = []byte(file)
		p, err := issuer.PowerShell(k)
		must(t, err)
		out[r.file+" by PowerShell"] = []byte(hereString.FindStringSubmatch(string(p.Reveal()))[2])
	}
	for what, role := range map[string]string{"aws": "", "aws-role": someRole} {
		k, err := issuer.RenderAWS(paid(t), made(nil).Endpoint, role, "'a' b: \"c\"", "shop")
		must(t, err)
		out[what] = k.Reveal()
	}
	return out
}

func TestContexts(t *testing.T) {
	for _, s := range []string{"a", "pay-prod-viewer", "with space", "zoë 张伟 🚀", "$(id)`'\"", strings.Repeat("é", 253)} {
		if err := issuer.CheckContext(s); err != nil {
			t.Errorf("refuses %q: %v", s, err)
		}
	}
	for _, s := range []string{"", "a\nb", "a\tb", "\x1b[31m", "a\u0085", "\u202e", "\ufeff", "a\u00a0b", "\xff", strings.Repeat("a", 254)} {
		if issuer.CheckContext(s) == nil {
			t.Errorf("takes %q", s)
		}
	}
}
