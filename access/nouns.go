package access

import (
	"net/netip"
	"strings"
	"time"
)

// Cluster is an EKS cluster under a short name.
type Cluster struct {
	Name          string // unique, of [a-z0-9.-]
	ARN           ARN
	Labels        map[string]string
	Account       string // the account's name in daypass.yaml, else its twelve digits
	DescribeRole  string // IAM role to assume before DescribeCluster; empty: none
	ProxyURL      string // goes into the kubeconfig as proxy-url; empty: none
	TLSServerName string // goes into the kubeconfig as tls-server-name; empty: none
}

// Role is what one may be on a cluster. Its ARN may hold {partition},
// {account} and {region}, filled in from the cluster's ARN. Roles are ordered:
// the first in daypass.yaml gives least and is offered first.
type Role struct {
	Name        string
	ARN         string
	Description string // plain words for the page
	ExternalID  string // for the trust policy's sts:ExternalId; not a secret
	// Some trust policies do not allow sts:SetSourceIdentity or
	// sts:TagSession; these leave them out.
	NoSourceIdentity bool
	NoSessionTags    bool
	Username         string // what the cluster maps the role to, when told; for display
	rank             int
}

// On fills the placeholders of the role's ARN for a cluster.
func (r Role) On(c Cluster) (ARN, error) {
	return ParseARN(strings.NewReplacer(
		"{partition}", c.ARN.Partition,
		"{account}", c.ARN.Account,
		"{region}", c.ARN.Region,
	).Replace(r.ARN))
}

// Where selects clusters: every field that is set must fit (AND).
type Where struct {
	Name   string
	ARN    string            // a pattern; * stands for any run of characters
	Labels map[string]string // all must be equal
}

// Matches reports whether the selector means this cluster.
func (w Where) Matches(c Cluster) bool {
	if w.Name != "" && w.Name != c.Name {
		return false
	}
	if w.ARN != "" && !glob(w.ARN, c.ARN.String()) {
		return false
	}
	for k, v := range w.Labels {
		if got, ok := c.Labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// glob matches s against a pattern in which * stands for any run of characters.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	s = s[len(head):]
	for {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], next
	}
}

// Grant is a rule: who may be which role on which clusters, within limits.
type Grant struct {
	Name     string
	Who      Whos    // one match is enough
	Clusters []Where // one match is enough
	Role     string
	Longest  time.Duration  // the longest lease
	Until    time.Time      // exclusive: at this instant the grant is over; zero: no end
	Networks []netip.Prefix // the person's address must lie in one; empty: any
	// Reason, when set, demands a reason; the hint tells what to write.
	Reason     bool
	ReasonHint string
	// BreakGlass sets the grant apart: it is used only when asked for by name
	// of the deed, with a reason and a confirmation.
	BreakGlass bool
	Tells      []string // the webhooks that are told when the glass is broken
	TellsWhom  string   // who stands behind them, in the operator's words
	Sponsor    string   // who answers for the people of this grant; for display
	index      int
}
