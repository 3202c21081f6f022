package view

import (
	"strings"
	"testing"
	"time"
)

func someToken() *TokenTold {
	return &TokenTold{
		From: "the kubeconfig's user payments-prod-viewer, of its current context", Bytes: "2453", SignedAt: at(-2 * time.Minute), Dies: at(13 * time.Minute),
		Host: "sts.eu-west-1.amazonaws.com", Partition: "aws", Region: "eu-west-1", Asks: "GetCallerIdentity 2011-06-15", Expires: "60",
		Scope: "20261112/eu-west-1/sts/aws4_request", AccessKeyID: "ASIAZ3KQEXAMPLE7WQ", Headers: []string{"host", "x-k8s-aws-id"},
		SignsCluster: true, Temporary: true, Notes: []string{"X-Amz-Expires says 60 s, and nobody heeds it.", "The cluster's name is not written in it."},
	}
}

func deadToken() *TokenTold {
	t := someToken()
	t.Dies, t.SignsCluster, t.Temporary = at(-time.Minute), false, false
	t.Problems = []string{"It is dead.", "The cluster's name (header x-k8s-aws-id) is not signed."}
	return t
}

func someAuthority() *AuthorityTold {
	c := CertificateTold{Subject: "CN=kubernetes", Issuer: "CN=kubernetes", Serial: "1f2e", From: in(-24 * time.Hour), To: in(3649 * 24 * time.Hour),
		SHA256: strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), Key: "RSA, 2048 bits", IsCA: true, SelfSigned: true, Notes: []string{"It vouches for this cluster and for nothing else."}}
	other := c
	other.IsCA, other.SelfSigned, other.Problems = false, false, []string{"It is no certificate authority."}
	return &AuthorityTold{Cluster: "payments-prod", Open: "/clusters/payments-prod", Endpoint: "https://EXAMPLE.gr7.eu-west-1.eks.amazonaws.com", AsOf: at(-time.Minute),
		Digest: strings.Repeat("0f", 32), Certificates: []CertificateTold{c, other}}
}

func tokenPages() []page {
	f := framed("Token", NavToken)
	open := func() []string { return []string{"billing-eu", "payments-prod"} }
	return []page{
		drawn("token", Look{Frame: f, Clusters: open()}, TokenPage),
		drawn("token-none", Look{Frame: f, Error: "There is no text."}, TokenPage),
		drawn("token-told", Look{Frame: f, Token: someToken(), Clusters: open()}, TokenPage),
		drawn("token-dead", Look{Frame: f, Token: deadToken(), Clusters: open()}, TokenPage),
		drawn("token-broken", Look{Frame: f, Token: &TokenTold{From: "a bare token", Bytes: "12", Problems: []string{"There is no URL in it."}}, Clusters: open()}, TokenPage),
		drawn("authority", Look{Frame: f, Clusters: open(), Authority: someAuthority()}, TokenPage),
		drawn("authority-missing", Look{Frame: f, Clusters: open(), Authority: &AuthorityTold{Cluster: "payments-prod", Missing: "AWS has not described payments-prod yet."}}, TokenPage),
	}
}

func TestATokensVerdictIsToldFirst(t *testing.T) {
	f := framed("Token", NavToken)
	for want, told := range map[string]*TokenTold{
		"Dies at <time datetime=\"2026-11-12T14:32:00Z\">14:32 UTC</time>": someToken(),
		"Died at <time datetime=\"2026-11-12T14:18:00Z\">14:18 UTC</time>": deadToken(),
		"It does not say when it was signed":                               {Problems: []string{"X-Amz-Date is not a date."}},
	} {
		page := render(t, TokenPage(Look{Frame: f, Token: told}))
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
		if refused := len(told.Problems) > 0; strings.Contains(page, "Wrong with it:") != refused || strings.Contains(page, "Nothing is wrong with it") == refused {
			t.Errorf("the verdict of %q is wrong", want)
		}
	}
}
