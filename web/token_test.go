package web_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// caOf is the authority of a cluster; that of "hidden" cannot be read.
func caOf(cluster string) []byte {
	if cluster == "hidden" {
		return []byte("-----BEGIN CERTIFICATE-----\n")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "kubernetes"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pastedToken is a token signed just now, and what no page may show of it.
func pastedToken(t *testing.T, cluster string) (token string, secrets []string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cluster != "" {
		r.Header.Set("X-K8s-Aws-Id", cluster)
	}
	creds := aws.Credentials{AccessKeyID: "ASIA" + strings.Repeat("X", 16), SecretAccessKey: rand.Text(), SessionToken: rand.Text()}
	u, _, err := v4.NewSigner().PresignHTTP(t.Context(), creds, r, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sts", "eu-west-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, signature, _ := strings.Cut(u, "X-Amz-Signature=")
	encoded := base64.RawURLEncoding.EncodeToString([]byte(u))
	return "k8s-aws-v1." + encoded, []string{encoded, signature, creds.SessionToken}
}

func TestATokenIsExplainedAndForgotten(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	b.Get("/token").MustSay(t, 200, `<textarea`, `aria-current="page"`, "It is taken apart and forgotten")
	good, secrets := pastedToken(t, "pay")
	other, more := pastedToken(t, "")
	for claim, tt := range map[string]struct {
		text   string
		status int
		say    []string
	}{
		"a good one":          {good, 200, []string{"Dies at", "Nothing is wrong with it that can be seen from outside.", "ASIAXXXXXXXXXXXXXXXX", "sts.eu-west-1.amazonaws.com", "signature and session token are not shown"}},
		"one in a kubeconfig": {"users: [{name: pay-viewer, user: {token: " + good + "}}]", 200, []string{"the kubeconfig&#39;s user pay-viewer"}},
		"one with a fault":    {other, 200, []string{"Wrong with it:", "is not signed, so it would fit any cluster"}},
		"no token":            {"ey." + secrets[0], 422, []string{`aria-invalid="true"`, "would begin with k8s-aws-v1."}},
		"nothing":             {"", 422, []string{"There is no text."}},
		"too much":            {strings.Repeat("x", 70<<10), 413, []string{"larger than Daypass takes"}},
	} {
		t.Run(claim, func(t *testing.T) {
			p := b.Post("/token", url.Values{"token": {tt.text}})
			p.MustSay(t, tt.status, tt.say...)
			if p.Header.Get("Cache-Control") != "no-store" {
				t.Error("the answer may be kept")
			}
			for _, secret := range append(secrets, more...) {
				if strings.Contains(p.Text, secret) {
					t.Error("the page says the secret again")
				}
			}
		})
	}
	for _, secret := range append(secrets, more...) {
		if strings.Contains(s.said(), secret) {
			t.Error("the secret is in the log")
		}
	}
	if !strings.Contains(s.said(), "route=/token") {
		t.Errorf("the log was not looked at: %s", s.said())
	}
}

func TestThePageForTokensIsForSignedInPeople(t *testing.T) {
	s := newSite(t)
	if p := s.request(t, "GET", "/token", "", nil); p.Status != http.StatusSeeOther {
		t.Errorf("answered %d", p.Status)
	}
	s.request(t, "POST", "/token", "token=x", nil).MustSay(t, 401, "You are not signed in")
	b := s.as(t, "none") // who may enter nothing may look at tokens all the same
	b.Get("/token").MustSay(t, 200, "No cluster is open to you")
	token, _ := pastedToken(t, "pay")
	b.Post("/token", url.Values{"token": {token}}).MustSay(t, 200, "Dies at")
}

func TestAClustersAuthorityIsExplained(t *testing.T) {
	s := newSite(t)
	b := s.as(t, "eng")
	b.Get("/token").MustSay(t, 200, `<option value="hidden">`, `<option value="pay">`)
	b.Get("/token?cluster=pay").MustSay(t, 200, `<option value="pay" selected>`, "CN=kubernetes", "certificate authority, self-signed", "ECDSA, P-256", "https://pay.example", "It vouches for this cluster and for nothing else.")
	b.Get("/token?cluster=hidden").MustSay(t, 200, "What AWS gave as the certificate authority of hidden cannot be read", "#platform")
	b.Get("/token?cluster=nope").MustSay(t, 404, "No cluster is named")
	s.as(t, "none").Get("/token?cluster=pay").MustSay(t, 403, "It is for members of")
}

// logbook is a log that is written by many and read at the end.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// said is what the site logged so far.
func (s *site) said() string {
	s.logged.mu.Lock()
	defer s.logged.mu.Unlock()
	return s.logged.text.String()
}
