package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/web/webtest"
)

func TestAProgramIsToldHowItsLeaseEnded(t *testing.T) {
	s := newSite(t)
	c, root := signedIn(t, s, s.as(t, "eng")), s.as(t, "root")
	start := func(key string) string {
		return must1[api.Lease](t)(c.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "pay", Role: "viewer"}, Key: key})).ID
	}
	told := func(id, what string) {
		t.Helper()
		_, err := c.Token(t.Context(), id)
		refusedAs(t, err, 409, "lease-over")
		for _, part := range []string{what, "Start another: kubectl daypass get pay --role viewer."} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("told %q, which lacks %q", err, part)
			}
		}
	}
	mine, theirs := start("a"), start("b")
	must1[api.Lease](t)(c.End(t.Context(), mine))
	told(mine, "The lease is over: viewer on pay was ended at ")
	root.Post("/administration/leases/"+theirs+"/end", nil).MustSay(t, 200)
	told(theirs, "The lease is over: an administrator ended viewer on pay at ")
}

func TestASignInSaysInWordsWhereItLeads(t *testing.T) {
	s := newSite(t)
	for back, says := range map[string]string{
		"/client/authorize?client_name=vm&code_challenge=X8KQqujT": "Then on to <b>letting a program in</b>.",
		"/client/device":                   "Then on to <b>letting a program in</b>.",
		"/clusters/pay?role=viewer&for=1h": "Then on to <b>/clusters/pay</b>.",
		"/":                                "A kubeconfig for the afternoon",
	} {
		webtest.New(t, s.URL).Get("/sign-in?"+url.Values{"return": {back}, "stay": {"1"}}.Encode()).MustSay(t, 200, says)
	}
}

func TestAPageThatIsNotThereKnowsWhoIsSignedIn(t *testing.T) {
	s := newSite(t)
	s.as(t, "eng").Get("/nowhere").MustSay(t, 404, "There is nothing at this address.", "eng@example.com", "My access")
	if p := webtest.New(t, s.URL).Get("/nowhere"); p.Status != 404 || strings.Contains(p.Text, "My access") {
		t.Errorf("a stranger is answered %d", p.Status)
	}
}

func TestAProgramIsToldWhoHearsOfBrokenGlass(t *testing.T) {
	s := newSite(t)
	c := signedIn(t, s, s.as(t, "eng"))
	told := map[string]string{}
	for _, x := range must1[api.Clusters](t)(c.Clusters(t.Context())).Clusters {
		for _, ch := range x.Choices {
			told[x.Name+" "+ch.Role] = ch.TellsWhom
		}
	}
	if told["hidden admin"] != "#security" || told["pay viewer"] != "" {
		t.Errorf("told of are %v", told)
	}
}
