package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/cmd/demo/door"
	"github.com/daypass/daypass/issuer/awssim"
)

const (
	prodAccount = "111122223333"
	devAccount  = "444455556666"
	server      = "arn:aws:iam::" + prodAccount + ":user/daypass"
	describer   = "arn:aws:iam::" + devAccount + ":role/daypass-describe"
	externalID  = "daypass-demo"
)

// site is a cluster of the demo.
type site struct {
	name, account, region, version string
	private                        bool
}

func sites() []site {
	return []site{
		{"payments-prod", prodAccount, "eu-west-1", "1.36", false},
		{"payments-dev", devAccount, "eu-west-1", "1.37", false},
		{"data-dev", devAccount, "us-east-1", "1.35", true},
	}
}

func (s site) arn() string {
	return fmt.Sprintf("arn:aws:eks:%s:%s:cluster/%s", s.region, s.account, s.name)
}

// roles are the IAM roles of both accounts, with the trust that a careful
// account would give.
func roles() (out []awssim.Role) {
	for i, account := range []string{prodAccount, devAccount} {
		for j, name := range []string{"daypass-viewer", "daypass-editor", "daypass-admin"} {
			out = append(out, awssim.Role{
				ARN: "arn:aws:iam::" + account + ":role/" + name, ID: fmt.Sprintf("AROADEMO%d%dEXAMPLE", i, j),
				Trust: awssim.Trust{Principals: []string{server}, ExternalID: externalID, SourceIdentity: true, Tags: true},
			})
		}
	}
	return append(out, awssim.Role{ARN: describer, ID: "AROADEMODESCRIBE", Trust: awssim.Trust{Principals: []string{server}}})
}

// startAWS starts the simulated AWS and a door for each cluster.
func (w *world) startAWS(life time.Duration, say *narrator) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the simulated AWS: %w", err)
	}
	w.key = awssim.User{ARN: server, AccessKeyID: "AKIA" + strings.ToUpper(rand.Text()[:16]), Secret: awssim.Secret(rand.Text() + rand.Text()[:14])}
	o := awssim.Options{
		TokenLife: life, Users: []awssim.User{w.key}, Roles: roles(), AllowedHosts: []string{l.Addr().String()}, Observe: say.aws,
		Readers: map[string][]string{prodAccount: {server}, devAccount: {describer}},
	}
	var sim *awssim.Sim // the doors ask it once somebody knocks
	for _, s := range sites() {
		c, err := w.openDoor(s, func(token string) (awssim.Identity, error) { return sim.Verify(token, s.name) }, say)
		if err != nil {
			return err
		}
		o.Clusters = append(o.Clusters, c)
	}
	sim = awssim.New(o)
	ca, err := awssim.NewAuthority()
	if err != nil {
		return err
	}
	w.bundle = filepath.Join(w.folder, "aws-ca.pem")
	if err := os.WriteFile(w.bundle, ca.PEM(), 0o600); err != nil {
		return fmt.Errorf("write the simulated AWS's CA: %w", err)
	}
	w.aws = sim.Serve(l, ca)
	w.closers = append(w.closers, w.aws.Close)
	return nil
}

// openDoor starts a cluster's endpoint under a CA of its own.
func (w *world) openDoor(s site, verify func(string) (awssim.Identity, error), say *narrator) (awssim.Cluster, error) {
	ca, err := awssim.NewAuthority()
	if err != nil {
		return awssim.Cluster{}, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return awssim.Cluster{}, fmt.Errorf("listen for the cluster %s: %w", s.name, err)
	}
	d := &doorway{url: "https://" + l.Addr().String(), caFile: filepath.Join(w.folder, s.name+"-ca.pem")}
	if err := os.WriteFile(d.caFile, ca.PEM(), 0o600); err != nil {
		return awssim.Cluster{}, fmt.Errorf("write the CA of %s: %w", s.name, err)
	}
	w.doors[s.name] = d
	h := door.New(door.Options{Cluster: s.name, Version: s.version, Allows: allows, Observe: say.knock, Now: time.Now,
		Verify: func(token string) (door.Caller, error) {
			id, err := verify(token)
			return caller(id), err
		}})
	w.serve(l, &http.Server{Handler: h, TLSConfig: ca.TLS(), ErrorLog: quiet()}, true)
	return awssim.Cluster{ARN: s.arn(), Version: s.version, Endpoint: d.url, CA: ca.PEM(), Created: time.Now().Add(-40 * 24 * time.Hour),
		PublicAccess: !s.private, PrivateAccess: s.private, AuthenticationMode: "API"}, nil
}

// caller is what an access entry makes of an identity.
func caller(id awssim.Identity) door.Caller {
	role := id.Role[strings.LastIndexByte(id.Role, '/')+1:]
	return door.Caller{Username: "daypass:" + id.SessionName, UID: id.UserID, Groups: []string{role + "s"},
		ARN: id.ARN, SessionName: id.SessionName, AccessKeyID: id.AccessKeyID}
}

// allows is the demo's RBAC.
func allows(groups []string, verb, resource string) bool {
	for _, g := range groups {
		switch g {
		case "daypass-admins":
			return true
		case "daypass-editors":
			return resource != "secrets" && (verb != "delete" || resource == "pods")
		case "daypass-viewers":
			return resource != "secrets" && (verb == "get" || verb == "list")
		}
	}
	return false
}
