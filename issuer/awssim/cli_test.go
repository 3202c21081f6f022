package awssim

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// program finds a program of somebody else's. Without it the test is skipped,
// unless DAYPASS_E2E=require says that it has to be there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatalf("%s is not on the PATH, and DAYPASS_E2E=require demands it", name)
	}
	t.Skipf("%s is not on the PATH: the simulator is not held against it", name)
	return ""
}

// cli runs the aws CLI against the simulator, by the variables that it reads.
type cli struct {
	path   string
	bundle string
	empty  string
	w      *world
}

func newCLI(t *testing.T, w *world) cli {
	t.Helper()
	path := program(t, "aws")
	dir := t.TempDir()
	bundle := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(bundle, w.ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return cli{path, bundle, filepath.Join(dir, "none"), w}
}

func (c cli) run(t *testing.T, who aws.Credentials, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(deadline(t), c.path, args...)
	for _, kept := range os.Environ() {
		if !strings.HasPrefix(kept, "AWS_") {
			cmd.Env = append(cmd.Env, kept)
		}
	}
	cmd.Env = append(cmd.Env,
		"AWS_ENDPOINT_URL_STS="+c.w.server.URL, "AWS_ENDPOINT_URL_EKS="+c.w.server.URL,
		"AWS_CA_BUNDLE="+c.bundle, "AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+c.empty, "AWS_SHARED_CREDENTIALS_FILE="+c.empty, "AWS_MAX_ATTEMPTS=1",
		"AWS_ACCESS_KEY_ID="+who.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+who.SecretAccessKey,
		"NO_PROXY=127.0.0.1", "AWS_DEFAULT_OUTPUT=json")
	if who.SessionToken != "" {
		cmd.Env = append(cmd.Env, "AWS_SESSION_TOKEN="+who.SessionToken)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

func (c cli) must(t *testing.T, into any, who aws.Credentials, args ...string) {
	t.Helper()
	out, said, err := c.run(t, who, args...)
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", args[1], err, said)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("aws %s: %v", args[1], err)
	}
}

func TestTheAWSCommandLineWorksAgainstTheSimulator(t *testing.T) {
	w := newWorld(t)
	aws := newCLI(t, w)
	session := aws.assumes(t)
	t.Run("describes a cluster", func(t *testing.T) {
		var got struct {
			Cluster struct {
				Arn, Endpoint        string
				CertificateAuthority struct{ Data string }
			}
		}
		aws.must(t, &got, session, "eks", "describe-cluster", "--name", "shop")
		if got.Cluster.Arn != shopARN || got.Cluster.Endpoint != "https://shop.example" || got.Cluster.CertificateAuthority.Data != "c2hvcCBDQQ==" {
			t.Errorf("cluster %+v", got.Cluster)
		}
	})
	t.Run("names a cluster that is missing", func(t *testing.T) {
		_, said, err := aws.run(t, session, "eks", "describe-cluster", "--name", "none")
		if err == nil || !strings.Contains(said, "ResourceNotFoundException") {
			t.Errorf("%v: %s", err, said)
		}
	})
	t.Run("makes a token that the verifier knows", func(t *testing.T) {
		if id := aws.identity(t, session, "--cluster-name", "shop"); id.SessionName != "cli" || id.AccessKeyID != session.AccessKeyID {
			t.Errorf("identity %+v", id)
		}
	})
	t.Run("makes a token of a role that it assumes itself", func(t *testing.T) {
		if id := aws.identity(t, w.user, "--cluster-name", "shop", "--role-arn", readerRole); id.Role != "arn:aws:iam::111122223333:role/reader" {
			t.Errorf("identity %+v", id)
		}
	})
	t.Run("is refused with a wrong secret", func(t *testing.T) {
		wrong := w.user
		wrong.SecretAccessKey += "x"
		_, said, err := aws.run(t, wrong, "sts", "get-caller-identity")
		if err == nil || !strings.Contains(said, "SignatureDoesNotMatch") {
			t.Errorf("%v: %s", err, said)
		}
	})
}

func (c cli) assumes(t *testing.T) aws.Credentials {
	t.Helper()
	var got struct {
		Credentials     struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
		AssumedRoleUser struct{ Arn string }
		SourceIdentity  string
	}
	c.must(t, &got, c.w.user, "sts", "assume-role", "--role-arn", readerRole, "--role-session-name", "cli",
		"--duration-seconds", "900", "--source-identity", "ada@example.com", "--tags", "Key=lease,Value=ls_1")
	if got.AssumedRoleUser.Arn != "arn:aws:sts::111122223333:assumed-role/reader/cli" || got.SourceIdentity != "ada@example.com" {
		t.Errorf("assumed %+v as %q", got.AssumedRoleUser, got.SourceIdentity)
	}
	k := got.Credentials
	return aws.Credentials{AccessKeyID: k.AccessKeyId, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
}

func (c cli) identity(t *testing.T, who aws.Credentials, args ...string) Identity {
	t.Helper()
	var got struct{ Status struct{ Token string } }
	c.must(t, &got, who, append([]string{"eks", "get-token"}, args...)...)
	id, err := c.w.Verify(got.Status.Token, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return id
}
