package apitest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
)

func (s *Server) server(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, api.Server{URL: s.URL, Version: "test", DeviceLogin: !s.noDevice, Time: s.now()})
}

// authorize is a person who is signed in and says yes at once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Hostname() != "127.0.0.1" || back.Path != "/callback" || q.Get("code_challenge_method") != "S256" || q.Get("client_name") == "" {
		http.Error(w, "bad link", 400)
		return
	}
	c := fresh("cd_")
	s.codes[c] = code{q.Get("code_challenge"), q.Get("dpop_jkt"), q.Get("redirect_uri")}
	back.RawQuery = url.Values{"code": {c}, "state": {q.Get("state")}, "iss": {s.URL}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	thumbprint, err := s.prove(r, "")
	if err != nil {
		s.refuse(w, err)
		return
	}
	var in api.SignIn
	if !read(w, r, &in) {
		return
	}
	switch in.Grant {
	case api.GrantCode:
		c, ok := s.codes[in.Code]
		delete(s.codes, in.Code)
		if !ok || c.challenge != hash(in.Verifier) || c.thumbprint != thumbprint || c.redirect != in.RedirectURI {
			Problem(w, 400, "code", "The code is not good.", "Sign in again.")
			return
		}
	case api.GrantDevice:
		if !s.deviceDone(w, in.DeviceCode, thumbprint) {
			return
		}
	}
	made := session{fresh("ss_"), thumbprint, "laptop"}
	secret := fresh("secret-")
	s.sessions[secret] = made
	answer(w, 201, api.SignedIn{Session: s.shown(made, true), Secret: secret, Person: s.person()})
}

func (s *Server) deviceDone(w http.ResponseWriter, code, thumbprint string) bool {
	d, ok := s.devices[code]
	switch {
	case !ok || d.thumbprint != thumbprint:
		Problem(w, 400, api.CodeExpired, "The code has run out.", "Begin again.")
	case d.pending > 0:
		d.pending--
		Problem(w, 400, api.CodePending, "Nobody has typed the code yet.", "")
	case d.refused:
		Problem(w, 400, api.CodeDenied, "The sign-in was refused.", "")
	default:
		delete(s.devices, code)
		return true
	}
	return false
}

func (s *Server) beginDevice(w http.ResponseWriter, r *http.Request) {
	thumbprint, err := s.prove(r, "")
	if err != nil {
		s.refuse(w, err)
		return
	}
	var ask api.DeviceAsk
	if !read(w, r, &ask) {
		return
	}
	c := fresh("dc_")
	s.devices[c] = &device{thumbprint: thumbprint, pending: 1}
	answer(w, 200, api.Device{DeviceCode: c, UserCode: "BCDF-GHJK", VerificationURI: s.URL + "/client/device", ExpiresIn: 600, Interval: 1})
}

func (s *Server) person() api.Person {
	return api.Person{Principal: "pr_ann", Label: s.Person, Provider: "sim", Groups: []string{"sre"}, AsOf: s.now()}
}

func (s *Server) me(w http.ResponseWriter, _ *http.Request, _ session) { answer(w, 200, s.person()) }

func (s *Server) clusters(w http.ResponseWriter, _ *http.Request, _ session) {
	answer(w, 200, api.Clusters{Clusters: []api.Cluster{s.Cluster}})
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request, _ session) {
	var ask api.Ask
	if read(w, r, &ask) {
		answer(w, 200, s.decision(ask))
	}
}

// decision is by the choices that there are.
func (s *Server) decision(ask api.Ask) api.Decision {
	for _, c := range s.Cluster.Choices {
		switch {
		case c.Role != ask.Role || c.BreakGlass != ask.BreakGlass:
		case c.Reason && ask.Reason == "":
			return api.Decision{Answer: "needs", Policy: "d1", EndsAt: s.now().Add(life(ask)), Context: contextOf(ask.Cluster, ask.Role), Server: endpoint, Needs: []string{"reason"}}
		default:
			return api.Decision{Answer: "allowed", Policy: "d1", EndsAt: s.now().Add(life(ask)), Context: contextOf(ask.Cluster, ask.Role), Server: endpoint, Grant: c.Grant}
		}
	}
	return api.Decision{Answer: "refused", Policy: "d1", Refusals: []api.Refusal{{Code: "no-grant", Say: "No grant gives you " + ask.Role + " so.", Next: "Ask #platform."}}}
}

// life is how long a lease is to last.
func life(ask api.Ask) time.Duration {
	if ask.Seconds > 0 {
		return time.Duration(ask.Seconds) * time.Second
	}
	return time.Hour
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request, _ session) {
	var in api.Start
	if !read(w, r, &in) {
		return
	}
	if s.decision(in.Ask).Answer == "refused" {
		Problem(w, 403, "unknown-role", "There is no role "+in.Role+" for you.", "Ask #platform.")
		return
	}
	if id, ok := s.byKey[in.Key]; ok {
		answer(w, 201, s.leases[id])
		return
	}
	id := fresh("ls_")
	s.byKey[in.Key] = id
	s.leases[id] = &api.Lease{ID: id, Cluster: in.Cluster, Role: in.Role, Grant: "all-viewers", BreakGlass: in.BreakGlass, Reason: in.Reason, Namespace: in.Namespace, State: "active", StartedAt: s.now(), EndsAt: s.now().Add(life(in.Ask)), Page: s.URL + "/leases/" + id, Note: s.slow}
	answer(w, 201, s.leases[id])
}

// mine answers itself when there is no such lease.
func (s *Server) mine(w http.ResponseWriter, r *http.Request) *api.Lease {
	l, ok := s.leases[r.PathValue("lease")]
	if !ok {
		Problem(w, 404, api.CodeNoLease, "There is no such lease of yours.", "My access lists all that you hold.")
		return nil
	}
	return l
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request, _ session) {
	out := api.Leases{Leases: []api.Lease{}}
	for _, l := range s.leases {
		out.Leases = append(out.Leases, *l)
	}
	answer(w, 200, out)
}

func (s *Server) one(w http.ResponseWriter, r *http.Request, _ session) {
	if l := s.mine(w, r); l != nil {
		answer(w, 200, l)
	}
}

func (s *Server) entry(w http.ResponseWriter, r *http.Request, _ session) {
	l := s.mine(w, r)
	if l == nil {
		return
	}
	answer(w, 200, api.Entry{Lease: *l, Server: endpoint, CA: []byte(CA), ProxyURL: s.proxyURL, TLSServerName: s.tlsName, Context: contextOf(l.Cluster, l.Role), Namespace: l.Namespace})
}

const endpoint = "https://ABC.gr7.eu-west-1.eks.amazonaws.com"

func contextOf(cluster, role string) string { return "daypass-" + cluster + "-" + role }

// CA is what stands in entries for a cluster's certificate. Nobody has its key.
const CA = `-----BEGIN CERTIFICATE-----
MIIBXDCCAQOgAwIBAgIBATAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwprdWJlcm5l
dGVzMCAXDTI2MDEwMTAwMDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAVMRMwEQYDVQQD
EwprdWJlcm5ldGVzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgRltkWb6Ixu6
blwH4j8BNf6OWweuDevAYQDSAyPhuzWYZ5tpzJmUZlV8AjljJtyHUDRpXBNsS6IZ
+7JoXOXr5aNCMEAwDgYDVR0PAQH/BAQDAgIEMA8GA1UdEwEB/wQFMAMBAf8wHQYD
VR0OBBYEFMWBvVny8PlDHlPz6pxeEeTpNwlxMAoGCCqGSM49BAMCA0cAMEQCIHMy
AjdSYsJGzLByuefCFVQbntcfylOnTP6CYag319quAiAWEIX07YoxwipdSknQF+E+
gb6J+8EUaB6oK5ZF9UkAbw==
-----END CERTIFICATE-----
`

func (s *Server) token(w http.ResponseWriter, r *http.Request, _ session) {
	l := s.mine(w, r)
	if l == nil {
		return
	}
	if l.State != "active" {
		Problem(w, 409, api.CodeOver, "The lease is over, so nothing new is handed out under it.", "Start another: kubectl daypass get "+l.Cluster+" --role "+l.Role+".")
		return
	}
	t, ok := s.live[l.ID]
	if !ok || !s.now().Before(t.NextAt) {
		s.minted++
		until := s.now().Add(s.life)
		t = api.Token{Token: fresh("k8s-aws-v1."), Issuance: fresh("is_"), ExpiresAt: until, NextAt: until.Add(-2 * time.Minute), EndsAt: l.EndsAt}
		s.live[l.ID] = t
	}
	answer(w, 200, t)
}

func (s *Server) end(w http.ResponseWriter, r *http.Request, _ session) {
	if l := s.mine(w, r); l != nil {
		s.finish(l)
		answer(w, 200, l)
	}
}

func (s *Server) finish(l *api.Lease) {
	l.State, l.EndedAt, l.MayWorkUntil = "ended", s.now(), s.now().Add(s.life)
}

func (s *Server) endAll(w http.ResponseWriter, _ *http.Request, _ session) {
	out := api.Leases{Leases: []api.Lease{}}
	for _, l := range s.leases {
		if l.State == "active" {
			s.finish(l)
			out.Leases = append(out.Leases, *l)
		}
	}
	answer(w, 200, out)
}

func (s *Server) shown(who session, this bool) api.Session {
	return api.Session{ID: who.id, Kind: "client", Name: who.name, This: this, Address: "127.0.0.1", SignedIn: s.now(), LastUsed: s.now(), ExpiresAt: s.now().Add(12 * time.Hour)}
}

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request, who session) {
	out := api.Sessions{}
	for _, other := range s.sessions {
		out.Sessions = append(out.Sessions, s.shown(other, other.id == who.id))
	}
	answer(w, 200, out)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request, who session) {
	if r.URL.Query().Get("replaced") == "true" {
		s.replaced++
	}
	id := r.PathValue("id")
	if id == api.This {
		id = who.id
	}
	for secret, other := range s.sessions {
		if other.id == id || strings.EqualFold(other.id, id) {
			delete(s.sessions, secret)
		}
	}
	w.WriteHeader(http.StatusNoContent) // one that is gone is what was wanted
}
