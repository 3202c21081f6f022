package awssim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	region     = "eu-west-1"
	userARN    = "arn:aws:iam::111122223333:user/daypass"
	readerRole = "arn:aws:iam::111122223333:role/daypass/reader"
	strictRole = "arn:aws:iam::111122223333:role/daypass/strict"
	hopRole    = "arn:aws:iam::444455556666:role/hop"
	shopARN    = "arn:aws:eks:eu-west-1:111122223333:cluster/shop"
	denyAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	allowAll   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
)

// world is a simulator behind TLS and what its observer saw.
type world struct {
	*Sim
	server *Server
	ca     *Authority
	client *http.Client
	user   aws.Credentials

	mu    sync.Mutex
	calls []Call
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{user: aws.Credentials{
		AccessKeyID:     "AKIA" + strings.Repeat("A", 16),
		SecretAccessKey: last(hash(random(32)), 40),
	}}
	o := options(w.user)
	o.AllowedHosts = []string{l.Addr().String()}
	o.Observe = w.saw
	for _, c := range change {
		c(&o)
	}
	w.Sim = New(o)
	if w.ca, err = NewAuthority(); err != nil {
		t.Fatal(err)
	}
	w.server = w.Serve(l, w.ca)
	t.Cleanup(func() {
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
	})
	w.client = trusting(w.ca)
	return w
}

func options(user aws.Credentials) Options {
	return Options{
		Users: []User{{ARN: userARN, AccessKeyID: user.AccessKeyID, Secret: Secret(user.SecretAccessKey)}},
		Roles: []Role{
			{ARN: readerRole, ID: "AROAREADER0000000000", MaxSession: 12 * time.Hour,
				Trust: Trust{Principals: []string{userARN, hopRole}, SourceIdentity: true, Tags: true}},
			{ARN: strictRole, ID: "AROASTRICT0000000000",
				Trust: Trust{Principals: []string{"111122223333"}, ExternalID: "daypass-42"}},
			{ARN: hopRole, ID: "AROAHOP0000000000000",
				Trust: Trust{Principals: []string{"arn:aws:iam::111122223333:root"}, SourceIdentity: true, Tags: true}},
		},
		Clusters: []Cluster{
			{ARN: shopARN, Endpoint: "https://shop.example", CA: []byte("shop CA"), PublicAccess: true,
				PublicAccessCIDRs: []string{"203.0.113.0/24"}, CreatorIsAdmin: true, Created: time.Unix(1700000000, 0)},
			{ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/bank", Endpoint: "https://bank.example", Status: "CREATING"},
			{ARN: "arn:aws:eks:us-east-2:111122223333:cluster/far", Endpoint: "https://far.example"},
		},
		Readers: map[string][]string{"111122223333": {userARN, readerRole}},
	}
}

func (w *world) saw(c Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
}

func (w *world) lastCall(t *testing.T) Call {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) == 0 {
		t.Fatal("the observer saw no call")
	}
	return w.calls[len(w.calls)-1]
}

func trusting(ca *Authority) *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.PEM())
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func (w *world) config(who aws.Credentials) aws.Config {
	return aws.Config{
		Region: region, HTTPClient: w.client, BaseEndpoint: aws.String(w.server.URL),
		Credentials: credentials.StaticCredentialsProvider{Value: who},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func (w *world) sts(who aws.Credentials) *sts.Client { return sts.NewFromConfig(w.config(who)) }
func (w *world) eks(who aws.Credentials) *eks.Client { return eks.NewFromConfig(w.config(who)) }

// assume gives the credentials of a role, as who assumed it.
func (w *world) assume(t *testing.T, who aws.Credentials, in *sts.AssumeRoleInput) aws.Credentials {
	t.Helper()
	out, err := w.sts(who).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken,
	}
}

func ask(role, session string) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String(session), DurationSeconds: aws.Int32(900)}
}

// codeOf is the AWS error code of what a client got; empty for success.
func codeOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Fatalf("not an error of AWS: %v", err)
	}
	return api.ErrorCode()
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
