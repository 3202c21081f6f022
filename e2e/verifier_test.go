package e2e_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"

	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/issuer/awssim"
)

const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing

// draft is a token in the making. Its zero value, completed, is a good one.
type draft struct {
	creds    aws.Credentials
	scheme   string
	host     string
	path     string
	query    url.Values        // replaces Action, Version and X-Amz-Expires
	headers  map[string]string // replaces the cluster's; all are signed
	scope    [2]string         // service, region
	age      time.Duration
	tamper   func(u *url.URL)         // after signing
	disguise func(text string) string // after encoding
}

func (d draft) token(t *testing.T) string {
	t.Helper()
	d = d.complete()
	u := url.URL{Scheme: d.scheme, Host: d.host, Path: d.path, RawQuery: d.query.Encode()}
	req := must[*http.Request](t)(http.NewRequest(http.MethodGet, u.String(), nil))
	for name, value := range d.headers {
		req.Header.Set(name, value)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), d.creds, req, emptyBody, d.scope[0], d.scope[1], time.Now().Add(-d.age))
	if err != nil {
		t.Fatal(err)
	}
	final := must[*url.URL](t)(url.Parse(signed))
	d.tamper(final)
	return d.disguise("k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(final.String())))
}

func (d draft) complete() draft {
	if d.scheme == "" {
		d.scheme = "https"
	}
	if d.host == "" {
		d.host = "sts." + region + ".amazonaws.com"
	}
	if d.path == "" {
		d.path = "/"
	}
	if d.query == nil {
		d.query = query()
	}
	if d.headers == nil {
		d.headers = map[string]string{"x-k8s-aws-id": "prod"}
	}
	if d.scope == [2]string{} {
		d.scope = [2]string{"sts", region}
	}
	if d.tamper == nil {
		d.tamper = func(*url.URL) {}
	}
	if d.disguise == nil {
		d.disguise = func(text string) string { return text }
	}
	return d
}

// query is what is signed; the value absent removes a parameter.
func query(changes ...[2]string) url.Values {
	q := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}, "X-Amz-Expires": {"60"}}
	for _, change := range changes {
		q.Del(change[0])
		if change[1] != "absent" {
			q.Set(change[0], change[1])
		}
	}
	return q
}

// edit changes one parameter after signing.
func edit(name string, change func(string) string) func(*url.URL) {
	return func(u *url.URL) {
		q := u.Query()
		q.Set(name, change(q.Get(name)))
		u.RawQuery = q.Encode()
	}
}

func drop(name string) func(*url.URL) {
	return func(u *url.URL) {
		q := u.Query()
		q.Del(name)
		u.RawQuery = q.Encode()
	}
}

func attach(text string) func(*url.URL) { return func(u *url.URL) { u.RawQuery += text } }

// specimen is a token and what both verifiers must make of it.
type specimen struct {
	name  string
	good  bool
	draft draft
}

func goodTokens(session aws.Credentials, o owner) []specimen {
	other := draft{creds: session, host: "sts.us-east-1.amazonaws.com", scope: [2]string{"sts", "us-east-1"}}
	return []specimen{
		{"of a role's session", true, draft{creds: session}},
		{"of a user", true, draft{creds: o.credentials()}},
		{"fourteen minutes old, though signed for one", true, draft{creds: session, age: 14 * time.Minute}},
		{"signed for no time at all", true, draft{creds: session, query: query([2]string{"X-Amz-Expires", "0"})}},
		{"signed for the longest time", true, draft{creds: session, query: query([2]string{"X-Amz-Expires", "900"})}},
		{"signed in another region", true, other},
		{"signed for a FIPS host", true, draft{creds: session, host: "sts-fips.us-east-1.amazonaws.com", scope: [2]string{"sts", "us-east-1"}}},
		{"signed for the global host", true, draft{creds: session, host: "sts.amazonaws.com", scope: [2]string{"sts", "us-east-1"}}},
		{"with its parameters in another order", true, draft{creds: session, tamper: edit("Action", strings.Clone)}},
		{"with a clock two minutes ahead", true, draft{creds: session, age: -2 * time.Minute}},
	}
}

func staleTokens(session aws.Credentials) []specimen {
	return []specimen{
		{"sixteen minutes old", false, draft{creds: session, age: 16 * time.Minute}},
		{"a day old", false, draft{creds: session, age: 24 * time.Hour}},
		{"with a clock an hour ahead", false, draft{creds: session, age: -time.Hour}},
		{"made young again after signing", false, draft{creds: session, age: 16 * time.Minute,
			tamper: edit("X-Amz-Date", youngAgain)}},
		{"without a date", false, draft{creds: session, tamper: drop("X-Amz-Date")}},
		{"with a date of another form", false, draft{creds: session, tamper: edit("X-Amz-Date", func(string) string { return time.Now().Format(time.RFC3339) })}},
		{"signed for more than fifteen minutes", false, draft{creds: session, query: query([2]string{"X-Amz-Expires", "901"})}},
		{"signed for less than no time", false, draft{creds: session, query: query([2]string{"X-Amz-Expires", "-1"})}},
		{"signed for an empty time", false, draft{creds: session, query: query([2]string{"X-Amz-Expires", ""})}},
		{"without X-Amz-Expires", false, draft{creds: session, query: query([2]string{"X-Amz-Expires", "absent"})}},
	}
}

// youngAgain is now, or the last second of the day on which the token was
// signed: after midnight, now would not fit the day in its scope either.
func youngAgain(signed string) string {
	now := time.Now().UTC().Format("20060102T150405Z")
	if day, _, _ := strings.Cut(signed, "T"); !strings.HasPrefix(now, day) {
		return day + "T235959Z"
	}
	return now
}

func strangeHosts(session aws.Credentials) (list []specimen) {
	for _, host := range []string{
		"sts.evil.example", "sts.eu-central-1.amazonaws.com.evil.example", "eks.eu-central-1.amazonaws.com",
		"sts.cn-north-1.amazonaws.com.cn", "sts.us-iso-east-1.c2s.ic.gov", "sts..amazonaws.com", "sts.-.amazonaws.com",
		"sts.eu-central-1.amazonaws.com:443", "sts.eu-central-1.amazonaws.com.", "STS.eu-central-1.amazonaws.com",
		"127.0.0.1", "s3.sts.eu-central-1.amazonaws.com", "sts.eu-central-1.api.aws.evil.example", "sts",
	} {
		list = append(list, specimen{"for host " + host, false, draft{creds: session, host: host}})
	}
	return list
}

func forgedTokens(session aws.Credentials, o owner) []specimen {
	stranger := aws.Credentials{AccessKeyID: o.id, SecretAccessKey: "not " + o.secret}
	bare := aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey}
	crossed := aws.Credentials{AccessKeyID: o.id, SecretAccessKey: o.secret, SessionToken: session.SessionToken}
	return []specimen{
		{"with one digit of the signature changed", false, draft{creds: session, tamper: edit("X-Amz-Signature", flip)}},
		{"without a signature", false, draft{creds: session, tamper: drop("X-Amz-Signature")}},
		{"signed with another secret", false, draft{creds: stranger}},
		{"of a session, without its session token", false, draft{creds: bare}},
		{"of a user, with a session's token", false, draft{creds: crossed}},
		{"with a changed session token", false, draft{creds: session, tamper: edit("X-Amz-Security-Token", flip)}},
		{"with another's access key ID", false, draft{creds: session, tamper: edit("X-Amz-Credential", func(s string) string {
			return strings.Replace(s, session.AccessKeyID, o.id, 1)
		})}},
		{"scoped to another region than its host's", false, draft{creds: session, scope: [2]string{"sts", "us-west-2"}}},
		{"scoped to another service", false, draft{creds: session, scope: [2]string{"s3", region}}},
		{"with a signed header that no cluster sends", false, draft{creds: session, headers: map[string]string{"x-k8s-aws-id": "prod", "x-more": "1"}}},
		{"for another cluster", false, draft{creds: session, headers: map[string]string{"x-k8s-aws-id": "staging"}}},
		{"for no cluster", false, draft{creds: session, headers: map[string]string{}}},
		{"with the cluster unsigned after all", false, draft{creds: session, tamper: edit("X-Amz-SignedHeaders", func(string) string { return "host" })}},
	}
}

func bentTokens(session aws.Credentials) []specimen {
	return []specimen{
		{"over http", false, draft{creds: session, scheme: "http"}},
		{"with a path", false, draft{creds: session, path: "/index"}},
		{"with an encoded path", false, draft{creds: session, tamper: func(u *url.URL) { u.Path, u.RawPath = "//", "/%2f" }}},
		{"with another action", false, draft{creds: session, query: query([2]string{"Action", "GetSessionToken"})}},
		{"with the action in lower case", false, draft{creds: session, query: query([2]string{"Action", "getcalleridentity"})}},
		{"with no action", false, draft{creds: session, query: query([2]string{"Action", "absent"})}},
		{"with another version", false, draft{creds: session, query: query([2]string{"Version", "2010-05-08"})}},
		{"with a signed parameter that no token has", false, draft{creds: session, query: query([2]string{"Policy", "{}"})}},
		{"with an unsigned parameter that no token has", false, draft{creds: session, tamper: attach("&x=1")}},
		{"with a second action", false, draft{creds: session, tamper: attach("&Action=GetCallerIdentity")}},
		{"with a second action in other letters", false, draft{creds: session, tamper: attach("&action=AssumeRole")}},
		{"with a second credential in other letters", false, draft{creds: session, tamper: attach("&x-amz-credential=AKIASOMEBODYELSES000")}},
		{"with a semicolon in its query", false, draft{creds: session, tamper: attach(";x=1")}},
		{"with a broken escape in its query", false, draft{creds: session, tamper: attach("&Version=%zz")}},
		{"with a user name before its host", false, draft{creds: session, tamper: func(u *url.URL) { u.User = url.UserPassword("a", "b") }}},
		{"longer than 4,096 bytes", false, draft{creds: session, tamper: attach("&Version=" + strings.Repeat("x", 4096))}},
		{"without its prefix", false, draft{creds: session, disguise: func(s string) string { return strings.TrimPrefix(s, "k8s-aws-v1.") }}},
		{"with the prefix of a version to come", false, draft{creds: session, disguise: func(s string) string { return strings.Replace(s, "v1", "v2", 1) }}},
		{"padded", false, draft{creds: session, disguise: func(s string) string { return s + "=" }}},
		{"with a space after it", false, draft{creds: session, disguise: func(s string) string { return s + " " }}},
		{"cut short", false, draft{creds: session, disguise: func(s string) string { return s[:len(s)/2] }}},
		{"that is only a prefix", false, draft{creds: session, disguise: func(string) string { return "k8s-aws-v1." }}},
		{"that is nothing", false, draft{creds: session, disguise: func(string) string { return "" }}},
	}
}

// flip changes the last character of a signature or token.
func flip(s string) string {
	if strings.HasSuffix(s, "0") {
		return s[:len(s)-1] + "1"
	}
	return s[:len(s)-1] + "0"
}

// theirs is the authenticator's own verifier, asking the face through net/http's
// default transport, which is the only one it uses.
func theirs(t *testing.T, face http.Handler) token.Verifier {
	t.Helper()
	names := chain.StartAWS(t)
	names.Serve(face)
	before := http.DefaultTransport
	http.DefaultTransport = names.Client(t).Transport
	t.Cleanup(func() { http.DefaultTransport = before })
	return token.NewVerifier("prod", "aws", region)
}

func assume(t *testing.T, face http.Handler, o owner, role, session string) aws.Credentials {
	t.Helper()
	names := chain.StartAWS(t)
	names.Serve(face)
	client := sts.New(sts.Options{Region: region, HTTPClient: names.Client(t), Credentials: aws.CredentialsProviderFunc(provide(o))})
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken,
	}
}

func TestSimulatedVerifierAgreesWithTheAuthenticators(t *testing.T) {
	o := newOwner()
	face := newFace(o, awssim.Cluster{ARN: clusterARN("prod")})
	session := assume(t, face.Handler(), o, reader, "ada@example.com")
	verifier := theirs(t, face.Handler())

	specimens := goodTokens(session, o)
	specimens = append(specimens, staleTokens(session)...)
	specimens = append(specimens, strangeHosts(session)...)
	specimens = append(specimens, forgedTokens(session, o)...)
	specimens = append(specimens, bentTokens(session)...)
	for _, s := range specimens {
		t.Run("a token "+s.name, func(t *testing.T) {
			text := s.draft.token(t)
			want, theirErr := verifier.Verify(text)
			got, ourErr := face.Verify(text, "prod")
			if (theirErr == nil) != s.good || (ourErr == nil) != s.good {
				t.Fatalf("good: %v\nthe authenticator: %v\nthe simulator:     %v", s.good, theirErr, ourErr)
			}
			if !s.good {
				t.Logf("the authenticator: %v\nthe simulator:     %v", theirErr, ourErr)
				return
			}
			sameIdentity(t, want, got)
		})
	}
}

func sameIdentity(t *testing.T, want *token.Identity, got awssim.Identity) {
	t.Helper()
	expected := awssim.Identity{
		ARN: want.ARN, Role: want.CanonicalARN, Account: want.AccountID, UserID: want.UserID,
		SessionName: want.SessionName, AccessKeyID: want.AccessKeyID,
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}
