// Package e2e_test walks the whole road among real programs, and holds the
// simulated AWS against the verifier it stands in for.
package e2e_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/daypass/daypass/issuer/awssim"
)

const (
	account = "111122223333"
	region  = "eu-central-1"
	reader  = "arn:aws:iam::" + account + ":role/team/prod-reader"  // mapped in the cluster
	outcast = "arn:aws:iam::" + account + ":role/team/prod-outcast" // assumable, but mapped nowhere
	daypass = "arn:aws:iam::" + account + ":user/daypass"
)

// owner is the one long-lived identity of the simulated AWS.
type owner struct{ id, secret string }

// newOwner makes keys at run time: none is written down anywhere.
func newOwner() owner { return owner{id: "AKIA" + rand.Text()[:16], secret: rand.Text() + rand.Text()} }

func (o owner) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: o.id, SecretAccessKey: o.secret}
}

func (o owner) env() []string { return env(o.credentials()) }

func env(c aws.Credentials) []string {
	list := []string{
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region, // version 1 of the AWS CLI reads only this
	}
	if c.SessionToken != "" {
		list = append(list, "AWS_SESSION_TOKEN="+c.SessionToken)
	}
	return list
}

// newFace is a simulated AWS in which the owner may assume both roles and
// describe the clusters.
func newFace(o owner, clusters ...awssim.Cluster) *awssim.Sim {
	return newFaceAt(time.Now, o, clusters...)
}

// newFaceAt is a face with a clock of its own.
func newFaceAt(now func() time.Time, o owner, clusters ...awssim.Cluster) *awssim.Sim {
	trust := awssim.Trust{Principals: []string{daypass}, SourceIdentity: true, Tags: true}
	return awssim.New(awssim.Options{
		Now:   now,
		Users: []awssim.User{{ARN: daypass, AccessKeyID: o.id, Secret: awssim.Secret(o.secret)}},
		Roles: []awssim.Role{
			{ARN: reader, ID: "AROAREADERREADERREAD", Trust: trust},
			{ARN: outcast, ID: "AROAOUTCASTOUTCASTOU", Trust: trust},
		},
		Clusters: clusters,
		Readers:  map[string][]string{account: {daypass}},
	})
}

func clusterARN(name string) string {
	return "arn:aws:eks:" + region + ":" + account + ":cluster/" + name
}

func must[T any](t *testing.T) func(T, error) T {
	return func(got T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

func provide(o owner) func(context.Context) (aws.Credentials, error) {
	return func(context.Context) (aws.Credentials, error) { return o.credentials(), nil }
}
