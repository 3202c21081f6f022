package explain_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/explain"
	"github.com/daypass/daypass/issuer/awssim"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	prefix  = "k8s-aws-v1."
	userARN = "arn:aws:iam::111122223333:user/daypass"
	shopARN = "arn:aws:eks:eu-west-1:111122223333:cluster/shop"
	// noBody is the SHA-256 of nothing.
	noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// user signs the tokens of these tests. The secret opens nothing.
var user = aws.Credentials{AccessKeyID: "AKIA" + strings.Repeat("D", 16), SecretAccessKey: strings.Repeat("not-a-key.", 4)}

func simulated() *awssim.Sim {
	return awssim.New(awssim.Options{
		Now:      func() time.Time { return noon },
		Users:    []awssim.User{{ARN: userARN, AccessKeyID: user.AccessKeyID, Secret: awssim.Secret(user.SecretAccessKey)}},
		Clusters: []awssim.Cluster{{ARN: shopARN, Endpoint: "https://shop.example"}},
	})
}

// draft is a token on its way: it may be spoilt before signing and after.
type draft struct {
	creds   aws.Credentials
	host    string
	query   url.Values
	headers http.Header
	service string
	region  string
	at      time.Time
	signed  func(string) string // changes the URL
	wrapped func(string) string // changes the token
}

func fresh() *draft {
	same := func(s string) string { return s }
	return &draft{creds: user, host: "sts.eu-west-1.amazonaws.com", service: "sts", region: "eu-west-1", at: noon,
		query:   url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}, "X-Amz-Expires": {"60"}},
		headers: http.Header{"X-K8s-Aws-Id": {"shop"}}, signed: same, wrapped: same}
}

func (d *draft) token(t testing.TB) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://"+d.host+"/?"+d.query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = d.headers
	u, _, err := v4.NewSigner().PresignHTTP(t.Context(), d.creds, r, noBody, d.service, d.region, d.at)
	if err != nil {
		t.Fatal(err)
	}
	return d.wrapped(tokenOf(d.signed(u)))
}

func tokenOf(u string) string { return prefix + base64.RawURLEncoding.EncodeToString([]byte(u)) }

func swap(old, with string) func(*draft) {
	return func(d *draft) {
		d.signed = func(u string) string {
			if !strings.Contains(u, old) {
				panic("the signed URL has no " + old)
			}
			return strings.Replace(u, old, with, 1)
		}
	}
}

func more(s string) func(*draft) {
	return func(d *draft) { d.signed = func(u string) string { return u + s } }
}

func query(name, value string) func(*draft) { return func(d *draft) { d.query.Set(name, value) } }

func wrap(f func(string) string) func(*draft) { return func(d *draft) { d.wrapped = f } }

func signedAgo(by time.Duration) func(*draft) { return func(d *draft) { d.at = d.at.Add(-by) } }

func at(host, region string) func(*draft) {
	return func(d *draft) { d.host, d.region = host, region }
}

func TestAGoodTokenIsToldWhole(t *testing.T) {
	d := fresh()
	d.creds.AccessKeyID, d.creds.SessionToken = "ASIA"+strings.Repeat("X", 16), strings.Repeat("Sess/+", 200)
	token := d.token(t)
	got, err := explain.TakeApart(token, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	notes := got.Notes
	got.Notes = nil
	want := explain.Token{
		From: "a bare token", Bytes: len(token), Host: "sts.eu-west-1.amazonaws.com", Partition: "aws", Region: "eu-west-1",
		Action: "GetCallerIdentity", Version: "2011-06-15", SignedAt: noon, Dies: noon.Add(15 * time.Minute), Expires: "60",
		Scope: "20260301/eu-west-1/sts/aws4_request", AccessKeyID: d.creds.AccessKeyID,
		SignedHeaders: []string{"host", "x-k8s-aws-id"}, SignsCluster: true, Temporary: true, Problems: []string{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, say := range []string{"nobody heeds it", "The cluster's name is not written in it.", "Neither is the role", "It dies with the credentials"} {
		if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, say) }) {
			t.Errorf("no note says %q: %q", say, notes)
		}
	}
	tellsNothing(t, got, token)
}

// tellsNothing: no secret of the token is in what is told of it.
func tellsNothing(t testing.TB, got any, token string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{string(b), fmt.Sprintf("%+v", got)} {
		for what, secret := range secrets(token) {
			if len(secret) >= 20 && strings.Contains(told, secret) {
				t.Errorf("%s is told: %s", what, told)
			}
		}
	}
}

func secrets(token string) map[string]string {
	out := map[string]string{"the token": token}
	plain, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, prefix))
	out["the URL"] = string(plain)
	u, err := url.Parse(string(plain))
	if err != nil {
		return out
	}
	for name, values := range u.Query() {
		if name := strings.ToLower(name); name == "x-amz-signature" || name == "x-amz-security-token" {
			out[name] = values[0]
		}
	}
	return out
}

// The verdicts are held against the simulated AWS: what it accepts has no
// problem, and what it refuses for its form or time has one at least. A wrong
// signature alone cannot be seen from outside.
func TestVerdictsAreThoseOfAWS(t *testing.T) {
	sim := simulated()
	for claim, tt := range map[string]struct {
		spoil func(*draft)
		say   string // empty: nothing is wrong with it
	}{
		"a token as AWS's own clients make it": {func(*draft) {}, ""},
		"X-Amz-Expires 0":                      {query("X-Amz-Expires", "0"), ""},
		"X-Amz-Expires 900":                    {query("X-Amz-Expires", "900"), ""},
		"a token of 15 minutes ago":            {signedAgo(15 * time.Minute), ""},
		"a token of four minutes ahead":        {signedAgo(-4 * time.Minute), ""},
		"the global host in aws":               {at("sts.amazonaws.com", "us-east-1"), ""},
		"a FIPS host":                          {at("sts-fips.us-east-1.amazonaws.com", "us-east-1"), ""},
		"a dual-stack host":                    {at("sts.eu-west-1.api.aws", "eu-west-1"), ""},
		"a host of GovCloud, under aws's name": {at("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"), ""},
		"a region that is new":                 {at("sts.mars-north-1.amazonaws.com", "mars-north-1"), ""},
		"a fragment, which nobody sends":       {more("#x"), ""},

		"more than 4,096 bytes":               {wrap(func(s string) string { return s + strings.Repeat("A", 4097-len(s)) }), "It has 4097 bytes"},
		"padding":                             {wrap(func(s string) string { return s + "=" }), "padded with ="},
		"the other alphabet":                  {wrap(func(s string) string { return s + "+/" }), "base64 of + and /"},
		"a cut end":                           {wrap(func(s string) string { return s[:len(prefix)+5] }), "There is no URL in it|not base64|not https"},
		"a letter of no base64":               {wrap(func(s string) string { return s + "!" }), "cut or changed"},
		"no URL":                              {wrap(func(string) string { return tokenOf(":ab:cd.af:/asda") }), "There is no URL in it."},
		"http":                                {swap("https://", "http://"), "not https"},
		"another host":                        {swap("sts.eu-west-1.amazonaws.com", "sts.eu-west-1.evil.example"), "Its host sts.eu-west-1.evil.example is not one of AWS's STS"},
		"a host in capitals":                  {swap("sts.eu-west-1", "STS.eu-west-1"), "is not one of AWS's STS"},
		"a host with a port":                  {swap("amazonaws.com/", "amazonaws.com:443/"), "is not one of AWS's STS"},
		"a host of another domain":            {swap("eu-west-1.amazonaws.com/", "eu-west-1.amazonaws.com.cn/"), "is not one of AWS's STS"},
		"FIPS by another name in GovCloud":    {at("sts-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"), "is not one of AWS's STS"},
		"the SDK's name for no region":        {at("sts.aws-global.amazonaws.com", "us-east-1"), "is not one of AWS's STS"},
		"another path":                        {swap("com/?", "com/x?"), "path is not /"},
		"no path":                             {swap("com/?", "com?"), "path is not /"},
		"an escaped path":                     {swap("com/?", "com/%2e?"), "path is not /"},
		"an unknown parameter":                {query("Foo", "bar"), "a parameter Foo that no token has"},
		"an unknown parameter of odd letters": {query("<script>", "bar"), "a parameter that no token has"},
		"a parameter twice":                   {more("&Action=GetCallerIdentity"), "Its parameter Action is there twice"},
		"a parameter twice in another case":   {more("&x-amz-credential=eve"), "Its parameter X-Amz-Credential is there twice"},
		"another action":                      {query("Action", "GetSessionToken"), "asks for the action GetSessionToken"},
		"semicolons":                          {more(";a=b"), "cannot be read as a whole"},
		"a broken escape":                     {more("%gh"), "cannot be read as a whole"},
		"no cluster header":                   {func(d *draft) { d.headers = http.Header{} }, "The cluster's name (header x-k8s-aws-id) is not signed"},
		"a header that only resembles it":     {func(d *draft) { d.headers = http.Header{"X-K8s-Aws-I": {"shop"}} }, "is not signed"},
		"X-Amz-Expires 901":                   {query("X-Amz-Expires", "901"), "from 0 to 900"},
		"X-Amz-Expires -1":                    {query("X-Amz-Expires", "-1"), "from 0 to 900"},
		"an empty X-Amz-Expires":              {query("X-Amz-Expires", ""), "from 0 to 900"},
		"no X-Amz-Expires":                    {func(d *draft) { d.query.Del("X-Amz-Expires") }, "from 0 to 900"},
		"no date":                             {swap("X-Amz-Date=20260301T120000Z&", ""), "X-Amz-Date is not a date"},
		"a date that is none":                 {swap("20260301T120000Z", "yesterday"), "X-Amz-Date is not a date"},
		"a token past its 15 minutes":         {signedAgo(15*time.Minute + time.Second), "It is dead: it was signed at 2026-03-01 11:44:59 UTC and lived 15 minutes."},
		"a token six minutes ahead":           {signedAgo(-6 * time.Minute), "which is still to come"},

		"a signature that was stripped":       {swap("X-Amz-Signature", "X-Amz-Signaturf"), "It has no signature"},
		"a signature that was cut":            {func(d *draft) { d.signed = func(u string) string { return u[:len(u)-2] } }, "or one that was cut"},
		"names in another case":               {swap("X-Amz-Signature", "x-amz-signature"), "written in another case"},
		"a host moved to another region":      {swap("sts.eu-west-1", "sts.us-east-2"), "signed for the region eu-west-1, and its host takes signatures for us-east-2"},
		"another service's signature":         {func(d *draft) { d.service = "s3" }, "signed for the service s3"},
		"the global host for China":           {at("sts.amazonaws.com", "cn-north-1"), "which the partition aws-cn does not have"},
		"the global host for a region of aws": {at("sts.amazonaws.com", "eu-west-1"), "its host takes signatures for us-east-1"},
		"no version":                          {func(d *draft) { d.query.Del("Version") }, "Version is not 2011-06-15"},
		"a name and password in the URL":      {swap("https://", "https://eve:x@"), "carries a user name"},
		"another algorithm":                   {swap("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), "not signed by AWS4-HMAC-SHA256"},
		"another day in the scope":            {swap("%2F20260301%2F", "%2F20260302%2F"), "of another day than X-Amz-Date"},
		"a scope that is none":                {swap("%2Faws4_request", ""), "X-Amz-Credential is not"},
		"a temporary key without its session": {func(d *draft) { d.creds.AccessKeyID = "ASIA" + strings.Repeat("X", 16) }, "session token that belongs to it is missing"},
	} {
		t.Run(claim, func(t *testing.T) {
			d := fresh()
			tt.spoil(d)
			token := d.token(t)
			got, err := explain.TakeApart(token, noon)
			if err != nil {
				t.Fatal(err)
			}
			tellsNothing(t, got, token)
			if said := strings.Join(got.Problems, "\n"); !holdsAny(said, tt.say) || (tt.say == "" && said != "") {
				t.Errorf("the problems are %q, want %q among them", got.Problems, tt.say)
			}
			agrees(t, sim, token, got)
		})
	}
}

func holdsAny(said, alternatives string) bool {
	return slices.ContainsFunc(strings.Split(alternatives, "|"), func(a string) bool { return strings.Contains(said, a) })
}

// agrees holds an explanation against the simulated AWS.
func agrees(t testing.TB, sim *awssim.Sim, token string, got explain.Token) {
	t.Helper()
	if _, err := sim.Verify(token, "shop"); err == nil && len(got.Problems) > 0 {
		t.Errorf("AWS accepts it, and its problems are %q", got.Problems)
	}
	refusal := refusedEverywhere(token)
	if refusal != nil && len(got.Problems) == 0 {
		t.Errorf("clusters refuse it (%v), and no problem is told", refusal)
	}
}

// refusedEverywhere is what clusters of all partitions say, if all refuse.
func refusedEverywhere(token string) (err error) {
	for _, p := range []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"} {
		if _, err = awssim.Parse(token, noon, 0, awssim.Hosts{Partition: p}); err == nil {
			return nil
		}
	}
	return err
}

func TestEveryPartitionIsKnownByItsHost(t *testing.T) {
	for host, want := range map[string]string{
		"sts.eu-west-1.amazonaws.com": "aws", "sts.us-gov-east-1.amazonaws.com": "aws-us-gov", "sts.us-gov-east-1.api.aws": "aws-us-gov",
		"sts.cn-north-1.amazonaws.com.cn": "aws-cn", "sts.cn-north-1.api.amazonwebservices.com.cn": "aws-cn",
		"sts.us-iso-east-1.c2s.ic.gov": "aws-iso", "sts.us-isob-east-1.sc2s.sgov.gov": "aws-iso-b",
		"sts.eu-isoe-west-1.cloud.adc-e.uk": "aws-iso-e", "sts.us-isof-south-1.csp.hci.ic.gov": "aws-iso-f",
		"sts.eusc-de-east-1.amazonaws.eu": "aws-eusc", "sts.eusc-de-east-1.api.amazonwebservices.eu": "aws-eusc",
	} {
		d := fresh()
		d.host, d.region = host, strings.Split(host, ".")[1]
		token := d.token(t)
		got, err := explain.TakeApart(token, noon)
		if err != nil || got.Partition != want || got.Region != d.region || len(got.Problems) > 0 {
			t.Errorf("%s is told as %q, %q: %v, %q", host, got.Partition, got.Region, err, got.Problems)
		}
		if _, err := awssim.Parse(token, noon, 0, awssim.Hosts{Partition: want}); err != nil {
			t.Errorf("a cluster of %s refuses %s: %v", want, host, err)
		}
	}
}

func TestATokenIsFoundWhereverPeopleKeepIt(t *testing.T) {
	token := fresh().token(t)
	exec := "{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}"
	users := func(current string, more string) string {
		return "apiVersion: v1\nkind: Config\ncurrent-context: " + current + "\ncontexts:\n- {name: one, context: {cluster: c, user: u1}}\n- {name: two, context: {cluster: c, user: u2}}\nusers:\n" + more
	}
	u1, u2 := "- {name: u1, user: {token: "+prefix+"xxxx}}\n", "- {name: u2, user: {token: "+token+"}}\n"
	for claim, tt := range map[string]struct{ text, from string }{
		"a bare token":               {token, "a bare token"},
		"with white space around":    {"\n\t " + token + " \r\n", "a bare token"},
		"in quotes":                  {`"` + token + `"`, "a bare token"},
		"a header":                   {"Authorization: Bearer " + token, "a Bearer header"},
		"a header in small letters":  {"authorization:bearer   " + token + "\n", "a Bearer header"},
		"a header as curl takes it":  {"'Authorization: Bearer " + token + "'", "a Bearer header"},
		"Bearer alone":               {"Bearer " + token, "a Bearer header"},
		"a kubeconfig's only token":  {users("", u2), "the kubeconfig's user u2"},
		"the current context's":      {users("two", u1+u2), "the kubeconfig's user u2, of its current context"},
		"the only one beside exec":   {users("one", "- {name: u1, user: "+exec+"}\n"+u2), "the kubeconfig's user u2"},
		"a kubeconfig in JSON":       {`{"kind":"Config","users":[{"name":"j","user":{"token":"` + token + `"}}]}`, "the kubeconfig's user j"},
		"a user of a long name":      {"users: [{name: " + strings.Repeat("x", 300) + ", user: {token: " + token + "}}]", "the kubeconfig's user (its name is not shown)"},
		"a user named by the token":  {"users: [{name: " + token + ", user: {token: " + token + "}}]", "the kubeconfig's user (its name is not shown)"},
		"a user of control letters":  {"users: [{name: \"a\\e[31m\\u202eb\", user: {token: " + token + "}}]", "the kubeconfig's user a [31m b"},
		"an ExecCredential":          {`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{},"status":{"expirationTimestamp":"2026-03-01T12:14:00Z","token":"` + token + `"}}`, "the ExecCredential's status.token"},
		"with a mark of byte order":  {"\ufeff" + token, "a bare token"},
		"with a certificate besides": {"clusters: [{name: c, cluster: {certificate-authority-data: AAAA}}]\nusers: [{name: u, user: {token: " + token + "}}]", "the kubeconfig's user u"},
	} {
		t.Run(claim, func(t *testing.T) {
			got, err := explain.TakeApart(tt.text, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got.From != tt.from || got.Bytes != len(token) || len(got.Problems) > 0 {
				t.Errorf("found in %q with %d bytes and the problems %q", got.From, got.Bytes, got.Problems)
			}
			tellsNothing(t, got, token)
		})
	}
}

func TestABrokenLineIsReadAndTold(t *testing.T) {
	token := fresh().token(t)
	got, err := explain.TakeApart(token[:100]+"\n  "+token[100:], noon)
	if err != nil || got.AccessKeyID != user.AccessKeyID || len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "broken by white space") {
		t.Errorf("%+v %v", got, err)
	}
}

func TestATextWithoutTokenIsRefusedWithWhatToGive(t *testing.T) {
	token := fresh().token(t)
	secret := "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXNlcnZpY2UtYWNjb3VudA.c2ln"
	for claim, tt := range map[string]struct{ text, say string }{
		"nothing":                         {" \n", "There is no text."},
		"a service account's token":       {secret, "it would begin with k8s-aws-v1."},
		"another version":                 {"k8s-aws-v2.aaaa", "it would begin with k8s-aws-v1."},
		"YAML that is none":               {"users: [" + secret, "nor readable as a kubeconfig"},
		"a field of the wrong kind":       {"users: {token: " + secret + "}", "nor readable as a kubeconfig"},
		"another kind's token":            {"users: [{name: u, user: {token: " + secret + "}}]", "The token in the kubeconfig's user u is no EKS token"},
		"several, none of them current's": {"users: [{name: a, user: {token: " + token + "}}, {name: b, user: {token: " + token + "}}]", "kubectl config use-context"},
		"exec alone":                      {"users: [{name: a, user: {exec: {command: aws}}}]", "gets one from a command (exec)"},
		"tokenFile alone":                 {"users: [{name: a, user: {tokenFile: /t}}]", "reads one from a file"},
		"a certificate's user":            {"users: [{name: a, user: {client-certificate-data: AAAA}}]", "The kubeconfig holds no token."},
		"an ExecCredential without token": {`{"kind":"ExecCredential","status":{}}`, "its helper gave no token"},
		"a flood":                         {prefix + strings.Repeat("A", 1<<20), "larger than a megabyte"},
		"a bomb of aliases":               {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nusers: [*e,*e,*e,*e]\n", "nor readable"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, err := explain.TakeApart(tt.text, noon)
			if !errors.Is(err, explain.ErrNone) || !strings.Contains(err.Error(), tt.say) {
				t.Fatalf("got %v, want it to say %q", err, tt.say)
			}
			for _, not := range []string{secret, token} {
				if strings.Contains(err.Error(), not) {
					t.Errorf("the error tells the text: %v", err)
				}
			}
		})
	}
}

// FuzzTakeApart changes the URL in a token and the text around it: nothing may
// panic, no secret may be told, and what every cluster refuses must show.
func FuzzTakeApart(f *testing.F) {
	d := fresh()
	d.creds.SessionToken = strings.Repeat("kJ8/wQ+s", 60)
	token := d.token(f)
	whole, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, prefix))
	if err != nil {
		f.Fatal(err)
	}
	hidden := secrets(token)
	f.Add(string(whole), "", "")
	f.Add(strings.Replace(string(whole), "https", "http", 1), "Bearer ", "\n")
	f.Add(string(whole)+"&action=x", "users: [{name: u, user: {token: ", "}}]")
	f.Add(string(whole)+"%gh", `{"kind":"ExecCredential","status":{"token":"`, `"}}`)
	f.Add("https://sts.amazonaws.com/?X-Amz-Credential="+hidden["x-amz-signature"], "", "=")
	f.Fuzz(func(t *testing.T, u, before, after string) {
		made := tokenOf(u)
		got, err := explain.TakeApart(before+made+after, noon)
		told := fmt.Sprintf("%+v %v", got, err)
		for what, secret := range hidden {
			if strings.Contains(told, secret) {
				t.Errorf("%s is told", what)
			}
		}
		if before+after == "" && err == nil && refusedEverywhere(made) != nil && len(got.Problems) == 0 {
			t.Errorf("clusters refuse it (%v), and no problem is told", refusedEverywhere(made))
		}
	})
}
