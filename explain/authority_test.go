package explain_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/explain"
)

// made is a certificate like the one EKS makes for a cluster, changed as asked
// and signed by itself unless a signer is given.
func made(t testing.TB, key crypto.Signer, change func(*x509.Certificate), parent *x509.Certificate, signer crypto.Signer) (*x509.Certificate, []byte) {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(0x1f2e), Subject: pkix.Name{CommonName: "kubernetes"},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	change(c)
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func asIs(*x509.Certificate) {}

func TestAClustersAuthorityIsTold(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c, bundle := made(t, key, asIs, nil, nil)
	sum := sha256.Sum256(c.Raw)
	for form, text := range map[string][]byte{
		"PEM": bundle, "base64 of PEM": []byte(base64.StdEncoding.EncodeToString(bundle)),
		"base64 over several lines": []byte(base64.StdEncoding.EncodeToString(bundle)[:90] + "\n  " + base64.StdEncoding.EncodeToString(bundle)[90:] + "\n"),
		"PEM with words before it":  append([]byte("the cluster's own:\n"), bundle...),
	} {
		all, err := explain.Authority(text, noon)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %d certificates", form, err, len(all))
		}
		got := all[0]
		if got.Subject != "CN=kubernetes" || got.Issuer != "CN=kubernetes" || got.Serial != "1f2e" || got.Key != "RSA, 2048 bits" || !got.IsCA || !got.SelfSigned || len(got.Problems) > 0 {
			t.Errorf("%s: %+v", form, got)
		}
		if !got.NotBefore.Equal(c.NotBefore) || !got.NotAfter.Equal(c.NotAfter) {
			t.Errorf("%s: valid from %s to %s", form, got.NotBefore, got.NotAfter)
		}
		if hex.EncodeToString(sum[:]) != strings.ToLower(strings.ReplaceAll(got.SHA256, ":", "")) || len(got.SHA256) != 95 {
			t.Errorf("%s: fingerprint %s", form, got.SHA256)
		}
		if !strings.Contains(strings.Join(got.Notes, " "), "It vouches for this cluster and for nothing else.") {
			t.Errorf("%s: the notes are %q", form, got.Notes)
		}
	}
}

func TestWhatIsWrongWithACertificateIsTold(t *testing.T) {
	key := ecKey(t)
	for claim, tt := range map[string]struct {
		change        func(*x509.Certificate)
		problem, note string
	}{
		"one that is over":            {func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) }, "It is over since 2026-03-01 11:59:59 UTC", ""},
		"one that is still to come":   {func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Second) }, "not valid yet", ""},
		"one that is no authority":    {func(c *x509.Certificate) { c.IsCA = false }, "no certificate authority", ""},
		"one that says nothing of it": {func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }, "no certificate authority", ""},
		"one whose key may not sign":  {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, "may not sign", ""},
		"one that ends soon":          {func(c *x509.Certificate) { c.NotAfter = noon.AddDate(0, 1, 0) }, "", "ends in less than 90 days"},
		"one that is good to the end": {func(c *x509.Certificate) { c.NotAfter = noon }, "", "ends in less than 90 days"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, bundle := made(t, key, tt.change, nil, nil)
			all, err := explain.Authority(bundle, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(all[0].Problems, " "); !strings.Contains(got, tt.problem) || (tt.problem == "") != (got == "") {
				t.Errorf("the problems are %q, want %q", got, tt.problem)
			}
			if got := strings.Join(all[0].Notes, " "); !strings.Contains(got, tt.note) {
				t.Errorf("the notes are %q, want %q", got, tt.note)
			}
		})
	}
}

func TestABundleIsToldWhole(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, first := made(t, ecKey(t), asIs, nil, nil)
	_, second := made(t, edKey, func(c *x509.Certificate) { c.Subject.CommonName = "next\x1b[31m" }, nil, nil)
	// The same name as its signer's does not make a certificate self-signed.
	other := ecKey(t)
	root, _ := made(t, other, asIs, nil, nil)
	_, third := made(t, ecKey(t), asIs, root, other)
	all, err := explain.Authority(slices.Concat(first, second, third), noon)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %d certificates", err, len(all))
	}
	if all[0].Key != "ECDSA, P-256" || all[1].Key != "Ed25519" || all[1].Subject != "CN=next [31m" || all[2].SelfSigned || !all[0].SelfSigned {
		t.Errorf("%+v", all)
	}
	if !strings.Contains(strings.Join(all[2].Notes, " "), "Another authority signed it") {
		t.Errorf("the notes are %q", all[2].Notes)
	}
}

func TestWhatIsNoBundleIsRefused(t *testing.T) {
	_, good := made(t, ecKey(t), asIs, nil, nil)
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("private", 10)))
	for claim, tt := range map[string]struct{ text, say string }{
		"nothing":         {"", "There is no certificate."},
		"prose":           {"kubernetes", "There is no certificate."},
		"base64 of prose": {base64.StdEncoding.EncodeToString([]byte("kubernetes")), "There is no certificate."},
		"a private key":   {string(good) + "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n", "A private key must never be in it."},
		"a broken one":    {string(good) + "-----BEGIN CERTIFICATE-----\n" + secret + "\n-----END CERTIFICATE-----\n", "certificate 2 of the bundle cannot be read"},
		"too many":        {strings.Repeat(string(good), 51), "more than 50"},
		"a flood":         {strings.Repeat("A", 1<<20+1), "larger than a megabyte"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, err := explain.Authority([]byte(tt.text), noon)
			if err == nil || !strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want it to say %q", err, tt.say)
			}
			if claim == "nothing" && !errors.Is(err, explain.ErrNone) {
				t.Errorf("%v is not ErrNone", err)
			}
		})
	}
}

func FuzzAuthority(f *testing.F) {
	_, good := made(f, ecKey(f), asIs, nil, nil)
	f.Add(good)
	f.Add([]byte(base64.StdEncoding.EncodeToString(good)))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		all, err := explain.Authority(bundle, noon)
		if err == nil && len(all) == 0 {
			t.Error("neither a certificate nor an error")
		}
	})
}
