package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/web/view"
)

// signInPage offers the providers. With one of them, and nothing to explain,
// it goes straight on.
func (s *server) signInPage(w http.ResponseWriter, r *http.Request) error {
	back := auth.ReturnPath(r.URL.Query().Get("return"))
	ways := s.SignIn.Standings()
	if len(ways) == 1 && r.URL.Query().Get("stay") == "" {
		return redirect(w, r, startURL(ways[0].Name, back))
	}
	s.drawSignIn(w, r, http.StatusOK, back, nil)
	return nil
}

func (s *server) drawSignIn(w http.ResponseWriter, r *http.Request, status int, back string, f *view.Failure) {
	m := view.SignIn{Frame: s.frame(r, "Sign in", ""), Failure: f}
	m.Going = goingTo(back)
	for _, p := range s.SignIn.Standings() {
		way := view.Provider{Name: p.Label, Start: startURL(p.Name, back)}
		if p.Trouble != nil {
			way.Note = "It could not be reached just now."
		}
		m.Providers = append(m.Providers, way)
	}
	s.page(w, r, status, view.SignInPage(m))
}

// goingTo is where a sign-in leads, in words where the address says little: its
// query is long, and not for people.
func goingTo(back string) string {
	path, _, _ := strings.Cut(back, "?")
	switch path {
	case view.PathHome:
		return ""
	case pathAuthorize, pathDevice:
		return "letting a program in"
	}
	return path
}

func startURL(provider, back string) string {
	return auth.StartPath(url.PathEscape(provider)) + "?" + url.Values{"return": {back}}.Encode()
}

func signInURL(back string) string {
	return view.PathSignIn + "?" + url.Values{"return": {back}}.Encode()
}

// signInStart sends the browser to the provider.
func (s *server) signInStart(w http.ResponseWriter, r *http.Request) error {
	back := auth.ReturnPath(r.URL.Query().Get("return"))
	return s.orSignIn(w, r, back, s.SignIn.Begin(w, r, chi.URLParam(r, "provider"), back))
}

// signInAnswer takes the provider's answer.
func (s *server) signInAnswer(w http.ResponseWriter, r *http.Request) error {
	back, err := s.SignIn.Finish(w, r, chi.URLParam(r, "provider"))
	if err != nil {
		return s.orSignIn(w, r, view.PathHome, err)
	}
	return redirect(w, r, back)
}

// orSignIn shows a failed sign-in on the sign-in page, where one can try again.
func (s *server) orSignIn(w http.ResponseWriter, r *http.Request, back string, err error) error {
	var f *auth.Failure
	if !errors.As(err, &f) || !wantsPage(r) {
		return err
	}
	denied := f.Kind == auth.Denied // most often the person's own choice
	level := s.Slog.Warn
	if denied {
		level = s.Slog.Info
	}
	level("sign-in failed", "side", f.Side, "kind", f.Kind, "error", f, "request", visitOf(r).id)
	s.drawSignIn(w, r, signInStatus(f), back, &view.Failure{What: f.Say, Next: f.Next, Calm: denied})
	return nil
}

// signOut ends the session here and leads to a page that offers to end the
// provider's as well, by a link. It is two steps for two reasons: form-action
// in the policy of this page stops a form whose answer redirects to another
// site, and on a machine of one's own most people want to stay signed in at
// the provider, where their mail is.
func (s *server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.SignIn.SignOut(w, r); err != nil {
		return err
	}
	return redirect(w, r, auth.SignedOutPath)
}

func (s *server) signedOut(w http.ResponseWriter, r *http.Request) error {
	f, err := s.SignIn.Farewell(w, r)
	if err != nil {
		// Signing out here has worked; a page that says so is worth more.
		s.Slog.Error("what was left by signing out could not be read", "error", err, "request", visitOf(r).id)
	}
	m := view.SignedOut{Frame: s.frame(r, "Signed out", ""), SignIn: view.PathSignIn + "?stay=1", LeasesEnded: s.SignIn.EndLeases,
		Note: "Your provider may still know this browser: signing in again can need no password."}
	switch {
	case f.Done:
		m.Note = f.Label + " says that you signed out there too."
	case f.Leave != "":
		m.Note = f.Label + " still knows this browser: signing in again can need no password. On a machine that others use, sign out there too."
		m.Provider, m.Leave = f.Label, f.Leave
	}
	s.page(w, r, http.StatusOK, view.SignedOutPage(m))
	return nil
}

// leave leads on to the provider, to sign out there.
func (s *server) leave(w http.ResponseWriter, r *http.Request) error {
	return s.SignIn.Leave(w, r, chi.URLParam(r, "provider"))
}

// providerLogout takes a provider's notice that somebody signed out there. Its
// answer is for the provider's server: what will not work the next time either
// is told apart from what may.
func (s *server) providerLogout(w http.ResponseWriter, r *http.Request) error {
	err := s.SignIn.BackChannel(r, chi.URLParam(r, "provider"))
	var f *auth.Failure
	if !errors.As(err, &f) {
		return err // none, or the book could not be written
	}
	s.Slog.Warn("a provider's logout was not taken", "kind", f.Kind, "error", err, "request", visitOf(r).id)
	status := http.StatusBadRequest
	if f.Passing() {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// OpenID Connect Back-Channel Logout 1.0, section 2.8.
	return json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": string(f.Kind)})
}

// notSignedIn sends a browser on its way to a page to sign in; whoever posts a
// form is told so.
func (s *server) notSignedIn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		http.Redirect(w, r, signInURL(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	s.page(w, r, http.StatusUnauthorized, view.NotSignedInPage(view.NotSignedIn{
		Frame: s.frame(r, "Not signed in", ""), SignIn: signInURL(view.PathHome), Why: "Nothing was done.",
	}))
}
