package chain

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// MapRole says who the holder of an IAM role is inside the cluster.
//
// ARN has no path, even where the role has one: the authenticator compares it
// with the assumed-role ARN, which never shows a path
// (aws-iam-authenticator pkg/arn, Canonicalize).
type MapRole struct {
	ARN      string   `json:"rolearn"`
	Username string   `json:"username"` // may hold {{SessionName}}, {{SessionNameRaw}}, {{AccessKeyID}}
	Groups   []string `json:"groups"`
}

// startAuthenticator returns the kubeconfig file with which an API server
// reaches it. It asks aws who the bearer of a token is.
func startAuthenticator(t testing.TB, ca *Authority, aws *AWS, partition, clusterID string, roles []MapRole) string {
	t.Helper()
	dir, port := t.TempDir(), FreePort(t)
	ca.files(t, dir, "cert.pem", "key.pem") // found there, they are used
	webhook := filepath.Join(dir, "webhook.yaml")
	p := launch(t, "aws-iam-authenticator", clean(t, aws.route()...),
		"server",
		"--config="+write(t, dir, "config.yaml", authenticatorConfig(t, roles)),
		"--partition="+partition,
		"--cluster-id="+clusterID,
		"--state-dir="+dir,
		"--generate-kubeconfig="+webhook,
		"--address=127.0.0.1", "--port="+strconv.Itoa(port),
	)
	p.deaf = 500 * time.Millisecond // it always is, the first time
	p.await(t, answers(ca.Client(), "https://"+loopback(port)+"/healthz"))
	return webhook
}

// authenticatorConfig is JSON, which is YAML too.
func authenticatorConfig(t testing.TB, roles []MapRole) []byte {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"server": map[string]any{"hostname": "127.0.0.1", "mapRoles": roles},
	})
	if err != nil {
		t.Fatal(err)
	}
	return config
}
