package awssim

import (
	"fmt"
	"strings"
)

// arn is an ARN in its parts.
type arn struct {
	partition, service, region, account, resource string
}

func parseARN(s string) (arn, bool) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" {
		return arn{}, false
	}
	return arn{p[1], p[2], p[3], p[4], p[5]}, true
}

func mustARN(s, service, prefix string) arn {
	a, ok := parseARN(s)
	if !ok || a.service != service || !strings.HasPrefix(a.resource, prefix) {
		panic(fmt.Sprintf("awssim: %q is not the ARN of a %s %s", s, service, strings.TrimSuffix(prefix, "/")))
	}
	return a
}

func (a arn) String() string {
	return strings.Join([]string{"arn", a.partition, a.service, a.region, a.account, a.resource}, ":")
}

// base is the resource's name without type and path.
func (a arn) base() string {
	return a.resource[strings.LastIndexByte(a.resource, '/')+1:]
}

// last gives the last n bytes of s, or all of a shorter s.
func last(s string, n int) string {
	return s[max(0, len(s)-n):]
}
