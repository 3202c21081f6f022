package eks

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/awssim"
)

// wantFault checks what a person is told: a code, words of the sentence, words
// of the next step.
func wantFault(t *testing.T, err error, code string, words ...string) {
	t.Helper()
	var f *issuer.Fault
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a fault", err)
	}
	if f.Code != code {
		t.Errorf("code %s, want %s: %v (%v)", f.Code, code, f, f.Err)
	}
	for _, part := range []string{f.Say, f.Next} {
		if !strings.HasSuffix(part, ".") {
			t.Errorf("not a sentence: %q", part)
		}
	}
	for _, word := range words {
		if !strings.Contains(f.Error(), word) {
			t.Errorf("%q says nothing of %q", f, word)
		}
	}
}

func TestRefusalsNameTheRoleAndTheLikelyCause(t *testing.T) {
	w := newWorld(t)
	plain := func(role string) issuer.Assumption {
		a := wish(t, role)
		a.SourceIdentity, a.Tags = "", nil
		return a
	}
	wrongID := wish(t, guardedARN)
	wrongID.ExternalID = "daypass-43"
	long := wish(t, roleARN)
	long.SessionName = strings.Repeat("a", 65)
	for claim, tt := range map[string]struct {
		ask   issuer.Assumption
		code  string
		words []string
	}{
		"a role that does not trust this server":       {plain(closedARN), "access-denied", []string{closedARN, serverARN, "trust policy", "no external ID is configured"}},
		"a role that does not exist":                   {plain(roleARN + "-gone"), "access-denied", []string{"role exists"}},
		"a missing external ID":                        {wish(t, guardedARN), "access-denied", []string{guardedARN, "external ID", "sourceIdentity: false", "sessionTags: false"}},
		"a wrong external ID":                          {wrongID, "access-denied", []string{guardedARN, `"daypass-43"`}},
		"a trust policy without sts:SetSourceIdentity": {wish(t, bareARN), "access-denied", []string{bareARN, "sts:SetSourceIdentity", "sourceIdentity: false"}},
		"a trust policy without sts:TagSession":        {wish(t, taglessARN), "access-denied", []string{taglessARN, "sts:TagSession", "sessionTags: false"}},
		"a request that STS finds invalid":             {long, "refused", []string{roleARN, "ValidationError"}},
	} {
		t.Run(claim, func(t *testing.T) {
			before := len(w.seen(awssim.AssumeRole))
			_, err := w.Mint(t.Context(), tt.ask)
			wantFault(t, err, tt.code, tt.words...)
			if n := len(w.seen(awssim.AssumeRole)) - before; n != 1 {
				t.Errorf("a decision of AWS was asked for %d times", n)
			}
		})
	}
}

func TestEveryAnswerOfSTSHasItsSentence(t *testing.T) {
	w := newWorld(t)
	w.hurry()
	for _, tt := range []struct {
		code   string
		status int
		tries  int
		want   string
		words  []string
	}{
		{"AccessDenied", 403, 1, "access-denied", []string{"this server's role"}},
		{"ExpiredToken", 403, 1, "expired-credentials", []string{"own AWS credentials"}},
		{"ExpiredTokenException", 400, 1, "expired-credentials", nil},
		{"InvalidClientTokenId", 403, 1, "bad-credentials", []string{"another partition"}},
		{"SignatureDoesNotMatch", 403, 1, "bad-credentials", nil},
		{"RequestExpired", 400, 1, "clock", []string{"NTP"}},
		{"MalformedPolicyDocument", 400, 1, "malformed-policy", nil},
		{"PackedPolicyTooLarge", 400, 1, "packed-policy-too-large", []string{"sessionTags: false"}},
		{"RegionDisabledException", 403, 1, "region-disabled", []string{"eu-west-1"}},
		{"SomethingNew", 400, 1, "refused", []string{"SomethingNew"}},
		{"Throttling", 400, maxAttempts, "throttled", nil},
		{"RequestLimitExceeded", 503, maxAttempts, "throttled", nil},
		{"Odd", 429, maxAttempts, "throttled", nil},
		{"InternalFailure", 500, maxAttempts, "unavailable", []string{"HTTP 500"}},
		{"ServiceUnavailable", 503, maxAttempts, "unavailable", nil},
	} {
		t.Run(fmt.Sprintf("%s with status %d is %s", tt.code, tt.status, tt.want), func(t *testing.T) {
			before := len(w.seen(awssim.AssumeRole))
			w.Fail(awssim.AssumeRole, tt.tries, tt.code, tt.status)
			_, err := w.Mint(t.Context(), wish(t, roleARN))
			wantFault(t, err, tt.want, append(tt.words, roleARN)...)
			if n := len(w.seen(awssim.AssumeRole)) - before; n != tt.tries {
				t.Errorf("tried %d times, want %d", n, tt.tries)
			}
		})
	}
}

func TestThrottlingAndOutagesThatPassAreNotSeen(t *testing.T) {
	w := newWorld(t)
	w.Fail(awssim.AssumeRole, 1, "Throttling", 400)
	w.Fail(awssim.AssumeRole, 1, "ServiceUnavailable", 503)
	if _, err := w.Mint(t.Context(), wish(t, roleARN)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.seen(awssim.AssumeRole), " "); got != "Throttling ServiceUnavailable OK" {
		t.Errorf("verdicts: %s", got)
	}
}

func TestTheNumberOfTriesIsTheSDKsOwnVariable(t *testing.T) {
	w := newWorld(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	w.restart(t)
	w.Fail(awssim.AssumeRole, 1, "Throttling", 400)
	_, err := w.Mint(t.Context(), wish(t, roleARN))
	wantFault(t, err, "throttled", roleARN)
}

func TestNoAnswerIsTold(t *testing.T) {
	t.Run("as a timeout when STS hangs", func(t *testing.T) {
		w := newWorld(t)
		hold := w.Hang(awssim.AssumeRole)
		defer hold.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := w.Mint(ctx, wish(t, roleARN))
		wantFault(t, err, "timeout", roleARN, "STS in eu-west-1")
	})
	t.Run("as cancelled when the asker leaves", func(t *testing.T) {
		w := newWorld(t)
		hold := w.Hang(awssim.AssumeRole)
		defer hold.Release()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-hold.Arrived(); cancel() }()
		_, err := w.Mint(ctx, wish(t, roleARN))
		wantFault(t, err, "cancelled", roleARN)
	})
	t.Run("as unreachable when nobody listens, and at once", func(t *testing.T) {
		w := newWorld(t)
		if err := w.server.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := w.Mint(t.Context(), wish(t, roleARN))
		wantFault(t, err, "unreachable", roleARN, "HTTPS_PROXY")
	})
	t.Run("as unreachable when the answer is lost, after one try", func(t *testing.T) {
		w := newWorld(t)
		w.Drop(awssim.AssumeRole, 1)
		_, err := w.Mint(t.Context(), wish(t, roleARN))
		wantFault(t, err, "unreachable", roleARN)
		if n := len(w.seen(awssim.AssumeRole)); n != 1 {
			t.Errorf("tried %d times", n)
		}
	})
	t.Run("as distrust of a certificate", func(t *testing.T) {
		w := newWorld(t)
		other, err := awssim.NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		environment(t, w.server.URL, other.PEM(), w.secret)
		w.restart(t)
		_, err = w.Mint(t.Context(), wish(t, roleARN))
		wantFault(t, err, "unreachable", "AWS_CA_BUNDLE")
	})
}

func TestServerWithoutCredentialsIsTold(t *testing.T) {
	w := newWorld(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	w.restart(t)
	_, err := w.Mint(t.Context(), wish(t, roleARN))
	wantFault(t, err, "no-credentials", "Pod Identity")
	_, err = w.Describe(t.Context(), shop(t))
	wantFault(t, err, "no-credentials")
	_, err = w.Identity(t.Context())
	wantFault(t, err, "no-credentials")
	if len(w.calls) != 0 {
		t.Errorf("AWS was called all the same: %+v", w.calls)
	}
}

func TestRefusedWebIdentityIsNotARefusedRole(t *testing.T) {
	w := newWorld(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("header.claims.signature"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_REGION": "eu-west-1",
		"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/daypass", "AWS_WEB_IDENTITY_TOKEN_FILE": token} {
		t.Setenv(name, value)
	}
	w.restart(t)
	_, err := w.Mint(t.Context(), wish(t, roleARN))
	wantFault(t, err, "no-credentials", "role that the server runs as")
}

func TestWrongClockIsTold(t *testing.T) {
	t.Run("when STS refuses the signature's date", func(t *testing.T) {
		w := newWorld(t, func(o *awssim.Options) { o.Now = func() time.Time { return time.Now().Add(time.Hour) } })
		_, err := w.Mint(t.Context(), wish(t, roleARN))
		wantFault(t, err, "clock", "NTP")
	})
	t.Run("when STS takes it but the token would be off", func(t *testing.T) {
		c := strange(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-6*time.Minute).UTC().Format(http.TimeFormat))
			_, _ = io.WriteString(w, answer(time.Now().Add(9*time.Minute), ""))
		})
		_, err := c.Mint(t.Context(), wish(t, roleARN))
		wantFault(t, err, "clock")
	})
}

const leak = "sEcReTsEcReTsEcReT"

// answer is what STS says when it gives credentials.
func answer(expires time.Time, rest string) string {
	return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>` +
		`<AccessKeyId>ASIASTRANGE</AccessKeyId><SecretAccessKey>` + leak + `</SecretAccessKey><SessionToken>` + leak + `</SessionToken>` +
		`<Expiration>` + expires.UTC().Format(time.RFC3339) + `</Expiration></Credentials>` + rest + `</AssumeRoleResult></AssumeRoleResponse>`
}

// strange is a world whose Cloud speaks to something that is not quite AWS.
func strange(t *testing.T, h http.HandlerFunc) *world {
	t.Helper()
	w := newWorld(t)
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	environment(t, s.URL, ca, w.secret)
	w.restart(t)
	return w
}

func TestAnswersThatAreNotAWSs(t *testing.T) {
	whole := answer(time.Now().Add(15*time.Minute), "")
	for claim, tt := range map[string]struct {
		status int
		body   string
		code   string
	}{
		"a sign-in page of some proxy": {200, "<!doctype html><html><body>Sign in", "bad-answer"},
		"a proxy's refusal":            {403, "<!doctype html><html><body>Blocked", "bad-answer"},
		"a redirect":                   {302, "", "bad-answer"},
		"nothing":                      {200, "", "bad-answer"},
		"no credentials":               {200, strings.ReplaceAll(whole, "Credentials", "Nothing"), "bad-answer"},
		"half an answer":               {200, whole[:len(whole)-60], "bad-answer"},
		"a date that is none":          {200, strings.ReplaceAll(whole, "<Expiration>20", "<Expiration>"+leak), "bad-answer"},
	} {
		t.Run(claim, func(t *testing.T) {
			c := strange(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.Mint(t.Context(), wish(t, roleARN))
			wantFault(t, err, tt.code, roleARN)
			f := err.(*issuer.Fault)
			for _, said := range []string{err.Error(), fmt.Sprintf("%+v %#v %v", f, f.Err, f.Err)} {
				if strings.Contains(said, leak) {
					t.Errorf("a secret is in %q", said)
				}
			}
		})
	}
}

func TestSTSEndpointThatClustersRefuseIsToldBeforeAnythingIsDone(t *testing.T) {
	for _, at := range []string{"http://127.0.0.1:1", "https://127.0.0.1:1/sts"} {
		w := newWorld(t)
		t.Setenv("AWS_ENDPOINT_URL_STS", at)
		w.restart(t)
		_, err := w.Mint(t.Context(), wish(t, roleARN))
		wantFault(t, err, "endpoint", at, "AWS_ENDPOINT_URL_STS")
	}
}

func TestCauseHoldsNoURL(t *testing.T) {
	err := fmt.Errorf("operation: %w", &url.Error{Op: "Get", URL: "https://sts.example/?X-Amz-Signature=" + leak, Err: x509.UnknownAuthorityError{}})
	got := cause(err)
	if strings.Contains(got.Error(), leak) || !strings.Contains(got.Error(), "unknown authority") {
		t.Errorf("cause: %v", got)
	}
}

func TestForeignTextIsMadePlain(t *testing.T) {
	got := plain("a\x1b[31m\nb\xff" + strings.Repeat("ü", 500))
	if strings.ContainsAny(got, "\x1b\n\xff") || len(got) > 410 || !strings.HasPrefix(got, "a [31m b?") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}
