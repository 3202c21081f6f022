package awssim

import (
	"encoding/xml"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits are those of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.
const (
	shortestSession = 900
	longestSession  = 43200
	chainedSession  = time.Hour // role chaining caps the session
	maxTags         = 50
)

var (
	sessionNameForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDForm  = regexp.MustCompile(`^[\w+=,.@:/-]+$`) // and 2 to 1,224 characters
	tagForm         = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// wish is what AssumeRole is asked for.
type wish struct {
	role       string
	name       string
	externalID string
	source     string
	length     time.Duration
	luggage    luggage
}

type assumeRoleResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse" json:"-"`
	Result  struct {
		AssumedRoleUser struct {
			AssumedRoleID string `xml:"AssumedRoleId" json:"AssumedRoleId"`
			Arn           string
		}
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId" json:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      moment
		}
		PackedPolicySize int    `xml:",omitempty" json:",omitempty"`
		SourceIdentity   string `xml:",omitempty" json:",omitempty"`
	} `xml:"AssumeRoleResult" json:"AssumeRoleResult"`
	Metadata metadata `xml:"ResponseMetadata" json:"ResponseMetadata"`
}

// assumeRole checks form, then permission, then length, and seals a session.
func (x *exchange) assumeRole(who caller, id string) (any, error) {
	w, err := x.readWish()
	x.tellWish(w)
	if err != nil {
		return nil, err
	}
	role, err := x.sim.permit(who, &w)
	if err != nil {
		return nil, err
	}
	if err := w.checkLength(who, role); err != nil {
		return nil, err
	}
	of, err := x.sim.newSession(role, w)
	if err != nil {
		return nil, err
	}
	x.call.Issued, x.call.SourceIdentity, x.call.Tags = of.AccessKeyID, of.SourceIdentity, of.Tags
	return x.sim.assumedAnswer(of, id)
}

func (x *exchange) tellWish(w wish) {
	x.call.Target, x.call.SessionName = w.role, w.name
	x.call.SourceIdentity, x.call.Tags = w.source, w.luggage.Tags
}

func (s *Sim) newSession(role Role, w wish) (session, error) {
	packed, err := w.luggage.pack()
	if err != nil {
		return session{}, err
	}
	if percent := packedPercent(packed); percent > 100 {
		return session{}, refuse(400, "PackedPolicyTooLarge",
			"Packed size of session tags and policies consumes %d%% of allotted space.", percent)
	}
	now := s.now().UTC().Truncate(time.Second)
	return session{
		AccessKeyID: newAccessKeyID(), Role: role.ARN, RoleID: role.ID, Name: w.name,
		SourceIdentity: w.source, Issued: now, Expires: now.Add(w.length),
		Packed: packed, luggage: w.luggage,
	}, nil
}

func (s *Sim) assumedAnswer(of session, id string) (any, error) {
	token, err := s.token(of)
	if err != nil {
		return nil, err
	}
	var a assumeRoleResponse
	a.Metadata.RequestID = id
	r := &a.Result
	r.AssumedRoleUser.AssumedRoleID, r.AssumedRoleUser.Arn = of.RoleID+":"+of.Name, of.arn()
	r.Credentials.AccessKeyID, r.Credentials.SessionToken = of.AccessKeyID, token
	r.Credentials.SecretAccessKey = string(s.secretOf(of.AccessKeyID))
	r.Credentials.Expiration = moment(of.Expires)
	r.PackedPolicySize, r.SourceIdentity = packedPercent(of.Packed), of.SourceIdentity
	return &a, nil
}

// readWish checks what can be checked without knowing who asks.
func (x *exchange) readWish() (wish, error) {
	p := x.params
	w := wish{
		role: p.Get("RoleArn"), name: p.Get("RoleSessionName"),
		externalID: p.Get("ExternalId"), source: p.Get("SourceIdentity"),
		luggage: luggage{Policy: p.Get("Policy"), Tags: map[string]string{}},
	}
	if a, ok := parseARN(w.role); !ok || a.service != "iam" || !strings.HasPrefix(a.resource, "role/") {
		return w, refuse(400, "ValidationError", "%s is invalid", w.role)
	}
	if err := w.checkNames(); err != nil {
		return w, err
	}
	if n := len(w.externalID); n > 0 && (n < 2 || n > 1224 || !externalIDForm.MatchString(w.externalID)) {
		return w, invalid(w.externalID, "externalId", `Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)
	}
	if err := x.readLength(&w); err != nil {
		return w, err
	}
	if err := w.checkPolicy(); err != nil {
		return w, err
	}
	return w, x.readTags(&w.luggage)
}

func (w wish) checkNames() error {
	const pattern = `Member must satisfy regular expression pattern: [\w+=,.@-]*`
	if !sessionNameForm.MatchString(w.name) {
		return invalid(w.name, "roleSessionName", pattern+" and have length 2 to 64")
	}
	if w.source != "" && (!sessionNameForm.MatchString(w.source) || strings.HasPrefix(w.source, "aws:")) {
		return invalid(w.source, "sourceIdentity", pattern+" and have length 2 to 64")
	}
	return nil
}

func (x *exchange) readLength(w *wish) error {
	text := x.params.Get("DurationSeconds")
	if text == "" {
		text = "3600"
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return invalid(text, "durationSeconds", "Member must be an integer")
	case n < shortestSession:
		return invalid(n, "durationSeconds", "Member must have value greater than or equal to 900")
	case n > longestSession:
		return invalid(n, "durationSeconds", "Member must have value less than or equal to 43200")
	}
	w.length = time.Duration(n) * time.Second
	return nil
}

func (w wish) checkPolicy() error {
	if w.luggage.Policy == "" {
		return nil
	}
	if utf8.RuneCountInString(w.luggage.Policy) > maxPolicy {
		return invalid("(policy)", "policy", "Member must have length less than or equal to 2048")
	}
	_, err := parsePolicy(w.luggage.Policy)
	return err
}

// readTags reads Tags.member.N.Key/.Value and TransitiveTagKeys.member.N.
func (x *exchange) readTags(l *luggage) error {
	seen := map[string]bool{}
	for n := 1; x.params.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
		if n > maxTags {
			return invalid("(tags)", "tags", "Member must have length less than or equal to 50")
		}
		key := x.params.Get(fmt.Sprintf("Tags.member.%d.Key", n))
		value := x.params.Get(fmt.Sprintf("Tags.member.%d.Value", n))
		if err := checkTag(key, value); err != nil {
			return err
		}
		if seen[strings.ToLower(key)] {
			return refuse(400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[strings.ToLower(key)] = true
		l.Tags[key] = value
	}
	for n := 1; x.params.Has(fmt.Sprintf("TransitiveTagKeys.member.%d", n)); n++ {
		key := x.params.Get(fmt.Sprintf("TransitiveTagKeys.member.%d", n))
		if _, ok := l.Tags[key]; !ok {
			return refuse(400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
		}
		l.Transitive = append(l.Transitive, key)
	}
	return nil
}

func checkTag(key, value string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128 || !tagForm.MatchString(key):
		return invalid(key, "tags.1.member.key", `Member must have length 1 to 128 and satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
	case utf8.RuneCountInString(value) > 256 || !tagForm.MatchString(value):
		return invalid(value, "tags.1.member.value", `Member must have length 0 to 256 and satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*`)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return refuse(400, "InvalidParameterValue", "Tag keys must not begin with aws:.")
	}
	return nil
}

// permit asks trust policy and session policy, and takes over what a chained
// session must carry on: source identity and transitive tags.
func (s *Sim) permit(who caller, w *wish) (Role, error) {
	role, ok := s.roles[w.role]
	if !ok || !role.Trust.trusts(who) || !who.may(AssumeRole, w.role) {
		return Role{}, notAllowed(who.arn, AssumeRole, w.role)
	}
	if role.Trust.ExternalID != "" && role.Trust.ExternalID != w.externalID {
		return Role{}, notAllowed(who.arn, AssumeRole, w.role)
	}
	if err := w.inherit(who); err != nil {
		return Role{}, err
	}
	if w.source != "" && (!role.Trust.SourceIdentity || !who.may("sts:SetSourceIdentity", w.role)) {
		return Role{}, notAllowed(who.arn, "sts:SetSourceIdentity", w.role)
	}
	if len(w.luggage.Tags) > 0 && (!role.Trust.Tags || !who.may("sts:TagSession", w.role)) {
		return Role{}, notAllowed(who.arn, "sts:TagSession", w.role)
	}
	return role, nil
}

// inherit: a source identity stays as it was set first, and transitive tags
// travel on (IAM user guide, "Monitor and control actions taken with assumed
// roles" and "Pass session tags in AWS STS").
func (w *wish) inherit(who caller) error {
	from := who.session
	if from == nil {
		return nil
	}
	if from.SourceIdentity != "" && w.source != "" && w.source != from.SourceIdentity {
		return notAllowed(who.arn, "sts:SetSourceIdentity", w.role)
	}
	if from.SourceIdentity != "" {
		w.source = from.SourceIdentity
	}
	mine := slices.Collect(maps.Keys(w.luggage.Tags))
	for _, key := range from.Transitive {
		if slices.ContainsFunc(mine, func(k string) bool { return strings.EqualFold(k, key) }) {
			return refuse(400, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		w.luggage.Tags[key] = from.Tags[key]
		w.luggage.Transitive = append(w.luggage.Transitive, key)
	}
	return nil
}

func (w wish) checkLength(who caller, role Role) error {
	if who.session != nil && w.length > chainedSession {
		return refuse(400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if w.length > role.MaxSession {
		return refuse(400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return nil
}
