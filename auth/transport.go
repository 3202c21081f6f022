package auth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxBody bounds every answer of a provider; discovery documents, key sets and
// token answers are a few kilobytes.
const maxBody = 512 << 10

// upstream is an answer of a provider that cannot be used, or none.
type upstream struct {
	status int // zero: no whole answer
	what   string
	err    error
}

func (u *upstream) Error() string {
	switch {
	case u.err != nil:
		return u.what + ": " + u.err.Error()
	case u.status != 0:
		return fmt.Sprintf("%s: status %d", u.what, u.status)
	}
	return u.what
}

func (u *upstream) Unwrap() error { return u.err }

// isOutage tells an outage, which passes, from an answer that is wrong.
func isOutage(err error) bool {
	// net/http replaces a transport's error by its own when the client's
	// patience ends.
	if isCut(err) {
		return true
	}
	var u *upstream
	return errors.As(err, &u) && (u.err != nil || u.status >= 500 || u.status == http.StatusTooManyRequests)
}

// isCut reports whether waiting ended before an answer came.
func isCut(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isUnusable reports whether there was no answer that could be looked into.
func isUnusable(err error) bool {
	var u *upstream
	return isCut(err) || errors.As(err, &u)
}

// newClient makes the client for one provider. It follows no redirect: a token
// request that followed one would carry the client secret elsewhere, and a
// discovery document elsewhere is another provider's.
func newClient(base http.RoundTripper, patience time.Duration) *http.Client {
	return &http.Client{
		Transport:     bounded{base},
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded reads an answer whole, within maxBody, before anybody looks at it.
type bounded struct{ base http.RoundTripper }

// RoundTrip is http.RoundTripper. An answer to GET that is not JSON with
// status 200 is an error: the libraries above would quote its body in theirs.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.base.RoundTrip(r)
	if err != nil {
		return nil, &upstream{what: "no answer", err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, &upstream{what: "the answer broke off", err: err}
	case len(body) > maxBody:
		return nil, &upstream{what: fmt.Sprintf("the answer is longer than %d KiB", maxBody>>10)}
	case r.Method == http.MethodGet && resp.StatusCode != http.StatusOK:
		return nil, &upstream{what: "the answer is no success", status: resp.StatusCode}
	case r.Method == http.MethodGet && !json.Valid(body):
		return nil, &upstream{what: "the answer is not JSON"}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// unwrapURL drops the address that net/http puts before an error.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// trusting gives a transport that takes certificates of a private CA as well.
func trusting(base http.RoundTripper, cas []byte) (http.RoundTripper, error) {
	if len(cas) == 0 {
		return base, nil
	}
	t, ok := base.(*http.Transport)
	if !ok {
		return nil, errors.New("a private CA needs a transport of net/http")
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a container without certificates still has the private one
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(cas) {
		return nil, errors.New("the private CA's file holds no certificate in PEM")
	}
	t = t.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}
