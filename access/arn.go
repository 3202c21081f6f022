package access

import (
	"fmt"
	"regexp"
	"strings"
)

// ARN is a parsed Amazon Resource Name of an EKS cluster or an IAM role.
// Once parsed it is trusted and not checked again.
//
// Format: arn:partition:service:region:account:resource
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).
type ARN struct {
	Partition string // aws, aws-cn, aws-us-gov, aws-iso, …
	Service   string // eks or iam
	Region    string // empty for IAM
	Account   string // twelve digits
	Resource  string // cluster/NAME or role/PATH/NAME
}

// The partitions that EKS tokens can be made for, as aws-iam-authenticator
// lists them in pkg/endpoints/partitions.go.
var partitions = map[string]bool{
	"aws": true, "aws-cn": true, "aws-us-gov": true,
	"aws-iso": true, "aws-iso-b": true, "aws-iso-e": true, "aws-iso-f": true,
	"aws-eusc": true,
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
	clusterForm = regexp.MustCompile(`^cluster/[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
	// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
	roleForm = regexp.MustCompile(`^role(/[!-.0-~]+)*/[\w+=,.@-]{1,64}$`)
)

// ParseARN reads an EKS cluster's or an IAM role's ARN. The error names the
// part that is wrong.
func ParseARN(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, fmt.Errorf("%q is not an ARN: want arn:partition:service:region:account:resource", s)
	}
	a := ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}
	if !partitions[a.Partition] {
		return ARN{}, fmt.Errorf("%q names the partition %q, which is none of aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc", s, a.Partition)
	}
	if !accountForm.MatchString(a.Account) {
		return ARN{}, fmt.Errorf("%q names the account %q: want twelve digits", s, a.Account)
	}
	return a, a.checkResource(s)
}

func (a ARN) checkResource(s string) error {
	switch a.Service {
	case "eks":
		if !regionForm.MatchString(a.Region) {
			return fmt.Errorf("%q names the region %q: want one such as eu-west-1", s, a.Region)
		}
		if !clusterForm.MatchString(a.Resource) {
			return fmt.Errorf("%q is not a cluster's ARN: want it to end in cluster/NAME", s)
		}
	case "iam":
		if a.Region != "" {
			return fmt.Errorf("%q names a region; IAM has none", s)
		}
		if !roleForm.MatchString(a.Resource) {
			return fmt.Errorf("%q is not a role's ARN: want it to end in role/NAME", s)
		}
	default:
		return fmt.Errorf("%q is of the service %q: want eks or iam", s, a.Service)
	}
	return nil
}

// String gives the ARN back as it was written.
func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}

// Name is the last segment of the resource: the cluster's or the role's name.
func (a ARN) Name() string {
	return a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
}

// WithoutPath is a role's ARN as the aws-auth ConfigMap wants it; access
// entries want the path kept
// (https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html).
func (a ARN) WithoutPath() string {
	if a.Service == "iam" {
		a.Resource = "role/" + a.Name()
	}
	return a.String()
}
