package chart

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

// restricted is a namespace that refuses pods that are less than that, and
// warns of workloads that would make such pods: only pods are ever refused.
const restricted = `
apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/enforce-version: latest
    pod-security.kubernetes.io/warn: restricted
    pod-security.kubernetes.io/warn-version: latest
`

// room is such a namespace and who may do everything in it.
type room struct{ admin, name string }

// TestARealServerAdmitsIt uses an API server with all its default admission,
// which knows more than schemas say: rights, names, defaults, pod security.
func TestARealServerAdmitsIt(t *testing.T) {
	chain.Need(t, "helm", "etcd", "aws-iam-authenticator", "kube-apiserver", "kubectl")
	admin := administrator(t)
	eachValues(t, func(t *testing.T, name, values string) {
		in := room{admin, name}.open(t)
		file := written(t, "manifest.yaml", rendered(t, values))
		in.silently(t, "apply", "--dry-run=server", "--validate=strict", "-f", file)
		// For real, because a pod is admitted only where its service account is.
		in.install(t, "install", values)
		in.install(t, "upgrade", values)
		in.silently(t, "create", "--dry-run=server", "--validate=strict", "-f", in.pod(t, file))
	})
	t.Run("would refuse a pod that may be root", func(t *testing.T) {
		in := room{admin, "loosened"}.open(t)
		loosened := strings.Replace(rendered(t, "testdata/values/sqlite.yaml"), "runAsNonRoot: true", "runAsNonRoot: false", 1)
		file := written(t, "manifest.yaml", loosened)
		if got := in.kubectl(t, "apply", "-f", file); got.Code != 0 || !strings.Contains(got.Stderr, "would violate PodSecurity") {
			t.Fatalf("exit code %d, want a warning: %s", got.Code, got.Stderr)
		}
		got := in.kubectl(t, "create", "--dry-run=server", "-f", in.pod(t, file))
		if got.Code == 0 || !strings.Contains(got.Stderr, "violates PodSecurity") {
			t.Errorf("exit code %d, want a refusal: %s", got.Code, got.Stderr)
		}
	})
}

func (in room) open(t *testing.T) room {
	t.Helper()
	in.silently(t, "apply", "-f", written(t, "namespace.yaml", fmt.Sprintf(restricted, in.name)))
	return in
}

func (in room) kubectl(t *testing.T, args ...string) chain.Answer {
	t.Helper()
	return chain.Kubectl(t, in.admin, append([]string{"--namespace=" + in.name}, args...)...)
}

// silently demands success without a word of warning.
func (in room) silently(t *testing.T, args ...string) {
	t.Helper()
	if got := in.kubectl(t, args...); got.Code != 0 || got.Stderr != "" {
		t.Fatalf("kubectl %s: exit code %d: %s", args[0], got.Code, got.Stderr)
	}
}

// administrator starts a cluster and returns a kubeconfig that may do
// everything there, by way of the authenticator.
func administrator(t *testing.T) string {
	t.Helper()
	aws := chain.StartAWS(t)
	aws.Serve(http.HandlerFunc(believe))
	cluster := chain.StartCluster(t, aws, chain.Door{Name: "chart", Roles: []chain.MapRole{{
		ARN: "arn:aws:iam::111122223333:role/admin", Username: "admin", Groups: []string{"system:masters"},
	}}})
	env := append(aws.Env(), "AWS_ACCESS_KEY_ID=ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=for-this-test-only", "AWS_SESSION_TOKEN=for-this-test-only")
	got := chain.Run(t, env, "aws-iam-authenticator", "token", "--cluster-id=chart", "--region=eu-central-1", "--token-only")
	if got.Code != 0 {
		t.Fatal(got.Stderr)
	}
	return cluster.Kubeconfig(t, strings.TrimSpace(got.Stdout))
}

// believe is an STS to which everybody is the administrator. These tests are
// about the chart.
func believe(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{"GetCallerIdentityResponse": map[string]any{"GetCallerIdentityResult": map[string]string{
		"Account": "111122223333", "Arn": "arn:aws:sts::111122223333:assumed-role/admin/chart", "UserId": "AROAEXAMPLE:chart",
	}}})
}

// pod makes what a controller would make of the workload: its template, as the
// API server has filled it in.
func (in room) pod(t *testing.T, file string) string {
	t.Helper()
	got := in.kubectl(t, "get", "-f", file, "-o", "json")
	var list struct {
		Items []struct {
			Spec struct {
				Template map[string]any `json:"template"`
			} `json:"spec"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(got.Stdout), &list); err != nil {
		t.Fatalf("%v: %s", err, got.Stderr)
	}
	for _, item := range list.Items {
		if pod := item.Spec.Template; pod != nil {
			return in.named(t, pod)
		}
	}
	t.Fatal("no object has a pod template")
	return ""
}

func (in room) named(t *testing.T, pod map[string]any) string {
	t.Helper()
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	metadata := pod["metadata"].(map[string]any)
	metadata["name"], metadata["namespace"] = "one", in.name
	content, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, "pod.json", string(content))
}
