package e2e_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"

	"github.com/daypass/daypass/explain"
	"github.com/daypass/daypass/issuer/awssim"
)

// places are where clusters can be: a partition, a region of it, and the name
// of the region's STS (aws-iam-authenticator pkg/endpoints/partitions.go).
func places() [][3]string {
	return [][3]string{
		{"aws", region, "sts." + region + ".amazonaws.com"},
		{"aws-cn", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"},
		{"aws-us-gov", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"},
		{"aws-iso", "us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"},
		{"aws-iso-b", "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"},
		{"aws-iso-e", "eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk"},
		{"aws-iso-f", "us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov"},
		{"aws-eusc", "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"},
	}
}

// bench is the authenticator's own verifier, once for each partition: an
// explanation cannot know in which one the cluster is.
type bench []token.Verifier

func newBench(t *testing.T, face http.Handler) (b bench) {
	t.Helper()
	theirs(t, face) // all of them ask through the default transport
	for _, p := range places() {
		b = append(b, token.NewVerifier("prod", p[0], p[1]))
	}
	return b
}

// verdict is what the clusters of all partitions make of a token.
type verdict struct {
	accepted bool // by one of them at least
	asked    bool // one at least found no fault in its shape and asked STS
	why      error
}

func (b bench) judge(text string) (v verdict) {
	for _, verifier := range b {
		_, err := verifier.Verify(text)
		if err == nil {
			return verdict{accepted: true, asked: true}
		}
		if errors.As(err, new(token.STSError)) {
			v = verdict{asked: true, why: err}
		} else if v.why == nil {
			v.why = err
		}
	}
	return v
}

// agreedSilence names the tokens that STS refuses though their shape is whole,
// of which no problem is told, and why that is so.
func agreedSilence() map[string]string {
	const stsAlone = "whether a signature is right STS alone can tell, for it alone knows the secret"
	return map[string]string{
		"with one digit of the signature changed":    stsAlone,
		"signed with another secret":                 stsAlone,
		"of a user, with a session's token":          stsAlone,
		"with a changed session token":               stsAlone,
		"with another's access key ID":               stsAlone,
		"made young again after signing":             stsAlone,
		"for another cluster":                        "the cluster's name is signed along and not written in the token",
		"with a signed header that no cluster sends": "the verifier, too, leaves it to STS; the explanation lists the signed headers",
	}
}

// agreedPardon names the tokens that a verifier refuses for their shape, of
// which no problem is told, and why that is so.
func agreedPardon() map[string]string {
	return map[string]string{
		"with a space after it": "people copy white space along with a token, and it is taken away before anything is judged",
	}
}

// agreedComplaint names the tokens that a verifier accepts and of which a
// problem is told all the same, and why that is so.
func agreedComplaint() map[string]string {
	return map[string]string{
		"broken into two lines": "the verifier's base64 reads over line breaks, but no HTTP header can carry one to it",
	}
}

func tokensElsewhere(session aws.Credentials) (list []specimen) {
	for _, p := range places() {
		list = append(list, specimen{"for a cluster in " + p[0], true, draft{creds: session, host: p[2], scope: [2]string{"sts", p[1]}}})
	}
	return append(list,
		specimen{"for a dual-stack host", true, draft{creds: session, host: "sts." + region + ".api.aws"}},
		specimen{"for a region that is new", true, draft{creds: session, host: "sts.mars-north-1.amazonaws.com", scope: [2]string{"sts", "mars-north-1"}}},
		specimen{"with a fragment, which nobody sends", true, draft{creds: session, tamper: func(u *url.URL) { u.Fragment = "x" }}},
		specimen{"with a clock four minutes ahead", true, draft{creds: session, age: -4 * time.Minute}},
		specimen{"broken into two lines", true, draft{creds: session, disguise: func(s string) string { return s[:80] + "\n" + s[80:] }}},
		specimen{"for the FIPS host of another name in GovCloud", false, draft{creds: session, host: "sts-fips.us-gov-west-1.amazonaws.com", scope: [2]string{"sts", "us-gov-west-1"}}},
		specimen{"for the SDK's name for no region", false, draft{creds: session, host: "sts.aws-global.amazonaws.com", scope: [2]string{"sts", "us-east-1"}}},
		specimen{"for China at the global host", false, draft{creds: session, host: "sts.amazonaws.com", scope: [2]string{"sts", "cn-north-1"}}},
		specimen{"for another region at the global host", false, draft{creds: session, host: "sts.amazonaws.com"}},
	)
}

// brokenTokens are the ways in which tokens break on their way to whoever
// asks for an explanation.
func brokenTokens(session aws.Credentials) []specimen {
	renamed := func(old, with string) func(*url.URL) {
		return func(u *url.URL) { u.RawQuery = strings.Replace(u.RawQuery, old, with, 1) }
	}
	scoped := func(change func(string) string) draft {
		return draft{creds: session, tamper: edit("X-Amz-Credential", change)}
	}
	return []specimen{
		{"with no path", false, draft{creds: session, tamper: func(u *url.URL) { u.Path = "" }}},
		{"in the other base64", false, draft{creds: session, disguise: func(s string) string { return s + "+/" }}},
		{"with a letter of no base64", false, draft{creds: session, disguise: func(s string) string { return s + "!" }}},
		{"broken by a space", false, draft{creds: session, disguise: func(s string) string { return s[:80] + " " + s[80:] }}},
		{"cut after a few letters", false, draft{creds: session, disguise: func(s string) string { return s[:16] }}},
		{"that holds no URL", false, draft{creds: session, disguise: func(string) string {
			return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(":ab:cd.af:/asda"))
		}}},
		{"with a name in another case", false, draft{creds: session, tamper: renamed("X-Amz-Signature", "x-amz-signature")}},
		{"with its signature under another name", false, draft{creds: session, tamper: renamed("X-Amz-Signature", "X-Amz-Signaturf")}},
		{"with its signature cut", false, draft{creds: session, tamper: edit("X-Amz-Signature", func(s string) string { return s[:62] })}},
		{"with another algorithm", false, draft{creds: session, tamper: edit("X-Amz-Algorithm", func(string) string { return "AWS4-HMAC-SHA512" })}},
		{"with no version", false, draft{creds: session, query: query([2]string{"Version", "absent"})}},
		{"with another day in its scope", false, scoped(func(s string) string {
			parts := strings.Split(s, "/")
			parts[1] = "20010101"
			return strings.Join(parts, "/")
		})},
		{"with a scope that is none", false, scoped(func(s string) string { return strings.TrimSuffix(s, "/aws4_request") })},
		{"with a date of fractions", false, draft{creds: session, tamper: edit("X-Amz-Date", func(s string) string { return strings.TrimSuffix(s, "Z") + ".5Z" })}},
		{"with the date without its zone", false, draft{creds: session, tamper: edit("X-Amz-Date", func(s string) string { return strings.TrimSuffix(s, "Z") })}},
		{"signed for a word of time", false, draft{creds: session, query: query([2]string{"X-Amz-Expires", "soon"})}},
	}
}

// An explanation must not frighten people off a token that clusters take, nor
// call one whole that they refuse.
func TestExplanationsAgreeWithTheAuthenticatorsVerifier(t *testing.T) {
	o := newOwner()
	face := newFace(o, awssim.Cluster{ARN: clusterARN("prod")})
	session := assume(t, face.Handler(), o, reader, "ada@example.com")
	b := newBench(t, face.Handler())
	silence, pardon, complaint := agreedSilence(), agreedPardon(), agreedComplaint()
	for _, s := range slices.Concat(goodTokens(session, o), staleTokens(session), strangeHosts(session), forgedTokens(session, o), bentTokens(session),
		tokensElsewhere(session), brokenTokens(session)) {
		t.Run("a token "+s.name, func(t *testing.T) {
			text := s.draft.token(t)
			v, problems := b.judge(text), told(t, text)
			if v.accepted != s.good {
				t.Fatalf("good: %v, and the authenticator: %v", s.good, v.why)
			}
			complains := !v.accepted
			switch {
			case v.accepted && agreed(complaint, s.name):
				complains = true
			case !v.accepted && v.asked && agreed(silence, s.name), !v.asked && agreed(pardon, s.name):
				complains = false
			}
			if complains != (len(problems) > 0) {
				t.Errorf("the authenticator accepts: %v, asks STS: %v (%v); the explanation complains of %q", v.accepted, v.asked, v.why, problems)
			}
		})
	}
	for _, left := range []map[string]string{silence, pardon, complaint} {
		for name := range left {
			t.Errorf("an exception is agreed upon and not needed: a token %s", name)
		}
	}
}

// agreed looks up an exception and strikes it off.
func agreed(exceptions map[string]string, name string) bool {
	_, ok := exceptions[name]
	delete(exceptions, name)
	return ok
}

// Every letter of a token is taken away and changed, one at a time: what a
// verifier accepts all the same is not to be complained of, and what none of
// them would even ask STS about is.
func TestNoChangedLetterOfATokenIsOverlooked(t *testing.T) {
	o := newOwner()
	face := newFace(o, awssim.Cluster{ARN: clusterARN("prod")})
	session := assume(t, face.Handler(), o, reader, "ada@example.com")
	b := newBench(t, face.Handler())
	whole := string(must[[]byte](t)(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(draft{creds: session}.token(t), tokenPrefix))))
	met := map[string]int{}
	for i := range whole {
		for _, changed := range variants(whole[i : i+1]) {
			text := tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(whole[:i]+changed+whole[i+1:]))
			v, problems := b.judge(text), told(t, text)
			met[v.kind()]++
			if v.accepted && len(problems) > 0 || !v.asked && len(problems) == 0 {
				t.Errorf("letter %d, %q, became %q: it is %s (%v), and the explanation complains of %q", i, whole[i:i+1], changed, v.kind(), v.why, problems)
			}
		}
	}
	t.Logf("%v", met)
	for _, kind := range []string{"accepted", "refused by STS", "refused for its shape"} {
		if met[kind] == 0 {
			t.Errorf("no token was %s, so nothing was learnt about such", kind)
		}
	}
}

const tokenPrefix = "k8s-aws-v1."

// variants are what may become of a letter. A slash and an ampersand mean
// something in a URL, the last one nothing anywhere.
func variants(letter string) (list []string) {
	for _, v := range []string{"", letter + letter, strings.ToUpper(letter), strings.ToLower(letter), "/", "&", "%", "!"} {
		if v != letter && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func (v verdict) kind() string {
	switch {
	case v.accepted:
		return "accepted"
	case v.asked:
		return "refused by STS"
	}
	return "refused for its shape"
}

// told is what an explanation complains of. That a text holds no token at all
// is a complaint too.
func told(t *testing.T, text string) []string {
	t.Helper()
	got, err := explain.TakeApart(text, time.Now())
	if err == nil {
		return got.Problems
	}
	if !errors.Is(err, explain.ErrNone) {
		t.Fatalf("the text cannot be taken apart: %v", err)
	}
	return []string{err.Error()}
}
