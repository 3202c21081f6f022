package eks

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer/awssim"
)

// nobody notes which hosts are asked, and answers none.
type nobody struct{ asked []string }

func (n *nobody) Do(r *http.Request) (*http.Response, error) {
	n.asked = append(n.asked, r.URL.Scheme+"://"+r.URL.Host)
	return nil, errors.New("nobody is there")
}

// real is a Cloud that knows AWS by its own names, and reaches none of it.
func real(t *testing.T, set ...string) (*Cloud, *nobody) {
	t.Helper()
	w := newWorld(t)
	t.Setenv("AWS_ENDPOINT_URL_STS", "")
	t.Setenv("AWS_ENDPOINT_URL_EKS", "")
	for _, name := range set {
		t.Setenv(name, "true")
	}
	w.restart(t)
	n := &nobody{}
	w.sts = sts.New(w.sts.Options(), func(o *sts.Options) { o.HTTPClient = n })
	w.eks = eks.New(w.eks.Options(), func(o *eks.Options) { o.HTTPClient = n })
	return w.Cloud, n
}

func TestPartitionAndRegionComeFromTheCluster(t *testing.T) {
	for _, tt := range []struct{ partition, region, sts, eks, fips, dual string }{
		{"aws", "eu-west-1", "sts.eu-west-1.amazonaws.com", "eks.eu-west-1.amazonaws.com", "sts-fips.eu-west-1.amazonaws.com", "sts.eu-west-1.api.aws"},
		{"aws", "us-east-1", "sts.us-east-1.amazonaws.com", "eks.us-east-1.amazonaws.com", "sts-fips.us-east-1.amazonaws.com", "sts.us-east-1.api.aws"},
		{"aws-cn", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn", "eks.cn-north-1.amazonaws.com.cn", "sts-fips.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.api.amazonwebservices.com.cn"},
		{"aws-us-gov", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com", "eks.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.api.aws"},
		{"aws-iso", "us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov", "eks.us-iso-east-1.c2s.ic.gov", "sts-fips.us-iso-east-1.c2s.ic.gov", ""},
		{"aws-iso-b", "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov", "eks.us-isob-east-1.sc2s.sgov.gov", "sts-fips.us-isob-east-1.sc2s.sgov.gov", ""},
		{"aws-iso-e", "eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk", "eks.eu-isoe-west-1.cloud.adc-e.uk", "sts-fips.eu-isoe-west-1.cloud.adc-e.uk", ""},
		{"aws-iso-f", "us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov", "eks.us-isof-south-1.csp.hci.ic.gov", "sts-fips.us-isof-south-1.csp.hci.ic.gov", ""},
		{"aws-eusc", "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu", "eks.eusc-de-east-1.amazonaws.eu", "sts-fips.eusc-de-east-1.amazonaws.eu", ""},
	} {
		t.Run(tt.region, func(t *testing.T) {
			cl := access.Cluster{Name: "shop", ARN: arn(t, strings.Join([]string{"arn", tt.partition, "eks", tt.region, "111122223333", "cluster/shop"}, ":"))}
			a := wish(t, roleARN)
			a.Cluster, a.RoleARN = cl, arn(t, "arn:"+tt.partition+":iam::111122223333:role/viewer")
			c, n := real(t)
			if _, err := c.Mint(t.Context(), a); err == nil {
				t.Fatal("something answered")
			}
			if _, err := c.Describe(t.Context(), cl); err == nil {
				t.Fatal("something answered")
			}
			if diff := cmp.Diff([]string{"https://" + tt.sts, "https://" + tt.eks}, n.asked); diff != "" {
				t.Error(diff)
			}
			signsFor(t, c, cl.ARN, tt.sts)
			c, _ = real(t, "AWS_USE_FIPS_ENDPOINT")
			signsFor(t, c, cl.ARN, tt.fips)
			if tt.dual != "" {
				c, _ = real(t, "AWS_USE_DUALSTACK_ENDPOINT")
				signsFor(t, c, cl.ARN, tt.dual)
			}
		})
	}
}

// signsFor holds the host of a token, and its region, against what the
// cluster's verifier accepts.
func signsFor(t *testing.T, c *Cloud, cluster access.ARN, host string) {
	t.Helper()
	endpoint, err := c.stsURL(t.Context(), cluster.Region)
	if err != nil {
		t.Fatal(err)
	}
	creds := aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
	m, err := c.sign(t.Context(), endpoint, cluster, creds)
	if err != nil {
		t.Fatal(err)
	}
	u := urlOf(t, m.Token.Reveal())
	if scope := u.Query().Get("X-Amz-Credential"); u.Host != host || !strings.HasSuffix(scope, "/"+cluster.Region+"/sts/aws4_request") {
		t.Errorf("signed for %s with %s, want %s", u.Host, scope, host)
	}
	if _, err := awssim.Parse(m.Token.Reveal(), time.Now(), 0, awssim.Hosts{Partition: cluster.Partition, Region: cluster.Region}); err != nil {
		t.Errorf("the verifier of partition %s: %v", cluster.Partition, err)
	}
}

func TestExpiryCountsFromTheDateInTheToken(t *testing.T) {
	w := newWorld(t)
	w.now = func() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 999_999_999, time.UTC) }
	m, err := w.sign(t.Context(), "https://sts.example/", arn(t, shopARN), aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	date, err := time.Parse("20060102T150405Z", urlOf(t, m.Token.Reveal()).Query().Get("X-Amz-Date"))
	if err != nil || m.Expires.Sub(date) != 14*time.Minute {
		t.Errorf("dated %s, said to end %s: %v", date, m.Expires, err)
	}
}

func TestTokenEndsWithItsSignatureOrItsCredentials(t *testing.T) {
	signed := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for claim, tt := range map[string]struct {
		creds time.Time
		want  time.Duration
	}{
		"the signature ends first":   {signed.Add(time.Hour), 14 * time.Minute},
		"both end together":          {signed.Add(15 * time.Minute), 14 * time.Minute},
		"the credentials end first":  {signed.Add(15*time.Minute - time.Second), 14*time.Minute - time.Second},
		"the credentials were spent": {signed.Add(-time.Minute), -2 * time.Minute},
	} {
		if got := ends(signed, aws.Credentials{CanExpire: true, Expires: tt.creds}).Sub(signed); got != tt.want {
			t.Errorf("%s: %s, want %s", claim, got, tt.want)
		}
	}
}
