package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/web/view"
)

// Where a person lets a program in: by its link, or by a code it shows.
const (
	pathAuthorize = "/client/authorize"
	pathDevice    = "/client/device"
)

// readAsk reads what a program asks the person for, from its link or from the
// form that the page made of it.
func readAsk(v url.Values) (auth.Authorization, error) {
	a := auth.Authorization{Name: v.Get("client_name"), Thumbprint: v.Get("dpop_jkt"), Challenge: v.Get("code_challenge"), RedirectURI: v.Get("redirect_uri")}
	if err := a.Check(); err != nil {
		return a, badLink(err.Error())
	}
	if v.Get("code_challenge_method") != "S256" || v.Get("state") == "" || len(v.Get("state")) > 200 {
		return a, badLink("it needs code_challenge_method=S256 and a state")
	}
	return a, nil
}

func badLink(why string) error {
	return badBody{http.StatusBadRequest, "The program's link cannot be used: " + why + ".", "Start again from the terminal: kubectl daypass login."}
}

// authorizePage asks whether a program may act for the person. Whoever sent
// the link, the answer goes to a port of the person's own machine.
func (s *server) authorizePage(w http.ResponseWriter, r *http.Request) error {
	if !s.Programs {
		return errPrograms
	}
	a, err := readAsk(r.URL.Query())
	if err != nil {
		return err
	}
	if who, _ := sessionOf(r); !s.SignIn.Fresh(who) {
		return s.afresh(w, r, who)
	}
	m := view.Authorize{Frame: s.frame(r, "Let a program in", ""), Program: a.Name, Fingerprint: a.Thumbprint, Back: origin(a.RedirectURI), Action: pathAuthorize}
	for _, name := range []string{"client_name", "dpop_jkt", "code_challenge", "code_challenge_method", "redirect_uri", "state"} {
		m.Hidden = append(m.Hidden, view.Hidden{Name: name, Value: r.URL.Query().Get(name)})
	}
	// The answer to the form leads there, which form-action would stop.
	w.Header().Set("Content-Security-Policy", policyFor(m.Back))
	s.page(w, r, http.StatusOK, view.AuthorizePage(m))
	return nil
}

// afresh has a person sign in again and come back: letting a program in takes a
// sign-in of just now. Where the provider still knows the browser that is no
// more than a moment.
func (s *server) afresh(w http.ResponseWriter, r *http.Request, who auth.Session) error {
	return redirect(w, r, auth.StartPath(who.Principal.Provider)+"?"+url.Values{"return": {r.URL.RequestURI()}}.Encode())
}

func origin(address string) string {
	u, err := url.Parse(address) // Check made sure that it is one
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// authorize takes the person's answer back to the program.
func (s *server) authorize(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	if !s.Programs {
		return errPrograms
	}
	a, err := readAsk(r.PostForm)
	if err != nil {
		return err
	}
	back := url.Values{"state": {r.PostForm.Get("state")}, "iss": {s.URL.String()}}
	if r.PostForm.Get(view.FieldAnswer) != view.AnswerYes {
		back.Set("error", "access_denied") // RFC 6749, section 4.1.2.1
		return redirect(w, r, a.RedirectURI+"?"+back.Encode())
	}
	who, _ := sessionOf(r)
	code, err := s.SignIn.Authorize(r, who, a)
	if err != nil {
		return err
	}
	back.Set("code", code)
	return redirect(w, r, a.RedirectURI+"?"+back.Encode())
}

// typedCodes says why no program is let in by a typed code, if none is.
func (s *server) typedCodes() error {
	switch {
	case !s.Programs:
		return errPrograms
	case !s.DeviceLogin:
		return errTypedCodes
	}
	return nil
}

// devicePage is where a person types the code that a program shows.
func (s *server) devicePage(w http.ResponseWriter, r *http.Request) error {
	if err := s.typedCodes(); err != nil {
		return err
	}
	if who, _ := sessionOf(r); !s.SignIn.Fresh(who) {
		return s.afresh(w, r, who)
	}
	s.page(w, r, http.StatusOK, view.DevicePage(view.Device{Frame: s.frame(r, "Let a program in", ""), Action: pathDevice}))
	return nil
}

// deviceAnswer shows what waits for the code, and then takes the answer.
func (s *server) deviceAnswer(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	if err := s.typedCodes(); err != nil {
		return err
	}
	who, _ := sessionOf(r)
	m := view.Device{Frame: s.frame(r, "Let a program in", ""), Action: pathDevice, Code: clip(r.PostForm.Get(view.FieldCode), 40)}
	var err error
	switch answer := r.PostForm.Get(view.FieldAnswer); answer {
	case "":
		var wait auth.Waiting
		if wait, err = s.SignIn.Pending(r, who, m.Code); err == nil {
			m.Program, m.Fingerprint, m.Address, m.Begun, m.Code = wait.Name, wait.Thumbprint, wait.Address, wait.Begun, wait.UserCode
			m.Yours = visitOf(r).address.String()
		}
	default:
		m.Done, m.Allowed = true, answer == view.AnswerYes
		err = s.SignIn.Answer(r, who, m.Code, m.Allowed)
	}
	var f *auth.Failure
	status := http.StatusOK
	if errors.As(err, &f) {
		m = view.Device{Frame: m.Frame, Action: pathDevice, Wrong: &view.Failure{What: f.Say, Next: f.Next}}
		status = signInStatus(f)
	} else if err != nil {
		return err
	}
	s.page(w, r, status, view.DevicePage(m))
	return nil
}
