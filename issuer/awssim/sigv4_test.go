package awssim

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signed is an AssumeRole as the SDK signs it.
func signed(t *testing.T, st *stall, body, service string, creds aws.Credentials) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "https://sts.eu-west-1.amazonaws.com/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hash([]byte(body)), service, region, st.now); err != nil {
		t.Fatal(err)
	}
	return r
}

func serve(st *stall, r *http.Request) (int, string) {
	if r.Body == nil { // as a server would never see it
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	st.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestHeaderSignatures(t *testing.T) {
	form := url.Values{"Action": {"AssumeRole"}, "Version": {stsVersion}, "RoleArn": {readerRole}, "RoleSessionName": {"ada"}}.Encode()
	for name, c := range map[string]struct {
		edit func(*http.Request)
		code string
	}{
		"serves what the SDK signed":                         {func(*http.Request) {}, ""},
		"serves a header that was added without being AWS's": {func(r *http.Request) { r.Header.Set("X-Forwarded-For", "::1") }, ""},
		"serves a signed value with more spaces than one": {func(r *http.Request) {
			r.Header.Set("Content-Type", "  application/x-www-form-urlencoded  ")
		}, ""},
		"refuses a tampered body": {func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewBufferString(strings.Replace(form, "ada", "eve", 1)))
		}, "SignatureDoesNotMatch"},
		"refuses a parameter added to the query": {func(r *http.Request) { r.URL.RawQuery = "RoleSessionName=eve" }, "SignatureDoesNotMatch"},
		"refuses another path":                   {func(r *http.Request) { r.URL.Path = "/x" }, "SignatureDoesNotMatch"},
		"refuses another method":                 {func(r *http.Request) { r.Method = http.MethodPut }, "SignatureDoesNotMatch"},
		"refuses another host": {func(r *http.Request) {
			r.Host = "sts.eu-west-1.api.aws"
		}, "SignatureDoesNotMatch"},
		"refuses a host of another region":               {func(r *http.Request) { r.Host = "sts.us-east-2.amazonaws.com" }, "SignatureDoesNotMatch"},
		"refuses an unsigned x-amz header":               {func(r *http.Request) { r.Header.Set("X-Amz-Foo", "bar") }, "SignatureDoesNotMatch"},
		"refuses a changed date":                         {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260301T120001Z") }, "SignatureDoesNotMatch"},
		"refuses a date of another day":                  {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260302T120000Z") }, "SignatureDoesNotMatch"},
		"refuses a date that is none":                    {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260301T120000.5Z") }, "IncompleteSignature"},
		"refuses a missing date":                         {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, "IncompleteSignature"},
		"refuses a changed session token":                {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "AAAA") }, "InvalidClientTokenId"},
		"refuses no Authorization":                       {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationToken"},
		"refuses Basic":                                  {func(r *http.Request) { r.SetBasicAuth("eve", "x") }, "IncompleteSignature"},
		"refuses a signature that is no hex":             {authorization("Signature=", "Signature=zz"), "SignatureDoesNotMatch"},
		"refuses an Authorization without its signature": {authorization("Signature=", "Sig="), "IncompleteSignature"},
		"refuses host left out of the signature":         {authorization("host;", ""), "SignatureDoesNotMatch"},
		"refuses a scope of four parts":                  {authorization("/aws4_request", ""), "IncompleteSignature"},
		"refuses another scope's end":                    {authorization("aws4_request", "aws5_request"), "IncompleteSignature"},
		"refuses a signature in header and query both": {func(r *http.Request) {
			r.URL.RawQuery = "X-Amz-Algorithm=" + algorithm
		}, "IncompleteSignature"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStall(t, func(o *Options) { o.Roles[0].Trust.Principals = []string{"*"} })
			st.creds = st.session(t, luggage{})
			r := signed(t, st, form, "sts", st.creds)
			c.edit(r)
			status, body := serve(st, r)
			if c.code == "" && (status != 200 || !strings.Contains(body, "<AssumeRoleResult>")) {
				t.Errorf("%d %s", status, body)
			}
			if c.code != "" && !strings.Contains(body, "<Code>"+c.code+"</Code>") {
				t.Errorf("want %s, got %d %s", c.code, status, body)
			}
		})
	}
}

func authorization(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
	}
}

func TestEveryCharacterOfAQueryIsSignedAsTheSDKSignsIt(t *testing.T) {
	st := newStall(t)
	for _, value := range []string{"a b", "a+b", "a%2Bb", "é", "a/b?c#d", "~-_.!*'()", "=", "a=b&c", ""} {
		query := url.Values{"Action": {"GetCallerIdentity"}, "Version": {stsVersion}, "x": {value}, "x-y": {"1"}, "X": {"2", "1"}}
		r, err := http.NewRequest(http.MethodGet, "https://sts.eu-west-1.amazonaws.com/?"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), st.creds, r, hash(nil), "sts", region, st.now); err != nil {
			t.Fatal(err)
		}
		if status, body := serve(st, r); status != 200 {
			t.Errorf("%q: %d %s", value, status, body)
		}
	}
}

func TestServicesAndRegionsOfHosts(t *testing.T) {
	for host, want := range map[string][2]string{
		"sts.eu-west-1.amazonaws.com":      {"sts", "eu-west-1"},
		"STS.eu-west-1.amazonaws.com:443":  {"sts", "eu-west-1"},
		"sts.amazonaws.com":                {"sts", "us-east-1"},
		"sts-fips.us-east-2.amazonaws.com": {"sts", "us-east-2"},
		"sts.us-west-2.api.aws":            {"sts", "us-west-2"},
		"eks.cn-north-1.amazonaws.com.cn":  {"eks", "cn-north-1"},
		"fips.eks.us-east-1.amazonaws.com": {"eks", "us-east-1"},
		"127.0.0.1:4433":                   {"", ""},
		"localhost":                        {"", ""},
		"s3.eu-west-1.amazonaws.com":       {"", ""},
		"[::1]:4433":                       {"", ""},
	} {
		service, region := endpoint(host)
		if service != want[0] || region != want[1] {
			t.Errorf("%s: %q in %q, want %q in %q", host, service, region, want[0], want[1])
		}
	}
}

func TestAnUnknownCallIsRefusedOnlyAfterItsSignature(t *testing.T) {
	st := newStall(t)
	body := url.Values{"Action": {"GetSessionToken"}, "Version": {stsVersion}}.Encode()
	_, answer := serve(st, signed(t, st, body, "sts", st.creds))
	if !strings.Contains(answer, "<Code>InvalidAction</Code>") {
		t.Errorf("signed: %s", answer)
	}
	wrong := st.creds
	wrong.SecretAccessKey += "x"
	_, answer = serve(st, signed(t, st, body, "sts", wrong))
	if !strings.Contains(answer, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("wrongly signed: %s", answer)
	}
	_, answer = serve(st, signed(t, st, body, "eks", st.creds))
	if !strings.Contains(answer, "correct service") {
		t.Errorf("signed for EKS: %s", answer)
	}
}

func TestABodyWithoutEndIsRefused(t *testing.T) {
	st := newStall(t)
	status, _ := serve(st, signed(t, st, strings.Repeat("a", maxBody+1), "sts", st.creds))
	if status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
}

func TestAPresignedAssumeRoleIsAssumeRole(t *testing.T) {
	st := newStall(t)
	d := st.draft()
	d.creds = st.userCreds()
	d.query = url.Values{"Action": {"AssumeRole"}, "Version": {stsVersion}, "X-Amz-Expires": {"60"}, "RoleArn": {readerRole}, "RoleSessionName": {"ada"}}
	token := d.token(t)
	if _, err := st.Verify(token, "shop"); err == nil {
		t.Error("a presigned AssumeRole passed as a token")
	}
	u, err := readURL(token)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(clusterHeader, "shop")
	if status, body := serve(st, r); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	st.now = st.now.Add(15*time.Minute + time.Second)
	if status, body := serve(st, r); status != 403 || !strings.Contains(body, "Signature expired") {
		t.Errorf("%d %s", status, body)
	}
}
