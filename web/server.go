// Package web is what people see: routes, handlers, and the one table that
// turns errors into pages. Handlers ask the rooms below and decide nothing
// themselves; a greyed button is courtesy, the issuer's answer is what counts.
// Its one danger: a page that carries a secret. Only handover.go writes one,
// and only as the answer to a POST.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/download"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/assets"
	"github.com/daypass/daypass/web/view"
)

// Log is the audit log as the pages read it.
type Log interface {
	// Events gives what a query picks, newest first.
	Events(ctx context.Context, q audit.Query) ([]audit.Row, error)
	// Event gives one event; audit.ErrNone when there is none.
	Event(ctx context.Context, id string) (audit.Row, error)
	// Record writes that somebody read it.
	Record(ctx context.Context, e audit.Event) error
}

// Options are what the pages work with. All fields are required but Proxies
// and Clients.
// What is a function may change between two requests.
type Options struct {
	URL      *url.URL       // the one address that is served
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed
	Contact  func() string  // whom to ask, in the operator's words; may be empty
	Auditors func() access.Whos
	// Administrators may end anybody's leases and sessions.
	Administrators func() access.Whos
	SignIn         *auth.Gate
	// ContextName names a role on a cluster in kubeconfigs.
	ContextName func(c access.Cluster, role string) string
	Keeper      *lease.Keeper
	Book        lease.Book
	Policy      func() *access.Policy
	Endpoints   func(access.ARN) (issuer.Endpoint, bool) // as last described; no I/O
	Log         Log
	Now         func() time.Time
	Slog        *slog.Logger
	// Programs may sign in and ask for people; DeviceLogin is whether they
	// may do so by a typed code.
	Programs, DeviceLogin bool
	Clients               *download.Shelf // the programs that are offered for download; nil: none
	Version               string          // of Daypass, for programs
}

// server serves the pages.
type server struct{ Options }

// New gives the handler of the whole site.
func New(o Options) http.Handler {
	if o.Clients == nil {
		o.Clients = &download.Shelf{}
	}
	s := &server{o}
	r := chi.NewRouter()
	r.Use(s.identify, gathered, s.recover, s.headers, s.ownHost, s.sameSite)
	r.NotFound(s.anybody(func(http.ResponseWriter, *http.Request) error { return errNoPage }))
	r.MethodNotAllowed(s.handle(func(w http.ResponseWriter, asked *http.Request) error {
		w.Header().Set("Allow", allowed(r, asked))
		return errMethod
	}))
	r.Handle(assets.Prefix+"*", assets.Handler())
	s.routes(r)
	return r
}

func (s *server) routes(r chi.Router) {
	// Before anybody is known.
	r.Get(view.PathSignIn, s.handle(s.signInPage))
	r.Get(auth.StartPath("{provider}"), s.handle(s.signInStart))
	r.Get(auth.CallbackPath("{provider}"), s.handle(s.signInAnswer))
	r.Get(auth.SignedOutPath, s.handle(s.signedOut))
	r.Get(auth.LeavePath("{provider}"), s.handle(s.leave))
	r.Post(auth.LogoutPath("{provider}"), s.handle(s.providerLogout))
	r.Post(view.PathSignOut, s.handle(s.signOut))

	// What one may enter.
	r.Get(view.PathHome, s.person(s.home))
	r.Get(view.PathWhy, s.person(s.why))
	r.Get("/clusters/{cluster}", s.person(s.clusterPage))
	r.Post("/clusters/{cluster}", s.person(s.clusterStart))
	r.Get("/c/{cluster}/{role}", s.person(s.deepLink))
	r.Get("/clusters/{cluster}/break-glass/{role}", s.person(s.glassPage))
	r.Post("/clusters/{cluster}/break-glass/{role}", s.person(s.glassStart))

	s.tokenRoutes(r)

	s.clientRoutes(r)

	// What programs ask.
	r.Route(api.Prefix, s.api)
	r.Get(pathAuthorize, s.person(s.authorizePage))
	r.Post(pathAuthorize, s.person(s.authorize))
	r.Get(pathDevice, s.person(s.devicePage))
	r.Post(pathDevice, s.person(s.deviceAnswer))

	// What one holds.
	r.Get(view.PathAccess, s.person(s.myAccess))
	r.Post("/sessions/{mark}/end", s.person(s.endSession))
	r.Post(pathEndAll, s.person(s.endAll))
	r.Get("/leases/{lease}", s.owner(s.leasePage))
	r.Post("/leases/{lease}/renew", s.owner(s.renew))
	r.Post("/leases/{lease}/end", s.owner(s.end))
	r.Post("/leases/{lease}/download", s.owner(s.download))
	r.Post("/leases/{lease}/show", s.owner(s.show))
	r.Post("/leases/{lease}/copy", s.owner(s.copied))

	// What everybody holds, for administrators.
	r.Get(view.PathAdministration, s.person(s.administrator(s.administration)))
	r.Get(view.PathAdministration+"/leases/{lease}/end", s.person(s.administrator(s.confirmEndOf)))
	r.Post(view.PathAdministration+"/leases/{lease}/end", s.person(s.administrator(s.endOf)))
	r.Post(view.PathAdministration+"/people/{principal}/sessions/{session}/end", s.person(s.administrator(s.endSessionOf)))
	r.Get(view.PathAdministration+"/people/{principal}/end", s.person(s.administrator(s.confirmEndPerson)))
	r.Post(view.PathAdministration+"/people/{principal}/end", s.person(s.administrator(s.endPerson)))

	// What everybody did, for auditors.
	r.Get(view.PathAudit, s.auditor(s.auditPage))
	r.Get(view.PathAudit+"/{event}", s.auditor(s.eventPage))
	r.Post(view.PathExport, s.auditor(s.export))
}

// allowed lists what may be done at an address, as every 405 must say
// (https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6).
func allowed(routes chi.Routes, r *http.Request) string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var out []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} { // nothing here takes another
		if routes.Match(chi.NewRouteContext(), method, path) {
			out = append(out, method)
		}
	}
	return strings.Join(out, ", ")
}

// The addresses that models carry.
func clusterURL(cluster string) string { return "/clusters/" + url.PathEscape(cluster) }
func glassURL(cluster, role string) string {
	return clusterURL(cluster) + "/break-glass/" + url.PathEscape(role)
}
func leaseURL(id string) string { return "/leases/" + url.PathEscape(id) }
func eventURL(id string) string { return view.PathAudit + "/" + url.PathEscape(id) }

// StoryPath is where auditors read everything about a lease; its own page is
// for its owner alone.
func StoryPath(lease string) string {
	return view.PathAudit + "?" + url.Values{view.FieldLease: {lease}}.Encode()
}
