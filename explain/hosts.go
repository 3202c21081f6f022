package explain

import (
	"regexp"
	"strings"
)

// partition is a part of AWS with its own names. The domains are those of
// aws-iam-authenticator pkg/endpoints/partitions.go; regions and dual-stack
// domains those of the SDK's rules (service/sts, endpoints.go).
type partition struct {
	name, domain, dualStack string
	region                  *regexp.Regexp // nil: every region that is no other partition's
	pseudo                  string         // a region that only the SDK uses
}

var partitions = []partition{
	{"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", regexp.MustCompile(`^cn-\w+-\d+$`), "aws-cn-global"},
	{"aws-us-gov", "amazonaws.com", "api.aws", regexp.MustCompile(`^us-gov-\w+-\d+$`), "aws-us-gov-global"},
	{"aws-iso", "c2s.ic.gov", "", regexp.MustCompile(`^us-iso-\w+-\d+$`), "aws-iso-global"},
	{"aws-iso-b", "sc2s.sgov.gov", "", regexp.MustCompile(`^us-isob-\w+-\d+$`), "aws-iso-b-global"},
	{"aws-iso-e", "cloud.adc-e.uk", "", regexp.MustCompile(`^eu-isoe-\w+-\d+$`), "aws-iso-e-global"},
	{"aws-iso-f", "csp.hci.ic.gov", "", regexp.MustCompile(`^us-isof-\w+-\d+$`), "aws-iso-f-global"},
	{"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", regexp.MustCompile(`^eusc-de-\w+-\d+$`), ""},
	// Last: the SDK takes a region it does not know for one of these.
	{"aws", "amazonaws.com", "api.aws", nil, ""},
}

// globalHost is the STS host without a region. Requests to it are signed for
// us-east-1, and no partition but aws has it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html).
const globalHost = "sts.amazonaws.com"

// partitionOf says which part of AWS a region belongs to.
func partitionOf(region string) partition {
	for _, p := range partitions {
		if p.region == nil || p.region.MatchString(region) || (region != "" && region == p.pseudo) {
			return p
		}
	}
	return partition{}
}

// place is what an STS host's name tells.
type place struct {
	partition, region string
	signs             string // the region that signatures for it name
}

var labelForm = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$`)

// placeOf reads an STS host. Verifiers take a host that AWS's resolver could
// have made, and no other (aws-iam-authenticator pkg/token/token.go).
func placeOf(host string) (place, bool) {
	if host == globalHost {
		return place{"aws", "", "us-east-1"}, true
	}
	labels := strings.SplitN(host, ".", 3)
	if len(labels) != 3 || !labelForm.MatchString(labels[1]) {
		return place{}, false
	}
	p := partitionOf(labels[1])
	if !p.resolves(labels[0], labels[1], labels[2]) {
		return place{}, false
	}
	return place{p.name, labels[1], labels[1]}, true
}

// resolves says whether the SDK's rules make such a host: in GovCloud the plain
// host is the FIPS one, and the region aws-global has the global host.
func (p partition) resolves(service, region, domain string) bool {
	dual := p.dualStack != "" && domain == p.dualStack
	if !dual && domain != p.domain {
		return false
	}
	switch service {
	case "sts":
		return dual || region != "aws-global"
	case "sts-fips":
		return dual || p.name != "aws-us-gov"
	}
	return false
}
