package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/access"
)

var (
	wordName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	dottedName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?$`)
	variable    = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	hostForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
	externalIDForm = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	placeholder    = regexp.MustCompile(`\{[^{}]*\}`)
	contextForm    = regexp.MustCompile(`^[A-Za-z0-9._:/@+=,-]*$`)
	dateForm       = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
)

func parseName(s string) (string, error) {
	if !wordName.MatchString(s) {
		return "", fmt.Errorf("%q cannot be a name; use up to 63 of a-z, 0-9 and -, with a letter or digit at both ends", s)
	}
	return s, nil
}

func parseDottedName(s string) (string, error) {
	if !dottedName.MatchString(s) {
		return "", fmt.Errorf("%q cannot be a name; use up to 100 of a-z, 0-9, - and ., with a letter or digit at both ends", s)
	}
	return s, nil
}

func parseAccount(s string) (string, error) {
	if !accountForm.MatchString(s) {
		return "", fmt.Errorf("%q is no account; write its twelve digits in quotes", s)
	}
	return s, nil
}

func parseExternalID(s string) (string, error) {
	if len(s) < 2 || !externalIDForm.MatchString(s) {
		return "", errors.New("not an external ID; AWS takes two or more letters, digits and _+=,.@:/-")
	}
	return s, nil
}

// parseWeb reads an http or https URL. Its errors never quote it: somebody may
// have written a password into it.
func parseWeb(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || badPort(u.Port()):
		return nil, errors.New("not a URL; write one such as https://sso.example.com")
	case u.User != nil:
		return nil, errors.New("the URL holds a user or a password; remove them")
	case u.Fragment != "":
		return nil, errors.New("the URL has a # part; remove it")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("http is for loopback addresses only; use https")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("a URL of the scheme %q; use https", u.Scheme)
	}
	return u, nil
}

func badPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port != "" && (err != nil || n == 0)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// parseOrigin reads the URL that Daypass is reached at, and writes it the way
// browsers do, since their Host header is compared with it.
func parseOrigin(s string) (*url.URL, error) {
	u, err := parseWeb(s)
	if err != nil {
		return nil, err
	}
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err != nil && !hostForm.MatchString(host) {
		return nil, errors.New("not a host name; use letters, digits, - and . (xn--… for others)")
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("more than an origin; Daypass has a host of its own: leave out what follows host and port")
	}
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

func parseIssuer(s string) (string, error) {
	u, err := parseWeb(s)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return "", errors.New("an issuer has no query; write it exactly as the provider's discovery document does")
	}
	return s, nil
}

func parseHook(s string) (string, error) {
	_, err := parseWeb(s)
	return s, err
}

// parseProxy reads what kubectl takes as a proxy-url
// (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/).
func parseProxy(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || badPort(u.Port()) || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return "", errors.New("not a proxy's URL; write one such as https://egress.example.com:3128 (http, https or socks5)")
	}
	if u.User != nil {
		return "", errors.New("the URL holds a user or a password and goes into everybody's kubeconfig; remove them")
	}
	return s, nil
}

func parseHost(s string) (string, error) {
	if !hostForm.MatchString(strings.ToLower(s)) {
		return "", fmt.Errorf("%q is not a host name", s)
	}
	return s, nil
}

func parseListen(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is not an address to listen on; write one such as 127.0.0.1:8080 or :8080", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q names the port %q; want a number from 0 to 65535", s, port)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return "", fmt.Errorf("%q names the host %q; want an IP address of this machine, localhost or nothing", s, host)
	}
	return s, nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.Prefix{}, fmt.Errorf("%q is an address; for it alone, write %s/%d", s, s, a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a network; write one such as 203.0.113.0/24", s)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is IPv4 written as IPv6, which no address matches; write it as IPv4", s)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits set behind its /%d; did you mean %s or %s/%d?", s, p.Bits(), p.Masked(), p.Addr(), p.Addr().BitLen())
	}
	return p, nil
}

// parseSpan makes a reader of durations between two bounds.
func parseSpan(least, most time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%q is not a duration; write one such as 8h, 45m or 1h30m", s)
		case d < least:
			return 0, fmt.Errorf("%q is too short; want %s or more", s, access.Span(least))
		case d > most:
			return 0, fmt.Errorf("%q is too long; want %s or less", s, access.Span(most))
		}
		return d, nil
	}
}

// parseInstant reads RFC 3339 only: a date alone does not say in whose day, nor
// whether that day still counts.
func parseInstant(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err == nil {
		return t.UTC(), nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil && dateForm.MatchString(s) {
		return time.Time{}, fmt.Errorf("%q does not say whether that day still counts, nor where; write %sT00:00:00Z if it does not, %sT00:00:00Z if it does",
			s, s, day.AddDate(0, 0, 1).Format(time.DateOnly))
	}
	return time.Time{}, fmt.Errorf("%q is not an instant; write one such as 2026-12-31T00:00:00Z or 2026-12-31T18:00:00+01:00", s)
}

// parseWho reads provider:name.
func parseWho(s string) (provider, name string, err error) {
	provider, name, ok := strings.Cut(s, ":")
	if !ok || provider == "" || name == "" {
		return "", "", fmt.Errorf("%q does not say whose it is; write provider:%s", s, strings.Trim(s, ":"))
	}
	return provider, name, nil
}

// parseRoleARN checks a role's ARN with every placeholder filled in.
func parseRoleARN(s string) (string, error) {
	if err := placeholders(s, "partition", "account", "region"); err != nil {
		return "", err
	}
	sample := access.Cluster{ARN: access.ARN{Partition: "aws", Account: "000000000000", Region: "eu-west-1"}}
	return s, isRole(access.Role{ARN: s}.On(sample))
}

func parsePlainRole(s string) (string, error) {
	return s, isRole(access.ParseARN(s))
}

func isRole(a access.ARN, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w; write one such as arn:aws:iam::111122223333:role/NAME", err)
	case a.Service != "iam":
		return fmt.Errorf("%q is not a role's ARN; write one such as arn:aws:iam::111122223333:role/NAME", a)
	}
	return nil
}

func parseClusterARN(s string) (access.ARN, error) {
	a, err := access.ParseARN(s)
	switch {
	case err != nil:
		return access.ARN{}, fmt.Errorf("%w; aws eks describe-cluster shows it", err)
	case a.Service != "eks":
		return access.ARN{}, fmt.Errorf("%q is not a cluster's ARN; aws eks describe-cluster shows it", s)
	}
	return a, nil
}

// parseARNPattern reads a cluster's ARN in which * may stand for anything.
func parseARNPattern(s string) (string, error) {
	if !strings.Contains(s, "*") {
		_, err := parseClusterARN(s)
		return s, err
	}
	if !strings.HasPrefix(s, "arn:") {
		return "", fmt.Errorf("%q is not a pattern for ARNs; write one such as arn:aws:eks:*:111122223333:cluster/*", s)
	}
	return s, nil
}

// parseContext reads the template of context names.
func parseContext(s string) (string, error) {
	if err := placeholders(s, "cluster", "role", "account", "region"); err != nil {
		return "", err
	}
	if !contextForm.MatchString(placeholder.ReplaceAllString(s, "")) {
		return "", errors.New("has characters that shells and tools trip over; use letters, digits and ._:/@+=,- beside placeholders")
	}
	if !strings.Contains(s, "{cluster}") || !strings.Contains(s, "{role}") {
		return "", errors.New("must hold both {cluster} and {role}, or one kubeconfig would overwrite another")
	}
	return s, nil
}

func placeholders(s string, known ...string) error {
	for _, p := range placeholder.FindAllString(s, -1) {
		if name := p[1 : len(p)-1]; !slices.Contains(known, name) {
			return fmt.Errorf("the placeholder %q is not known; %s", p, instead(name, known))
		}
	}
	if strings.ContainsAny(placeholder.ReplaceAllString(s, ""), "{}") {
		return fmt.Errorf("%q has a brace without its other half; placeholders look like {%s}", s, known[0])
	}
	return nil
}
