package awssim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-cmp/cmp"
)

func TestASessionIsWhatWasAskedFor(t *testing.T) {
	w := newWorld(t)
	in := ask(readerRole, "ada-1a2b")
	in.SourceIdentity = aws.String("ada@example.com")
	in.Policy = aws.String(denyAll)
	in.Tags = []types.Tag{{Key: aws.String("lease"), Value: aws.String("ls_1")}}
	before := time.Now().Truncate(time.Second)
	out, err := w.sts(w.user).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	if !strings.HasPrefix(*c.AccessKeyId, "ASIA") || len(*c.AccessKeyId) != 20 || len(*c.SecretAccessKey) != 40 {
		t.Errorf("the key pair has another form than AWS's: %q, secret of %d characters", *c.AccessKeyId, len(*c.SecretAccessKey))
	}
	if life := c.Expiration.Sub(before); life < 900*time.Second || life > 930*time.Second {
		t.Errorf("the session lives %s, want 900 s", life)
	}
	if *out.SourceIdentity != "ada@example.com" || *out.PackedPolicySize < 1 {
		t.Errorf("source identity %q, packed size %d", *out.SourceIdentity, *out.PackedPolicySize)
	}
	if got, want := *out.AssumedRoleUser.Arn, "arn:aws:sts::111122223333:assumed-role/reader/ada-1a2b"; got != want {
		t.Errorf("session ARN %q, want %q", got, want)
	}
	got := w.lastCall(t)
	got.At = time.Time{}
	want := Call{
		Action: AssumeRole, Caller: userARN, AccessKeyID: w.user.AccessKeyID, SessionName: "ada-1a2b",
		SourceIdentity: "ada@example.com", Tags: map[string]string{"lease": "ls_1"},
		Target: readerRole, Issued: *c.AccessKeyId, Verdict: "OK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("observed call (-want +got):\n%s", diff)
	}
}

func TestAssumeRoleRefusals(t *testing.T) {
	many := make([]types.Tag, 51)
	for i := range many {
		many[i] = types.Tag{Key: aws.String(fmt.Sprintf("k%d", i)), Value: aws.String("v")}
	}
	heavy := make([]types.Tag, 50)
	for i := range heavy {
		heavy[i] = types.Tag{Key: aws.String(fmt.Sprintf("k%d", i)), Value: aws.String(hash(random(8)) + hash(random(8)))}
	}
	tag := func(k, v string) []types.Tag { return []types.Tag{{Key: aws.String(k), Value: aws.String(v)}} }
	for name, c := range map[string]struct {
		role string
		edit func(*sts.AssumeRoleInput)
		code string
	}{
		"refuses a role that does not exist": {strings.Replace(readerRole, "reader", "nobody", 1), nil, "AccessDenied"},
		"refuses what is not a role's ARN":   {"arn:aws:iam::111122223333:user/reader", nil, "ValidationError"},
		"refuses a missing external ID":      {strictRole, nil, "AccessDenied"},
		"refuses a wrong external ID":        {strictRole, func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("daypass-43") }, "AccessDenied"},
		"refuses a source identity not trusted": {strictRole, func(in *sts.AssumeRoleInput) {
			in.ExternalId, in.SourceIdentity = aws.String("daypass-42"), aws.String("ada")
		}, "AccessDenied"},
		"refuses tags not trusted": {strictRole, func(in *sts.AssumeRoleInput) { in.ExternalId, in.Tags = aws.String("daypass-42"), tag("a", "b") }, "AccessDenied"},
		"refuses less than 900 s":  {readerRole, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError"},
		"refuses more than 12 h":   {readerRole, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43201) }, "ValidationError"},
		"refuses more than the role's longest": {strictRole, func(in *sts.AssumeRoleInput) {
			in.ExternalId, in.DurationSeconds = aws.String("daypass-42"), aws.Int32(3601)
		}, "ValidationError"},
		"refuses a session name of one character":   {readerRole, func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a") }, "ValidationError"},
		"refuses a session name of 65 characters":   {readerRole, func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String(strings.Repeat("a", 65)) }, "ValidationError"},
		"refuses a session name with a slash":       {readerRole, func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a/b") }, "ValidationError"},
		"refuses a source identity with a space":    {readerRole, func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("ada l") }, "ValidationError"},
		"refuses 51 tags":                           {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = many }, "ValidationError"},
		"refuses a tag key of 129 characters":       {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = tag(strings.Repeat("k", 129), "v") }, "ValidationError"},
		"refuses a tag value of 257 characters":     {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = tag("k", strings.Repeat("v", 257)) }, "ValidationError"},
		"refuses a tag value with a bracket":        {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = tag("k", "<v>") }, "ValidationError"},
		"refuses AWS's own tag prefix":              {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = tag("aws:k", "v") }, "InvalidParameterValue"},
		"refuses tag keys that differ in case only": {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = append(tag("k", "v"), tag("K", "w")...) }, "InvalidParameterValue"},
		"refuses a transitive key without its tag":  {readerRole, func(in *sts.AssumeRoleInput) { in.TransitiveTagKeys = []string{"lease"} }, "InvalidParameterValue"},
		"refuses tags too large to pack":            {readerRole, func(in *sts.AssumeRoleInput) { in.Tags = heavy }, "PackedPolicyTooLarge"},
		"refuses a policy that is no JSON":          {readerRole, func(in *sts.AssumeRoleInput) { in.Policy = aws.String("{") }, "MalformedPolicyDocument"},
		"refuses a policy without statements":       {readerRole, func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Version":"2012-10-17"}`) }, "MalformedPolicyDocument"},
		"refuses a policy with an unknown effect":   {readerRole, func(in *sts.AssumeRoleInput) { in.Policy = aws.String(strings.Replace(denyAll, "Deny", "Maybe", 1)) }, "MalformedPolicyDocument"},
		"refuses a policy with a principal": {readerRole, func(in *sts.AssumeRoleInput) {
			in.Policy = aws.String(strings.Replace(denyAll, `"Action"`, `"Principal":"*","Action"`, 1))
		}, "MalformedPolicyDocument"},
		"refuses a policy of 2,049 characters": {readerRole, func(in *sts.AssumeRoleInput) {
			in.Policy = aws.String(denyAll + strings.Repeat(" ", 2049-len(denyAll)))
		}, "ValidationError"},
		"grants the external ID that trust asks for": {strictRole, func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("daypass-42") }, ""},
		"grants a policy of 2,048 characters": {readerRole, func(in *sts.AssumeRoleInput) {
			in.Policy = aws.String(denyAll + strings.Repeat(" ", 2048-len(denyAll)))
		}, ""},
		"grants twelve hours where the role has them": {readerRole, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43200) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			in := ask(c.role, "ada")
			if c.edit != nil {
				c.edit(in)
			}
			_, err := w.sts(w.user).AssumeRole(t.Context(), in)
			if got := codeOf(t, err); got != c.code {
				t.Errorf("code %q, want %q (%v)", got, c.code, err)
			}
			if got, want := w.lastCall(t).Verdict, map[bool]string{true: "OK", false: c.code}[c.code == ""]; got != want {
				t.Errorf("the observer saw %q, want %q", got, want)
			}
		})
	}
}

func TestOnlyTheTrustedMayAssume(t *testing.T) {
	w := newWorld(t)
	reader := w.assume(t, w.user, ask(readerRole, "ada"))
	_, err := w.sts(reader).AssumeRole(t.Context(), ask(readerRole, "again"))
	if got := codeOf(t, err); got != "AccessDenied" {
		t.Errorf("a session of reader assumed reader, which does not trust it: %q", got)
	}
}

func TestChaining(t *testing.T) {
	w := newWorld(t)
	in := ask(hopRole, "ada")
	in.SourceIdentity = aws.String("ada@example.com")
	in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("sre")}, {Key: aws.String("own"), Value: aws.String("x")}}
	in.TransitiveTagKeys = []string{"team"}
	hop := w.assume(t, w.user, in)
	for name, c := range map[string]struct {
		edit func(*sts.AssumeRoleInput)
		code string
	}{
		"caps the session at one hour":    {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError"},
		"grants one hour":                 {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3600) }, ""},
		"refuses another source identity": {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("eve") }, "AccessDenied"},
		"grants the same source identity": {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("ada@example.com") }, ""},
		"refuses a tag in place of a transitive one": {func(in *sts.AssumeRoleInput) {
			in.Tags = []types.Tag{{Key: aws.String("Team"), Value: aws.String("x")}}
		}, "InvalidParameterValue"},
		"carries source identity and transitive tag on": {func(*sts.AssumeRoleInput) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := ask(readerRole, "ada")
			c.edit(in)
			out, err := w.sts(hop).AssumeRole(t.Context(), in)
			if got := codeOf(t, err); got != c.code {
				t.Fatalf("code %q, want %q (%v)", got, c.code, err)
			}
			if err != nil {
				return
			}
			if *out.SourceIdentity != "ada@example.com" {
				t.Errorf("source identity %q", *out.SourceIdentity)
			}
			if diff := cmp.Diff(map[string]string{"team": "sre"}, w.lastCall(t).Tags); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChainingNeedsTrustForWhatIsCarriedOn(t *testing.T) {
	for name, edit := range map[string]func(*Trust){
		"a source identity needs sts:SetSourceIdentity": func(r *Trust) { r.SourceIdentity = false },
		"a transitive tag needs sts:TagSession":         func(r *Trust) { r.Tags = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { edit(&o.Roles[0].Trust) })
			in := ask(hopRole, "ada")
			in.SourceIdentity, in.TransitiveTagKeys = aws.String("ada"), []string{"team"}
			in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("sre")}}
			_, err := w.sts(w.assume(t, w.user, in)).AssumeRole(t.Context(), ask(readerRole, "ada"))
			if got := codeOf(t, err); got != "AccessDenied" {
				t.Errorf("code %q, want AccessDenied", got)
			}
		})
	}
}

func TestADenyAllSessionIsGoodForNothingButItsIdentity(t *testing.T) {
	w := newWorld(t)
	in := ask(readerRole, "ada")
	in.Policy = aws.String(denyAll)
	denied := w.assume(t, w.user, in)
	out, err := w.sts(denied).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatalf("GetCallerIdentity must work under an explicit deny: %v", err)
	}
	want := []string{"arn:aws:sts::111122223333:assumed-role/reader/ada", "AROAREADER0000000000:ada", "111122223333"}
	if diff := cmp.Diff(want, []string{*out.Arn, *out.UserId, *out.Account}); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	_, err = w.eks(denied).DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: aws.String("shop")})
	if got := codeOf(t, err); got != "AccessDeniedException" {
		t.Errorf("DescribeCluster: %q, want AccessDeniedException", got)
	}
	_, err = w.sts(denied).AssumeRole(t.Context(), ask(readerRole, "ada"))
	if got := codeOf(t, err); got != "AccessDenied" {
		t.Errorf("AssumeRole: %q, want AccessDenied", got)
	}
}

func TestCredentialsThatAreNone(t *testing.T) {
	clock := time.Now()
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	good := w.assume(t, w.user, ask(readerRole, "ada"))
	other := w.assume(t, w.user, ask(readerRole, "bob"))
	with := func(c aws.Credentials, edit func(*aws.Credentials)) aws.Credentials { edit(&c); return c }
	for name, c := range map[string]struct {
		who  aws.Credentials
		code string
	}{
		"refuses an unknown key":                    {with(w.user, func(c *aws.Credentials) { c.AccessKeyID = "AKIANOBODY" }), "InvalidClientTokenId"},
		"refuses a user's wrong secret":             {with(w.user, func(c *aws.Credentials) { c.SecretAccessKey += "x" }), "SignatureDoesNotMatch"},
		"refuses a session's wrong secret":          {with(good, func(c *aws.Credentials) { c.SecretAccessKey = other.SecretAccessKey }), "SignatureDoesNotMatch"},
		"refuses a session key without its token":   {with(good, func(c *aws.Credentials) { c.SessionToken = "" }), "InvalidClientTokenId"},
		"refuses another session's token":           {with(good, func(c *aws.Credentials) { c.SessionToken = other.SessionToken }), "InvalidClientTokenId"},
		"refuses a changed session token":           {with(good, func(c *aws.Credentials) { c.SessionToken = "A" + c.SessionToken[1:] }), "InvalidClientTokenId"},
		"refuses a user's key with a session token": {with(w.user, func(c *aws.Credentials) { c.SessionToken = good.SessionToken }), "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.sts(c.who).GetCallerIdentity(t.Context(), nil)
			if got := codeOf(t, err); got != c.code {
				t.Errorf("code %q, want %q", got, c.code)
			}
		})
	}
	clock = clock.Add(15*time.Minute + time.Second)
	_, err := w.sts(good).GetCallerIdentity(t.Context(), nil)
	if got := codeOf(t, err); got != "ExpiredToken" {
		t.Errorf("after its time a session gives %q, want ExpiredToken", got)
	}
}

func TestClocks(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration // of the simulator, to the client
		code  string
	}{
		"refuses a client 16 minutes late":   {16 * time.Minute, "SignatureDoesNotMatch"},
		"refuses a client 6 minutes early":   {-6 * time.Minute, "SignatureDoesNotMatch"},
		"serves a client 14 minutes late":    {14 * time.Minute, ""},
		"serves a client four minutes early": {-4 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(c.ahead) } })
			_, err := w.sts(w.user).GetCallerIdentity(t.Context(), nil)
			if got := codeOf(t, err); got != c.code {
				t.Errorf("code %q, want %q (%v)", got, c.code, err)
			}
		})
	}
}

func TestSessionTokensHaveARealSizeAndGrow(t *testing.T) {
	w := newWorld(t)
	bare := w.assume(t, w.user, ask(readerRole, "ada"))
	in := ask(readerRole, "ada")
	in.Policy = aws.String(denyAll)
	for i := range 10 {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(fmt.Sprintf("k%d", i)), Value: aws.String(hash(random(8)))})
	}
	loaded := w.assume(t, w.user, in)
	if n := len(bare.SessionToken); n < 1000 || n > 1200 {
		t.Errorf("a bare session token has %d characters, want about 1,100", n)
	}
	if grown := len(loaded.SessionToken) - len(bare.SessionToken); grown < 300 {
		t.Errorf("ten tags and a policy made the token only %d characters longer", grown)
	}
	big := newWorld(t, func(o *Options) { o.SessionTokenSize = 2000 })
	if n := len(big.assume(t, big.user, ask(readerRole, "ada")).SessionToken); n < 1900 {
		t.Errorf("asked for 2,000 characters, got %d", n)
	}
}

func TestSessionsOutliveARestartUnderTheSameKey(t *testing.T) {
	key := random(32)
	same := func(o *Options) { o.Key = key }
	first := newWorld(t, same)
	creds := first.assume(t, first.user, ask(readerRole, "ada"))
	second := newWorld(t, same)
	if _, err := second.sts(creds).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Errorf("the same key: %v", err)
	}
	third := newWorld(t)
	_, err := third.sts(creds).GetCallerIdentity(t.Context(), nil)
	if got := codeOf(t, err); got != "InvalidClientTokenId" {
		t.Errorf("another key: %q, want InvalidClientTokenId", got)
	}
}

func TestTheSDKFindsTheSimulatorByItsOwnVariables(t *testing.T) {
	w := newWorld(t)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, w.ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL_STS": w.server.URL, "AWS_ENDPOINT_URL_EKS": w.server.URL, "AWS_CA_BUNDLE": bundle,
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": w.user.AccessKeyID, "AWS_SECRET_ACCESS_KEY": w.user.SecretAccessKey,
		"AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	} {
		t.Setenv(k, v)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if _, err := eks.NewFromConfig(cfg).ListClusters(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestErrorsAndIdentitiesSpeakJSONToWhoAsksForIt(t *testing.T) {
	w := newWorld(t)
	get := func(path string) map[string]any {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		resp, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		return got
	}
	got := get("/?Action=GetCallerIdentity&Version=2011-06-15")
	if got["Error"].(map[string]any)["Code"] != "MissingAuthenticationToken" || got["RequestId"] == "" {
		t.Errorf("error answer: %v", got)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	u := User{ARN: userARN, AccessKeyID: "AKIA1", Secret: "hunter2"}
	marshalled, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(u), fmt.Sprintf("%+v", u), fmt.Sprintf("%#v", u), fmt.Sprintf("%q", u.Secret), string(marshalled)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the secret stands in %s", text)
		}
	}
}

func TestNewPanicsOnAnARNItCannotRead(t *testing.T) {
	defer func() {
		if said, ok := recover().(string); !ok || !strings.Contains(said, "role/x") {
			t.Errorf("New said %q", said)
		}
	}()
	New(Options{Roles: []Role{{ARN: "arn:aws:sts::1:role/x", ID: "AROA"}}})
	t.Error(errors.New("New accepted it"))
}
