package apitest

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/api"
)

var errNonce = errors.New("a nonce is missing or old")

// prove checks a proof as RFC 9449, section 4.3 says, with another
// implementation than the client's, and gives the key's thumbprint.
func (s *Server) prove(r *http.Request, secret string) (string, error) {
	given := r.Header.Values("DPoP")
	if len(given) != 1 {
		return "", fmt.Errorf("%d proofs", len(given))
	}
	thumbprint, said, err := opened(given[0])
	if err != nil {
		return "", err
	}
	var c struct {
		ID     string  `json:"jti"`
		Method string  `json:"htm"`
		URL    string  `json:"htu"`
		At     int64   `json:"iat"`
		Token  *string `json:"ath"`
		Nonce  string  `json:"nonce"`
	}
	if err := json.Unmarshal(said, &c); err != nil {
		return "", err
	}
	switch now := s.now(); {
	case c.Method != r.Method || c.URL != s.URL+r.URL.EscapedPath():
		return "", fmt.Errorf("a proof for %s %s", c.Method, c.URL)
	case len(c.ID) < 22 || len(c.ID) > 200 || s.seen[c.ID]:
		return "", fmt.Errorf("jti %q", c.ID)
	case (c.Token == nil) != (secret == ""), c.Token != nil && *c.Token != hash(secret):
		return "", errors.New("ath is of another secret")
	case c.Nonce != fmt.Sprint("window-", s.window) && c.Nonce != fmt.Sprint("window-", s.window-1):
		return "", errNonce
	case now.Sub(time.Unix(c.At, 0)).Abs() > 5*time.Second: // stricter than Daypass: clients know the skew by now
		return "", fmt.Errorf("iat is %s off", now.Sub(time.Unix(c.At, 0)))
	}
	s.seen[c.ID] = true
	return thumbprint, nil
}

func opened(proof string) (thumbprint string, said []byte, err error) {
	jws, err := jose.ParseSigned(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", nil, err
	}
	h := jws.Signatures[0].Protected
	if h.JSONWebKey == nil || !h.JSONWebKey.IsPublic() || h.ExtraHeaders["typ"] != "dpop+jwt" {
		return "", nil, errors.New("typ or jwk")
	}
	if said, err = jws.Verify(h.JSONWebKey); err != nil {
		return "", nil, err
	}
	sum, err := h.JSONWebKey.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), said, err
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *Server) refuse(w http.ResponseWriter, err error) {
	kind := api.CodeProof
	if errors.Is(err, errNonce) {
		kind = api.CodeNonce
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
	}
	s.problems = append(s.problems, kind)
	Problem(w, http.StatusUnauthorized, kind, "The proof is not good: "+err.Error()+".", "")
}

func (s *Server) signedIn(next func(http.ResponseWriter, *http.Request, session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP ")
		if !ok {
			Problem(w, http.StatusUnauthorized, api.CodeNotSignedIn, "Nobody asks.", "")
			return
		}
		thumbprint, err := s.prove(r, secret)
		if err != nil {
			s.refuse(w, err)
			return
		}
		who, ok := s.sessions[secret]
		if !ok {
			Problem(w, http.StatusUnauthorized, api.CodeNotSignedIn, "This sign-in has ended.", "Run kubectl daypass login.")
			return
		}
		if who.thumbprint != thumbprint {
			s.refuse(w, errors.New("it is by another key"))
			return
		}
		next(w, r, who)
	}
}
