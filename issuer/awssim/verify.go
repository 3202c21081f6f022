package awssim

import (
	"errors"
	"fmt"
	"strings"
)

// Identity is who holds a token, as a cluster learns it. Its parts are those
// of aws-iam-authenticator's identity (pkg/token/token.go).
type Identity struct {
	ARN         string // arn:…:sts::ACCOUNT:assumed-role/ROLE/SESSION, or a user's
	Role        string // canonical: arn:…:iam::ACCOUNT:role/ROLE, without its path; a user's own ARN
	Account     string
	UserID      string // AROA… or AIDA…
	SessionName string // empty for a user
	AccessKeyID string
}

// ErrCluster says that no such cluster was configured.
var ErrCluster = errors.New("no such cluster")

// Verify says who holds a token for the cluster of that name: what the
// cluster's own verifier would say. The simulated STS is asked, with its
// injected faults, and the observer sees the call. A Hang holds Verify until
// its Release; Drop does not touch it, for there is no connection to break.
func (s *Sim) Verify(token, cluster string) (Identity, error) {
	hosts, err := s.hostsFor(cluster)
	if err != nil {
		return Identity{}, err
	}
	p, err := Parse(token, s.now(), s.life, hosts)
	if err != nil {
		return Identity{}, err
	}
	r, err := p.request(cluster)
	if err != nil {
		return Identity{}, err
	}
	_, region := endpoint(p.Host)
	x := &exchange{sim: s, r: r, region: region, call: Call{At: s.now()}}
	answer, err := x.callSTS(requestID())
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	identity, ok := answer.(*identityResponse)
	if !ok {
		return Identity{}, fmt.Errorf("%w: it answered something else than an identity", ErrRefused)
	}
	return identity.identity(p.AccessKeyID)
}

// hostsFor takes the first cluster of that name: EKS puts the name, not the
// ARN, into a token, so same-named clusters accept each other's.
func (s *Sim) hostsFor(cluster string) (Hosts, error) {
	for _, c := range s.clusters {
		if c.name == cluster {
			return Hosts{Partition: c.arn.partition, Region: c.arn.region, Also: s.hosts}, nil
		}
	}
	return Hosts{}, fmt.Errorf("%w: %q; add it to Options.Clusters", ErrCluster, cluster)
}

func (a *identityResponse) identity(accessKeyID string) (Identity, error) {
	id := Identity{
		ARN: a.Result.Arn, Role: a.Result.Arn, Account: a.Result.Account,
		UserID: a.Result.UserID, AccessKeyID: accessKeyID,
	}
	parsed, ok := parseARN(id.ARN)
	if !ok {
		return Identity{}, fmt.Errorf("%w: it told no ARN", ErrRefused)
	}
	parts := strings.Split(parsed.resource, "/")
	if parts[0] != "assumed-role" {
		return id, nil
	}
	id.Role = fmt.Sprintf("arn:%s:iam::%s:role/%s", parsed.partition, parsed.account, parts[1])
	id.UserID, id.SessionName, _ = strings.Cut(a.Result.UserID, ":")
	return id, nil
}
