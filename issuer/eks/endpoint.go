package eks

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/daypass/daypass/issuer"
)

// errNoEndpointYet says that AWS knows the cluster and has not built it yet.
var errNoEndpointYet = errors.New("the cluster has no endpoint")

// read takes from DescribeCluster what a kubeconfig and the pages need
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html).
func read(c *types.Cluster, now time.Time) (issuer.Endpoint, error) {
	e := issuer.Endpoint{
		URL: aws.ToString(c.Endpoint), Version: aws.ToString(c.Version),
		Status: string(c.Status), AsOf: now.UTC(),
	}
	if e.URL == "" {
		return e, errNoEndpointYet
	}
	if c.CertificateAuthority == nil {
		return e, errors.New("it has no certificate authority")
	}
	ca, err := base64.StdEncoding.DecodeString(aws.ToString(c.CertificateAuthority.Data))
	if err != nil {
		return e, errors.New("its certificate authority is not base64")
	}
	e.CA = ca
	// A private endpoint can be reached from the VPC or a connected network
	// only; these tell before a person runs into a timeout
	// (https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html).
	if v := c.ResourcesVpcConfig; v != nil {
		e.Public, e.Private, e.PublicCIDRs = v.EndpointPublicAccess, v.EndpointPrivateAccess, v.PublicAccessCidrs
	}
	if a := c.AccessConfig; a != nil {
		e.AuthenticationMode = string(a.AuthenticationMode)
	}
	return e, sound(e)
}

// sound refuses an endpoint that no kubeconfig should name. What was
// remembered is checked as well: it went through a database.
func sound(e issuer.Endpoint) error {
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("its endpoint %.100q is not an https URL", e.URL)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(e.CA) {
		return errors.New("its certificate authority holds no certificate in PEM form")
	}
	return nil
}
