package chain

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// AWS answers for sts.<region> and eks.<region> under their real names: a proxy
// takes CONNECT for those names, and behind it TLS ends in the handler given to
// Serve. Any other name is refused, so a test that leaks a call out to the
// world fails at the door.
type AWS struct {
	Authority *Authority
	Proxy     string // what HTTPS_PROXY says

	face    atomic.Pointer[http.Handler]
	inbound *inbound
	mu      sync.Mutex
	known   map[string]*tls.Certificate
	refused []string
}

// awsName knows the regional names of STS and EKS in every partition, and the
// global one of STS (aws-iam-authenticator pkg/endpoints/partitions.go).
var awsName = regexp.MustCompile(`^(sts\.amazonaws\.com|(sts|eks|fips\.eks)(-fips)?\.[a-z0-9-]+\.(` +
	`amazonaws\.com|api\.aws|amazonaws\.com\.cn|api\.amazonwebservices\.com\.cn|amazonaws\.eu|api\.amazonwebservices\.eu|` +
	`c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov))$`)

// StartAWS starts the proxy and the TLS side. Until Serve is called everything
// is answered with 503.
func StartAWS(t testing.TB) *AWS {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &AWS{
		Authority: NewAuthority(t, "test AWS"),
		Proxy:     "http://" + door.Addr().String(),
		inbound:   newInbound(door.Addr()),
		known:     map[string]*tls.Certificate{},
	}
	a.run(t, door)
	return a
}

// Serve hands over what answers for AWS from now on.
func (a *AWS) Serve(face http.Handler) { a.face.Store(&face) }

// Env is what a program needs to find this AWS and no other. It fits the AWS
// CLI, the SDKs and whatever is built on them.
func (a *AWS) Env() []string {
	return append(a.route(), "AWS_CA_BUNDLE="+a.Authority.File)
}

// route is Env without AWS_CA_BUNDLE, for programs whose own HTTP client does
// the work.
func (a *AWS) route() []string {
	return []string{
		"HTTPS_PROXY=" + a.Proxy,
		"NO_PROXY=127.0.0.1,localhost",
		"SSL_CERT_FILE=" + a.Authority.File,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Client is an HTTP client that finds this AWS and no other.
func (a *AWS) Client(t testing.TB) *http.Client {
	t.Helper()
	proxy, err := url.Parse(a.Proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		Proxy:           http.ProxyURL(proxy),
		TLSClientConfig: &tls.Config{RootCAs: a.Authority.pool()},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// Refused lists the names that callers asked for and that are not AWS's.
func (a *AWS) Refused() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.refused)
}

func (a *AWS) run(t testing.TB, door net.Listener) {
	quiet := log.New(t.Output(), "test AWS: ", 0)
	proxy := &http.Server{Handler: http.HandlerFunc(a.connect), ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet}
	inside := &http.Server{
		Handler:           http.HandlerFunc(a.answer),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          quiet,
		TLSConfig:         &tls.Config{GetCertificate: a.certificate},
	}
	var running sync.WaitGroup
	running.Go(func() { _ = proxy.Serve(door) })
	running.Go(func() { _ = inside.ServeTLS(a.inbound, "", "") })
	t.Cleanup(func() {
		_ = proxy.Close()
		_ = inside.Close()
		running.Wait()
	})
}

func (a *AWS) answer(w http.ResponseWriter, r *http.Request) {
	face := a.face.Load()
	if face == nil {
		http.Error(w, "nobody plays AWS yet: call Serve", http.StatusServiceUnavailable)
		return
	}
	(*face).ServeHTTP(w, r)
}

func (a *AWS) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil || port != "443" || !awsName.MatchString(host) {
		a.refuse(w, r)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := tunnel(conn, rw); err != nil || !a.inbound.push(conn) {
		_ = conn.Close()
	}
}

func (a *AWS) refuse(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.refused = append(a.refused, r.Host)
	a.mu.Unlock()
	http.Error(w, "this proxy leads to sts.<region> and eks.<region> only", http.StatusForbidden)
}

// tunnel answers a CONNECT. Who speaks before the answer is no TLS client we
// know, and its words would be lost in the buffer.
func tunnel(conn net.Conn, rw *bufio.ReadWriter) error {
	if rw.Reader.Buffered() > 0 {
		return errors.New("the client spoke before the tunnel stood")
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	_, err := conn.Write([]byte("HTTP/1.1 200 Connection Established\r\n\r\n"))
	return err
}

func (a *AWS) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !awsName.MatchString(hello.ServerName) {
		return nil, fmt.Errorf("%q is not one of AWS's names", hello.ServerName)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert, ok := a.known[hello.ServerName]; ok {
		return cert, nil
	}
	cert, err := a.Authority.server(hello.ServerName)
	if err == nil {
		a.known[hello.ServerName] = cert
	}
	return cert, err
}

// inbound is a listener whose connections come from the proxy.
type inbound struct {
	addr  net.Addr
	conns chan net.Conn
	shut  chan struct{}
	once  sync.Once
}

func newInbound(addr net.Addr) *inbound {
	return &inbound{addr: addr, conns: make(chan net.Conn), shut: make(chan struct{})}
}

func (in *inbound) push(conn net.Conn) bool {
	select {
	case in.conns <- conn:
		return true
	case <-in.shut:
		return false
	}
}

func (in *inbound) Accept() (net.Conn, error) {
	select {
	case conn := <-in.conns:
		return conn, nil
	case <-in.shut:
		return nil, net.ErrClosed
	}
}

func (in *inbound) Close() error {
	in.once.Do(func() { close(in.shut) })
	return nil
}

func (in *inbound) Addr() net.Addr { return in.addr }
