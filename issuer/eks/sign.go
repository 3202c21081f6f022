package eks

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// The form of a token, as the cluster's verifier demands it
// (aws-iam-authenticator, pkg/token/token.go).
const (
	tokenPrefix   = "k8s-aws-v1."
	clusterHeader = "x-k8s-aws-id"

	// tokenLife counts from X-Amz-Date. STS and the verifier ignore
	// X-Amz-Expires, yet it must be there, from 0 to 900; 60 is what the
	// authenticator itself writes (its PR 160).
	tokenLife = 15 * time.Minute
	query     = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60"

	// noPayload is the SHA-256 of nothing: a GET has no body.
	noPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// sign makes the token: a presigned question to STS who its holder is.
func (c *Cloud) sign(ctx context.Context, endpoint string, cluster access.ARN, creds aws.Credentials) (issuer.Minted, error) {
	now := c.now().UTC().Truncate(time.Second) // X-Amz-Date knows no less
	signed, err := presign(ctx, endpoint, cluster, creds, now)
	if err != nil {
		// The cause is left out: what cannot be signed may stand in it.
		return issuer.Minted{}, &issuer.Fault{Code: "sign", Say: "The token for " + cluster.Name() + " could not be signed.",
			Next: "Check AWS_ENDPOINT_URL_STS and the server's clock."}
	}
	return issuer.Minted{
		Token:       issuer.NewToken(encode(signed)),
		AccessKeyID: creds.AccessKeyID,
		Expires:     ends(now, creds),
	}, nil
}

func encode(signed string) string {
	token := make([]byte, 0, len(tokenPrefix)+base64.RawURLEncoding.EncodedLen(len(signed)))
	token = append(token, tokenPrefix...)
	return string(base64.RawURLEncoding.AppendEncode(token, []byte(signed)))
}

// presign signs for one cluster: its name is among the signed headers, which
// stops replay against clusters of other names. The name is unique per account
// and region only.
//
// The signer is a fresh one, since a signer keeps the last signing key.
func presign(ctx context.Context, endpoint string, cluster access.ARN, creds aws.Credentials, now time.Time) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"?"+query, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set(clusterHeader, cluster.Name())
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, creds, r, noPayload, "sts", cluster.Region, now)
	return signed, err
}

// stsURL is the regional STS as the SDK resolves it, FIPS, dual-stack and
// AWS_ENDPOINT_URL_STS included: the host AssumeRole went to. The verifier
// wants https and the path /.
func (c *Cloud) stsURL(ctx context.Context, region string) (string, error) {
	o := c.sts.Options()
	found, err := o.EndpointResolverV2.ResolveEndpoint(ctx, sts.EndpointParameters{
		Region:            aws.String(region),
		UseDualStack:      aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		UseFIPS:           aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseGlobalEndpoint: aws.Bool(false),
		Endpoint:          o.BaseEndpoint,
	})
	if err != nil {
		return "", &issuer.Fault{Code: "endpoint", Say: "No STS endpoint is known for the region " + region + ".",
			Next: "Check AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and AWS_ENDPOINT_URL_STS.", Err: err}
	}
	if u := found.URI; u.Scheme != "https" || (u.Path != "" && u.Path != "/") {
		return "", badEndpoint(u)
	}
	return "https://" + found.URI.Host + "/", nil
}

func badEndpoint(u url.URL) error {
	return &issuer.Fault{Code: "endpoint",
		Say:  fmt.Sprintf("Clusters refuse tokens signed for the STS endpoint %s://%s%s: they want https and no path.", u.Scheme, u.Host, u.Path),
		Next: "Set AWS_ENDPOINT_URL_STS to an https URL without a path, or leave it unset."}
}
