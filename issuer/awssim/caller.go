package awssim

import (
	"net/http"
	"slices"
	"time"
)

const (
	// A presigned GetCallerIdentity lives 15 minutes from X-Amz-Date, whatever
	// X-Amz-Expires says (aws-iam-authenticator pkg/token/token.go, PR #160).
	tokenLife = 15 * time.Minute
	// How far a client's clock may be ahead. STS has answered "+ 5 min." and
	// "+ 15 min."; the narrower one is used.
	clockLead = 5 * time.Minute
)

// caller is whoever signed a request.
type caller struct {
	arn     string
	userID  string
	account string
	session *session // nil: a user with a long-lived key
}

// role is the ARN, with path, of the role behind a session.
func (c caller) role() string {
	if c.session == nil {
		return ""
	}
	return c.session.Role
}

// may says whether the session policy leaves an action open. Without one, it
// does; what else is allowed is for trust policies and Readers to say.
func (c caller) may(action Action, resource string) bool {
	if c.session == nil || c.session.Policy == "" {
		return true
	}
	p, err := parsePolicy(c.session.Policy)
	return err == nil && p.allows(action, resource)
}

// authenticate says who signed the request. service and region are those of
// the endpoint; region is empty where any will do.
func (s *Sim) authenticate(r *http.Request, sig signature, body []byte, service, region string) (caller, error) {
	who, secret, err := s.keyHolder(sig)
	if err != nil {
		return caller{}, err
	}
	if err := s.checkScope(sig, service, region); err != nil {
		return caller{}, err
	}
	if err := s.checkAge(sig); err != nil {
		return caller{}, err
	}
	return who, sig.check(r, body, secret)
}

func (s *Sim) keyHolder(sig signature) (caller, Secret, error) {
	if u, ok := s.users[sig.accessKeyID]; ok && sig.token == "" {
		a, _ := parseARN(u.ARN)
		return caller{arn: u.ARN, userID: u.ID, account: a.account}, u.Secret, nil
	}
	if sig.token == "" {
		return caller{}, "", refuse(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	of, err := s.open(sig.token, sig.accessKeyID)
	if err != nil {
		return caller{}, "", err
	}
	a, _ := parseARN(of.Role)
	return caller{of.arn(), of.RoleID + ":" + of.Name, a.account, &of}, s.secretOf(sig.accessKeyID), nil
}

func (s *Sim) checkScope(sig signature, service, region string) error {
	if sig.service != service {
		return refuse(403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: '%s'.", service)
	}
	if !regionForm.MatchString(sig.region) || (region != "" && sig.region != region) {
		return refuse(403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
	}
	return nil
}

// checkAge holds the signing time against the clock. The words are STS's own
// (aws-cli#6676).
func (s *Sim) checkAge(sig signature) error {
	at, err := sig.signedAt()
	if err != nil {
		return err
	}
	life, now := tokenLife, s.now()
	if sig.presigned {
		life = s.life
	}
	if at.After(now.Add(clockLead)) {
		return refuse(403, "SignatureDoesNotMatch", "Signature not yet current: %s is still later than %s (%s + %.f min.)",
			sig.stamp, stampOf(now.Add(clockLead)), stampOf(now), clockLead.Minutes())
	}
	if now.After(at.Add(life)) {
		return refuse(403, "SignatureDoesNotMatch", "Signature expired: %s is now earlier than %s (%s - %.f min.)",
			sig.stamp, stampOf(now.Add(-life)), stampOf(now), life.Minutes())
	}
	return nil
}

func stampOf(t time.Time) string { return t.UTC().Format(stampLayout) }

// trusts says whether a trust policy names the caller.
func (t Trust) trusts(c caller) bool {
	return slices.ContainsFunc(t.Principals, func(p string) bool {
		return p == "*" || p == c.arn || p == c.account || (p != "" && p == c.role()) || p == rootOf(c)
	})
}

// rootOf is the ARN by which a trust policy means a whole account.
func rootOf(c caller) string {
	a, _ := parseARN(c.arn)
	return "arn:" + a.partition + ":iam::" + c.account + ":root"
}
