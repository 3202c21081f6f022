package eks

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/awssim"
)

const (
	serverARN   = "arn:aws:iam::111122223333:user/daypass"
	roleARN     = "arn:aws:iam::111122223333:role/team/daypass-viewer"
	guardedARN  = "arn:aws:iam::444455556666:role/daypass-guarded"
	bareARN     = "arn:aws:iam::111122223333:role/daypass-bare"
	taglessARN  = "arn:aws:iam::111122223333:role/daypass-tagless"
	closedARN   = "arn:aws:iam::111122223333:role/daypass-closed"
	describeARN = "arn:aws:iam::444455556666:role/daypass-describe"
	shopARN     = "arn:aws:eks:eu-west-1:111122223333:cluster/shop"
	farARN      = "arn:aws:eks:us-east-2:444455556666:cluster/far"
	newARN      = "arn:aws:eks:eu-west-1:111122223333:cluster/new"
	externalID  = "daypass-42"
)

// world is a simulated AWS, a Cloud that knows it by the SDK's own variables,
// and all that both said.
type world struct {
	*awssim.Sim
	*Cloud
	server *awssim.Server
	memory *memory
	logged *buffer
	secret string // the server's secret access key

	mu    sync.Mutex
	calls []awssim.Call
}

func newWorld(t testing.TB, change ...func(*awssim.Options)) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := awssim.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{memory: newMemory(), logged: &buffer{}, secret: rand.Text() + rand.Text()[:14]}
	o := simulated(w.secret, ca.PEM())
	o.AllowedHosts, o.Observe = []string{l.Addr().String()}, w.saw
	for _, c := range change {
		c(&o)
	}
	w.Sim = awssim.New(o)
	w.server = w.Serve(l, ca)
	t.Cleanup(func() { _ = w.server.Close() }) // some tests close it themselves
	environment(t, w.server.URL, ca.PEM(), w.secret)
	w.restart(t)
	return w
}

// environment is all that the SDK reads.
func environment(t testing.TB, url string, ca []byte, secret string) {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			t.Setenv(name, "")
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_STS": url, "AWS_ENDPOINT_URL_EKS": url, "AWS_CA_BUNDLE": bundle,
		"AWS_ACCESS_KEY_ID": accessKeyID, "AWS_SECRET_ACCESS_KEY": secret,
		"AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE":           filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	} {
		t.Setenv(name, value)
	}
}

var accessKeyID = "AKIA" + strings.Repeat("D", 16)

func simulated(secret string, ca []byte) awssim.Options {
	mine := []string{serverARN}
	return awssim.Options{
		Users: []awssim.User{{ARN: serverARN, AccessKeyID: accessKeyID, Secret: awssim.Secret(secret)}},
		Roles: []awssim.Role{
			{ARN: roleARN, ID: "AROAVIEWER0000000000", Trust: awssim.Trust{Principals: mine, SourceIdentity: true, Tags: true}},
			{ARN: guardedARN, ID: "AROAGUARDED000000000", Trust: awssim.Trust{Principals: mine, ExternalID: externalID, SourceIdentity: true, Tags: true}},
			{ARN: bareARN, ID: "AROABARE000000000000", Trust: awssim.Trust{Principals: mine}},
			{ARN: taglessARN, ID: "AROATAGLESS000000000", Trust: awssim.Trust{Principals: mine, SourceIdentity: true}},
			{ARN: closedARN, ID: "AROACLOSED0000000000", Trust: awssim.Trust{Principals: []string{describeARN}}},
			{ARN: describeARN, ID: "AROADESCRIBE00000000", Trust: awssim.Trust{Principals: mine}},
		},
		Clusters: []awssim.Cluster{
			{ARN: shopARN, Endpoint: "https://shop.example", CA: ca, Version: "1.33", PublicAccess: true, PublicAccessCIDRs: []string{"203.0.113.0/24"}},
			{ARN: farARN, Endpoint: "https://far.example", CA: ca, PrivateAccess: true, AuthenticationMode: "CONFIG_MAP"},
			{ARN: newARN, Endpoint: "https://new.example", CA: ca, Status: "CREATING"},
		},
		Readers: map[string][]string{"111122223333": mine, "444455556666": {describeARN}},
	}
}

// restart makes a new Cloud with the same memory, as a restarted server has.
func (w *world) restart(t testing.TB) {
	t.Helper()
	c, err := New(t.Context(), Options{
		Memory: w.memory, Now: time.Now, Log: slog.New(slog.NewJSONHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clusters: func() []access.Cluster { return []access.Cluster{shop(t), far(t)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Cloud = c
}

// hurry takes the pauses between tries away.
func (w *world) hurry() {
	none := func(int) time.Duration { return 0 }
	w.sts = sts.New(w.sts.Options(), func(o *sts.Options) { o.Retryer = retryer(none) })
	w.eks = eks.New(w.eks.Options(), func(o *eks.Options) { o.Retryer = retryer(none) })
}

func (w *world) saw(c awssim.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
}

// seen are the verdicts on an action so far, in order.
func (w *world) seen(a awssim.Action) (verdicts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.Action == a {
			verdicts = append(verdicts, c.Verdict)
		}
	}
	return verdicts
}

func arn(t testing.TB, s string) access.ARN {
	t.Helper()
	a, err := access.ParseARN(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func shop(t testing.TB) access.Cluster {
	return access.Cluster{Name: "shop-prod", ARN: arn(t, shopARN)}
}

func far(t testing.TB) access.Cluster {
	return access.Cluster{Name: "far-dev", ARN: arn(t, farARN), DescribeRole: describeARN}
}

// wish asks for a role on the shop, with everything that can be asked for.
func wish(t testing.TB, role string) issuer.Assumption {
	return issuer.Assumption{
		Cluster: shop(t), RoleARN: arn(t, role), SessionName: "ann-0123456789abcdef", SourceIdentity: "ann-0123456789abcdef",
		Tags: map[string]string{"daypass:lease": "ls_1", "daypass:issuance": "is_1"},
	}
}

// memory is a Memory that can be broken.
type memory struct {
	mu     sync.Mutex
	held   map[string]issuer.Endpoint
	writes int
	err    error
}

func newMemory() *memory { return &memory{held: map[string]issuer.Endpoint{}} }

func (m *memory) Recall(_ context.Context, arn string) (issuer.Endpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.held[arn]
	switch {
	case m.err != nil:
		return issuer.Endpoint{}, m.err
	case !ok:
		return issuer.Endpoint{}, issuer.ErrNoEndpoint
	}
	return e, nil
}

func (m *memory) Remember(_ context.Context, arn string, at issuer.Endpoint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.err != nil {
		return m.err
	}
	m.held[arn] = at
	return nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// buffer is written to by many.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
