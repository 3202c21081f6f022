package explain

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// tokenPrefix begins every EKS token (aws-iam-authenticator pkg/token/token.go).
const tokenPrefix = "k8s-aws-v1."

// find looks for the token in a text, and says where it was.
func find(text string) (token, from string, err error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case text == "":
		return "", "", none("There is no text. Give an EKS token, or the kubeconfig or ExecCredential that holds one.")
	case len(text) > maxText:
		return "", "", none("The text is larger than a megabyte. Give the token alone.")
	}
	if bare, from := unwrapped(text); strings.HasPrefix(bare, tokenPrefix) {
		return bare, from, nil
	}
	return inDocument(text)
}

// unwrapped takes away what people copy along with a token.
func unwrapped(text string) (bare, from string) {
	from = "a bare token"
	bare = strings.Trim(text, "'\"")
	if rest, ok := cutFold(bare, "authorization:"); ok {
		bare = rest
	}
	if rest, ok := cutFold(bare, "bearer "); ok {
		bare, from = rest, "a Bearer header"
	}
	return strings.TrimSpace(bare), from
}

// cutFold cuts a prefix in any case, and the white space around the rest.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return strings.TrimSpace(s[len(prefix):]), true
}

// document is a kubeconfig or an ExecCredential, in YAML or JSON, as far as
// tokens go (k8s.io/client-go tools/clientcmd/api/v1 and
// pkg/apis/clientauthentication/v1).
type document struct {
	Kind     string    `yaml:"kind"`
	Current  string    `yaml:"current-context"`
	Contexts []context `yaml:"contexts"`
	Users    []user    `yaml:"users"`
	Status   struct {
		Token string `yaml:"token"`
	} `yaml:"status"`
}

type context struct {
	Name    string `yaml:"name"`
	Context struct {
		User string `yaml:"user"`
	} `yaml:"context"`
}

type user struct {
	Name string `yaml:"name"`
	User struct {
		Token     string    `yaml:"token"`
		TokenFile string    `yaml:"tokenFile"`
		Exec      yaml.Node `yaml:"exec"`
	} `yaml:"user"`
}

func inDocument(text string) (token, from string, err error) {
	var d document
	// The parser's own error would quote the text.
	if yaml.Unmarshal([]byte(text), &d) != nil {
		return "", "", none("The text is neither an EKS token (it would begin with " + tokenPrefix + ") nor readable as a kubeconfig or an ExecCredential.")
	}
	switch {
	case d.Status.Token != "":
		return inField(d.Status.Token, "the ExecCredential's status.token")
	case d.Kind == "ExecCredential":
		return "", "", none("The ExecCredential holds no status.token, so its helper gave no token.")
	case len(d.Users) == 0:
		return "", "", none("The text holds no EKS token: it would begin with " + tokenPrefix + ", and neither users[].user.token nor status.token is there.")
	}
	return d.ofUser()
}

// inField refuses a token of another kind, such as a service account's.
func inField(value, from string) (string, string, error) {
	bare := strings.TrimSpace(value)
	if !strings.HasPrefix(bare, tokenPrefix) {
		return "", "", none("The token in " + from + " is no EKS token: it would begin with " + tokenPrefix + ".")
	}
	return bare, from, nil
}

// ofUser picks the current context's token, or the only one there is.
func (d document) ofUser() (token, from string, err error) {
	name, chosen := d.currentUser()
	var holders []user
	for _, u := range d.Users {
		if u.User.Token == "" {
			continue
		}
		if chosen && u.Name == name {
			return inField(u.User.Token, "the kubeconfig's user "+called(u.Name)+", of its current context")
		}
		holders = append(holders, u)
	}
	switch {
	case len(holders) == 1:
		return inField(holders[0].User.Token, "the kubeconfig's user "+called(holders[0].Name))
	case len(holders) > 1:
		return "", "", none("The kubeconfig holds several tokens, and none is its current context's. Choose one with kubectl config use-context, or give that token alone.")
	}
	return "", "", none(d.instead())
}

func (d document) currentUser() (name string, ok bool) {
	for _, c := range d.Contexts {
		if c.Name == d.Current && d.Current != "" {
			return c.Context.User, true
		}
	}
	return "", false
}

// instead says how the users of a kubeconfig without tokens sign in.
func (d document) instead() string {
	for _, u := range d.Users {
		switch {
		case !u.User.Exec.IsZero():
			return "The kubeconfig holds no token: its user " + called(u.Name) + " gets one from a command (exec) each time. Run that command and give what it prints."
		case u.User.TokenFile != "":
			return "The kubeconfig holds no token: its user " + called(u.Name) + " reads one from a file (tokenFile). Give that file."
		}
	}
	return "The kubeconfig holds no token."
}

// called is a name from the text. People paste the wrong thing into the wrong
// field, so a name that could be a secret is not told.
func called(name string) string {
	if name == "" || len(name) > 120 || strings.Contains(name, tokenPrefix) {
		return "(its name is not shown)"
	}
	return plain(name)
}
