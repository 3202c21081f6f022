package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/auth"
)

func (s *server) apiMe(w http.ResponseWriter, r *http.Request) error {
	who, _ := sessionOf(r)
	return answer(w, http.StatusOK, person(who, noteOf(r)))
}

func person(who auth.Session, note string) api.Person {
	p := who.Principal
	groups := p.Groups
	if groups == nil {
		groups = []string{}
	}
	asOf := who.AsOf
	if asOf.IsZero() {
		asOf = who.SignedIn
	}
	return api.Person{Principal: p.ID(), Label: p.Label(), Provider: p.Provider, Groups: groups, AsOf: asOf.UTC(), Note: note}
}

// apiSignIn gives a program its session.
func (s *server) apiSignIn(w http.ResponseWriter, r *http.Request) error {
	var in api.SignIn
	if err := body(r, &in); err != nil {
		return err
	}
	grant := auth.Grant{Code: in.Code, Verifier: in.Verifier, RedirectURI: in.RedirectURI}
	switch in.Grant {
	case api.GrantCode:
	case api.GrantDevice:
		grant = auth.Grant{DeviceCode: in.DeviceCode}
	default:
		return badBody{status: http.StatusBadRequest, say: fmt.Sprintf("The grant must be %s or %s.", api.GrantCode, api.GrantDevice)}
	}
	secret, who, err := s.SignIn.Redeem(w, r, grant)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, api.SignedIn{Session: shown(who, who), Secret: secret, Person: person(who, "")})
}

// apiDevice begins a sign-in by a typed code.
func (s *server) apiDevice(w http.ResponseWriter, r *http.Request) error {
	var in api.DeviceAsk
	if err := body(r, &in); err != nil {
		return err
	}
	d, err := s.SignIn.BeginDevice(w, r, in.Name)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, api.Device{DeviceCode: d.DeviceCode, UserCode: d.UserCode, VerificationURI: s.URL.String() + pathDevice,
		ExpiresIn: int64(d.ExpiresIn.Seconds()), Interval: int64(d.Interval.Seconds())})
}

func shown(x, asking auth.Session) api.Session {
	out := api.Session{ID: x.Key.Mark(), Kind: "browser", This: x.Key == asking.Key, Address: x.Address, UserAgent: x.UserAgent,
		SignedIn: x.SignedIn.UTC(), LastUsed: x.Seen.UTC(), ExpiresAt: x.Expires.UTC()}
	if x.Client != nil {
		out.Kind, out.Name = "client", x.Client.Name
	}
	return out
}

func (s *server) apiSessions(w http.ResponseWriter, r *http.Request) error {
	who, _ := sessionOf(r)
	all, err := s.SignIn.SessionsOf(r.Context(), who)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, sessionsShown(all, who))
}

func sessionsShown(all []auth.Session, asking auth.Session) api.Sessions {
	out := api.Sessions{Sessions: []api.Session{}}
	for _, x := range all {
		out.Sessions = append(out.Sessions, shown(x, asking))
	}
	return out
}

// apiSignOut ends a session of the person's. One that is gone is what was
// wanted.
func (s *server) apiSignOut(w http.ResponseWriter, r *http.Request) error {
	who, _ := sessionOf(r)
	id := chi.URLParam(r, "session")
	if id == "this" && who.Client != nil && r.URL.Query().Get("replaced") == "true" {
		if err := s.SignIn.Replaced(r, who); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if id == "this" {
		id = who.Key.Mark()
	}
	if err := s.SignIn.EndSession(r, who, id); err != nil && !errors.Is(err, auth.ErrNoSession) {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
