package issuer_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rendering is what goes into a kubeconfig.
type rendering struct {
	file      string
	made      issuer.Issuance
	name      string
	namespace string
}

func renderings() []rendering {
	hostile := made(func(m *issuer.Issuance) {
		m.Cluster.Name, m.Role = "a\nb: !c # \x07", "\"quoted\"\u2028role"
		m.Cluster.ProxyURL, m.Cluster.TLSServerName = "http://user:p%40ss@proxy:3128/?a=b#c", "*.sk1.eu-west-1.eks.amazonaws.com"
	})
	return []rendering{
		{"plain", made(nil), "pay-prod-viewer", ""},
		{"namespace", made(nil), "pay-prod-viewer", "shop"},
		{"proxy-url", made(func(m *issuer.Issuance) { m.Cluster.ProxyURL = "socks5://localhost:1080" }), "pay-prod-viewer", ""},
		{"tls-server-name", made(func(m *issuer.Issuance) { m.Cluster.TLSServerName = "kubernetes.default.svc" }), "pay-prod-viewer", ""},
		{"hostile", hostile, "a: b # c\t'd' \"e\" {f} &g *h !i $HOME `id` \u2028 é 🚀", "shop"},
		{"null", made(nil), "null", "true"},
		{"number", made(nil), "0x1", "1e3"},
	}
}

func made(change func(*issuer.Issuance)) issuer.Issuance {
	m := issuer.Issuance{
		Intent: issuer.Intent{ID: "is_1", Lease: "ls_1", Role: "viewer"},
		Token:  issuer.NewToken("k8s-aws-v1.aHR0cHM6Ly9zdHMuZXhhbXBsZS8_WC1BbXo"), AccessKeyID: "ASIAX", Expires: noon.Add(14 * time.Minute),
		Endpoint: issuer.Endpoint{URL: "https://0123.gr7.eu-west-1.eks.amazonaws.com", CA: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
		Cluster:  access.Cluster{Name: "pay-prod"},
	}
	if change != nil {
		change(&m)
	}
	return m
}

// means is what must be read out of the file.
func (r rendering) means() clientcmd.Config {
	return clientcmd.Config{
		APIVersion: "v1", Kind: "Config", CurrentContext: r.name,
		Clusters: []clientcmd.NamedCluster{{Name: r.name, Cluster: clientcmd.Cluster{
			Server: r.made.Endpoint.URL, CertificateAuthorityData: r.made.Endpoint.CA,
			ProxyURL: r.made.Cluster.ProxyURL, TLSServerName: r.made.Cluster.TLSServerName,
		}}},
		Contexts:  []clientcmd.NamedContext{{Name: r.name, Context: clientcmd.Context{Cluster: r.name, AuthInfo: r.name, Namespace: r.namespace}}},
		AuthInfos: []clientcmd.NamedAuthInfo{{Name: r.name, AuthInfo: clientcmd.AuthInfo{Token: r.made.Token.Reveal()}}},
	}
}

func TestRender(t *testing.T) {
	for _, r := range renderings() {
		t.Run(r.file, func(t *testing.T) {
			k, err := issuer.Render(r.made, r.name, r.namespace)
			must(t, err)
			golden(t, filepath.Join("testdata", r.file+".golden"), k.Reveal())
			reads(t, k.Reveal(), r.means())
			t.Run("in kubectl", func(t *testing.T) {
				reads(t, kubectlReads(t, k.Reveal()), r.means())
			})
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-%s +rendered (-update takes it over):\n%s", file, diff)
	}
}

func reads(t *testing.T, b []byte, want clientcmd.Config) {
	t.Helper()
	var got clientcmd.Config
	if err := yaml.UnmarshalStrict(b, &got); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +read:\n%s", diff)
	}
}

// kubectlReads gives what the real kubectl makes of a file, secrets included.
func kubectlReads(t *testing.T, b []byte) []byte {
	t.Helper()
	kubectl := installed(t, "kubectl")
	file := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.WriteFile(file, b, 0o600))
	c := exec.Command(kubectl, "config", "view", "--raw", "-o", "json", "--kubeconfig", file)
	c.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("kubectl config view: %v\n%s", err, &errs)
	}
	return out
}

// installed finds a program, or skips the test, or fails it when
// DAYPASS_E2E=require.
func installed(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	missing := program + " is not installed here"
	if os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

func TestNamespaces(t *testing.T) {
	for _, s := range []string{"", "a", "0", "shop", "a-b", strings.Repeat("a", 63)} {
		if err := issuer.CheckNamespace(s); err != nil {
			t.Errorf("refuses %q: %v", s, err)
		}
	}
	for _, s := range []string{"-", "a-", "-a", "A", "a.b", "a_b", "a b", "a\n", "\na", "é", strings.Repeat("a", 64), "$(id)"} {
		if issuer.CheckNamespace(s) == nil {
			t.Errorf("takes %q", s)
		}
	}
}

// notYAML reports what no YAML may hold as it is
// (https://yaml.org/spec/1.1/#c-printable), of what JSON may.
func notYAML(r rune) bool {
	return r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff
}

func TestRenderRefusesWhatNoFileCanHold(t *testing.T) {
	for _, name := range []string{"a\x7fb", "a\u0085b", "\u009b31m"} {
		if k, err := issuer.Render(made(nil), name, ""); err == nil {
			t.Errorf("rendered %q:\n%s", name, k.Reveal())
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, r := range renderings() {
		f.Add(r.name, r.made.Cluster.ProxyURL)
	}
	f.Fuzz(func(t *testing.T, name, proxy string) {
		if strings.ToValidUTF8(name, "") != name || strings.ToValidUTF8(proxy, "") != proxy {
			t.Skip("names come from a configuration in UTF-8")
		}
		r := rendering{name: name, made: made(func(m *issuer.Issuance) { m.Cluster.ProxyURL = proxy })}
		k, err := issuer.Render(r.made, name, "")
		if err != nil && strings.ContainsFunc(name+proxy, notYAML) {
			return
		}
		must(t, err)
		reads(t, k.Reveal(), r.means())
	})
}
