package awssim

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stall is a simulator without a socket, its clock stopped at noon.
type stall struct {
	*Sim
	creds aws.Credentials
	now   time.Time
	calls []Call
}

func newStall(t testing.TB, change ...func(*Options)) *stall {
	t.Helper()
	st := &stall{now: noon}
	o := options(aws.Credentials{AccessKeyID: "AKIAUSER", SecretAccessKey: last(hash(random(8)), 40)})
	o.Now = func() time.Time { return st.now }
	o.Observe = func(c Call) { st.calls = append(st.calls, c) }
	o.AllowedHosts = []string{"127.0.0.1:4433"}
	for _, c := range change {
		c(&o)
	}
	st.Sim = New(o)
	st.creds = st.session(t, luggage{Policy: denyAll, Tags: map[string]string{"lease": "ls_1"}})
	return st
}

// session gives a role session's credentials without asking over HTTP.
func (st *stall) session(t testing.TB, l luggage) aws.Credentials {
	t.Helper()
	of, err := st.newSession(st.roles[readerRole], wish{name: "ada-1a2b", length: 15 * time.Minute, luggage: l})
	if err != nil {
		t.Fatal(err)
	}
	token, err := st.token(of)
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: of.AccessKeyID, SecretAccessKey: string(st.secretOf(of.AccessKeyID)), SessionToken: token}
}

// draft is a token on its way; each field may be spoilt before signing, and
// the URL after.
type draft struct {
	creds   aws.Credentials
	method  string
	host    string
	path    string
	query   url.Values
	headers http.Header
	region  string
	service string
	at      time.Time
	after   func(string) string // changes the signed URL
	wrap    func(string) string // changes the token
}

func (st *stall) draft() draft {
	return draft{
		creds: st.creds, method: http.MethodGet, host: "sts.eu-west-1.amazonaws.com", path: "/",
		query:   url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}, "X-Amz-Expires": {"60"}},
		headers: http.Header{clusterHeader: {"shop"}}, region: region, service: "sts", at: st.now,
		after: func(u string) string { return u }, wrap: func(t string) string { return t },
	}
}

func (d draft) token(t testing.TB) string {
	t.Helper()
	r, err := http.NewRequest(d.method, "https://"+d.host+d.path+"?"+d.query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = d.headers
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), d.creds, r, hash(nil), d.service, d.region, d.at)
	if err != nil {
		t.Fatal(err)
	}
	return d.wrap(tokenOf(d.after(signed)))
}

func tokenOf(u string) string { return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(u)) }

// swap replaces a piece of the signed URL, and fails if there is none.
func swap(t testing.TB, old, with string) func(string) string {
	return func(u string) string {
		if !strings.Contains(u, old) {
			t.Fatalf("the signed URL has no %q", old)
		}
		return strings.Replace(u, old, with, 1)
	}
}

func add(more string) func(string) string { return func(u string) string { return u + more } }

func TestVerifyKnowsWhoHoldsAGoodToken(t *testing.T) {
	st := newStall(t)
	got, err := st.Verify(st.draft().token(t), "shop")
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{
		ARN:  "arn:aws:sts::111122223333:assumed-role/reader/ada-1a2b",
		Role: "arn:aws:iam::111122223333:role/reader", Account: "111122223333",
		UserID: "AROAREADER0000000000", SessionName: "ada-1a2b", AccessKeyID: st.creds.AccessKeyID,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	seen := st.calls[len(st.calls)-1]
	if seen.Action != GetCallerIdentity || !seen.Presigned || seen.Cluster != "shop" || seen.Tags["lease"] != "ls_1" || seen.Verdict != "OK" {
		t.Errorf("observed %+v", seen)
	}
}

// Verdicts are those of aws-iam-authenticator with this simulator as its STS,
// except where a case says otherwise.
func TestVerdicts(t *testing.T) {
	type spoil = func(*stall, *draft)
	query := func(edit func(url.Values)) spoil { return func(_ *stall, d *draft) { edit(d.query) } }
	after := func(old, with string) spoil { return func(_ *stall, d *draft) { d.after = swap(t, old, with) } }
	more := func(m string) spoil { return func(_ *stall, d *draft) { d.after = add(m) } }
	wrap := func(f func(string) string) spoil { return func(_ *stall, d *draft) { d.wrap = f } }
	age := func(by time.Duration) spoil { return func(_ *stall, d *draft) { d.at = d.at.Add(-by) } }
	for name, c := range map[string]struct {
		spoil spoil
		want  error
	}{
		"accepts a token as AWS's own clients make it": {func(*stall, *draft) {}, nil},
		"accepts X-Amz-Expires 0":                      {query(func(q url.Values) { q.Set("X-Amz-Expires", "0") }), nil},
		"accepts X-Amz-Expires 900":                    {query(func(q url.Values) { q.Set("X-Amz-Expires", "900") }), nil},
		"accepts a token of 15 minutes ago to the second": {func(st *stall, d *draft) {
			st.now = st.now.Add(15*time.Minute - time.Second)
			d.at = noon.Add(-time.Second)
		}, nil},
		"accepts a token four minutes ahead":     {age(-4 * time.Minute), nil},
		"accepts the global host in aws":         {func(_ *stall, d *draft) { d.host, d.region = "sts.amazonaws.com", "us-east-1" }, nil},
		"accepts a FIPS host":                    {func(_ *stall, d *draft) { d.host, d.region = "sts-fips.us-east-1.amazonaws.com", "us-east-1" }, nil},
		"accepts an injected loopback host":      {func(_ *stall, d *draft) { d.host = "127.0.0.1:4433" }, nil},
		"accepts a fragment, which nobody sends": {more("#x"), nil},
		"accepts a user's own token":             {func(st *stall, d *draft) { d.creds = st.userCreds() }, nil},

		"refuses an empty token":                             {wrap(func(string) string { return "" }), ErrForm},
		"refuses another prefix":                             {wrap(func(s string) string { return "k8s-aws-v2" + s[10:] }), ErrForm},
		"refuses more than 4,096 bytes":                      {wrap(func(s string) string { return s + strings.Repeat("A", 4097-len(s)) }), ErrForm},
		"refuses padding":                                    {func(_ *stall, d *draft) { d.wrap = func(s string) string { return s + "=" } }, ErrForm},
		"refuses base64 of the other alphabet":               {wrap(func(s string) string { return s + "+/" }), ErrForm},
		"refuses what is no URL":                             {wrap(func(string) string { return tokenOf(":ab:cd.af:/asda") }), ErrForm},
		"refuses http":                                       {after("https://", "http://"), ErrForm},
		"refuses another host":                               {after("sts.eu-west-1.amazonaws.com", "sts.eu-west-1.evil.example"), ErrForm},
		"refuses a host with a port":                         {after("amazonaws.com/", "amazonaws.com:443/"), ErrForm},
		"refuses another path":                               {after("com/?", "com/x?"), ErrForm},
		"refuses no path":                                    {after("com/?", "com?"), ErrForm},
		"refuses an escaped path":                            {after("com/?", "com/%2e?"), ErrForm},
		"refuses an unknown parameter":                       {query(func(q url.Values) { q.Set("Foo", "bar") }), ErrForm},
		"refuses a parameter twice":                          {more("&Action=GetCallerIdentity"), ErrForm},
		"refuses a parameter twice in another case":          {more("&x-amz-credential=eve"), ErrForm},
		"refuses another action in another case beside":      {query(func(q url.Values) { q.Set("action", "GetCallerIdentity") }), ErrForm},
		"refuses another action":                             {query(func(q url.Values) { q.Set("Action", "GetSessionToken") }), ErrForm},
		"refuses a query with semicolons":                    {more(";a=b"), ErrForm},
		"refuses a query that cannot be unescaped":           {more("%gh"), ErrForm},
		"refuses an unsigned cluster name":                   {func(_ *stall, d *draft) { d.headers = http.Header{} }, ErrForm},
		"refuses a name that only resembles the header":      {func(_ *stall, d *draft) { d.headers = http.Header{"X-K8s-Aws-I": {"shop"}} }, ErrForm},
		"refuses X-Amz-Expires 901":                          {query(func(q url.Values) { q.Set("X-Amz-Expires", "901") }), ErrForm},
		"refuses X-Amz-Expires -1":                           {query(func(q url.Values) { q.Set("X-Amz-Expires", "-1") }), ErrForm},
		"refuses an empty X-Amz-Expires":                     {query(func(q url.Values) { q.Set("X-Amz-Expires", "") }), ErrForm},
		"refuses a missing X-Amz-Expires":                    {query(func(q url.Values) { q.Del("X-Amz-Expires") }), ErrForm},
		"refuses a missing date":                             {after("X-Amz-Date=20260301T120000Z&", ""), ErrForm},
		"refuses a date that is none":                        {after("20260301T120000Z", "yesterday"), ErrForm},
		"refuses a token past its 15 minutes":                {age(15*time.Minute + time.Second), ErrTime},
		"refuses a token six minutes ahead, as STS would":    {age(-6 * time.Minute), ErrTime},
		"refuses a token for another cluster":                {func(_ *stall, d *draft) { d.headers.Set(clusterHeader, "bank") }, ErrRefused},
		"refuses a changed signature":                        {func(_ *stall, d *draft) { d.after = flipLast }, ErrRefused},
		"refuses a changed date":                             {after("T120000Z", "T120001Z"), ErrRefused},
		"refuses a changed X-Amz-Expires":                    {after("X-Amz-Expires=60", "X-Amz-Expires=61"), ErrRefused},
		"refuses a changed access key":                       {after("X-Amz-Credential=ASIA", "X-Amz-Credential=ASIB"), ErrRefused},
		"refuses a stripped session token":                   {func(_ *stall, d *draft) { d.after = without("X-Amz-Security-Token") }, ErrRefused},
		"refuses a stripped signature":                       {func(_ *stall, d *draft) { d.after = without("X-Amz-Signature") }, ErrRefused},
		"refuses lower-case names, which STS does not read":  {after("X-Amz-Signature", "x-amz-signature"), ErrRefused},
		"refuses a lower-case action, which STS never reads": {query(func(q url.Values) { q.Del("Action"); q.Set("action", "GetCallerIdentity") }), ErrRefused},
		"refuses a host moved to another region":             {after("sts.eu-west-1", "sts.us-east-2"), ErrRefused},
		"refuses a wrong secret":                             {func(_ *stall, d *draft) { d.creds.SecretAccessKey += "x" }, ErrRefused},
		"refuses another service's signature":                {func(_ *stall, d *draft) { d.service = "s3" }, ErrRefused},
		"refuses another region's signature":                 {func(_ *stall, d *draft) { d.region = "us-east-2" }, ErrRefused},
		"refuses a signature for POST":                       {func(_ *stall, d *draft) { d.method = http.MethodPost }, ErrRefused},
		"refuses a missing version":                          {query(func(q url.Values) { q.Del("Version") }), ErrRefused},
		"refuses user and password in the URL":               {after("https://", "https://eve:x@"), ErrRefused},
		"refuses a session that is over":                     {func(st *stall, d *draft) { st.now = st.now.Add(16 * time.Minute); d.at = st.now }, ErrRefused},
		"refuses another algorithm":                          {after("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStall(t)
			d := st.draft()
			c.spoil(st, &d)
			token := d.token(t)
			_, err := st.Verify(token, "shop")
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil {
				tellsNothing(t, err.Error(), d, token)
			}
		})
	}
}

// tellsNothing: neither the URL nor a credential stands in an error.
func tellsNothing(t *testing.T, text string, d draft, token string) {
	t.Helper()
	for what, secret := range map[string]string{
		"the token": token, "a URL": "https://", "the session token": d.creds.SessionToken,
		"the secret": d.creds.SecretAccessKey, "a query": "X-Amz-Credential=", "a signature": "X-Amz-Signature=",
	} {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%s stands in the error %q", what, text)
		}
	}
}

func (st *stall) userCreds() aws.Credentials {
	return aws.Credentials{AccessKeyID: "AKIAUSER", SecretAccessKey: string(st.users["AKIAUSER"].Secret)}
}

func flipLast(u string) string {
	if strings.HasSuffix(u, "0") {
		return u[:len(u)-1] + "1"
	}
	return u[:len(u)-1] + "0"
}

// without takes one parameter out of the signed URL.
func without(name string) func(string) string {
	return func(u string) string {
		head, query, _ := strings.Cut(u, "?")
		var kept []string
		for part := range strings.SplitSeq(query, "&") {
			if !strings.HasPrefix(part, name+"=") {
				kept = append(kept, part)
			}
		}
		return head + "?" + strings.Join(kept, "&")
	}
}

func TestAShorterTokenLifeIsKeptByVerifierAndSTS(t *testing.T) {
	st := newStall(t, func(o *Options) { o.TokenLife = time.Minute })
	token := st.draft().token(t)
	st.now = noon.Add(time.Minute)
	if _, err := st.Verify(token, "shop"); err != nil {
		t.Errorf("at the end of its minute: %v", err)
	}
	st.now = noon.Add(time.Minute + time.Second)
	if _, err := st.Verify(token, "shop"); !errors.Is(err, ErrTime) {
		t.Errorf("after its minute: %v, want ErrTime", err)
	}
	hosts, err := st.hostsFor("shop")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(token, noon, 0, hosts)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.request("shop")
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{sim: st.Sim, r: r, region: region}
	if _, err := x.callSTS("id"); err == nil || !strings.Contains(err.Error(), "Signature expired") {
		t.Errorf("STS after the minute: %v, want Signature expired", err)
	}
}

func TestVerifyFailsWhenSTSDoes(t *testing.T) {
	st := newStall(t)
	st.Fail(GetCallerIdentity, 1, "Throttling", 400)
	token := st.draft().token(t)
	if _, err := st.Verify(token, "shop"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "Throttling") {
		t.Errorf("got %v, want STS throttling", err)
	}
	if _, err := st.Verify(token, "shop"); err != nil {
		t.Errorf("and then: %v", err)
	}
}

func TestVerifyNeedsAKnownCluster(t *testing.T) {
	st := newStall(t)
	if _, err := st.Verify(st.draft().token(t), "nowhere"); !errors.Is(err, ErrCluster) {
		t.Errorf("got %v, want ErrCluster", err)
	}
}

func TestAParsedTokenDoesNotPrintItself(t *testing.T) {
	st := newStall(t)
	p, err := Parse(st.draft().token(t), noon, 0, Hosts{Partition: "aws"})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, p); got != "[token]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if p.Dies != noon.Add(15*time.Minute) || p.AccessKeyID != st.creds.AccessKeyID || p.Host != "sts.eu-west-1.amazonaws.com" {
		t.Errorf("host %s, key %s, dies %s", p.Host, p.AccessKeyID, p.Dies)
	}
}

func TestATokenPresignedBySDKIsGoodAtTheServersOwnAddress(t *testing.T) {
	w := newWorld(t)
	in := ask(readerRole, "ada")
	in.Policy = aws.String(denyAll)
	client := sts.NewPresignClient(w.sts(w.assume(t, w.user, in)))
	signed, err := client.PresignGetCallerIdentity(t.Context(), nil, func(o *sts.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, sts.WithAPIOptions(
			smithyhttp.SetHeaderValue("x-k8s-aws-id", "shop"), smithyhttp.SetHeaderValue("X-Amz-Expires", "60")))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Verify(tokenOf(signed.URL), "shop"); err != nil || got.SessionName != "ada" {
		t.Errorf("identity %+v, %v", got, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, signed.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for cluster, want := range map[string]int{"shop": 200, "bank": 403} {
		r.Header.Set("x-k8s-aws-id", cluster)
		resp, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("STS answers %d for cluster %s, want %d", resp.StatusCode, cluster, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	st := newStall(f)
	good := st.draft().token(f)
	for _, seed := range []string{good, "", tokenPrefix, tokenOf("https://sts.amazonaws.com/"), tokenOf("https://%zz"), good[:len(good)/2]} {
		f.Add(seed)
	}
	hosts := Hosts{Partition: "aws", Region: region}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := Parse(token, noon, 0, hosts)
		if err != nil {
			if !errors.Is(err, ErrForm) && !errors.Is(err, ErrTime) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if p.Dies.Before(noon) || p.SignedAt.After(noon.Add(clockLead)) || hosts.check(p.Host) != nil {
			t.Errorf("accepted %s signed at %s", p.Host, p.SignedAt)
		}
		if _, err := p.request("shop"); err != nil {
			t.Errorf("accepted what cannot be asked: %v", err)
		}
	})
}
