package eks

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// BenchmarkMintExceptSTS is all of Mint that is ours: finding the endpoint,
// signing, encoding.
func BenchmarkMintExceptSTS(b *testing.B) {
	w := newWorld(b)
	cluster := shop(b).ARN
	creds := aws.Credentials{
		AccessKeyID: "ASIAEXAMPLEEXAMPLEEX", SecretAccessKey: strings.Repeat("s", 40), SessionToken: strings.Repeat("t/+=", 275),
		CanExpire: true, Expires: time.Now().Add(15 * time.Minute),
	}
	b.ReportAllocs()
	for b.Loop() {
		endpoint, err := w.stsURL(b.Context(), cluster.Region)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.sign(b.Context(), endpoint, cluster, creds); err != nil {
			b.Fatal(err)
		}
	}
}
