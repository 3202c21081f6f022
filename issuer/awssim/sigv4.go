package awssim

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature Version 4, the verifying side
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
const (
	algorithm   = "AWS4-HMAC-SHA256"
	stampLayout = "20060102T150405Z"
)

// signature is what a request claims: who signed it, when, over which headers.
type signature struct {
	accessKeyID string
	day         string
	region      string
	service     string
	stamp       string
	headers     []string
	value       string
	token       string // session token
	presigned   bool
}

// readSignature finds the claim in the Authorization header or in the query.
// Both at once is refused, for nobody could say which one counts.
func readSignature(r *http.Request) (signature, error) {
	query := queryOf(r.URL)
	_, inQuery := query.find("X-Amz-Algorithm")
	header := r.Header.Get("Authorization")
	switch {
	case inQuery && header != "":
		return signature{}, refuse(400, "IncompleteSignature", "The request is signed in its query and carries an Authorization header too.")
	case inQuery:
		return presignature(query)
	case header != "":
		return headerSignature(r, header)
	}
	return signature{}, refuse(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

func headerSignature(r *http.Request, header string) (signature, error) {
	fields, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, refuse(400, "IncompleteSignature", "Authorization header must begin with '%s'.", algorithm)
	}
	parts := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return signature{}, refuse(400, "IncompleteSignature", "Authorization header requires '%s' parameter.", name)
		}
	}
	s := signature{
		stamp:   r.Header.Get("X-Amz-Date"),
		headers: splitHeaders(parts["SignedHeaders"]),
		value:   parts["Signature"],
		token:   r.Header.Get("X-Amz-Security-Token"),
	}
	return s, s.readScope(parts["Credential"])
}

// presignature reads the query's claim. Its names are case-sensitive here, as
// STS reads them: CVE-2022-2385 lived in that difference.
func presignature(query params) (signature, error) {
	found := map[string]string{}
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		value, ok := query.find(name)
		if !ok || value == "" {
			return signature{}, refuse(400, "IncompleteSignature", "The query must hold '%s' exactly once.", name)
		}
		found[name] = value
	}
	if found["X-Amz-Algorithm"] != algorithm {
		return signature{}, refuse(400, "IncompleteSignature", "X-Amz-Algorithm must be '%s'.", algorithm)
	}
	// STS does not let the value decide anything, but one must be there, 0 to 900
	// (crossplane provider-aws#901; aws-iam-authenticator pkg/token/token.go).
	if n, err := strconv.Atoi(found["X-Amz-Expires"]); err != nil || n < 0 || n > 900 {
		return signature{}, refuse(400, "IncompleteSignature", "X-Amz-Expires must be a number from 0 to 900.")
	}
	s := signature{
		stamp:     found["X-Amz-Date"],
		headers:   splitHeaders(found["X-Amz-SignedHeaders"]),
		value:     found["X-Amz-Signature"],
		presigned: true,
	}
	s.token, _ = query.find("X-Amz-Security-Token")
	return s, s.readScope(found["X-Amz-Credential"])
}

func splitHeaders(list string) []string { return strings.Split(strings.ToLower(list), ";") }

func (s *signature) readScope(credential string) error {
	p := strings.Split(credential, "/")
	if len(p) != 5 || p[0] == "" || p[4] != "aws4_request" {
		return refuse(400, "IncompleteSignature", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
	}
	s.accessKeyID, s.day, s.region, s.service = p[0], p[1], p[2], p[3]
	return nil
}

// signedAt is the moment of signing; the scope must be of the same day.
func (s signature) signedAt() (time.Time, error) {
	at, err := time.Parse(stampLayout, s.stamp)
	if err != nil || len(s.stamp) != len(stampLayout) {
		return time.Time{}, refuse(400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'.")
	}
	if !strings.HasPrefix(s.stamp, s.day+"T") {
		return time.Time{}, refuse(403, "SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	return at, nil
}

// check recomputes the signature over the request as it arrived.
func (s signature) check(r *http.Request, body []byte, secret Secret) error {
	if err := s.checkHeaders(r); err != nil {
		return err
	}
	key := []byte("AWS4" + string(secret))
	for _, step := range []string{s.day, s.region, s.service, "aws4_request"} {
		key = mac(key, step)
	}
	scope := strings.Join([]string{s.day, s.region, s.service, "aws4_request"}, "/")
	want := mac(key, strings.Join([]string{algorithm, s.stamp, scope, hash([]byte(s.canonical(r, body)))}, "\n"))
	got, err := hex.DecodeString(s.value)
	if err != nil || !hmac.Equal(got, want) {
		return refuse(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// checkHeaders demands that host and every x-amz header were signed: what is
// not signed could have been changed on the way.
func (s signature) checkHeaders(r *http.Request) error {
	if !slices.Contains(s.headers, "host") {
		return refuse(403, "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.headers, lower) {
			return refuse(403, "SignatureDoesNotMatch", "'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	return nil
}

func (s signature) canonical(r *http.Request, body []byte) string {
	var headers strings.Builder
	for _, name := range s.headers {
		headers.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	return strings.Join([]string{
		r.Method, escapePath(r.URL.EscapedPath()), queryOf(r.URL).canonical(s.presigned),
		headers.String(), strings.Join(s.headers, ";"), hash(body),
	}, "\n")
}

func headerValue(r *http.Request, name string) string {
	switch {
	case name == "host":
		return r.Host
	case name == "content-length" && r.Header.Get(name) == "":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// params is a query in its order, decoded.
type params []param

type param struct{ name, value string }

// queryOf reads a query. A part that cannot be decoded stays as it is: the
// signature over it will not match.
func queryOf(u *url.URL) params {
	var all params
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		all = append(all, param{unescape(name), unescape(value)})
	}
	return all
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// find gives the only value of name; a name that occurs twice is not found.
func (p params) find(name string) (value string, ok bool) {
	count := 0
	for _, one := range p {
		if one.name == name {
			value, count = one.value, count+1
		}
	}
	return value, count == 1
}

// canonical sorts the encoded query by name, then by value. The signature of a
// presigned query does not cover itself.
func (p params) canonical(presigned bool) string {
	var sorted params
	for _, one := range p {
		if !presigned || one.name != "X-Amz-Signature" {
			sorted = append(sorted, param{escape(one.name), escape(one.value)})
		}
	}
	slices.SortFunc(sorted, func(a, b param) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	pairs := make([]string, len(sorted))
	for i, one := range sorted {
		pairs[i] = one.name + "=" + one.value
	}
	return strings.Join(pairs, "&")
}

// escape encodes everything but RFC 3986's unreserved characters.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// escapePath encodes the path as sent once more: every service but S3 signs a
// path that is encoded twice.
func escapePath(path string) string {
	if path == "" {
		return "/"
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = escape(p)
	}
	return strings.Join(parts, "/")
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
