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

var (
	labelForm = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$`)
	isoForm   = regexp.MustCompile(`^(us-iso[bf]?|eu-isoe)-\w+-\d+$`)
)

// partition's domains are those of pkg/endpoints/partitions.go; its regions
// are those of the SDK's endpoint rules.
type partition struct {
	domain    string
	dualStack string // empty: none that counts
	region    func(string) bool
}

func partitionNamed(name string) (partition, bool) {
	starts := func(prefix string) func(string) bool {
		form := regexp.MustCompile(`^` + regexp.QuoteMeta(prefix) + `\w+-\d+$`)
		return form.MatchString
	}
	switch name {
	case "aws":
		return partition{"amazonaws.com", "api.aws", commercial}, true
	case "aws-cn":
		return partition{"amazonaws.com.cn", "api.amazonwebservices.com.cn", starts("cn-")}, true
	case "aws-us-gov":
		return partition{"amazonaws.com", "api.aws", starts("us-gov-")}, true
	case "aws-iso":
		return partition{"c2s.ic.gov", "", starts("us-iso-")}, true
	case "aws-iso-b":
		return partition{"sc2s.sgov.gov", "", starts("us-isob-")}, true
	case "aws-iso-e":
		return partition{"cloud.adc-e.uk", "", starts("eu-isoe-")}, true
	case "aws-iso-f":
		return partition{"csp.hci.ic.gov", "", starts("us-isof-")}, true
	case "aws-eusc":
		return partition{"amazonaws.eu", "api.amazonwebservices.eu", starts("eusc-de-")}, true
	}
	return partition{}, false
}

// commercial regions are all that belong to no other partition: the resolver
// falls back to amazonaws.com for a region it does not know.
func commercial(region string) bool {
	for _, name := range []string{"aws-cn", "aws-us-gov", "aws-eusc"} {
		if p, _ := partitionNamed(name); p.region(region) {
			return false
		}
	}
	return !isoForm.MatchString(region)
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
		return o.region(region) && (service == "sts" || (service == "sts-fips" && (other != "aws-us-gov" || domain == o.dualStack)))
	})
}

// sharers are the partitions under one domain: GovCloud lives under the
// commercial one, and the authenticator does not tell their hosts apart.
func sharers(domain string) []string {
	var names []string
	for _, name := range []string{"aws", "aws-us-gov", "aws-cn", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"} {
		if p, _ := partitionNamed(name); p.domain == domain {
			names = append(names, name)
		}
	}
	return names
}
