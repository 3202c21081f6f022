package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/daypass/daypass/audit"
)

// scheme is what a program's Authorization header begins with.
const scheme = "DPoP"

// NonceHeader carries the nonce that the next proof must hold.
const NonceHeader = "DPoP-Nonce"

// Client gives the session behind a request that a program signed, and a note
// for the answer, such as that the provider cannot be reached. It sets a nonce
// for the next request in any case. The error is a *Failure, or says that the
// book could not be read or written.
func (g *Gate) Client(w http.ResponseWriter, r *http.Request) (Session, string, error) {
	s, note, err := g.client(w, r)
	return s, note, g.notedClient(r, err)
}

func (g *Gate) client(w http.ResponseWriter, r *http.Request) (Session, string, error) {
	secret, key, ok := bearer(r)
	if !ok {
		g.offer(w)
		return Session{}, "", failed(BadProof, "", "", errors.New("want one Authorization header: DPoP and the session's secret"))
	}
	p, err := g.proof(w, r, secret)
	if err != nil {
		return Session{}, "", err
	}
	s, err := g.clientSession(r, key, p)
	if err != nil {
		return Session{}, "", err
	}
	if err := g.spend(r, p); err != nil {
		return Session{}, "", of(s, err)
	}
	s, note, err := g.vouched(r, s)
	if err != nil {
		return Session{}, "", err
	}
	s, err = g.touched(r.Context(), s)
	if errors.Is(err, ErrNoSession) {
		return Session{}, "", failed(NotSignedIn, "", "", nil)
	}
	return s, note, err
}

// Prove gives the key that signed a request which brings no secret. Its error
// is as for Client.
func (g *Gate) Prove(w http.ResponseWriter, r *http.Request) (thumbprint string, err error) {
	thumbprint, err = g.prove(w, r)
	return thumbprint, g.notedClient(r, err)
}

func (g *Gate) prove(w http.ResponseWriter, r *http.Request) (string, error) {
	p, err := g.proofAlone(w, r)
	if err == nil {
		err = g.spend(r, p)
	}
	return p.Thumbprint, err
}

// proofAlone checks a proof that comes without a secret; it does not spend it.
func (g *Gate) proofAlone(w http.ResponseWriter, r *http.Request) (proof, error) {
	if len(r.Header.Values("Authorization")) > 0 {
		g.offer(w)
		return proof{}, failed(BadProof, "", "", errors.New("this request takes no Authorization header"))
	}
	return g.proof(w, r, "")
}

// bearer reads the one Authorization header that may be there.
func bearer(r *http.Request) (secret string, key Hash, ok bool) {
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return "", Hash{}, false
	}
	kind, secret, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(kind, scheme) {
		return "", Hash{}, false
	}
	key, ok = hashSecret(secret)
	return secret, key, ok
}

// offer hands out the nonce of now.
func (g *Gate) offer(w http.ResponseWriter) { w.Header().Set(NonceHeader, g.nonces.fresh(g.Now())) }

// proof checks the proof of a request in full, except that it was not used
// before.
func (g *Gate) proof(w http.ResponseWriter, r *http.Request, secret string) (proof, error) {
	g.offer(w)
	all := r.Header.Values("DPoP")
	if len(all) != 1 {
		return proof{}, failed(BadProof, "", "", errors.New("want one DPoP header"))
	}
	p, err := readProof(all[0])
	if err == nil {
		err = p.flaw(r.Method, g.target(r), secret)
	}
	if err != nil {
		return proof{}, failed(BadProof, "", "", err)
	}
	if !g.nonces.good(p.Nonce, g.Now()) {
		w.Header().Set("WWW-Authenticate", scheme+` error="use_dpop_nonce"`)
		return proof{}, failed(NeedsNonce, "", "", nil)
	}
	switch err := p.issued(g.Now()); {
	case errors.Is(err, errClock):
		f := failed(ClockOff, "", "", err)
		f.Say += " The program's clock differs from the server's: " + strings.TrimPrefix(err.Error(), errClock.Error()+": ") + "."
		return proof{}, f
	case err != nil:
		return proof{}, failed(BadProof, "", "", err)
	}
	return p, nil
}

// spend makes a proof good for this once.
func (g *Gate) spend(r *http.Request, p proof) error {
	err := g.Book.Spend(r.Context(), p.spent(), g.Now().Add(proofLife))
	if errors.Is(err, ErrReplayed) {
		return failed(ProofReplayed, "", "", nil)
	}
	if err != nil {
		return fmt.Errorf("remember the proof: %w", err)
	}
	return nil
}

// clientSession finds a program's session and holds it to its key.
func (g *Gate) clientSession(r *http.Request, key Hash, p proof) (Session, error) {
	s, err := g.Book.Session(r.Context(), key)
	switch {
	case errors.Is(err, ErrNoSession):
		return Session{}, failed(NotSignedIn, "", "", nil)
	case err != nil:
		return Session{}, fmt.Errorf("look for the session: %w", err)
	case s.Client == nil:
		return Session{}, of(s, failed(BadProof, "", "", errors.New("the secret is a browser's")))
	case s.Client.Thumbprint != p.Thumbprint:
		return Session{}, of(s, failed(BadProof, "", "", errors.New("the key is not the session's")))
	}
	if why := g.over(s); why != "" {
		g.lapse(r, s, why)
		return Session{}, failed(NotSignedIn, "", "", nil)
	}
	return s, nil
}

// of says whose session a failure is about.
func of(s Session, err error) error {
	var f *Failure
	if errors.As(err, &f) {
		f.whose = s
	}
	return err
}

// notedClient records the failures of programs that tell of an attack or a
// fault. The others are everyday, and programs meet them again and again.
func (g *Gate) notedClient(r *http.Request, err error) error {
	var f *Failure
	if !errors.As(err, &f) {
		return err
	}
	switch f.Kind {
	case BadProof, ProofReplayed, BadGrant, UnknownUserCode, DeviceDenied, LeftMeanwhile:
		return g.noted(r, audit.SignInFailed, err)
	}
	return err
}
