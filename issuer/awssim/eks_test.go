package awssim

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"
)

func describe(name string) *eks.DescribeClusterInput {
	return &eks.DescribeClusterInput{Name: aws.String(name)}
}

func TestDescribeClusterTellsAllThatAKubeconfigNeeds(t *testing.T) {
	w := newWorld(t)
	out, err := w.eks(w.user).DescribeCluster(t.Context(), describe("shop"))
	if err != nil {
		t.Fatal(err)
	}
	c := out.Cluster
	got := map[string]any{
		"arn": *c.Arn, "name": *c.Name, "endpoint": *c.Endpoint, "ca": *c.CertificateAuthority.Data,
		"status": c.Status, "version": *c.Version, "created": c.CreatedAt.Unix(),
		"public": c.ResourcesVpcConfig.EndpointPublicAccess, "private": c.ResourcesVpcConfig.EndpointPrivateAccess,
		"cidrs": c.ResourcesVpcConfig.PublicAccessCidrs,
		"mode":  c.AccessConfig.AuthenticationMode, "creator": *c.AccessConfig.BootstrapClusterCreatorAdminPermissions,
	}
	want := map[string]any{
		"arn": shopARN, "name": "shop", "endpoint": "https://shop.example", "ca": "c2hvcCBDQQ==",
		"status": types.ClusterStatusActive, "version": "1.33", "created": int64(1700000000),
		"public": true, "private": false, "cidrs": []string{"203.0.113.0/24"},
		"mode": types.AuthenticationModeApi, "creator": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	seen := w.lastCall(t)
	if seen.Action != DescribeCluster || seen.Target != shopARN || seen.Verdict != "OK" {
		t.Errorf("observed %+v", seen)
	}
}

func TestAClusterBeingMadeHasNoEndpointYet(t *testing.T) {
	w := newWorld(t)
	out, err := w.eks(w.user).DescribeCluster(t.Context(), describe("bank"))
	if err != nil {
		t.Fatal(err)
	}
	if out.Cluster.Endpoint != nil || out.Cluster.CertificateAuthority.Data != nil {
		t.Errorf("endpoint %v, CA %v: want neither", out.Cluster.Endpoint, out.Cluster.CertificateAuthority.Data)
	}
}

func TestDescribeClusterRefusals(t *testing.T) {
	w := newWorld(t)
	hop := w.assume(t, w.user, ask(hopRole, "ada"))
	narrow := ask(readerRole, "ada")
	narrow.Policy = aws.String(`{"Statement":[{"Effect":"Allow","Action":["eks:Describe*"],"Resource":"arn:aws:eks:*:*:cluster/b*"}]}`)
	onlyBank := w.assume(t, w.user, narrow)
	wrong := w.user
	wrong.SecretAccessKey += "x"
	for name, c := range map[string]struct {
		who     aws.Credentials
		cluster string
		code    string
	}{
		"refuses a cluster that does not exist":          {w.user, "none", "ResourceNotFoundException"},
		"refuses a cluster of another region":            {w.user, "far", "ResourceNotFoundException"},
		"refuses a role of another account":              {hop, "shop", "AccessDeniedException"},
		"refuses what the session policy does not name":  {onlyBank, "shop", "AccessDeniedException"},
		"grants what the session policy names":           {onlyBank, "bank", ""},
		"tells nothing of clusters to who may not read":  {hop, "none", "AccessDeniedException"},
		"refuses a wrong secret":                         {wrong, "shop", "InvalidSignatureException"},
		"refuses an unknown key":                         {aws.Credentials{AccessKeyID: "AKIANOBODY", SecretAccessKey: "x"}, "shop", "UnrecognizedClientException"},
		"signs a name that needs escaping twice, as EKS": {w.user, "a b+c%2Fd", "ResourceNotFoundException"},
		"finds no cluster under a name that has a slash": {w.user, "shop/x", "ResourceNotFoundException"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.eks(c.who).DescribeCluster(t.Context(), describe(c.cluster))
			if got := codeOf(t, err); got != c.code {
				t.Errorf("code %q, want %q (%v)", got, c.code, err)
			}
		})
	}
}

func TestASessionIsExpiredForEKSToo(t *testing.T) {
	clock := time.Now()
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	creds := w.assume(t, w.user, ask(readerRole, "ada"))
	clock = clock.Add(15*time.Minute + time.Second)
	_, err := w.eks(creds).DescribeCluster(t.Context(), describe("shop"))
	if got := codeOf(t, err); got != "ExpiredTokenException" {
		t.Errorf("code %q, want ExpiredTokenException", got)
	}
}

func TestListClustersPages(t *testing.T) {
	w := newWorld(t)
	pages := eks.NewListClustersPaginator(w.eks(w.user), &eks.ListClustersInput{MaxResults: aws.Int32(1)})
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join(page.Clusters, "+"))
	}
	if diff := cmp.Diff([]string{"shop", "bank"}, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	_, err := w.eks(w.user).ListClusters(t.Context(), &eks.ListClustersInput{NextToken: aws.String("beyond")})
	if got := codeOf(t, err); got != "InvalidParameterException" {
		t.Errorf("a made-up token gives %q", got)
	}
}
