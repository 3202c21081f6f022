package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/download"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// Errors that only pages have.
var (
	errNoPage     = errors.New("there is no such page")
	errMethod     = errors.New("the page does not take this method")
	errHost       = errors.New("the request is for another host")
	errCrossSite  = errors.New("another site sent this request")
	errNotAuditor = errors.New("not an auditor")

	errNotAdministrator = errors.New("not an administrator")
	errNoSession        = errors.New("no such session of that person")
	errNoPerson         = errors.New("nobody can have such a pseudonym")

	errBadForm    = errors.New("the form cannot be read")
	errPrograms   = errors.New("programs may not sign in")
	errTypedCodes = errors.New("no program is let in by a typed code")
	errDevice     = errors.New("signed in by a typed code, which does not break the glass")
	errDeviceRule = errors.New("signed in by a typed code, which gives no rights of administrators")
)

// problem is an error as people and programs see it.
type problem struct {
	status int
	what   string
	next   string
	more   []string
	code   string // stable, for programs
}

// table says what each error is to the outside. The first that fits counts.
func (s *server) table(r *http.Request, err error) problem {
	var no *issuer.NotAllowed
	var fault *issuer.Fault
	var failure *auth.Failure
	var big *http.MaxBytesError
	var used *lease.Used
	var filter badFilter
	var body badBody
	var namespace *lease.BadNamespace
	var how badHow
	var over *lease.Over
	switch {
	case errors.As(err, &no):
		p := refusal(no.Decision)
		if p.next == "" { // no grant of their provider's that they could ask to be let in by
			p.next = s.ask("Ask for access")
		}
		return p
	case errors.As(err, &failure):
		return problem{signInStatus(failure), failure.Say, failure.Next, nil, string(failure.Kind)}
	case errors.As(err, &fault):
		return problem{http.StatusBadGateway, fault.Say, fault.Next, nil, fault.Code}
	case errors.As(err, &used):
		return problem{http.StatusConflict, fmt.Sprintf("What you sent was used already, to start %s on %s.", used.Lease.Role, used.Lease.Cluster), "Load the cluster's page again to start another lease; My access has the first.", nil, "key-used"}
	case errors.As(err, &filter):
		return problem{http.StatusUnprocessableEntity, string(filter), "Correct the filter and try again.", nil, "filter"}
	case errors.As(err, &how):
		return problem{http.StatusBadRequest, fmt.Sprintf("There is no form %q to take it away in here. Nothing was handed over.", how.typed), "Choose one of these: " + strings.Join(how.there, ", ") + ".", nil, "form-unknown"}
	case errors.As(err, &body):
		return problem{body.status, body.say, orElse(body.next, "See "+s.URL.String()+api.Prefix+"/openapi.json."), nil, "body"}
	case errors.As(err, &namespace):
		return problem{http.StatusUnprocessableEntity, sentence(namespace.Error()), "Name another namespace, or none.", nil, "namespace"}
	case errors.Is(err, errPrograms):
		return problem{http.StatusForbidden, "Programs may not sign in at this Daypass.", s.ask("Use its pages, or ask to have clients.enabled in daypass.yaml"), nil, "programs-off"}
	case errors.Is(err, errTypedCodes):
		return problem{http.StatusForbidden, "No program is let in by a typed code at this Daypass.", s.ask("Sign in with a browser on the program's machine: kubectl daypass login. Or ask to have clients.deviceLogin in daypass.yaml"), nil, "device-login-off"}
	case errors.Is(err, errDevice):
		return problem{http.StatusForbidden, "Whoever signed in by a typed code cannot break the glass.", "Sign in with a browser on the same machine, or use the pages.", nil, "device-break-glass"}
	case errors.Is(err, errDeviceRule):
		return problem{http.StatusForbidden, "Whoever signed in by a typed code cannot do what administrators may.", "Sign in with a browser on the same machine, or use the pages.", nil, "device-administration"}
	case errors.Is(err, errNoPerson):
		return problem{http.StatusNotFound, "There is no such person.", "Search for their e-mail address on the page Administration: it links to each person.", nil, "no-person"}
	case errors.Is(err, errNoPage):
		return problem{http.StatusNotFound, "There is nothing at this address.", "Go back to the clusters, or look at the address again.", nil, "no-page"}
	case errors.Is(err, download.ErrNone):
		return problem{http.StatusNotFound, "There is no such program to download here.", "See " + s.URL.String() + view.PathClient + " for what there is.", nil, "no-client"}
	case errors.Is(err, download.ErrChanged):
		return problem{http.StatusServiceUnavailable, "The client's file changed on this server, so it is not given out.", s.ask("Tell whoever runs Daypass: a restart states its checksum anew"), nil, "client-changed"}
	case errors.Is(err, download.ErrUnlisted):
		return problem{http.StatusServiceUnavailable, "The client's file on this server is not the one that was built for it, so it is not given out.", s.ask("Tell whoever runs Daypass: SHA256SUMS in the folder of the clients does not list it"), nil, "client-unlisted"}
	case errors.Is(err, lease.ErrNone):
		return problem{http.StatusNotFound, "There is no such lease of yours.", "My access lists all that you hold.", nil, "no-lease"}
	case errors.Is(err, errNoSession):
		return problem{http.StatusNotFound, "There is no such session of that person. It may have ended meanwhile.", "Look again where they are signed in.", nil, "no-session"}
	case errors.Is(err, lease.ErrAltered):
		return problem{http.StatusForbidden, "This lease is not as Daypass wrote it, so it gives nothing. That is on record.", s.ask("Tell whoever runs Daypass: somebody else writes to its database"), nil, "lease-altered"}
	case errors.Is(err, lease.ErrBehind), errors.Is(err, auth.ErrBehind):
		return problem{status: http.StatusServiceUnavailable, what: "This server is being brought up to date, and cannot read yet what another one wrote.", next: "Try again in a minute. " + s.ask("If it stays so, sign in again, and tell whoever runs Daypass"), code: "behind"}
	case errors.Is(err, audit.ErrNone):
		return problem{http.StatusNotFound, "There is no such event.", "Search the audit log for it.", nil, "no-event"}
	case errors.As(err, &over):
		return problem{http.StatusConflict, overSaid(over.Lease), "Start another on the cluster's page.", nil, "lease-over"}
	case errors.Is(err, lease.ErrOver):
		return problem{http.StatusConflict, "The lease is over, so nothing new is handed out under it.", "Start another on the cluster's page.", nil, "lease-over"}
	case errors.Is(err, errMethod):
		return problem{http.StatusMethodNotAllowed, fmt.Sprintf("This address does not take %s.", r.Method), "Start from the clusters.", nil, "method"}
	case errors.Is(err, errHost):
		return problem{http.StatusMisdirectedRequest, "Daypass is not served under this name.", "Use " + s.URL.String() + " instead.", nil, "host"}
	case errors.Is(err, errCrossSite):
		return problem{http.StatusForbidden, "Another site made your browser send this request. It was not carried out.", "If you meant it, do it from Daypass's own pages.", nil, "cross-site"}
	case errors.Is(err, auth.ErrSignedOut), errors.Is(err, lease.ErrSignedOut):
		return problem{http.StatusUnauthorized, "You are not signed in.", "Sign in and try again.", nil, "not-signed-in"}
	case errors.Is(err, errNotAuditor):
		return problem{http.StatusForbidden, "The audit log is open to auditors only.", s.ask("Ask to be made an auditor in daypass.yaml"), nil, "not-auditor"}
	case errors.Is(err, errNotAdministrator):
		return problem{http.StatusForbidden, "This is open to administrators only.", s.ask("Ask to be made an administrator in daypass.yaml"), nil, "not-administrator"}
	case errors.As(err, &big):
		return problem{http.StatusRequestEntityTooLarge, "The form is larger than Daypass takes.", "Shorten what you wrote.", nil, "too-large"}
	case errors.Is(err, errBadForm):
		return problem{http.StatusBadRequest, "The form could not be read.", "Go back, reload the page and send it again.", nil, "form"}
	case errors.Is(err, context.DeadlineExceeded):
		return problem{http.StatusGatewayTimeout, "It took too long and was given up.", "Try again in a minute.", nil, "timeout"}
	}
	return problem{http.StatusInternalServerError, "Something failed inside Daypass. Nothing was handed out.",
		s.ask("Try again. If it stays so, pass on the request ID below"), nil, "internal"}
}

// ask adds whom to ask, when the operator said so.
func (s *server) ask(sentence string) string {
	if s.Contact() == "" {
		return sentence + "."
	}
	return sentence + ": " + s.Contact() + "."
}

func refusal(d access.Decision) problem {
	p := problem{status: http.StatusForbidden, code: string(access.Needs)}
	if d.Answer == access.Needs {
		p.what = fmt.Sprintf("%s on %s needs a %s.", d.Ask.Role, d.Ask.Cluster, d.Needs[0])
		p.next = "Go back to the cluster's page and give it."
		return p
	}
	first := d.Refusals[0]
	p.what, p.next, p.code = first.Say, first.Next, string(first.Code)
	if first.Code == access.UnknownCluster || first.Code == access.UnknownRole {
		p.status = http.StatusNotFound
	}
	for _, r := range d.Refusals[1:] {
		p.more = append(p.more, strings.TrimSpace(r.Say+" "+r.Next))
	}
	return p
}

// signInStatus tells the sides apart: our peer failed, or the request did. A
// no at the provider, most often the person's own, is a failure of neither.
func signInStatus(f *auth.Failure) int {
	switch f.Kind {
	case auth.ProviderDown:
		return http.StatusServiceUnavailable
	case auth.NotSignedIn, auth.SignInTooOld:
		return http.StatusUnauthorized
	case auth.DeviceOff, auth.NotFresh, auth.ManyPrograms:
		return http.StatusForbidden
	}
	if f.Kind == auth.Denied {
		return http.StatusForbidden
	}
	if f.Side == auth.AtBrowser {
		return programStatus(f.Kind)
	}
	return http.StatusBadGateway
}

// programStatus tells a program whether to sign in again.
func programStatus(k auth.Kind) int {
	switch k {
	case auth.NeedsNonce, auth.BadProof, auth.ProofReplayed, auth.ClockOff, auth.NotSignedIn, auth.SignInTooOld:
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// handle adapts a handler that returns an error. It is the one place where
// errors are logged and rendered.
func (s *server) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		if err := h(w, r.WithContext(ctx)); err != nil {
			s.fail(w, r, err)
		}
	}
}

// fail answers with an error: a page for people, RFC 9457 problem details for
// programs. An answer that has begun is left as it is.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.table(r, err)
	level := s.Slog.Info
	if p.status >= 500 {
		level = s.Slog.Error
	}
	level("refused", "status", p.status, "code", p.code, "error", err, "request", visitOf(r).id)
	if !wantsPage(r) {
		s.details(w, r, p, nextOf(err, p))
		return
	}
	if errors.Is(err, auth.ErrSignedOut) || errors.Is(err, lease.ErrSignedOut) {
		s.notSignedIn(w, r)
		return
	}
	s.page(w, r, p.status, view.ProblemPage(view.Problem{
		Frame: s.frame(r, http.StatusText(p.status), ""), Status: p.status, What: p.what, Next: p.next, Details: p.more,
		Links: s.ways(r, err),
	}))
}

// ways are the links that lead on from an error, the fitting one first.
func (s *server) ways(r *http.Request, err error) []view.Link {
	var used *lease.Used
	var filter badFilter
	clusters, mine := view.Link{Text: "Clusters", URL: view.PathHome}, view.Link{Text: "My access", URL: view.PathAccess}
	id := leaseAt(r.URL.Path)
	switch {
	case errors.Is(err, auth.ErrBehind): // should it stay so, a new session is one that this server can read
		return []view.Link{{Text: "Try again", URL: r.URL.Path}, {Text: "Sign in again", URL: view.PathSignIn + "?stay=1"}}
	case errors.Is(err, errHost):
		return []view.Link{{Text: "Go to " + s.URL.Host, URL: s.URL.String()}}
	case errors.As(err, &used):
		return []view.Link{{Text: "The lease started before", URL: leaseURL(used.Lease.ID)}, {Text: "Start another", URL: clusterURL(chi.URLParam(r, "cluster"))}, mine}
	case errors.Is(err, download.ErrNone):
		return []view.Link{{Text: "Get kubectl daypass", URL: view.PathClient}}
	case errors.Is(err, errNoSession):
		return []view.Link{{Text: "Where they are signed in", URL: personURL(chi.URLParam(r, "principal"))}}
	case errors.Is(err, audit.ErrNone), errors.As(err, &filter):
		return []view.Link{{Text: "Audit", URL: view.PathAudit}}
	case errors.Is(err, lease.ErrNone), errors.Is(err, lease.ErrAltered):
		return []view.Link{mine, clusters}
	case id != "":
		return []view.Link{{Text: "The lease", URL: leaseURL(id)}, mine, clusters}
	}
	return []view.Link{clusters}
}

// leaseAt is the lease that an address is about, also one that leads nowhere.
func leaseAt(path string) string {
	rest, ok := strings.CutPrefix(path, "/leases/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return id
}

// wantsPage reports whether the asker is a person at a browser.
func wantsPage(r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, api.Prefix+"/") {
		return false
	}
	a := r.Header.Get("Accept")
	return a == "" || strings.Contains(a, "text/html") || !strings.Contains(a, "json")
}

func (s *server) details(w http.ResponseWriter, r *http.Request, p problem, next string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // whoever asked may be gone
		"type": "about:blank", "title": http.StatusText(p.status), "status": p.status,
		"detail": p.what, "code": p.code, "next": next, "request": visitOf(r).id,
	})
}
