package explain

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// maxCertificates is far more than a cluster has: two at a time
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCertificateAuthority.html).
const maxCertificates = 50

// expiresSoon is when an end is worth telling.
const expiresSoon = 90 * 24 * time.Hour

// Certificate is one certificate of a bundle.
type Certificate struct {
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	Serial     string    `json:"serial"` // hexadecimal
	NotBefore  time.Time `json:"notBefore"`
	NotAfter   time.Time `json:"notAfter"`
	SHA256     string    `json:"sha256"` // of the DER, in pairs, as openssl and browsers show it
	Key        string    `json:"key"`
	IsCA       bool      `json:"isCA"`
	SelfSigned bool      `json:"selfSigned"`
	Problems   []string  `json:"problems"` // what makes clients refuse what it signed
	Notes      []string  `json:"notes"`
}

// Authority says what the certificates of a cluster's authority are. It takes
// PEM, or the base64 of PEM as kubeconfigs and DescribeCluster carry it.
func Authority(bundle []byte, now time.Time) ([]Certificate, error) {
	if len(bundle) > maxText {
		return nil, none("The bundle is larger than a megabyte.")
	}
	rest := unarmoured(bundle)
	var all []Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if len(all) == maxCertificates {
			return nil, none(fmt.Sprintf("The bundle holds more than %d certificates, which no cluster's does.", maxCertificates))
		}
		if block.Type != "CERTIFICATE" {
			return nil, none("The bundle holds something else than certificates. A private key must never be in it.")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the bundle cannot be read: %w", len(all)+1, err)
		}
		all = append(all, certificate(c, now))
	}
	if len(all) == 0 {
		return nil, none("There is no certificate. Give PEM (-----BEGIN CERTIFICATE-----), or its base64 as certificate-authority-data holds it.")
	}
	return all, nil
}

// unarmoured undoes the base64 around PEM, if there is one.
func unarmoured(b []byte) []byte {
	tight := strings.Join(strings.Fields(string(b)), "")
	if plain, err := base64.StdEncoding.DecodeString(tight); err == nil {
		return plain
	}
	return b
}

func certificate(c *x509.Certificate, now time.Time) Certificate {
	out := Certificate{
		Subject: plain(c.Subject.String()), Issuer: plain(c.Issuer.String()), Serial: fmt.Sprintf("%x", c.SerialNumber),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		SHA256: pairs(sha256.Sum256(c.Raw)), Key: keyOf(c), IsCA: c.BasicConstraintsValid && c.IsCA,
		SelfSigned: string(c.RawSubject) == string(c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil,
		Problems:   []string{}, Notes: []string{},
	}
	out.Problems = append(out.Problems, troubles(c, now)...)
	out.Notes = append(out.Notes, out.meaning(now)...)
	return out
}

func pairs(sum [32]byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func keyOf(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA, " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "of a kind that is not known here"
}

// troubles are what makes Go's clients, kubectl among them, refuse a chain
// that ends here (https://pkg.go.dev/crypto/x509#Certificate.Verify).
func troubles(c *x509.Certificate, now time.Time) (out []string) {
	if now.Before(c.NotBefore) {
		out = append(out, "It is not valid yet: it begins at "+stamp(c.NotBefore)+". Check the clock.")
	}
	if now.After(c.NotAfter) {
		out = append(out, "It is over since "+stamp(c.NotAfter)+", so kubectl trusts nothing that it signed.")
	}
	if !c.BasicConstraintsValid || !c.IsCA {
		out = append(out, "It is no certificate authority: kubectl trusts only a server that shows this same certificate.")
	} else if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		out = append(out, "Its key may not sign certificates.")
	}
	return out
}

// meaning is what people who look at a cluster's authority ask. EKS makes a
// root of trust for each cluster, and at most a second one while it is being
// replaced
// (https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCertificateAuthority.html).
func (c Certificate) meaning(now time.Time) (out []string) {
	if c.SelfSigned {
		out = append(out, "Self-signed means that nobody else vouches for it. That is as it should be: EKS makes an authority for each cluster, and the kubeconfig names it, so that kubectl knows this cluster's API server from any other.",
			"It vouches for this cluster and for nothing else. Leave it in the kubeconfig; it does not belong among the certificates that a machine or a browser trusts.")
	} else {
		out = append(out, "Another authority signed it, "+c.Issuer+". EKS's own are self-signed: find out where it comes from before you trust it.")
	}
	if left := c.NotAfter.Sub(now); left >= 0 && left < expiresSoon {
		out = append(out, "It ends in less than 90 days. EKS can append a successor; take new kubeconfigs once it has, for those of before do not know it.")
	}
	return out
}
