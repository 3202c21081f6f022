package explain

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxToken is the most bytes that a cluster reads
	// (aws-iam-authenticator pkg/token/token.go).
	maxToken = 4096
	// tokenLife counts from X-Amz-Date, whatever X-Amz-Expires says
	// (aws-iam-authenticator pkg/token/token.go and its PR 160).
	tokenLife = 15 * time.Minute
	// clockLead is how far ahead STS lets a signature be
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
	clockLead = 5 * time.Minute
	// clusterHeader carries the cluster's name to STS. Only its being signed
	// stands in the token (aws-iam-authenticator pkg/token/token.go).
	clusterHeader = "x-k8s-aws-id"

	algorithm   = "AWS4-HMAC-SHA256"
	stampLayout = "20060102T150405Z"
)

// Token is what can be told of an EKS token to anybody. It holds no secret:
// not the signature, not the session token. Empty fields are not there, or
// not of the form that such a thing has.
type Token struct {
	From          string    `json:"from"`  // where in the text it was
	Bytes         int       `json:"bytes"` // at most 4,096 are read
	Host          string    `json:"host,omitempty"`
	Partition     string    `json:"partition,omitempty"`
	Region        string    `json:"region,omitempty"` // empty for the global host
	Action        string    `json:"action,omitempty"`
	Version       string    `json:"version,omitempty"`
	SignedAt      time.Time `json:"signedAt,omitzero"` // X-Amz-Date
	Dies          time.Time `json:"dies,omitzero"`     // at the latest
	Expires       string    `json:"expires,omitempty"` // X-Amz-Expires, in seconds; nobody heeds it
	Scope         string    `json:"scope,omitempty"`   // day/region/service/aws4_request
	AccessKeyID   string    `json:"accessKeyID,omitempty"`
	SignedHeaders []string  `json:"signedHeaders,omitempty"`
	SignsCluster  bool      `json:"signsCluster"` // the cluster header is among them
	Temporary     bool      `json:"temporary"`    // it carries a session token
	Problems      []string  `json:"problems"`     // each of them makes a cluster or STS refuse it
	Notes         []string  `json:"notes"`        // what else is worth knowing
}

// TakeApart tells of the token that a text holds: a bare token, a Bearer
// header, a kubeconfig or an ExecCredential. A token that is broken is told
// as far as it goes; ErrNone comes back only when there is none.
func TakeApart(text string, now time.Time) (Token, error) {
	raw, from, err := find(text)
	if err != nil {
		return Token{}, err
	}
	r := reading{Token: Token{From: from, Bytes: len(raw), Problems: []string{}, Notes: []string{}}, now: now}
	r.read(raw)
	return r.Token, nil
}

// reading is a token while it is taken apart.
type reading struct {
	Token
	now   time.Time
	place place
	day   string // of the credential scope
	zone  string // its region
}

func (r *reading) wrong(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *reading) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *reading) read(raw string) {
	if len(raw) > maxToken {
		r.wrong("It has %d bytes, and clusters read %d at most. Send fewer session tags or a shorter session policy when the role is assumed.", len(raw), maxToken)
	}
	u, ok := r.decode(strings.TrimPrefix(raw, tokenPrefix))
	if !ok {
		return
	}
	r.address(u)
	fields := r.fields(u.RawQuery)
	r.question(fields)
	r.signature(fields)
	r.credential(fields)
	r.time(fields)
	r.agree()
	r.tell()
}

// decode undoes the base64. Verifiers want it URL-safe and without padding;
// what is not is read all the same, to say what is in it.
func (r *reading) decode(encoded string) (*url.URL, bool) {
	if clean := strings.Join(strings.Fields(encoded), ""); clean != encoded {
		r.wrong("It is broken by white space, which no header can carry. Copy it in one piece.")
		encoded = clean
	}
	if strings.ContainsAny(encoded, "+/") {
		r.wrong("It is in the base64 of + and /; clusters want that of - and _.")
		encoded = strings.NewReplacer("+", "-", "/", "_").Replace(encoded)
	}
	if clean := strings.TrimRight(encoded, "="); clean != encoded {
		r.wrong("It is padded with =, which clusters refuse.")
		encoded = clean
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		r.wrong("What follows %s is not base64, so it was cut or changed. Copy it anew.", tokenPrefix)
		return nil, false
	}
	u, err := url.Parse(string(text))
	if err != nil {
		r.wrong("There is no URL in it.") // err quotes the text
		return nil, false
	}
	return u, true
}

var hostForm = regexp.MustCompile(`^[0-9A-Za-z.:\[\]-]{1,60}$`)

// address reads what stands before the query.
func (r *reading) address(u *url.URL) {
	if u.Scheme != "https" {
		r.wrong("Its URL is not https.")
	}
	if u.User != nil {
		r.wrong("Its URL carries a user name, which STS takes for a second way to sign in and refuses.")
	}
	r.Host = shaped(u.Host, hostForm)
	var known bool
	if r.place, known = placeOf(u.Host); known {
		r.Partition, r.Region = r.place.partition, r.place.region
	} else {
		r.wrong("Its host %sis not one of AWS's STS, so clusters on EKS refuse it. Only a verifier that was told of this host takes it.", spaced(r.Host))
	}
	if u.Path != "/" {
		r.wrong("Its URL's path is not /.")
	}
}

var nameForm = regexp.MustCompile(`^[A-Za-z-]{1,30}$`)

// names of the parameters that a token may have; verifiers refuse any other
// (aws-iam-authenticator pkg/token/token.go).
var names = []string{"Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date",
	"X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-SignedHeaders"}

// fields reads the query. Verifiers do not mind the case of a name and STS
// does, so two that differ in case only are one name twice: CVE-2022-2385.
func (r *reading) fields(query string) map[string]string {
	values, err := url.ParseQuery(query)
	if err != nil {
		r.wrong("Its query cannot be read as a whole.") // err quotes it
	}
	fields := map[string]string{}
	for _, got := range sorted(values) {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, got) })
		if i < 0 {
			r.wrong("It has a parameter %sthat no token has.", spaced(shaped(got, nameForm)))
			continue
		}
		if got != names[i] {
			r.wrong("Its parameter %s is written in another case, which STS does not read.", names[i])
		}
		_, twice := fields[names[i]]
		if twice || len(values[got]) > 1 {
			r.wrong("Its parameter %s is there twice, so verifier and STS could each read another.", names[i])
		}
		if !twice {
			fields[names[i]] = values[got][0]
		}
	}
	return fields
}

func sorted(v url.Values) []string {
	var keys []string
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

var (
	actionForm  = regexp.MustCompile(`^[A-Za-z]{1,40}$`)
	versionForm = regexp.MustCompile(`^[0-9-]{1,10}$`)
	secondsForm = regexp.MustCompile(`^[+-]?[0-9]{1,10}$`)
)

// question reads what STS is asked.
func (r *reading) question(fields map[string]string) {
	r.Action = shaped(fields["Action"], actionForm)
	if r.Action != "GetCallerIdentity" {
		r.wrong("It asks for the action %sand not for GetCallerIdentity.", spaced(r.Action))
	}
	// https://docs.aws.amazon.com/STS/latest/APIReference/CommonParameters.html
	r.Version = shaped(fields["Version"], versionForm)
	if r.Version != "2011-06-15" {
		r.wrong("Its Version is not 2011-06-15, the only one of STS.")
	}
	// It must be there, 0 to 900, though nobody heeds it
	// (aws-iam-authenticator pkg/token/token.go; crossplane provider-aws#901).
	r.Expires = shaped(fields["X-Amz-Expires"], secondsForm)
	if n, err := strconv.Atoi(r.Expires); err != nil || n < 0 || n > 900 {
		r.wrong("X-Amz-Expires must be there and a number from 0 to 900.")
	} else {
		r.note("X-Amz-Expires says %d s, and nobody heeds it: STS and clusters count 15 minutes from X-Amz-Date.", n)
	}
}

var (
	headerForm    = regexp.MustCompile(`^[0-9A-Za-z-]{1,40}$`)
	signatureForm = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

// signature reads how it was signed, and never the signature itself.
func (r *reading) signature(fields map[string]string) {
	if fields["X-Amz-Algorithm"] != algorithm {
		r.wrong("It is not signed by %s, which STS wants.", algorithm)
	}
	if !signatureForm.MatchString(fields["X-Amz-Signature"]) {
		r.wrong("It has no signature, or one that was cut.")
	}
	for header := range strings.SplitSeq(fields["X-Amz-SignedHeaders"], ";") {
		if h := strings.ToLower(shaped(header, headerForm)); h != "" && len(r.SignedHeaders) < 20 {
			r.SignedHeaders = append(r.SignedHeaders, h)
		}
	}
	r.SignsCluster = slices.Contains(r.SignedHeaders, clusterHeader)
	if !r.SignsCluster {
		r.wrong("The cluster's name (header %s) is not signed, so it would fit any cluster, and all refuse it.", clusterHeader)
	}
	if !slices.Contains(r.SignedHeaders, "host") {
		r.wrong("The header host is not signed, which STS demands.")
	}
}

var (
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	keyForm   = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)
	dayForm   = regexp.MustCompile(`^[0-9]{8}$`)
	scopeForm = regexp.MustCompile(`^[a-z0-9-]{1,30}$`)
)

// credential reads whose key signed, and for which day, region and service
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func (r *reading) credential(fields map[string]string) {
	r.Temporary = fields["X-Amz-Security-Token"] != ""
	parts := strings.Split(fields["X-Amz-Credential"], "/")
	if len(parts) != 5 || parts[4] != "aws4_request" || !dayForm.MatchString(parts[1]) ||
		!scopeForm.MatchString(parts[2]) || !scopeForm.MatchString(parts[3]) {
		r.wrong("Its X-Amz-Credential is not KEY/DAY/REGION/SERVICE/aws4_request.")
		return
	}
	r.day, r.zone = parts[1], parts[2]
	r.AccessKeyID, r.Scope = shaped(parts[0], keyForm), strings.Join(parts[1:], "/")
	if parts[3] != "sts" {
		r.wrong("It is signed for the service %s and not for sts.", parts[3])
	}
	if r.AccessKeyID == "" {
		r.wrong("Its access key ID is not of the form that AWS gives out.")
	}
	if strings.HasPrefix(r.AccessKeyID, "ASIA") && !r.Temporary {
		r.wrong("Its key is a temporary one, and the session token that belongs to it is missing.")
	}
}

// time reads when it was signed and when it dies.
func (r *reading) time(fields map[string]string) {
	at, err := time.Parse(stampLayout, fields["X-Amz-Date"])
	if err != nil || len(fields["X-Amz-Date"]) != len(stampLayout) {
		r.wrong("X-Amz-Date is not a date like 20060102T150405Z.") // err quotes it
		return
	}
	r.SignedAt, r.Dies = at, at.Add(tokenLife)
	lead := at.Sub(r.now)
	switch {
	case r.now.After(r.Dies):
		r.wrong("It is dead: it was signed at %s and lived 15 minutes.", stamp(at))
	case lead > clockLead:
		r.wrong("It was signed at %s, which is still to come. STS forgives five minutes: set the clock of whoever signed it.", stamp(at))
	case lead > time.Second:
		r.note("It was signed %s ahead of the clock here: one of the two clocks is wrong.", lead.Round(time.Second))
	}
	if r.day != "" && r.day != at.UTC().Format("20060102") {
		r.wrong("Its credential scope is of another day than X-Amz-Date, so STS refuses the signature.")
	}
}

// agree compares the region of the host with that of the signature.
func (r *reading) agree() {
	switch want := r.place.signs; {
	case want == "" || r.zone == "" || want == r.zone:
	case r.Host == globalHost && partitionOf(r.zone).name != "aws":
		r.wrong("It is signed for %s at the global STS host, which the partition %s does not have. Sign for the region's own STS host.", r.zone, partitionOf(r.zone).name)
	case strings.HasSuffix(want, "-global"): // the SDK's own names sign for a region of their partition
	default:
		r.wrong("It is signed for the region %s, and its host takes signatures for %s.", r.zone, want)
	}
}

// tell says what people look for in a token and do not find.
func (r *reading) tell() {
	if r.SignsCluster {
		r.note("The cluster's name is not written in it. It is signed along, so STS refuses it for a cluster of another name; a cluster of the same name in another account or region would ask STS the same question.")
	}
	r.note("Neither is the role: STS tells it to the cluster. The access key ID finds it in CloudTrail and in the cluster's audit log.")
	if r.Host == globalHost {
		r.note("It is signed for the global STS host. Clusters outside the partition aws refuse it.")
	}
	if !r.Dies.IsZero() {
		r.note("It dies with the credentials that signed it, when those end before its 15 minutes do. Requests that are open by then, such as a shell or a watch, may go on.")
	}
	if strings.HasPrefix(r.AccessKeyID, "AKIA") {
		r.note("A long-term key signed it, one of an IAM user and not of a role's session.")
	}
}

// shaped gives a text that has the form, and nothing of any other: it could
// be a secret in the wrong place.
func shaped(s string, form *regexp.Regexp) string {
	if !form.MatchString(s) {
		return ""
	}
	return s
}

// spaced is a word and the space after it, if there is a word.
func spaced(word string) string {
	if word == "" {
		return ""
	}
	return word + " "
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
