package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/daypass/daypass/api"
)

// sound refuses an entry that no Daypass gives: what is in it stands in the
// kubeconfig from then on, for kubectl and other programs to take as their
// person's own.
func sound(e api.Entry, want wish) error {
	switch {
	case want.context == "" && !tame(e.Context):
		return badContext(e.Context)
	case e.Namespace != "" && !label(e.Namespace):
		return odd("names the namespace %s, which is none", quoted(e.Namespace))
	case !https(e.Server):
		return odd("says that the cluster is at %s, where tokens would not be safe", quoted(e.Server))
	case e.ProxyURL != "" && !proxy(e.ProxyURL):
		return odd("names the proxy %s, which is none for kubectl", quoted(e.ProxyURL))
	case strings.Trim(e.TLSServerName, letters+digits+".-*") != "":
		return odd("says that the cluster's certificate is for %s, which is no name of a host", quoted(e.TLSServerName))
	}
	return authority(e.CA)
}

// isOf refuses an entry for another lease than was asked for. Empty: any.
func isOf(l api.Lease, id, cluster, role string) error {
	if l.ID != id || cluster != "" && l.Cluster != cluster || role != "" && l.Role != role {
		return odd("was asked for %s (%s on %s) and gave %s (%s on %s)", id, quoted(role), quoted(cluster), quoted(l.ID), quoted(l.Role), quoted(l.Cluster))
	}
	return nil
}

// https says whether what is sent to an address can be read there only.
func https(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func proxy(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && u.User == nil && slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)
}

// largestCA is more than any cluster has for its certificate authority.
const largestCA = 64 << 10

// authority refuses what kubectl could not check the cluster's certificate by.
// Without any, it would believe whom the system believes.
func authority(ca []byte) error {
	if len(ca) > largestCA {
		return odd("gave %d KB for the cluster's certificate authority", len(ca)>>10)
	}
	found := false
	for rest := bytes.TrimSpace(ca); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return odd("gave something for the cluster's certificate authority that holds more than certificates")
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return odd("gave a certificate authority for the cluster that cannot be read: %v", err)
		}
		found = true
	}
	if !found {
		return odd("gave no certificate authority for the cluster")
	}
	return nil
}

func badContext(name string) error {
	return odd("would have the context be called %s, which a shell could take for more than a name; --context calls it something else", quoted(name))
}

func odd(format string, args ...any) error {
	return &failure{code: exitFailed, say: "Nothing was put into the kubeconfig: the server " + fmt.Sprintf(format, args...) + "."}
}

// label says whether a name can be a namespace's: RFC 1123, section 2.1.
func label(s string) bool {
	return len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz"+digits+"-") == "" && strings.Trim(s, "-") == s
}
