package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/auth"
)

// api is what programs ask: the same decisions and leases as the pages, in
// JSON.
func (s *server) api(r chi.Router) {
	r.Get("/server", s.handle(s.apiServer))
	r.Get("/openapi.json", s.handle(s.apiDocument))
	r.Post("/sessions", s.programs(s.apiSignIn))
	r.Post("/device", s.programs(s.apiDevice))

	r.Get("/me", s.asked(s.apiMe))
	r.Get("/clusters", s.asked(s.apiClusters))
	r.Post("/decisions", s.asked(s.apiDecide))
	r.Get("/leases", s.asked(s.apiLeases))
	r.Post("/leases", s.asked(s.apiStart))
	r.Post("/leases/end", s.asked(s.apiEndAll))
	r.Get("/leases/{lease}", s.asked(s.foreign(s.apiLease)))
	r.Post("/leases/{lease}/entry", s.asked(s.foreign(s.apiEntry)))
	r.Post("/leases/{lease}/token", s.asked(s.foreign(s.apiToken)))
	r.Post("/leases/{lease}/end", s.asked(s.foreign(s.apiEnd)))
	r.Get("/sessions", s.asked(s.apiSessions))
	r.Delete("/sessions/{session}", s.asked(s.apiSignOut))

	r.Get("/administration/leases", s.asked(s.administrator(s.apiHeld)))
	r.Post("/administration/leases/{lease}/end", s.asked(s.administrator(s.apiEndOf)))
	r.Get("/administration/people/{principal}/sessions", s.asked(s.administrator(s.apiSessionsOf)))
	r.Post("/administration/people/{principal}/sessions/{session}/end", s.asked(s.administrator(s.apiEndSessionOf)))
	r.Post("/administration/people/{principal}/end", s.asked(s.administrator(s.apiEndPerson)))
}

type noteKey struct{}

// noteOf is what the answer should tell beside what was asked.
func noteOf(r *http.Request) string {
	n, _ := r.Context().Value(noteKey{}).(string)
	return n
}

// programs lets requests through where programs may sign in.
func (s *server) programs(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		if !s.Programs {
			return errPrograms
		}
		return h(w, r)
	})
}

// asked lets through whoever is signed in: a program by its key, a browser by
// its cookie. What has an Authorization header is never judged by a cookie.
func (s *server) asked(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		who, note, err := s.whoAsks(w, r)
		if err != nil {
			return err
		}
		ctx := context.WithValue(r.Context(), sessionKey{}, who)
		return h(w, r.WithContext(context.WithValue(ctx, noteKey{}, note)))
	})
}

func (s *server) whoAsks(w http.ResponseWriter, r *http.Request) (auth.Session, string, error) {
	if len(r.Header.Values("Authorization")) == 0 && len(r.Header.Values("DPoP")) == 0 {
		who, err := s.SignIn.Person(w, r)
		return who, "", err
	}
	if !s.Programs {
		return auth.Session{}, "", errPrograms
	}
	return s.SignIn.Client(w, r)
}

// badBody is what is wrong with what a program sent.
type badBody struct {
	status int
	say    string
	next   string // empty: the document says more
}

func (b badBody) Error() string { return b.say }

// body reads the one JSON value of a request, strictly.
func body(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return badBody{status: http.StatusUnsupportedMediaType, say: "The body must be application/json."}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("there is more than one value")
	}
	var big *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &big):
		return err
	}
	return badBody{status: http.StatusBadRequest, say: "The body cannot be read: " + legible(clip(strings.TrimPrefix(err.Error(), "json: "), 200)) + "."}
}

// answer writes JSON. Whoever asked may be gone.
func answer(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
	return nil
}

// apiServer tells what anybody may know.
func (s *server) apiServer(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, api.Server{URL: s.URL.String(), Version: s.Version, DeviceLogin: s.Programs && s.DeviceLogin, Time: s.Now().UTC()})
}
