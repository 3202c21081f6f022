package eks

import (
	"bufio"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/daypass/daypass/access"
)

// startMoto runs moto's server, a simulator of AWS that is not ours. Without
// it the test is skipped, unless DAYPASS_E2E=require says that it has to be
// there.
func startMoto(t *testing.T) *url.URL {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil && os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatal("moto_server is not on the PATH, and DAYPASS_E2E=require demands it")
	}
	if err != nil {
		t.Skip("moto_server is not on the PATH: our calls are held against our own simulator only")
	}
	cmd := exec.CommandContext(t.Context(), path, "-H", "127.0.0.1", "-p", "0")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it says that it was killed
	})
	running := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if found := running.FindString(lines.Text()); found != "" {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			u, err := url.Parse(found)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
	}
	t.Fatal("moto_server ended before it said its address")
	return nil
}

func TestMotoTakesOurCalls(t *testing.T) {
	moto := startMoto(t)
	w := newWorld(t)
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(moto)) // moto itself has no TLS
	t.Cleanup(front.Close)
	environment(t, front.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), w.secret)
	w.restart(t)

	t.Run("AssumeRole", func(t *testing.T) {
		a := wish(t, roleARN)
		a.ExternalID = externalID
		m, err := w.Mint(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		u := urlOf(t, m.Token.Reveal())
		if m.AccessKeyID == "" || u.Host != front.Listener.Addr().String() {
			t.Errorf("access key ID %q, signed for %s", m.AccessKeyID, u.Host)
		}
	})
	t.Run("AssumeRole, then DescribeCluster", func(t *testing.T) {
		made, err := w.eks.CreateCluster(t.Context(), &eks.CreateClusterInput{
			Name: aws.String("shop"), RoleArn: aws.String(roleARN),
			ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}},
		}, func(o *eks.Options) { o.Region = "eu-west-1" })
		if err != nil {
			t.Fatal(err)
		}
		// moto keeps each account apart, and this one is the caller's.
		cl := access.Cluster{Name: "shop", ARN: arn(t, *made.Cluster.Arn), DescribeRole: "arn:aws:iam::123456789012:role/daypass-describe"}
		_, err = w.Describe(t.Context(), cl)
		// moto took the call and answered, and its CA is no certificate.
		if ca, bad := base64.StdEncoding.DecodeString(*made.Cluster.CertificateAuthority.Data); bad != nil {
			wantFault(t, err, "bad-answer", "base64")
		} else if block, _ := pem.Decode(ca); block == nil {
			wantFault(t, err, "bad-answer", "holds no certificate")
		} else if err != nil {
			t.Error(err)
		}
	})
	t.Run("DescribeCluster of one that is not there", func(t *testing.T) {
		gone := shop(t)
		gone.ARN.Resource = "cluster/gone"
		_, err := w.Describe(t.Context(), gone)
		wantFault(t, err, "not-found", "shop-prod")
	})
	t.Run("GetCallerIdentity", func(t *testing.T) {
		if _, err := w.Identity(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
