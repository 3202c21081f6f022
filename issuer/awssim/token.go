package awssim

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	tokenPrefix   = "k8s-aws-v1."
	maxToken      = 4096 // bytes; aws-iam-authenticator pkg/token/token.go
	clusterHeader = "X-K8s-Aws-Id"
)

// What can be wrong with a token. No error tells the URL inside it: the URL is
// the credential.
var (
	ErrForm    = errors.New("the token is not well formed")
	ErrTime    = errors.New("the token is not of this time")
	ErrRefused = errors.New("STS refuses the token")
)

// Presigned is a token that looks right. Only STS can say whether it is.
// It does not print its URL.
type Presigned struct {
	Host        string // the STS host it was signed for
	AccessKeyID string // as claimed
	SignedAt    time.Time
	Dies        time.Time
	url         *url.URL
}

// Format writes [token] for every verb.
func (Presigned) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[token]") }

// MarshalText keeps the URL out of JSON and logs.
func (Presigned) MarshalText() ([]byte, error) { return []byte("[token]"), nil }

// LogValue keeps the URL out of logs.
func (Presigned) LogValue() slog.Value { return slog.StringValue("[token]") }

// Parse takes a token apart and applies every rule that needs no STS, as
// aws-iam-authenticator does before it asks STS; beyond that it refuses a token
// signed more than five minutes in the future, as STS itself would. life zero
// or less is AWS's 15 minutes.
func Parse(token string, now time.Time, life time.Duration, hosts Hosts) (Presigned, error) {
	u, err := readURL(token)
	if err != nil {
		return Presigned{}, err
	}
	if err := checkURL(u, hosts); err != nil {
		return Presigned{}, err
	}
	fields, err := readFields(u.RawQuery)
	if err != nil {
		return Presigned{}, err
	}
	if err := checkFields(fields); err != nil {
		return Presigned{}, err
	}
	if life <= 0 {
		life = tokenLife
	}
	at, err := checkDate(fields["x-amz-date"], now, life)
	if err != nil {
		return Presigned{}, err
	}
	key, _, _ := strings.Cut(fields["x-amz-credential"], "/")
	return Presigned{Host: u.Host, AccessKeyID: key, SignedAt: at, Dies: at.Add(life), url: u}, nil
}

func readURL(token string) (*url.URL, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: it has %d bytes, and %d are the most; send fewer session tags or a shorter session policy", ErrForm, len(token), maxToken)
	}
	encoded, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrForm, tokenPrefix)
	}
	plain, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: what follows %s is not unpadded base64url", ErrForm, tokenPrefix)
	}
	u, err := url.Parse(string(plain))
	if err != nil {
		return nil, fmt.Errorf("%w: it holds no URL", ErrForm) // err quotes the URL
	}
	return u, nil
}

func checkURL(u *url.URL, hosts Hosts) error {
	if u.Scheme != "https" {
		return fmt.Errorf("%w: its URL is not https", ErrForm)
	}
	if err := hosts.check(u.Host); err != nil {
		return err
	}
	if u.Path != "/" {
		return fmt.Errorf("%w: its URL's path is not /", ErrForm)
	}
	return nil
}

// readFields reads the query under lower-case names. Two names that differ in
// case only are one name twice: CVE-2022-2385.
func readFields(query string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("%w: its query cannot be read", ErrForm) // err quotes the query
	}
	fields := map[string]string{}
	for name, all := range values {
		lower := strings.ToLower(name)
		if _, twice := fields[lower]; twice || len(all) != 1 {
			return nil, fmt.Errorf("%w: a parameter occurs twice", ErrForm)
		}
		if !allowedField(lower) {
			return nil, fmt.Errorf("%w: it has a parameter that no token has", ErrForm)
		}
		fields[lower] = all[0]
	}
	return fields, nil
}

func allowedField(lower string) bool {
	switch lower {
	case "action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date",
		"x-amz-expires", "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders":
		return true
	}
	return false
}

func checkFields(fields map[string]string) error {
	if fields["action"] != "GetCallerIdentity" {
		return fmt.Errorf("%w: its action is not GetCallerIdentity", ErrForm)
	}
	signed := strings.Split(fields["x-amz-signedheaders"], ";")
	if !slices.ContainsFunc(signed, func(h string) bool { return strings.EqualFold(h, clusterHeader) }) {
		return fmt.Errorf("%w: the cluster's name (header x-k8s-aws-id) is not signed", ErrForm)
	}
	if n, err := strconv.Atoi(fields["x-amz-expires"]); err != nil || n < 0 || n > 900 {
		return fmt.Errorf("%w: X-Amz-Expires is not a number from 0 to 900", ErrForm)
	}
	return nil
}

func checkDate(text string, now time.Time, life time.Duration) (time.Time, error) {
	at, err := time.Parse(stampLayout, text)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%w: X-Amz-Date is not a date like 20060102T150405Z", ErrForm)
	case at.After(now.Add(clockLead)):
		return time.Time{}, fmt.Errorf("%w: it was signed at %s, which is still to come; check the clock of whoever signed it", ErrTime, at.Format(time.RFC3339))
	case now.After(at.Add(life)):
		return time.Time{}, fmt.Errorf("%w: it was signed at %s and lived %s; get a new one", ErrTime, at.Format(time.RFC3339), life)
	}
	return at, nil
}

// request is the question a cluster puts to STS: the URL as it was signed,
// with the cluster's own name.
func (p Presigned) request(cluster string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, p.url.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: its URL cannot be asked", ErrForm) // err quotes the URL
	}
	r.Header.Set(clusterHeader, cluster)
	r.Header.Set("Accept", "application/json")
	if p.url.User != nil { // as Go's client would: STS then refuses the two credentials
		password, _ := p.url.User.Password()
		r.SetBasicAuth(p.url.User.Username(), password)
	}
	return r, nil
}
