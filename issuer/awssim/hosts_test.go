package awssim

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Whatever host the SDK makes for a region of a partition must be accepted
// there, and refused by partitions under another domain.
func TestHostsAreThoseOfTheSDKsResolver(t *testing.T) {
	regions := map[string][]string{
		"aws": {"eu-west-1", "us-east-1", "ap-southeast-7", "mx-central-1"}, "aws-cn": {"cn-north-1", "cn-northwest-1"},
		"aws-us-gov": {"us-gov-west-1", "us-gov-east-1"}, "aws-iso": {"us-iso-east-1"}, "aws-iso-b": {"us-isob-east-1"},
		"aws-iso-e": {"eu-isoe-west-1"}, "aws-iso-f": {"us-isof-south-1"}, "aws-eusc": {"eusc-de-east-1"},
	}
	for _, home := range partitions() {
		for _, r := range regions[home] {
			for _, fips := range []bool{false, true} {
				host := resolve(t, r, fips, false)
				for _, other := range partitions() {
					a, _ := partitionNamed(home)
					b, _ := partitionNamed(other)
					err := Hosts{Partition: other, Region: "none"}.check(host)
					if want := a.domain == b.domain; (err == nil) != want {
						t.Errorf("partition %s, host %s: %v; want accepted %v", other, host, err, want)
					}
				}
			}
		}
	}
}

func TestDualStackHosts(t *testing.T) {
	for partition, region := range map[string]string{
		"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1",
	} {
		for _, fips := range []bool{false, true} {
			host := resolve(t, region, fips, true)
			if err := (Hosts{Partition: partition}).check(host); err != nil {
				t.Errorf("%s: %v", partition, err)
			}
		}
	}
}

func resolve(t *testing.T, region string, fips, dual bool) string {
	t.Helper()
	e, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), sts.EndpointParameters{
		Region: aws.String(region), UseFIPS: aws.Bool(fips), UseDualStack: aws.Bool(dual),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.URI.Host
}

func TestHostRule(t *testing.T) {
	for name, c := range map[string]struct {
		hosts Hosts
		host  string
		good  bool
	}{
		"the global host is good in aws":                   {Hosts{Partition: "aws"}, "sts.amazonaws.com", true},
		"the global host is bad in aws-us-gov":             {Hosts{Partition: "aws-us-gov"}, "sts.amazonaws.com", false},
		"the global host is bad in aws-cn":                 {Hosts{Partition: "aws-cn"}, "sts.amazonaws.com", false},
		"a port is no part of an STS host":                 {Hosts{Partition: "aws"}, "sts.eu-west-1.amazonaws.com:443", false},
		"a domain that only begins as AWS's is bad":        {Hosts{Partition: "aws"}, "sts.eu-west-1.amazonaws.com.evil.example", false},
		"a domain that only ends as AWS's is bad":          {Hosts{Partition: "aws"}, "sts.eu-west-1.evilamazonaws.com", false},
		"a label too many is bad":                          {Hosts{Partition: "aws"}, "sts.x.eu-west-1.amazonaws.com", false},
		"another service's host is bad":                    {Hosts{Partition: "aws"}, "s3.eu-west-1.amazonaws.com", false},
		"a region that is no label is bad":                 {Hosts{Partition: "aws"}, "sts.eu_west_1.amazonaws.com", false},
		"an empty host is bad":                             {Hosts{Partition: "aws"}, "", false},
		"the cluster's own new region is good":             {Hosts{Partition: "aws-cn", Region: "new-1"}, "sts.new-1.amazonaws.com.cn", true},
		"another unknown region is bad outside aws":        {Hosts{Partition: "aws-cn", Region: "new-2"}, "sts.new-1.amazonaws.com.cn", false},
		"an unknown region is good in aws":                 {Hosts{Partition: "aws"}, "sts.not-a-region.amazonaws.com", true},
		"a Chinese region under the commercial domain":     {Hosts{Partition: "aws"}, "sts.cn-north-1.amazonaws.com", false},
		"an unknown partition accepts nothing":             {Hosts{Partition: "aws-moon", Region: "m-1"}, "sts.m-1.amazonaws.com", false},
		"a loopback address is bad unless injected":        {Hosts{Partition: "aws"}, "127.0.0.1:4433", false},
		"an injected host is good, exactly as written":     {Hosts{Partition: "aws", Also: []string{"127.0.0.1:4433"}}, "127.0.0.1:4433", true},
		"an injected host is bad under another port":       {Hosts{Partition: "aws", Also: []string{"127.0.0.1:4433"}}, "127.0.0.1:4434", false},
		"without a partition only injected hosts count":    {Hosts{Also: []string{"a:1"}}, "sts.amazonaws.com", false},
		"the SDK's name for the global region is no label": {Hosts{Partition: "aws"}, "sts.aws-global.amazonaws.com", false},
		"GovCloud's FIPS host is its plain one":            {Hosts{Partition: "aws-us-gov"}, "sts-fips.us-gov-west-1.amazonaws.com", false},
		"an isolated partition has no dual-stack domain":   {Hosts{Partition: "aws-iso"}, "sts.us-iso-east-1.api.aws.ic.gov", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.hosts.check(c.host)
			if (err == nil) != c.good {
				t.Errorf("%s: %v", c.host, err)
			}
			if err != nil && !errors.Is(err, ErrForm) {
				t.Errorf("%v is not ErrForm", err)
			}
		})
	}
}
