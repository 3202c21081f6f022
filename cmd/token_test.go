package cmd

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/explain"
	"github.com/daypass/daypass/issuer/awssim"
)

// freshToken is one for a cluster named pay, signed by nobody AWS knows.
func freshToken(t *testing.T) (token, signature string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-K8s-Aws-Id", "pay")
	creds := aws.Credentials{AccessKeyID: "ASIA" + strings.Repeat("X", 16), SecretAccessKey: rand.Text(), SessionToken: rand.Text()}
	u, _, err := v4.NewSigner().PresignHTTP(t.Context(), creds, r, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sts", "eu-west-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, signature, _ = strings.Cut(u, "X-Amz-Signature=")
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(u)), signature
}

// stdin gives a text on standard input for the rest of the test.
func stdin(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() { os.Stdin = before; _ = f.Close() })
}

func TestTheReadmeShowsWhatTokenExplainSays(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "| grep -E '^(dies|access|cluster)'\n")
	shown, _, ok := strings.Cut(shown, "```")
	if !ok {
		t.Fatal("the README does not show it")
	}
	token, _ := freshToken(t)
	stdin(t, token)
	_, out, _ := run(t, "token", "explain")
	var want strings.Builder
	for line := range strings.Lines(out) {
		if regexp.MustCompile(`^(dies|access|cluster)`).MatchString(line) {
			want.WriteString(line)
		}
	}
	timeless := func(s string) string {
		return regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC at the latest, in [0-9ms]+`).ReplaceAllString(s, "TIME")
	}
	if diff := cmp.Diff(timeless(want.String()), timeless(shown)); diff != "" {
		t.Error(diff)
	}
}

func TestTokenExplain(t *testing.T) {
	token, signature := freshToken(t)
	file := filepath.Join(t.TempDir(), "pay.viewer.yaml")
	if err := os.WriteFile(file, []byte("users: [{name: pay-viewer, user: {token: "+token+"}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		claim, stdin   string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"reads standard input", token, nil, exitOK, "access key ID   ASIAXXXXXXXXXXXXXXXX", ""},
		{"reads standard input by its sign", token, []string{"-"}, exitOK, "Nothing is wrong with it that can be seen from outside.", ""},
		{"reads a kubeconfig", "", []string{file}, exitOK, "from the kubeconfig's user pay-viewer.", ""},
		{"reads an ExecCredential", `{"kind":"ExecCredential","status":{"token":"` + token + `"}}`, nil, exitOK, "from the ExecCredential's status.token.", ""},
		{"says what is wrong, and that is no failure", token + "=", nil, exitOK, "Wrong with it:\n- It is padded with =", ""},
		{"a text without token", "hello", nil, exitFailed, "", "neither users[].user.token nor status.token is there|neither an EKS token"},
		{"nothing", "", nil, exitFailed, "", "There is no text."},
		{"a flood", strings.Repeat("A", 2<<20), nil, exitFailed, "", "larger than a megabyte"},
		{"a file that is not there", "", []string{"/nowhere/pay.yaml"}, exitFailed, "", "open /nowhere/pay.yaml"},
		{"a token as an argument", "", []string{token}, exitUsage, "", "a token does not belong among the arguments"},
		{"a header as an argument", "", []string{"Bearer " + token}, exitUsage, "", "a token does not belong among the arguments"},
		{"two files", "", []string{file, file}, exitUsage, "", "one file at a time"},
		{"an output nobody knows", token, []string{"-o", "yaml"}, exitUsage, "", "--output is text or json"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			stdin(t, tt.stdin)
			code, out, errs := run(t, append([]string{"token", "explain"}, tt.args...)...)
			if code != tt.code || !strings.Contains(out, tt.stdout) || !oneOf(errs, tt.stderr) {
				t.Errorf("exit code %d\nstdout %s\nstderr %s", code, out, errs)
			}
			if (code == exitOK) != (out != "") {
				t.Errorf("exit code %d with the output %q", code, out)
			}
			for _, secret := range []string{token, signature} {
				if strings.Contains(out+errs, secret) {
					t.Error("the secret is told")
				}
			}
		})
	}
	t.Run("no command says a stray token again", func(t *testing.T) {
		for _, args := range [][]string{{token}, {"token", token}, {"check", token}, {"cluster", "ca", token}} {
			if code, out, errs := run(t, args...); code != exitUsage || strings.Contains(out+errs, token) {
				t.Errorf("%s: exit code %d\n%s%s", args[0], code, out, errs)
			}
		}
	})
	t.Run("for programs", func(t *testing.T) {
		stdin(t, token)
		code, out, errs := run(t, "token", "explain", "-o", "json")
		var got explain.Token
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK || errs != "" {
			t.Fatalf("exit code %d: %v\n%s\n%s", code, err, out, errs)
		}
		if !got.SignsCluster || got.Region != "eu-west-1" || got.Dies.Sub(got.SignedAt) != 15*time.Minute || len(got.Problems) != 0 || strings.Contains(out, signature) {
			t.Errorf("%+v", got)
		}
	})
}

func oneOf(said, alternatives string) bool {
	for a := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(said, a) {
			return true
		}
	}
	return false
}

// simulatedAWS is an AWS that has the cluster pay, and lets us describe it
// only if asked to. It gives the cluster's authority.
func simulatedAWS(t *testing.T, mayDescribe bool) (sim *awssim.Sim, ca []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tls, err := awssim.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	own, err := awssim.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	me, key, secret := "arn:aws:iam::111122223333:user/daypass", "AKIA"+strings.Repeat("D", 16), rand.Text()
	o := awssim.Options{
		Users:    []awssim.User{{ARN: me, AccessKeyID: key, Secret: awssim.Secret(secret)}},
		Clusters: []awssim.Cluster{{ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/pay", Endpoint: "https://pay.example", CA: own.PEM()}},
	}
	if mayDescribe {
		o.Readers = map[string][]string{"111122223333": {me}}
	}
	sim = awssim.New(o)
	server := sim.Serve(l, tls)
	t.Cleanup(func() { _ = server.Close() })
	bundle := filepath.Join(t.TempDir(), "aws.pem")
	if err := os.WriteFile(bundle, tls.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_EKS": server.URL, "AWS_CA_BUNDLE": bundle, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "HTTPS_PROXY": "", "https_proxy": ""} {
		t.Setenv(name, value)
	}
	return sim, own.PEM()
}

func TestClusterCA(t *testing.T) {
	config := written(t, address(t), address(t), "")
	_, ca := simulatedAWS(t, true)

	t.Run("explains it", func(t *testing.T) {
		code, out, errs := run(t, "cluster", "ca", "pay", "-c", config)
		for _, want := range []string{"https://pay.example", "on record as    caSHA256 ", "Certificate 1 of 1", "authority       yes", "Nothing is wrong with it.", "It vouches for this cluster and for nothing else."} {
			if !strings.Contains(out, want) {
				t.Errorf("it does not say %q", want)
			}
		}
		if code != exitOK || errs != "" {
			t.Errorf("exit code %d\n%s\n%s", code, out, errs)
		}
	})
	t.Run("gives it as PEM, and nothing besides", func(t *testing.T) {
		if code, out, errs := run(t, "cluster", "ca", "pay", "--pem", "-c", config); code != exitOK || out != string(ca) {
			t.Errorf("exit code %d\n%s\n%s", code, out, errs)
		}
	})
	t.Run("for programs", func(t *testing.T) {
		code, out, _ := run(t, "cluster", "ca", "pay", "-o", "json", "-c", config)
		var got authority
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK {
			t.Fatalf("exit code %d: %v\n%s", code, err, out)
		}
		all, err := explain.Authority(ca, time.Now())
		if err != nil || len(got.Certificates) != 1 || got.Certificates[0].SHA256 != all[0].SHA256 || got.Cluster != "pay" || len(got.CASHA256) != 64 {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("leaves no database behind", func(t *testing.T) {
		if found, _ := filepath.Glob(filepath.Join(filepath.Dir(config), "*.db*")); len(found) > 0 {
			t.Errorf("there is %v", found)
		}
	})
	for _, tt := range []struct {
		claim  string
		args   []string
		code   int
		stderr string
	}{
		{"a cluster nobody configured", []string{"frob", "-c", config}, exitUsage, `names no cluster "frob"; it names pay`},
		{"no name", []string{"-c", config}, exitUsage, "give the name of one cluster"},
		{"two names", []string{"pay", "pay", "-c", config}, exitUsage, "give the name of one cluster"},
		{"a configuration that is not there", []string{"pay", "-c", "/nowhere/daypass.yaml"}, exitConfig, "/nowhere/daypass.yaml"},
		{"both forms at once", []string{"pay", "--pem", "-o", "json", "-c", config}, exitUsage, "do not go together"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if code, out, errs := run(t, append([]string{"cluster", "ca"}, tt.args...)...); code != tt.code || out != "" || !strings.Contains(errs, tt.stderr) {
				t.Errorf("exit code %d\n%s\n%s", code, out, errs)
			}
		})
	}
}

func TestClusterCATellsWhatAWSRefuses(t *testing.T) {
	config := written(t, address(t), address(t), "")
	simulatedAWS(t, false)
	code, out, errs := run(t, "cluster", "ca", "pay", "-c", config)
	if code != exitFailed || out != "" || !strings.Contains(errs, "AWS does not let this server describe the cluster pay") || !strings.Contains(errs, "eks:DescribeCluster") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errs)
	}
}
