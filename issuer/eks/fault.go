package eks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

// Codes that this package itself decides by.
const (
	notActive = "cluster-not-active"
	cancelled = "cancelled"
)

// kind is a call to AWS.
type kind int

const (
	identifying kind = iota
	assuming
	describing
)

// attempt is what was being tried, so that its failure can be told.
type attempt struct {
	kind   kind
	name   string // the role's ARN, or the cluster's name and ARN
	region string
	// What AssumeRole was asked for.
	externalID     string
	sourceIdentity bool
	tags           bool
}

func describingOf(cl access.Cluster) attempt {
	return attempt{kind: describing, name: cl.Name + " (" + cl.ARN.String() + ")", region: cl.ARN.Region}
}

func (a attempt) String() string {
	switch a.kind {
	case assuming:
		return "assuming the role " + a.name
	case describing:
		return "describing the cluster " + a.name
	}
	return "asking who this server is"
}

// service is whom the attempt asked.
func (a attempt) service() string {
	if a.kind == describing {
		return "EKS in " + a.region
	}
	return "STS in " + a.region
}

// fault tells a failure so that a person can act. What AWS answered goes
// first, then what kept it from answering.
func (a attempt) fault(ctx context.Context, err error) *issuer.Fault {
	f := a.explain(ctx, err)
	f.Err = cause(err)
	return f
}

func (a attempt) explain(ctx context.Context, err error) *issuer.Fault {
	var api smithy.APIError
	switch {
	case throttled(err):
		return &issuer.Fault{Code: "throttled", Say: a.service() + " is too busy: it throttled this server while " + a.String() + ".",
			Next: "Try again in a minute. If it goes on, ask AWS for a higher rate, or look for who else calls it."}
	case statusOf(err) >= 500:
		return &issuer.Fault{Code: "unavailable", Say: fmt.Sprintf("%s failed (HTTP %d) while %s.", a.service(), statusOf(err), a),
			Next: "Try again in a minute; see the AWS Health Dashboard if it goes on."}
	case errors.As(err, &api):
		return a.refused(api)
	case unreadable(err):
		return a.badAnswer(fmt.Sprintf("HTTP %d and something that is not AWS's language", statusOf(err)))
	}
	return a.unanswered(ctx, err)
}

// refused tells what AWS decided, by the codes of
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and
// https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html.
func (a attempt) refused(api smithy.APIError) *issuer.Fault {
	said := plain(api.ErrorMessage())
	switch code := strings.TrimSuffix(api.ErrorCode(), "Exception"); code {
	case "AccessDenied":
		return a.denied(said)
	case "ExpiredToken":
		return &issuer.Fault{Code: "expired-credentials", Say: "This server's own AWS credentials had expired while " + a.String() + ".",
			Next: "Credentials pasted into the environment end for good: replace them, or better give the server a role of its own."}
	case "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture":
		return a.clock()
	case "SignatureDoesNotMatch", "InvalidSignature":
		if strings.Contains(said, "Signature expired") || strings.Contains(said, "not yet current") {
			return a.clock()
		}
		return a.notAccepted()
	case "InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId", "IncompleteSignature", "MissingAuthenticationToken", "AuthFailure":
		return a.notAccepted()
	case "ResourceNotFound":
		return a.notFound()
	case "RegionDisabled":
		return &issuer.Fault{Code: "region-disabled", Say: "STS is not activated in " + a.region + " for the account, says AWS while " + a.String() + ".",
			Next: "Activate the region's STS endpoint in the account settings of IAM."}
	case "MalformedPolicyDocument":
		return &issuer.Fault{Code: "malformed-policy", Say: "AWS could not read the session policy while " + a.String() + ".",
			Next: "Daypass always sends the same one: look for a proxy that changes requests, and report this."}
	case "PackedPolicyTooLarge":
		return &issuer.Fault{Code: "packed-policy-too-large", Say: "Session policy and tags take more room than AWS allows while " + a.String() + ".",
			Next: "Set sessionTags: false on the role in daypass.yaml; tags that the server's own session passes on count as well."}
	}
	return &issuer.Fault{Code: "refused", Say: fmt.Sprintf("AWS refused (%s) while %s: %s", plain(api.ErrorCode()), a, sentence(said)),
		Next: "Correct what AWS names."}
}

func (a attempt) clock() *issuer.Fault {
	return &issuer.Fault{Code: "clock", Say: "The clock of this server and that of AWS disagree by minutes, found while " + a.String() + ".",
		Next: "Set the server's clock by NTP."}
}

func (a attempt) notAccepted() *issuer.Fault {
	return &issuer.Fault{Code: "bad-credentials", Say: "AWS does not accept this server's own credentials while " + a.String() + ".",
		Next: "They may be deleted, mistyped or of another partition: credentials of one are unknown in the others."}
}

func (a attempt) notFound() *issuer.Fault {
	return &issuer.Fault{Code: "not-found", Say: "AWS knows no cluster by that name and region while " + a.String() + ".",
		Next: "Check the cluster's ARN in daypass.yaml. If the cluster is in another account than this server, set describeRole for that account."}
}

func (a attempt) notActive(status string) *issuer.Fault {
	return &issuer.Fault{Code: notActive, Say: fmt.Sprintf("The cluster %s is %s and has no endpoint yet.", a.name, plain(status)),
		Next: "Wait until it is ACTIVE, then try again."}
}

func (a attempt) otherCluster(got string) *issuer.Fault {
	return &issuer.Fault{Code: "other-account", Say: fmt.Sprintf("AWS described %s while %s.", plain(got), a),
		Next: "This server's credentials see another account's cluster of that name: set describeRole for the account."}
}

// badAnswer is an answer that makes no sense. It is not shown: it may hold
// credentials.
func (a attempt) badAnswer(what string) *issuer.Fault {
	return &issuer.Fault{Code: "bad-answer", Say: fmt.Sprintf("%s gave an answer that is of no use while %s: %s.", a.service(), a, plain(what)),
		Next: "Look for a proxy in between, and at the endpoints AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_EKS."}
}

// unanswered tells why there was no answer.
func (a attempt) unanswered(ctx context.Context, err error) *issuer.Fault {
	var network net.Error
	var parse *smithy.DeserializationError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &issuer.Fault{Code: cancelled, Say: "The request was given up while " + a.String() + ".", Next: "Try again."}
	case errors.As(err, &parse):
		return a.badAnswer("it cannot be read")
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return &issuer.Fault{Code: "timeout", Say: a.service() + " did not answer in time while " + a.String() + ".",
			Next: "Try again in a minute. If it goes on, look at the way from this server to AWS: firewall, proxy, VPC endpoint."}
	case distrusted(err):
		return &issuer.Fault{Code: "unreachable", Say: "This server does not trust the certificate of " + a.service() + ", met while " + a.String() + ".",
			Next: "If a proxy opens TLS, set AWS_CA_BUNDLE to its CA; else somebody stands in between."}
	case errors.As(err, new(*url.Error)), errors.As(err, &network):
		return &issuer.Fault{Code: "unreachable", Say: a.service() + " cannot be reached, found while " + a.String() + ".",
			Next: "Look at DNS, firewall, HTTPS_PROXY and VPC endpoints of this server."}
	}
	return &issuer.Fault{Code: "failed", Say: "Something failed while " + a.String() + ".", Next: "The server's log has more."}
}

func distrusted(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) ||
		errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.HostnameError))
}

// noCredentials tells that the SDK's default chain came up empty.
func noCredentials(ctx context.Context, err error) *issuer.Fault {
	f := &issuer.Fault{Code: "no-credentials", Say: "This server has no AWS credentials of its own.", Err: noSource(err),
		Next: "Give it a role (EKS Pod Identity, IRSA, an instance profile) or keys in the environment, as the AWS SDK reads them."}
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		f.Say = fmt.Sprintf("This server has no AWS credentials of its own: AWS refused to give it any (%s).", plain(api.ErrorCode()))
		f.Next = "Check the trust policy of the role that the server runs as. AWS says: " + sentence(plain(api.ErrorMessage()))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		f.Code, f.Say = "timeout", "This server's own AWS credentials did not arrive in time."
	case ctx.Err() != nil:
		f.Code, f.Say, f.Next = cancelled, "The request was given up while this server's own AWS credentials were fetched.", "Try again."
	}
	return f
}

// noSource is cause for the places that credentials come from. The one asked
// last is the instance metadata service: what it answers is no answer of AWS's.
func noSource(err error) error {
	if unreadable(err) {
		return fmt.Errorf("none of the places that the AWS SDK looks at has any; the last one asked answered %d", statusOf(err))
	}
	return cause(err)
}

var asked = regexp.MustCompile(`^User: (\S+) is not authorized to perform: (\S+)`)

// denied names the likely gap. AWS words its message
// "User: ARN is not authorized to perform: ACTION on resource: ARN".
func (a attempt) denied(said string) *issuer.Fault {
	caller, action := "this server's role", ""
	if m := asked.FindStringSubmatch(said); m != nil {
		caller, action = m[1], m[2]
	}
	f := &issuer.Fault{Code: "access-denied"}
	switch {
	case a.kind == describing:
		f.Say = "AWS does not let this server describe the cluster " + a.name + "."
		f.Next = "Allow eks:DescribeCluster on it to " + caller + ", or set describeRole for the account in daypass.yaml."
	case a.kind == identifying:
		f.Say, f.Next = "AWS does not tell this server who it is.", "A VPC endpoint's policy may be in the way."
	case action == "sts:SetSourceIdentity":
		f.Say = "AWS does not let this server set a source identity on the role " + a.name + "."
		f.Next = "Allow sts:SetSourceIdentity to " + caller + " in the role's trust policy and, across accounts, in the server's own policy; or set sourceIdentity: false on the role in daypass.yaml. A server whose own session has a source identity cannot set another."
	case action == "sts:TagSession":
		f.Say = "AWS does not let this server tag sessions of the role " + a.name + "."
		f.Next = "Allow sts:TagSession to " + caller + " in the role's trust policy and, across accounts, in the server's own policy; or set sessionTags: false on the role in daypass.yaml. EKS Pod Identity passes on tags of its own, which need the permission in any case."
	default:
		f.Say = "AWS does not let this server assume the role " + a.name + "."
		f.Next = a.trust(caller)
	}
	return f
}

// trust lists what the trust policy of a role must allow, as asked.
func (a attempt) trust(caller string) string {
	s := "Check that the role exists, that its trust policy lets " + caller + " do sts:AssumeRole, and that the server's own policy allows it"
	if a.externalID != "" {
		s += fmt.Sprintf("; a condition on sts:ExternalId must want %q", a.externalID)
	} else {
		s += "; no external ID is configured for it, so the trust policy must not demand one"
	}
	if a.sourceIdentity {
		s += "; the trust policy must allow sts:SetSourceIdentity too, or the role needs sourceIdentity: false in daypass.yaml"
	}
	if a.tags {
		s += "; likewise sts:TagSession, or sessionTags: false"
	}
	return s + "."
}

// cause is the failure for the log, as text alone: the SDK's own errors carry
// requests and answers, and a *url.Error prints its URL.
func cause(err error) error {
	if errors.As(err, new(*smithy.DeserializationError)) || unreadable(err) {
		return errors.New("the answer cannot be read") // it may hold credentials
	}
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %s", strings.ToLower(u.Op), plain(u.Err.Error()))
	}
	return errors.New(plain(err.Error()))
}

// unreadable says that AWS answered and no error of its own was found in it.
func unreadable(err error) bool {
	return statusOf(err) != 0 && !errors.As(err, new(smithy.APIError))
}

// plain makes foreign text fit for a page and a terminal.
func plain(s string) string {
	const most = 400
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func sentence(s string) string { return strings.TrimRight(s, ".") + "." }
