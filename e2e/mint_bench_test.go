package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"sigs.k8s.io/aws-iam-authenticator/pkg/token"
)

// BenchmarkAuthenticatorGenerator is aws-iam-authenticator's own way to a
// token from credentials at hand. BenchmarkMintExceptSTS of issuer/eks is ours;
// `make bench` runs both in a row.
func BenchmarkAuthenticatorGenerator(b *testing.B) {
	client := sts.New(sts.Options{Region: "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("ASIAEXAMPLEEXAMPLEEX", strings.Repeat("s", 40), strings.Repeat("t/+=", 275))})
	g, err := token.NewGenerator(false, false)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		t, err := g.GetWithSTS("shop", client)
		if err != nil || !strings.HasPrefix(t.Token, "k8s-aws-v1.") {
			b.Fatal(err)
		}
	}
}
