package chain

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// WebhookCache is how long a cluster started here goes on believing a token
// it has once accepted. EKS's own value is not known; upstream's default is two
// minutes (kube-apiserver --authentication-token-webhook-cache-ttl).
const WebhookCache = 5 * time.Second

// Door describes the cluster to start.
type Door struct {
	Name      string // the EKS cluster name, which tokens are signed for
	Partition string // "aws" if empty
	Roles     []MapRole
}

// Cluster is a real API server that lets in whom the real authenticator knows.
// There is no controller manager: the built-in ClusterRoles view, edit and
// admin exist but are empty, and no pod ever runs.
type Cluster struct {
	Name string
	URL  string
	CA   []byte // PEM, what DescribeCluster should hand out
	// AuditLog is the API server's own log, one JSON event per line, metadata only.
	AuditLog string

	admin string // a kubeconfig
}

// StartCluster starts etcd, the authenticator and the API server, in that
// order, so that they stop in the opposite one: without etcd the API server
// would not heed SIGTERM.
func StartCluster(t testing.TB, aws *AWS, door Door) *Cluster {
	t.Helper()
	Need(t, "etcd", "aws-iam-authenticator", "kube-apiserver", "kubectl")
	if door.Partition == "" {
		door.Partition = "aws"
	}
	ca := NewAuthority(t, "kubernetes "+door.Name)
	etcd := startEtcd(t)
	webhook := startAuthenticator(t, ca, aws, door.Partition, door.Name, door.Roles)
	c := &Cluster{Name: door.Name, CA: ca.PEM}
	c.startAPIServer(t, ca, etcd, webhook)
	c.admin = c.adminKubeconfig(t, ca)
	return c
}

// AuthorityData is CA as DescribeCluster and kubeconfigs carry it.
func (c *Cluster) AuthorityData() string { return base64.StdEncoding.EncodeToString(c.CA) }

func (c *Cluster) startAPIServer(t testing.TB, ca *Authority, etcd, webhook string) {
	t.Helper()
	dir, port := t.TempDir(), FreePort(t)
	c.URL = "https://" + loopback(port)
	c.AuditLog = filepath.Join(t.ArtifactDir(), fmt.Sprintf("kube-audit-%s-%d.log", c.Name, port))
	cert, key := ca.files(t, dir, "tls.crt", "tls.key")
	p := launch(t, "kube-apiserver", clean(t),
		"--etcd-servers="+etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+strconv.Itoa(port),
		"--tls-cert-file="+cert, "--tls-private-key-file="+key, "--client-ca-file="+ca.File,
		"--service-account-issuer="+c.URL,
		"--service-account-signing-key-file="+key, "--service-account-key-file="+cert,
		// AlwaysAllow would turn anonymous requests off, and with them /readyz.
		"--authorization-mode=RBAC",
		"--endpoint-reconciler-type=none",
		"--authentication-token-webhook-config-file="+webhook,
		"--authentication-token-webhook-cache-ttl="+WebhookCache.String(),
		"--audit-policy-file="+write(t, dir, "audit.yaml", []byte(auditPolicy)),
		"--audit-log-path="+c.AuditLog, "--audit-log-mode=blocking-strict",
	)
	p.await(t, answers(ca.Client(), c.URL+"/readyz"))
}

const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

func (c *Cluster) adminKubeconfig(t testing.TB, ca *Authority) string {
	t.Helper()
	cert, err := ca.person("admin", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	certPEM, keyPEM, err := pair(cert)
	if err != nil {
		t.Fatal(err)
	}
	return c.kubeconfig(t, map[string]any{"client-certificate-data": certPEM, "client-key-data": keyPEM})
}

// Kubeconfig writes a kubeconfig file that holds the token and nothing else.
func (c *Cluster) Kubeconfig(t testing.TB, token string) string {
	t.Helper()
	return c.kubeconfig(t, map[string]any{"token": token})
}

// kubeconfig relies on encoding/json: it renders []byte as the base64 that
// *-data fields want.
func (c *Cluster) kubeconfig(t testing.TB, user map[string]any) string {
	t.Helper()
	content, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "it",
		"clusters": []any{map[string]any{"name": "it", "cluster": map[string]any{
			"server": c.URL, "certificate-authority-data": c.CA}}},
		"users":    []any{map[string]any{"name": "it", "user": user}},
		"contexts": []any{map[string]any{"name": "it", "context": map[string]any{"cluster": "it", "user": "it"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), "kubeconfig", content)
}

// Apply creates or changes objects as the cluster's administrator.
func (c *Cluster) Apply(t testing.TB, manifest string) {
	t.Helper()
	got := Kubectl(t, c.admin, "apply", "-f", write(t, t.TempDir(), "manifest.yaml", []byte(manifest)))
	if got.Code != 0 {
		t.Fatalf("apply to %s: %s", c.Name, got.Stderr)
	}
}

// LetRead allows a group to get, list and watch the resources everywhere.
func (c *Cluster) LetRead(t testing.TB, group string, resources ...string) {
	t.Helper()
	name := "read-" + strings.ReplaceAll(group, ":", "-")
	c.Apply(t, fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %[1]q}
rules: [{apiGroups: [""], resources: [%[3]s], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]q}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]q}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: %[2]q}]
`, name, group, strings.Join(resources, ", ")))
}

// AuditEvent is what this package reads of the API server's audit log.
type AuditEvent struct {
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	User       struct {
		Username string              `json:"username"`
		Groups   []string            `json:"groups"`
		Extra    map[string][]string `json:"extra"`
	} `json:"user"`
}

// AuditedBy returns the audit events whose user carries the access key ID. The
// log is written before the answer leaves, so what a client has seen is in it.
func (c *Cluster) AuditedBy(t testing.TB, accessKeyID string) []AuditEvent {
	t.Helper()
	log, err := os.Open(c.AuditLog)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var found []AuditEvent
	for in := json.NewDecoder(log); in.More(); {
		var event AuditEvent
		if err := in.Decode(&event); err != nil {
			t.Fatalf("read %s: %v", c.AuditLog, err)
		}
		if keys := event.User.Extra["accessKeyId"]; len(keys) == 1 && keys[0] == accessKeyID {
			found = append(found, event)
		}
	}
	return found
}

func deadline(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), time.Minute)
}
