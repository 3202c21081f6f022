package awssim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Hosts are the STS hosts that a cluster's verifier accepts. The rule is
// aws-iam-authenticator's (pkg/token/token.go): an STS host that AWS's resolver
// could have made for its region, of the cluster's partition.
type Hosts struct {
	Partition string   // empty: Also alone
	Region    string   // the cluster's; its STS host is good even if the region is new to us
	Also      []string // host:port, exactly as written
}

var labelForm = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$`)

// partition's domains are those of pkg/endpoints/partitions.go; its regions
// are those of the SDK's endpoint rules.
type partition struct {
	domain    string
	dualStack string // empty: none that counts
	region    func(string) bool
}

func partitionNamed(name string) (partition, bool) {
	switch name {
	case "aws":
		return partition{"amazonaws.com", "api.aws", commercial}, true
	case "aws-cn":
		return partition{"amazonaws.com.cn", "api.amazonwebservices.com.cn", regionsOf("cn-", "aws-cn-global")}, true
	case "aws-us-gov":
		return partition{"amazonaws.com", "api.aws", regionsOf("us-gov-", "aws-us-gov-global")}, true
	case "aws-iso":
		return partition{"c2s.ic.gov", "", regionsOf("us-iso-", "aws-iso-global")}, true
	case "aws-iso-b":
		return partition{"sc2s.sgov.gov", "", regionsOf("us-isob-", "aws-iso-b-global")}, true
	case "aws-iso-e":
		return partition{"cloud.adc-e.uk", "", regionsOf("eu-isoe-", "aws-iso-e-global")}, true
	case "aws-iso-f":
		return partition{"csp.hci.ic.gov", "", regionsOf("us-isof-", "aws-iso-f-global")}, true
	case "aws-eusc":
		return partition{"amazonaws.eu", "api.amazonwebservices.eu", regionsOf("eusc-de-", "")}, true
	}
	return partition{}, false
}

// regionsOf takes regions by their form, and one name that only the SDK uses.
func regionsOf(prefix, pseudo string) func(string) bool {
	form := regexp.MustCompile(`^` + regexp.QuoteMeta(prefix) + `\w+-\d+$`)
	return func(region string) bool { return form.MatchString(region) || (pseudo != "" && region == pseudo) }
}

// commercial regions are all that belong to no other partition: the resolver
// falls back to amazonaws.com for a region it does not know.
func commercial(region string) bool {
	return !slices.ContainsFunc(partitions(), func(name string) bool {
		p, _ := partitionNamed(name)
		return name != "aws" && p.region(region)
	})
}

func partitions() []string {
	return []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
}

// check refuses a host that no STS of the partition has.
func (h Hosts) check(host string) error {
	if slices.Contains(h.Also, host) {
		return nil
	}
	p, ok := partitionNamed(h.Partition)
	if !ok {
		return fmt.Errorf("%w: its host %.80q is not an STS host this cluster accepts", ErrForm, host)
	}
	if host == "sts.amazonaws.com" {
		return h.checkGlobal()
	}
	labels := strings.SplitN(host, ".", 3)
	if len(labels) == 3 && labelForm.MatchString(labels[1]) && h.fits(p, labels[0], labels[1], labels[2]) {
		return nil
	}
	return fmt.Errorf("%w: its host %.80q is no STS host of partition %s", ErrForm, host, h.Partition)
}

// checkGlobal: only the commercial partition has the global host.
func (h Hosts) checkGlobal() error {
	if h.Partition == "aws" {
		return nil
	}
	return fmt.Errorf("%w: it was signed for the global STS host, which partition %s does not have: sign for a regional one", ErrForm, h.Partition)
}

func (h Hosts) fits(p partition, service, region, domain string) bool {
	if domain != p.domain && (p.dualStack == "" || domain != p.dualStack) {
		return false
	}
	if service == "sts" && region == h.Region {
		return true
	}
	return slices.ContainsFunc(sharers(p.domain), func(other string) bool {
		o, _ := partitionNamed(other)
		return o.region(region) && resolvable(other, service, region, domain == o.dualStack)
	})
}

// resolvable says whether the SDK's rules (service/sts, endpoints.go) make such
// a host: in GovCloud the plain host is the FIPS one, and aws-global has the
// global host.
func resolvable(partition, service, region string, dualStack bool) bool {
	switch service {
	case "sts":
		return region != "aws-global" || dualStack
	case "sts-fips":
		return partition != "aws-us-gov" || dualStack
	}
	return false
}

// sharers are the partitions under one domain: GovCloud lives under the
// commercial one, and the authenticator does not tell their hosts apart.
func sharers(domain string) []string {
	var names []string
	for _, name := range partitions() {
		if p, _ := partitionNamed(name); p.domain == domain {
			names = append(names, name)
		}
	}
	return names
}
