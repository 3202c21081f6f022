package oidcsim

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// leave asks for the end of a session and gives status, body and where the
// browser is sent.
func (f *fixture) leave(q url.Values) (int, string, string) {
	f.t.Helper()
	req, err := http.NewRequest("GET", f.Issuer()+string(EndSession)+"?"+q.Encode(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, req)
	return w.Code, w.Body.String(), w.Header().Get("Location")
}

func TestTheClassAskedForIsGiven(t *testing.T) {
	f := start(t)
	_, _, back := f.authorize(asking("as", "u-1", "acr_values", "phr mfa", "max_age", "60"))
	_, answer := f.redeem(redeeming(back.Get("code")), "daypass", "s3:cret")
	c := f.claims(answer["id_token"])
	if c["acr"] != "phr" || c["auth_time"] != float64(f.now.Unix()) {
		t.Errorf("the claims are %v", c)
	}
}

func TestSignsOutAndTellsTheClient(t *testing.T) {
	f := start(t)
	told := make(chan string, 1)
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.FormValue("logout_token") }))
	defer client.Close()
	const home = "https://daypass.example/signed-out"
	f.Register(Client{ID: "daypass", Secret: "s3:cret", RedirectURIs: []string{redirect}, SignedOut: []string{home}, BackChannel: client.URL})
	_, answer := f.redeem(redeeming(f.code("u-1")), "daypass", "s3:cret")
	id := answer["id_token"].(string)
	f.pass(time.Hour) // a hint does not expire

	status, _, to := f.leave(url.Values{"id_token_hint": {id}, "client_id": {"daypass"}, "post_logout_redirect_uri": {home}, "state": {"st"}})
	if status != http.StatusFound || to != home+"?state=st" {
		t.Fatalf("the browser is sent to %q: %d", to, status)
	}
	got := f.claims(<-told)
	if jti, _ := got["jti"].(string); len(jti) < 16 {
		t.Errorf("jti is %q", got["jti"])
	}
	delete(got, "jti")
	want := map[string]any{
		"iss": f.Issuer(), "aud": "daypass", "sub": "u-1", "sid": f.claims(id)["sid"], "iat": float64(f.now.Unix()),
		"exp": float64(f.now.Add(logoutLife).Unix()), "events": map[string]any{backChannelEvent: map[string]any{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the logout token (-want +got):\n%s", diff)
	}
	if last := f.saw[len(f.saw)-1]; last.What != SignedOut || last.Subject != "u-1" {
		t.Errorf("the last sighting is %+v", last)
	}
}

func TestSendsNobodyWhereNothingIsRegistered(t *testing.T) {
	f := start(t)
	_, answer := f.redeem(redeeming(f.code("u-1")), "daypass", "s3:cret")
	id := answer["id_token"].(string)
	for name, tc := range map[string]struct {
		q    url.Values
		says string
	}{
		"an address of somebody else": {url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {"https://evil.example"}}, "You are signed out"},
		"a client alone":              {url.Values{"client_id": {"daypass"}}, "You are signed out"},
		"a client that is not there":  {url.Values{"client_id": {"x"}}, "Not signed out"},
		"nobody":                      {url.Values{}, "Not signed out"},
		"a hint of two clients":       {url.Values{"id_token_hint": {id}, "client_id": {"other"}}, "Not signed out"},
		"a hint that is forged":       {url.Values{"id_token_hint": {id + "x"}}, "Not signed out"},
	} {
		want := map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[strings.HasPrefix(tc.says, "You")]
		if status, body, to := f.leave(tc.q); to != "" || status != want || !strings.Contains(body, tc.says) {
			t.Errorf("%s: %d to %q: %s", name, status, to, body)
		}
	}
}

func TestABackChannelThatRefusesIsToldOf(t *testing.T) {
	f := start(t)
	if err := f.TellOut(t.Context(), "daypass", "u-1", ""); err == nil || !strings.Contains(err.Error(), "no back channel") {
		t.Errorf("the error is %v", err)
	}
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadRequest) }))
	defer client.Close()
	f.Register(Client{ID: "daypass", Secret: "s3:cret", BackChannel: client.URL})
	if err := f.TellOut(t.Context(), "daypass", "u-1", ""); err == nil || !strings.Contains(err.Error(), "answered 400") {
		t.Errorf("the error is %v", err)
	}
}
