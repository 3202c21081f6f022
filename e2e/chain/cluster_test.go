package chain_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/e2e/chain"
)

// roster is an STS that believes access key IDs. It verifies nothing: these
// tests are about the programs around it.
type roster map[string]string // access key ID → assumed-role ARN

func (r roster) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	id, _, _ := strings.Cut(req.URL.Query().Get("X-Amz-Credential"), "/")
	arn, ok := r[id]
	if !ok || req.Header.Get("Accept") != "application/json" {
		http.Error(w, `{"Error":{"Code":"InvalidClientTokenId","Message":"unknown","Type":"Sender"}}`, http.StatusForbidden)
		return
	}
	_, session, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:sts::111122223333:assumed-role/"), "/")
	_ = json.NewEncoder(w).Encode(map[string]any{"GetCallerIdentityResponse": map[string]any{
		"GetCallerIdentityResult": map[string]string{"Account": "111122223333", "Arn": arn, "UserId": "AROAEXAMPLE:" + session},
	}})
}

func keys(id string) []string {
	return []string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=for-this-test-only", "AWS_SESSION_TOKEN=for-this-test-only"}
}

func authenticatorToken(t *testing.T, aws *chain.AWS, cluster, accessKeyID string) string {
	t.Helper()
	got := chain.Run(t, append(aws.Env(), keys(accessKeyID)...), "aws-iam-authenticator",
		"token", "--cluster-id", cluster, "--region", "eu-central-1", "--token-only")
	if got.Code != 0 {
		t.Fatal(got.Stderr)
	}
	return strings.TrimSpace(got.Stdout)
}

func cliToken(t *testing.T, aws *chain.AWS, cluster, accessKeyID string) string {
	t.Helper()
	chain.Need(t, "aws")
	got := chain.Run(t, append(aws.Env(), keys(accessKeyID)...), "aws",
		"eks", "get-token", "--cluster-name", cluster, "--region", "eu-central-1")
	var credential struct {
		Status struct{ Token string }
	}
	if err := json.Unmarshal([]byte(got.Stdout), &credential); err != nil {
		t.Fatalf("aws eks get-token: %v: %s", err, got.Stderr)
	}
	return credential.Status.Token
}

func TestCluster(t *testing.T) {
	chain.Need(t, "etcd", "aws-iam-authenticator", "kube-apiserver", "kubectl")
	aws := chain.StartAWS(t)
	aws.Serve(roster{
		"ASIAMAPPED":   "arn:aws:sts::111122223333:assumed-role/prod-reader/ada@example.com",
		"ASIAUNMAPPED": "arn:aws:sts::111122223333:assumed-role/somebody-else/ada@example.com",
	})
	cluster := chain.StartCluster(t, aws, chain.Door{Name: "prod", Roles: []chain.MapRole{{
		ARN: "arn:aws:iam::111122223333:role/prod-reader", Username: "reader:{{SessionName}}", Groups: []string{"readers"},
	}}})
	cluster.LetRead(t, "readers", "namespaces")
	mapped := cluster.Kubeconfig(t, authenticatorToken(t, aws, cluster.Name, "ASIAMAPPED"))

	t.Run("knows the bearer of a mapped role and tells the access key", func(t *testing.T) {
		got, answer := chain.WhoAmI(t, mapped)
		want := chain.Person{Username: "reader:ada-example.com", Groups: []string{"readers", "system:authenticated"}, Extra: map[string][]string{
			"accessKeyId":  {"ASIAMAPPED"},
			"arn":          {"arn:aws:sts::111122223333:assumed-role/prod-reader/ada@example.com"},
			"canonicalArn": {"arn:aws:iam::111122223333:role/prod-reader"},
			"principalId":  {"AROAEXAMPLE"},
			"sessionName":  {"ada@example.com"},
			"sigs.k8s.io/aws-iam-authenticator/principalId": {"AROAEXAMPLE"},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s", diff, answer.Stderr)
		}
	})
	t.Run("lets the role do what its group may and no more", func(t *testing.T) {
		if got := chain.Kubectl(t, mapped, "get", "namespaces", "-o", "name"); got.Code != 0 || !strings.Contains(got.Stdout, "namespace/default") {
			t.Errorf("get namespaces: exit %d, %s%s", got.Code, got.Stdout, got.Stderr)
		}
		if got := chain.Kubectl(t, mapped, "get", "secrets"); got.Code == 0 || !strings.Contains(got.Stderr, "Forbidden") {
			t.Errorf("get secrets: exit %d, %s", got.Code, got.Stderr)
		}
	})
	t.Run("writes the access key into its audit log", func(t *testing.T) {
		var seen bool
		for _, event := range cluster.AuditedBy(t, "ASIAMAPPED") {
			seen = seen || event.Verb == "list" && strings.HasPrefix(event.RequestURI, "/api/v1/namespaces")
		}
		if !seen {
			t.Error("no list of namespaces by ASIAMAPPED in the audit log")
		}
	})
	t.Run("takes the AWS CLI's token as well", func(t *testing.T) {
		person, got := chain.WhoAmI(t, cluster.Kubeconfig(t, cliToken(t, aws, cluster.Name, "ASIAMAPPED")))
		if got.Code != 0 || person.Username != "reader:ada-example.com" {
			t.Fatalf("known as %q: %s", person.Username, got.Stderr)
		}
	})
	t.Run("refuses a role that is not mapped", func(t *testing.T) {
		refused(t, cluster, authenticatorToken(t, aws, cluster.Name, "ASIAUNMAPPED"))
	})
	t.Run("refuses a key that AWS does not know", func(t *testing.T) {
		refused(t, cluster, authenticatorToken(t, aws, cluster.Name, "ASIAUNKNOWN"))
	})
	t.Run("refuses what is not a token", func(t *testing.T) {
		refused(t, cluster, "k8s-aws-v1.bm90IGEgdXJs")
	})
	t.Run("makes nobody call out to the world", func(t *testing.T) {
		if strangers := aws.Refused(); len(strangers) != 0 {
			t.Errorf("asked for: %v", strangers)
		}
	})
}

func refused(t *testing.T, cluster *chain.Cluster, token string) {
	t.Helper()
	person, got := chain.WhoAmI(t, cluster.Kubeconfig(t, token))
	if got.Code == 0 || !strings.Contains(got.Stderr, "Unauthorized") {
		t.Fatalf("exit %d, %q, known as %q", got.Code, got.Stderr, person.Username)
	}
}
