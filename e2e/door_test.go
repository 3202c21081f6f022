package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/issuer/awssim"
)

// world is a real cluster whose authenticator asks the simulated AWS.
type world struct {
	owner   owner
	names   *chain.AWS
	cluster *chain.Cluster
	face    *awssim.Sim
	ahead   *atomic.Int64 // nanoseconds by which AWS's clock is ahead of ours
}

func newWorld(t *testing.T) world {
	t.Helper()
	chain.Need(t, "etcd", "aws-iam-authenticator", "kube-apiserver", "kubectl")
	w := world{owner: newOwner(), names: chain.StartAWS(t)}
	w.cluster = chain.StartCluster(t, w.names, chain.Door{Name: "prod", Roles: []chain.MapRole{{
		ARN: "arn:aws:iam::" + account + ":role/prod-reader", Username: "reader:{{SessionName}}", Groups: []string{"readers"},
	}}})
	w.cluster.LetRead(t, "readers", "namespaces")
	w.ahead = &atomic.Int64{}
	w.face = newFaceAt(w.clock, w.owner, w.known(w.cluster.URL)...)
	w.names.Serve(w.face.Handler())
	return w
}

// known are the clusters of AWS: two by name, one by its door.
func (w world) known(endpoint string) (all []awssim.Cluster) {
	for _, name := range []string{"prod", "staging"} {
		all = append(all, awssim.Cluster{ARN: clusterARN(name), Endpoint: endpoint, CA: w.cluster.CA, Created: time.Now(), PublicAccess: true})
	}
	return all
}

func (w world) clock() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// cli runs the AWS CLI and reads its JSON.
func (w world) cli(t *testing.T, as aws.Credentials, into any, args ...string) {
	t.Helper()
	chain.Need(t, "aws")
	got := chain.Run(t, append(w.names.Env(), env(as)...), "aws", append(args, "--output", "json")...)
	if got.Code != 0 {
		t.Fatalf("aws %s %s: exit %d: %s", args[0], args[1], got.Code, got.Stderr)
	}
	if err := json.Unmarshal([]byte(got.Stdout), into); err != nil {
		t.Fatalf("aws %s %s: %v", args[0], args[1], err)
	}
}

func (w world) assume(t *testing.T, role string) aws.Credentials {
	t.Helper()
	var out struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	w.cli(t, w.owner.credentials(), &out, "sts", "assume-role", "--role-arn", role, "--role-session-name", "ada@example.com")
	c := out.Credentials
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func (w world) whoAmI(t *testing.T, token string) (chain.Person, chain.Answer) {
	t.Helper()
	return chain.WhoAmI(t, w.cluster.Kubeconfig(t, token))
}

func (w world) refuses(t *testing.T, token string) {
	t.Helper()
	person, got := w.whoAmI(t, token)
	if got.Code == 0 || !strings.Contains(got.Stderr, "Unauthorized") {
		t.Fatalf("known as %q; exit %d: %s", person.Username, got.Code, got.Stderr)
	}
}

func TestRealClusterAsksTheSimulatedAWS(t *testing.T) {
	w := newWorld(t)

	t.Run("aws eks describe-cluster tells the real endpoint and CA", func(t *testing.T) {
		var out struct {
			Cluster struct {
				Endpoint             string
				CertificateAuthority struct{ Data string }
			}
		}
		w.cli(t, w.owner.credentials(), &out, "eks", "describe-cluster", "--name", "prod")
		if out.Cluster.Endpoint != w.cluster.URL || out.Cluster.CertificateAuthority.Data != base64.StdEncoding.EncodeToString(w.cluster.CA) {
			t.Errorf("endpoint %q, want %q, or another CA", out.Cluster.Endpoint, w.cluster.URL)
		}
	})
	t.Run("a token of aws eks get-token is let in, with its access key on record", func(t *testing.T) {
		session := w.assume(t, reader)
		var out struct{ Status struct{ Token string } }
		w.cli(t, session, &out, "eks", "get-token", "--cluster-name", "prod")
		w.knows(t, out.Status.Token, session.AccessKeyID)
	})
	t.Run("aws eks get-token assumes the role itself", func(t *testing.T) {
		var out struct{ Status struct{ Token string } }
		w.cli(t, w.owner.credentials(), &out, "eks", "get-token", "--cluster-name", "prod", "--role-arn", reader)
		if person, got := w.whoAmI(t, out.Status.Token); !slices.Contains(person.Groups, "readers") {
			t.Fatalf("known as %q in %v: %s", person.Username, person.Groups, got.Stderr)
		}
	})
	t.Run("aws-iam-authenticator assumes the role itself", func(t *testing.T) {
		got := chain.Run(t, append(w.names.Env(), w.owner.env()...), "aws-iam-authenticator",
			"token", "--cluster-id", "prod", "--role", reader, "--session-name", "ada@example.com", "--token-only")
		if got.Code != 0 {
			t.Fatal(got.Stderr)
		}
		if person, said := w.whoAmI(t, strings.TrimSpace(got.Stdout)); person.Username != "reader:ada-example.com" {
			t.Fatalf("known as %q: %s", person.Username, said.Stderr)
		}
	})
	t.Run("refuses", w.refusals)
	t.Run("nobody called out to the world", func(t *testing.T) {
		if strangers := w.names.Refused(); len(strangers) != 0 {
			t.Errorf("asked for: %v", strangers)
		}
	})
}

func (w world) knows(t *testing.T, token, accessKeyID string) {
	t.Helper()
	person, got := w.whoAmI(t, token)
	want := chain.Person{Username: "reader:ada-example.com", Groups: []string{"readers", "system:authenticated"}, Extra: map[string][]string{
		"accessKeyId":  {accessKeyID},
		"arn":          {"arn:aws:sts::" + account + ":assumed-role/prod-reader/ada@example.com"},
		"canonicalArn": {"arn:aws:iam::" + account + ":role/prod-reader"},
		"principalId":  {"AROAREADERREADERREAD"},
		"sessionName":  {"ada@example.com"},
		"sigs.k8s.io/aws-iam-authenticator/principalId": {"AROAREADERREADERREAD"},
	}}
	if diff := cmp.Diff(want, person); diff != "" {
		t.Fatalf("%s\n%s", diff, got.Stderr)
	}
	if len(w.cluster.AuditedBy(t, accessKeyID)) == 0 {
		t.Errorf("the cluster's audit log does not know %s", accessKeyID)
	}
}

// refusals are sessions of a role that would be let in, spoilt one at a time.
func (w world) refusals(t *testing.T) {
	session := assume(t, w.face.Handler(), w.owner, reader, "ada@example.com")
	if _, got := w.whoAmI(t, draft{creds: session}.token(t)); got.Code != 0 {
		t.Fatalf("the unspoilt token was refused: %s", got.Stderr)
	}
	for name, d := range map[string]draft{
		"a changed signature":    {creds: session, tamper: edit("X-Amz-Signature", flip)},
		"another cluster's":      {creds: session, headers: map[string]string{"x-k8s-aws-id": "staging"}},
		"one past its time":      {creds: session, age: 15*time.Minute + time.Second},
		"one that leaves https":  {creds: session, scheme: "http"},
		"one signed for nothing": {creds: session, headers: map[string]string{}},
		"a role mapped nowhere":  {creds: assume(t, w.face.Handler(), w.owner, outcast, "ada@example.com")},
		"a user mapped nowhere":  {creds: w.owner.credentials()},
	} {
		t.Run(name, func(t *testing.T) { w.refuses(t, d.token(t)) })
	}
	t.Run("everybody while STS is down", func(t *testing.T) {
		w.names.Serve(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, "down", http.StatusServiceUnavailable)
		}))
		defer w.names.Serve(w.face.Handler())
		w.refuses(t, draft{creds: session, age: time.Minute}.token(t))
	})
}
