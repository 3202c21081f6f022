// Package eks is AWS as the issuer needs it: it assumes roles, presigns tokens
// and knows where clusters are, by the SDK's own configuration and nothing
// private besides.
//
// It promises that the credentials of an assumed role never leave it, except
// for the signature that the token is, and that no failure of EKS makes it
// forget where a cluster was. Its one danger: a presigned URL is the
// credential itself, so none may reach an error or a log.
package eks

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/sync/singleflight"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// dialTimeout tells an endpoint that nothing answers at from one that is slow.
const dialTimeout = 5 * time.Second

// Memory keeps, over restarts, what AWS last said about a cluster. A failure
// of it never stops an issuance that AWS itself allows.
type Memory interface {
	// Recall gives what was remembered last, or issuer.ErrNoEndpoint.
	Recall(ctx context.Context, arn string) (issuer.Endpoint, error)
	// Remember replaces what was remembered.
	Remember(ctx context.Context, arn string, at issuer.Endpoint) error
}

// Options are what a Cloud works with. All are required.
type Options struct {
	Memory   Memory
	Now      func() time.Time
	Log      *slog.Logger
	Clusters func() []access.Cluster // which clusters Run keeps fresh
}

// Cloud is AWS. Its methods may be used from many goroutines.
type Cloud struct {
	memory   Memory
	now      func() time.Time
	log      *slog.Logger
	clusters func() []access.Cluster

	own    aws.CredentialsProvider // this server's own credentials
	region string                  // the server's own; may be empty
	sts    *sts.Client
	eks    *eks.Client

	atlas   atlas
	flights singleflight.Group
	every   time.Duration // from one refresh of all clusters to the next

	mu         sync.Mutex
	describers map[describer]*aws.CredentialsCache
}

// New reads the SDK's own configuration: environment, shared files, the
// default credential chain, endpoints, proxy and CA bundle. It calls nobody,
// so AWS may be down.
func New(ctx context.Context, o Options) (*Cloud, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client()), config.WithLogger(sdkLog(o.Log)))
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration (environment and shared files): %w", err)
	}
	return &Cloud{
		memory: o.Memory, now: o.Now, log: o.Log, clusters: o.Clusters,
		own: cfg.Credentials, region: cfg.Region,
		// Tokens are dated by our clock, so a clock that is wrong must show,
		// not be worked around in the calls alone.
		sts:        sts.NewFromConfig(cfg, func(s *sts.Options) { s.Retryer, s.DisableClockSkewCorrection = retryer(growing), true }),
		eks:        eks.NewFromConfig(cfg, func(s *eks.Options) { s.Retryer, s.DisableClockSkewCorrection = retryer(growing), true }),
		atlas:      atlas{known: map[string]known{}},
		every:      refreshEvery,
		describers: map[describer]*aws.CredentialsCache{},
	}, nil
}

// client bounds every exchange, those of the SDK's credential chain included:
// it fetches credentials without the caller's deadline, and whoever comes
// later waits for that same fetch (aws.CredentialsCache).
func client() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(issuer.CloudTimeout).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })
}

// sdkLog carries the SDK's own warnings. Its request logging, which would
// show secrets, stays off.
func sdkLog(log *slog.Logger) logging.LoggerFunc {
	return func(class logging.Classification, format string, v ...any) {
		level := slog.LevelWarn
		if class == logging.Debug {
			level = slog.LevelDebug
		}
		log.Log(context.Background(), level, "the AWS SDK says: "+fmt.Sprintf(format, v...))
	}
}

// Identity is the ARN this server goes by at AWS. GetCallerIdentity needs no
// permission (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html),
// so a failure means that credentials or the way to AWS are missing.
func (c *Cloud) Identity(ctx context.Context) (string, error) {
	region := c.home()
	if region == "" {
		return "", &issuer.Fault{Code: "no-region", Say: "This server knows no AWS region to ask.", Next: "Set AWS_REGION, or configure a cluster."}
	}
	if err := c.ready(ctx); err != nil {
		return "", err
	}
	out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, at(region))
	if err != nil {
		return "", attempt{kind: identifying, region: region}.fault(ctx, err)
	}
	return aws.ToString(out.Arn), nil
}

// home is the server's own region, or that of any cluster.
func (c *Cloud) home() string {
	if c.region != "" {
		return c.region
	}
	for _, cl := range c.clusters() {
		return cl.ARN.Region
	}
	return ""
}

// ready makes sure that there are credentials before they are needed, so that
// their absence is not taken for a refusal.
func (c *Cloud) ready(ctx context.Context) error {
	if _, err := c.own.Retrieve(ctx); err != nil {
		return noCredentials(ctx, err)
	}
	return nil
}

// at sends one call to the STS of a region. Tokens signed for the global host
// are refused outside the aws partition, and its session tokens differ
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html).
func at(region string) func(*sts.Options) {
	return func(o *sts.Options) { o.Region = region }
}
