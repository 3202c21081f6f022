package chain

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Account is somebody dex knows by password.
type Account struct {
	ID, Email, Name, Password string
	Groups                    []string
}

// Client is an application that may send people to dex.
type Client struct {
	ID, Secret             string
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackchannelLogoutURI   string
}

// Dex is a real OpenID provider. It demands PKCE with S256, keeps sessions, and
// asks nobody for consent.
type Dex struct {
	Issuer string

	t       testing.TB
	config  string
	running *process
}

// StartDex starts dex with the accounts and clients given.
func StartDex(t testing.TB, clients []Client, accounts []Account) *Dex {
	t.Helper()
	address := loopback(FreePort(t))
	d := &Dex{t: t, Issuer: "http://" + address + "/dex"}
	d.config = write(t, t.TempDir(), "dex.json", d.render(address, clients, accounts))
	d.Start()
	return d
}

// Start brings dex back after Stop: at the same address, with new signing keys
// and no memory of anybody's session.
func (d *Dex) Start() {
	d.t.Helper()
	env := clean(d.t, "DEX_SESSIONS_ENABLED=true")
	d.running = launch(d.t, "dex", env, "serve", d.config)
	d.running.await(d.t, answers(http.DefaultClient, d.Issuer+"/.well-known/openid-configuration"))
}

// Stop is dex's outage.
func (d *Dex) Stop() { d.running.stop() }

func (d *Dex) render(address string, clients []Client, accounts []Account) []byte {
	d.t.Helper()
	config, err := json.Marshal(map[string]any{
		"issuer":           d.Issuer,
		"storage":          map[string]any{"type": "memory"},
		"web":              map[string]any{"http": address},
		"sessions":         map[string]any{"absoluteLifetime": "1h", "ssoSharedWithDefault": "all"},
		"enablePasswordDB": true,
		"staticPasswords":  d.passwords(accounts),
		"staticClients":    registered(clients),
		"oauth2": map[string]any{
			"skipApprovalScreen": true,
			"pkce":               map[string]any{"enforce": true, "codeChallengeMethodsSupported": []string{"S256"}},
		},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return config
}

func (d *Dex) passwords(accounts []Account) (list []map[string]any) {
	d.t.Helper()
	for _, a := range accounts {
		// dex refuses hashes cheaper than the default.
		hash, err := bcrypt.GenerateFromPassword([]byte(a.Password), bcrypt.DefaultCost)
		if err != nil {
			d.t.Fatal(err)
		}
		list = append(list, map[string]any{
			"userID": a.ID, "email": a.Email, "username": a.Name, "name": a.Name,
			"hash": string(hash), "groups": a.Groups, "emailVerified": true,
		})
	}
	return list
}

func registered(clients []Client) (list []map[string]any) {
	for _, c := range clients {
		list = append(list, map[string]any{
			"id": c.ID, "secret": c.Secret, "name": c.ID, "redirectURIs": c.RedirectURIs,
			"postLogoutRedirectURIs": c.PostLogoutRedirectURIs, "backchannelLogoutURI": c.BackchannelLogoutURI,
		})
	}
	return list
}

// SignIn is a browser without a screen: it follows an authorization URL to
// dex's form, fills it in, and returns the address dex sends the browser back
// to, unvisited: with a code, or with OAuth's error. An error of SignIn's own
// means that dex sent it nowhere.
func (d *Dex) SignIn(authorize string, a Account) (*url.URL, error) {
	browser, err := d.browser()
	if err != nil {
		return nil, err
	}
	resp, err := browser.Get(authorize)
	if err != nil {
		return nil, fmt.Errorf("ask dex for its form: %w", err)
	}
	if back, err := resp.Location(); err == nil { // refused before any form
		_ = resp.Body.Close()
		return back, nil
	}
	action, err := formAction(resp)
	if err != nil {
		return nil, err
	}
	resp, err = browser.PostForm(action.String(), url.Values{"login": {a.Email}, "password": {a.Password}})
	if err != nil {
		return nil, fmt.Errorf("fill in dex's form: %w", err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return nil, fmt.Errorf("dex did not sign %s in: %s", a.Email, resp.Status)
	}
	return back, nil
}

// browser follows redirects within dex and stops at the first one out of it.
func (d *Dex) browser() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	inside := func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), d.Issuer+"/") {
			return nil
		}
		return http.ErrUseLastResponse
	}
	return &http.Client{Jar: jar, CheckRedirect: inside, Timeout: 30 * time.Second}, nil
}

var postForm = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

func formAction(page *http.Response) (*url.URL, error) {
	defer page.Body.Close()
	body, err := io.ReadAll(io.LimitReader(page.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read dex's form: %w", err)
	}
	found := postForm.FindSubmatch(body)
	if page.StatusCode != http.StatusOK || found == nil {
		return nil, fmt.Errorf("dex showed no sign-in form: %s at %s", page.Status, page.Request.URL.Path)
	}
	return page.Request.URL.Parse(html.UnescapeString(string(found[1])))
}
