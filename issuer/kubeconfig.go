package issuer

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/daypass/daypass/access"
)

// Kubeconfig is a kubeconfig file, most with a token in it. It cannot print
// itself.
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

// longestContext is as long as a context's name may be, in characters: as long
// as Kubernetes lets most names be.
const longestContext = 253

// CheckContext says whether a string can be a context's name.
func CheckContext(s string) error {
	switch n := utf8.RuneCountInString(s); {
	case n == 0 || n > longestContext:
		return fmt.Errorf("a context's name has 1 to %d characters, not %d", longestContext, n)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q cannot be a context's name: it holds a character that nobody sees", s)
	}
	return nil
}

// strange are the control characters that YAML does not keep, even where JSON
// does: U+0085, for one, ends a line (https://yaml.org/spec/1.1/#id868524).
func strange(r rune) bool { return r >= 0x7f && r <= 0x9f }

// Render builds the kubeconfig of an issuance. namespace may be empty.
func Render(made Issuance, name, namespace string) (Kubeconfig, error) {
	head := fmt.Sprintf("# %q as %q, works until %s. Issued by Daypass under %s.\n",
		made.Cluster.Name, made.Role, made.Expires.UTC().Format("2006-01-02 15:04 UTC"), made.Lease)
	return render(head, made.Cluster, made.Endpoint, clientcmd.AuthInfo{Token: made.Token.Reveal()}, name, namespace)
}

// RenderAWS builds a kubeconfig that holds no secret: kubectl runs the AWS CLI
// with whatever AWS identity its user has. roleARN is the role to assume first;
// empty: none. namespace may be empty.
//
// The stanza is the one of aws eks update-kubeconfig, whose answers are
// v1beta1. kubectl lets the AWS CLI ask a person at a terminal, as it does for
// the code of a second factor.
func RenderAWS(c access.Cluster, e Endpoint, roleARN, name, namespace string) (Kubeconfig, error) {
	args := []string{"--region", c.ARN.Region, "eks", "get-token", "--cluster-name", c.ARN.Name(), "--output", "json"}
	as := "your own AWS identity"
	if roleARN != "" {
		args = append(args, "--role-arn", roleARN)
		as = roleARN + " through your own AWS identity"
	}
	head := fmt.Sprintf("# %q as %s. It holds no secret.\n", c.Name, as)
	return render(head, c, e, clientcmd.AuthInfo{Exec: &clientcmd.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1beta1", Command: "aws", Args: args, InteractiveMode: clientcmd.IfAvailableExecInteractiveMode,
		InstallHint: "kubectl needs the AWS CLI here, as aws on the PATH: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
	}}, name, namespace)
}

// RenderRenewing builds a kubeconfig that holds no secret: kubectl runs
// kubectl-daypass, which asks the server for the lease's token each time.
// namespace may be empty.
func RenderRenewing(c access.Cluster, e Endpoint, server, lease, name, namespace string) (Kubeconfig, error) {
	head := fmt.Sprintf("# %q by the lease %s, renewed by kubectl-daypass until that ends. It holds no secret.\n", c.Name, lease)
	return render(head, c, e, clientcmd.AuthInfo{Exec: &clientcmd.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: "kubectl-daypass", Args: []string{"token", "--server", server, "--lease", lease},
		InteractiveMode: clientcmd.NeverExecInteractiveMode,
		InstallHint:     "kubectl-daypass is not on the PATH. Get it from " + server + "/client",
	}}, name, namespace)
}

// render builds a kubeconfig. User, context and cluster all carry the context's
// name, which the configuration makes unique per cluster and role, so that it
// overwrites nothing else when it is merged.
func render(head string, c access.Cluster, e Endpoint, user clientcmd.AuthInfo, name, namespace string) (Kubeconfig, error) {
	if strings.ContainsFunc(name+namespace+e.URL+c.ProxyURL+c.TLSServerName, strange) {
		return Kubeconfig{}, fmt.Errorf("render the kubeconfig for %q: it would hold a control character that no YAML keeps; take it out of the configuration", name)
	}
	b, err := yaml.Marshal(clientcmd.Config{
		APIVersion: "v1", Kind: "Config", CurrentContext: name,
		Clusters: []clientcmd.NamedCluster{{Name: name, Cluster: clientcmd.Cluster{
			Server: e.URL, CertificateAuthorityData: e.CA, ProxyURL: c.ProxyURL, TLSServerName: c.TLSServerName,
		}}},
		Contexts:  []clientcmd.NamedContext{{Name: name, Context: clientcmd.Context{Cluster: name, AuthInfo: name, Namespace: namespace}}},
		AuthInfos: []clientcmd.NamedAuthInfo{{Name: name, AuthInfo: user}},
	})
	if err != nil {
		return Kubeconfig{}, fmt.Errorf("render the kubeconfig for %s: %w", name, err)
	}
	text := head + string(b)
	return Kubeconfig{s: &text, Context: name}, nil
}
