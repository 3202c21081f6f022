package issuer

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

// Kubeconfig is a kubeconfig file with a token in it. It cannot print itself.
type Kubeconfig struct {
	s       *string // as in Token
	Context string  // the name of its only context
}

// Reveal gives the file. Call it only where it goes to its owner.
func (k Kubeconfig) Reveal() []byte { return []byte(*k.s) }

func (Kubeconfig) String() string               { return "[kubeconfig]" }
func (Kubeconfig) GoString() string             { return "[kubeconfig]" }
func (Kubeconfig) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte("[kubeconfig]")) }
func (Kubeconfig) LogValue() slog.Value         { return slog.StringValue("[kubeconfig]") }
func (Kubeconfig) MarshalJSON() ([]byte, error) { return json.Marshal("[kubeconfig]") }

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
var namespaceForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckNamespace says whether a string can be a namespace's name.
func CheckNamespace(s string) error {
	if s != "" && !namespaceForm.MatchString(s) {
		return fmt.Errorf("%q cannot be a namespace: want at most 63 lower-case letters, digits and dashes, not starting or ending with a dash", s)
	}
	return nil
}

// strange are the control characters that YAML does not keep, even where JSON
// does: U+0085, for one, ends a line (https://yaml.org/spec/1.1/#id868524).
func strange(r rune) bool { return r >= 0x7f && r <= 0x9f }

// Render builds the kubeconfig of an issuance. User, context and cluster all
// carry the context's name, which the configuration makes unique per cluster
// and role, so that it overwrites nothing else when it is merged. namespace
// may be empty.
func Render(made Issuance, name, namespace string) (Kubeconfig, error) {
	if at := made.Cluster; strings.ContainsFunc(name+namespace+made.Endpoint.URL+at.ProxyURL+at.TLSServerName, strange) {
		return Kubeconfig{}, fmt.Errorf("render the kubeconfig for %q: it would hold a control character that no YAML keeps; take it out of the configuration", name)
	}
	b, err := yaml.Marshal(clientcmd.Config{
		APIVersion: "v1", Kind: "Config", CurrentContext: name,
		Clusters: []clientcmd.NamedCluster{{Name: name, Cluster: clientcmd.Cluster{
			Server: made.Endpoint.URL, CertificateAuthorityData: made.Endpoint.CA,
			ProxyURL: made.Cluster.ProxyURL, TLSServerName: made.Cluster.TLSServerName,
		}}},
		Contexts:  []clientcmd.NamedContext{{Name: name, Context: clientcmd.Context{Cluster: name, AuthInfo: name, Namespace: namespace}}},
		AuthInfos: []clientcmd.NamedAuthInfo{{Name: name, AuthInfo: clientcmd.AuthInfo{Token: made.Token.Reveal()}}},
	})
	if err != nil {
		return Kubeconfig{}, fmt.Errorf("render the kubeconfig for %s: %w", name, err)
	}
	head := fmt.Sprintf("# %q as %q, works until %s. Issued by Daypass under %s.\n",
		made.Cluster.Name, made.Role, made.Expires.UTC().Format("2006-01-02 15:04 UTC"), made.Lease)
	text := head + string(b)
	return Kubeconfig{s: &text, Context: name}, nil
}
