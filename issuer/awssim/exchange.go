package awssim

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxBody bounds a request: STS's largest has fifty tags and a policy.
const maxBody = 1 << 20

var regionForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

// exchange is one request on its way to a verdict.
type exchange struct {
	sim    *Sim
	r      *http.Request
	body   []byte
	params url.Values // of an STS call
	region string     // of the endpoint; empty on loopback, where the signature's counts
	call   Call
}

// Handler serves both services: by name (sts.REGION.…, eks.REGION.…), and
// under any other host, loopback above all, by path.
func (s *Sim) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, region := endpoint(r.Host)
		if service == "" && strings.HasPrefix(r.URL.Path, "/clusters") {
			service = "eks"
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "the request's body cannot be read", http.StatusBadRequest)
			return
		}
		x := &exchange{sim: s, r: r, body: body, region: region, call: Call{At: s.now()}}
		if service == "eks" {
			x.serveEKS(w)
			return
		}
		x.serveSTS(w)
	})
}

// endpoint reads service and region out of a host name of AWS, plain, FIPS or
// dual-stack. Both are empty for any other host.
func endpoint(host string) (service, region string) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	labels := strings.Split(strings.ToLower(host), ".")
	if len(labels) > 2 && labels[0] == "fips" && labels[1] == "eks" {
		labels = labels[1:]
	}
	if len(labels) < 3 {
		return "", ""
	}
	service = strings.TrimSuffix(labels[0], "-fips")
	if service != "sts" && service != "eks" {
		return "", ""
	}
	if labels[1] == "amazonaws" {
		return service, "us-east-1" // the global host signs as us-east-1
	}
	return service, labels[1]
}

// judge runs one call: the injected faults, the signature, then the deed. It
// tells the observer, whatever comes out.
func (x *exchange) judge(service string, deed func(caller) (any, error)) (answer any, err error) {
	defer func() { x.report(err) }()
	if err := x.sim.faults.before(x.r.Context(), x.call.Action); err != nil {
		return nil, err
	}
	sig, err := readSignature(x.r)
	if err != nil {
		return nil, err
	}
	x.call.AccessKeyID, x.call.Presigned = sig.accessKeyID, sig.presigned
	if sig.presigned {
		x.call.Cluster = x.r.Header.Get(clusterHeader)
	}
	who, err := x.sim.authenticate(x.r, sig, x.body, service, x.region)
	if err != nil {
		return nil, err
	}
	if x.region == "" {
		x.region = sig.region
	}
	x.tellCaller(who)
	return deed(who)
}

func (x *exchange) tellCaller(who caller) {
	x.call.Caller = who.arn
	if who.session != nil {
		x.call.SessionName = who.session.Name
		x.call.SourceIdentity = who.session.SourceIdentity
		x.call.Tags = who.session.Tags
	}
}

func (x *exchange) report(err error) {
	x.call.Verdict = "OK"
	if err != nil {
		r := asRefusal(err)
		x.call.Verdict, x.call.Reason = r.code, r.message
	}
	x.sim.observe(x.call)
}

// asRefusal makes AWS's internal failure of anything that is no refusal.
func asRefusal(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return refuse(500, "InternalFailure", "%v", err)
}

// deliver writes an answer, or breaks the connection if that was asked for.
func (x *exchange) deliver(w http.ResponseWriter, status int, contentType string, body []byte) {
	if x.sim.faults.dropped(x.call.Action) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left needs no answer
}
