package eks

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/daypass/daypass/issuer"
)

const (
	// sessionSeconds is STS's shortest session: the credentials die with the
	// token. Role chaining caps sessions at an hour, and a pod's role is
	// chaining already
	// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
	sessionSeconds = 900

	// denyAll takes every right from the session but the one nobody can take:
	// GetCallerIdentity works under an explicit deny
	// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
	// So the token works, and the credentials behind it are of no other use.
	// That EKS lets such a session in is inferred, not yet tried on AWS.
	denyAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`

	// packedWarning is when to say that session policy and tags nearly fill
	// what STS allows them, in percent. STS does not publish its limit.
	packedWarning = 80

	// mostSkew is how far the clocks may disagree. STS takes AssumeRole with
	// more, but the token would begin late or end early; the SDK draws the
	// same line (aws/retry/middleware.go, skewThreshold).
	mostSkew = 4 * time.Minute
)

// Mint assumes the role and presigns at once: a token signed with credentials
// that are kept and used again dies before its time, with the credentials
// (aws-iam-authenticator issues 590 and 724).
func (c *Cloud) Mint(ctx context.Context, a issuer.Assumption) (issuer.Minted, error) {
	if err := c.ready(ctx); err != nil {
		return issuer.Minted{}, err
	}
	endpoint, err := c.stsURL(ctx, a.Cluster.ARN.Region)
	if err != nil {
		return issuer.Minted{}, err
	}
	creds, err := c.assume(ctx, a)
	if err != nil {
		return issuer.Minted{}, err
	}
	return c.sign(ctx, endpoint, a.Cluster.ARN, creds)
}

func (c *Cloud) assume(ctx context.Context, a issuer.Assumption) (aws.Credentials, error) {
	region := a.Cluster.ARN.Region
	doing := attempt{kind: assuming, name: a.RoleARN.String(), region: region,
		externalID: a.ExternalID, sourceIdentity: a.SourceIdentity != "", tags: len(a.Tags) > 0}
	out, err := c.sts.AssumeRole(ctx, input(a), at(region))
	if err != nil {
		return aws.Credentials{}, doing.fault(ctx, err)
	}
	if skewed(out.ResultMetadata) {
		return aws.Credentials{}, doing.clock()
	}
	if n := aws.ToInt32(out.PackedPolicySize); n > packedWarning {
		c.log.Warn("session policy and tags nearly fill what STS allows", "role", doing.name, "percent", n)
	}
	got := out.Credentials
	if got == nil || aws.ToString(got.AccessKeyId) == "" || aws.ToString(got.SecretAccessKey) == "" || got.Expiration == nil {
		return aws.Credentials{}, doing.badAnswer("STS sent no credentials")
	}
	return aws.Credentials{
		AccessKeyID: *got.AccessKeyId, SecretAccessKey: *got.SecretAccessKey,
		SessionToken: aws.ToString(got.SessionToken), CanExpire: true, Expires: *got.Expiration,
	}, nil
}

// skewed compares the clocks by the date of AWS's answer.
func skewed(of smithy.Metadata) bool {
	theirs, told := middleware.GetServerTime(of)
	ours, known := middleware.GetResponseAt(of)
	return told && known && theirs.Sub(ours).Abs() > mostSkew
}

// input asks for the least session there is. Source identity, external ID and
// tags are left out when empty: the first and the last need permissions of
// their own, sts:SetSourceIdentity and sts:TagSession
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html).
func input(a issuer.Assumption) *sts.AssumeRoleInput {
	in := &sts.AssumeRoleInput{
		RoleArn:         aws.String(a.RoleARN.String()),
		RoleSessionName: aws.String(a.SessionName),
		DurationSeconds: aws.Int32(sessionSeconds),
		Policy:          aws.String(denyAll),
	}
	if a.SourceIdentity != "" {
		in.SourceIdentity = aws.String(a.SourceIdentity)
	}
	if a.ExternalID != "" {
		in.ExternalId = aws.String(a.ExternalID)
	}
	for _, k := range slices.Sorted(maps.Keys(a.Tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(a.Tags[k])})
	}
	return in
}

// ends is when a token stops working at the latest, less the cushion: with its
// signature's quarter of an hour, or with its credentials.
func ends(signed time.Time, creds aws.Credentials) time.Time {
	end := signed.Add(tokenLife)
	if creds.CanExpire && creds.Expires.Before(end) {
		end = creds.Expires
	}
	return end.Add(-issuer.Cushion)
}
