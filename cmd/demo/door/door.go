// Package door is an API server in miniature: just enough of Kubernetes for a
// real kubectl to ask who it is, look around and be told no. It keeps a handful
// of objects in memory. It is part of the demo and of nothing else.
package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Answers says in words what kubectl can ask of a door.
const Answers = "kubectl version, auth whoami, and get and delete of namespaces, pods, secrets and nodes"

// Caller is who knocks, as the token says.
type Caller struct {
	Username    string
	UID         string
	Groups      []string
	ARN         string
	SessionName string
	AccessKeyID string
}

// Knock is one call through the door, for narration.
type Knock struct {
	Cluster string
	Caller  Caller
	Verb    string // get, list, watch, create, delete
	What    string // pods, pods/NAME, …
	Allowed bool
	Why     string // when it was refused
}

// Options say what is behind the door.
type Options struct {
	Cluster string // the EKS cluster's name
	Version string // 1.36
	// Verify says who holds a token; its error becomes a 401.
	Verify func(token string) (Caller, error)
	// Allows says whether a member of groups may do a verb on a resource.
	Allows  func(groups []string, verb, resource string) bool
	Observe func(Knock)
	Now     func() time.Time
}

// errUnauthorized is a 401, whatever the cause.
var errUnauthorized = errors.New("Unauthorized")

// door answers for one cluster.
type door struct {
	Options
	shelf *shelf
}

// New makes the handler of a cluster's endpoint.
func New(o Options) http.Handler {
	d := &door{Options: o, shelf: stock(o.Now())}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", d.version)
	mux.HandleFunc("GET /api", d.open(d.apiVersions))
	mux.HandleFunc("GET /apis", d.open(d.groups))
	mux.HandleFunc("GET /api/v1", d.open(d.resources))
	mux.HandleFunc("GET /apis/authentication.k8s.io/v1", d.open(authentication))
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/selfsubjectreviews", d.open(d.whoami))
	mux.HandleFunc("/api/v1/", d.open(d.objects))
	mux.HandleFunc("/", d.open(notFound))
	return mux
}

// handler answers a caller who proved who they are.
type handler func(w http.ResponseWriter, r *http.Request, who Caller)

// open lets through whoever brings a good token.
func (d *door) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		err := errUnauthorized
		var who Caller
		if ok {
			who, err = d.Verify(token)
		}
		if err != nil {
			d.Observe(Knock{Cluster: d.Cluster, Verb: strings.ToLower(r.Method), What: r.URL.Path, Why: err.Error()})
			fail(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
			return
		}
		h(w, r, who)
	}
}

func (d *door) version(w http.ResponseWriter, _ *http.Request) {
	major, minor, _ := strings.Cut(d.Version, ".")
	write(w, http.StatusOK, map[string]string{
		"major": major, "minor": minor, "gitVersion": "v" + d.Version + ".0-eks-demo", "platform": "linux/amd64",
	})
}

func (d *door) whoami(w http.ResponseWriter, _ *http.Request, who Caller) {
	d.Observe(Knock{Cluster: d.Cluster, Caller: who, Verb: "create", What: "selfsubjectreviews", Allowed: true})
	write(w, http.StatusCreated, map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": map[string]any{"creationTimestamp": nil},
		"status": map[string]any{"userInfo": map[string]any{
			"username": who.Username, "uid": who.UID, "groups": append(slices.Clone(who.Groups), "system:authenticated"),
			"extra": map[string][]string{"accessKeyId": {who.AccessKeyID}, "arn": {who.ARN}, "sessionName": {who.SessionName}},
		}},
	})
}

func notFound(w http.ResponseWriter, r *http.Request, _ Caller) {
	fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, "the demo's API server has nothing at "+r.URL.Path)
}

// fail answers with a Status, as Kubernetes does.
func fail(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	write(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	})
}

func write(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // plain values
		panic(fmt.Sprintf("door: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(b) // whoever asked may be gone
}
