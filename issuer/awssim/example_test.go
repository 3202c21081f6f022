package awssim_test

import (
	"fmt"
	"net"

	"github.com/daypass/daypass/issuer/awssim"
)

// A simulated AWS on loopback. Clients reach it by AWS_ENDPOINT_URL_STS,
// AWS_ENDPOINT_URL_EKS and AWS_CA_BUNDLE.
func ExampleSim_Serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ca, err := awssim.NewAuthority()
	if err != nil {
		fmt.Println(err)
		return
	}
	sim := awssim.New(awssim.Options{
		AllowedHosts: []string{l.Addr().String()},
		Clusters:     []awssim.Cluster{{ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/shop"}},
		Observe:      func(c awssim.Call) { fmt.Println(c.Action, c.Verdict) },
	})
	server := sim.Serve(l, ca)
	_, err = sim.Verify("k8s-aws-v1.", "shop")
	fmt.Println(err)
	fmt.Println(server.Close())
	// Output:
	// the token is not well formed: its URL is not https
	// <nil>
}
