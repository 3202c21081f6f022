package awssim

import "fmt"

// refusal is an AWS error. Codes are those of STS; eksCode gives those of EKS.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// invalid words a constraint's violation as AWS does.
func invalid(value any, member, constraint string) *refusal {
	return refuse(400, "ValidationError",
		"1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

// notAllowed words a missing permission as AWS does.
func notAllowed(caller string, action Action, resource string) *refusal {
	return refuse(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", caller, action, resource)
}

// eksCode is EKS's name for a refusal that STS may name otherwise
// (https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html).
func eksCode(code string) string {
	switch code {
	case "SignatureDoesNotMatch":
		return "InvalidSignatureException"
	case "InvalidClientTokenId":
		return "UnrecognizedClientException"
	case "ExpiredToken":
		return "ExpiredTokenException"
	case "MissingAuthenticationToken":
		return "MissingAuthenticationTokenException"
	case "IncompleteSignature":
		return "IncompleteSignatureException"
	case "AccessDenied":
		return "AccessDeniedException"
	}
	return code
}
