package oidcsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// backChannelEvent marks a logout token (OpenID Connect Back-Channel Logout
// 1.0, section 2.4).
const backChannelEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutLife is how long a logout token is good.
const logoutLife = 2 * time.Minute

// LogoutToken makes a logout token for a client, as the present lie wants it.
// Subject or session may be empty.
func (p *Provider) LogoutToken(client, subject, session string) (string, error) {
	now, lies := p.now(), p.lying()
	claims := map[string]any{
		"iss": p.issuer, "aud": client, "iat": now.Unix(), "exp": now.Add(logoutLife).Unix(), "jti": random(16),
		"events": map[string]any{backChannelEvent: map[string]any{}},
	}
	if subject != "" {
		claims["sub"] = subject
	}
	if session != "" {
		claims["sid"] = session
	}
	if lies.Logout != nil {
		lies.Logout(claims)
	}
	if lies.Type == "" {
		lies.Type = "logout+jwt"
	}
	token, err := p.sign(claims, lies)
	if err != nil {
		return "", fmt.Errorf("sign the logout token: %w", err)
	}
	return token, nil
}

// TellOut tells a client by its back channel that somebody signed out here.
func (p *Provider) TellOut(ctx context.Context, client, subject, session string) error {
	c, ok := p.client(client)
	if !ok || c.BackChannel == "" {
		return fmt.Errorf("the client %q has no back channel", client)
	}
	token, err := p.LogoutToken(client, subject, session)
	if err != nil {
		return err
	}
	form := strings.NewReader(url.Values{"logout_token": {token}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannel, form)
	if err != nil {
		return fmt.Errorf("tell %s of the logout: %w", client, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.calls.Do(req)
	if err != nil {
		return fmt.Errorf("tell %s of the logout: %w", client, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("tell %s of the logout: it answered %d: %s", client, resp.StatusCode, body)
	}
	return nil
}

// hint is what an ID token that comes back says.
type hint struct {
	Client  string `json:"aud"`
	Subject string `json:"sub"`
	Session string `json:"sid"`
}

// serveEndSession signs somebody out (OpenID Connect RP-Initiated Logout 1.0):
// nobody stays signed in here, so it tells the client's back channel and sends
// the browser back.
func (p *Provider) serveEndSession(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	h, err := p.readHint(q)
	client, ok := p.client(h.Client)
	if err != nil || !ok {
		p.stop(w, client, "Not signed out", "The request does not say, in a way that can be believed, which application it comes from.")
		return
	}
	p.observe(Sighting{What: SignedOut, Client: client.ID, Subject: h.Subject})
	if client.BackChannel != "" && h.Session != "" {
		if err := p.TellOut(r.Context(), client.ID, h.Subject, h.Session); err != nil {
			p.observe(Sighting{What: Refused, Client: client.ID, Subject: h.Subject, Why: err.Error()})
		}
	}
	back := q.Get("post_logout_redirect_uri")
	if !slices.Contains(client.SignedOut, back) {
		p.render(w, http.StatusOK, page{Problem: "You are signed out", Detail: "There is nowhere to go back to from here."})
		return
	}
	if state := q.Get("state"); state != "" {
		back += "?" + url.Values{"state": {state}}.Encode()
	}
	http.Redirect(w, r, back, http.StatusFound)
}

// readHint reads who is meant. An ID token is believed however old it is.
func (p *Provider) readHint(q url.Values) (hint, error) {
	raw, id := q.Get("id_token_hint"), q.Get("client_id")
	if raw == "" {
		return hint{Client: id}, nil
	}
	jws, err := jose.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return hint{}, err
	}
	p.mu.Lock()
	keys := p.keys
	p.mu.Unlock()
	payload, err := jws.Verify(keys.key.Public())
	if err != nil {
		return hint{}, err
	}
	var h hint
	if err := json.Unmarshal(payload, &h); err != nil {
		return hint{}, err
	}
	if id != "" && id != h.Client {
		return hint{}, errors.New("client_id and id_token_hint name two clients")
	}
	return h, nil
}
