package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web/webtest"
)

// waits is a program that waits for somebody to type its code.
func waits(t *testing.T, s *site) (*api.Client, api.Device) {
	t.Helper()
	c := program(t, s)
	return c, must1[api.Device](t)(c.BeginDevice(t.Context(), api.DeviceAsk{Name: "build-host"}))
}

func poll(t *testing.T, c *api.Client, d api.Device) (api.SignedIn, error) {
	t.Helper()
	return c.SignIn(t.Context(), api.SignIn{Grant: api.GrantDevice, DeviceCode: d.DeviceCode})
}

// typedIn is a program that a person let in by its typed code.
func typedIn(t *testing.T, s *site, b *webtest.Browser) *api.Client {
	t.Helper()
	c, d := waits(t, s)
	b.Post("/client/device", url.Values{"code": {d.UserCode}}).MustSay(t, 200, "build-host")
	b.Post("/client/device", url.Values{"code": {d.UserCode}, "answer": {"allow"}}).MustSay(t, 200)
	c.Secret = must1[api.SignedIn](t)(poll(t, c, d)).Secret
	return c
}

func TestATypedCodeGivesNoRightsOfAdministrators(t *testing.T) {
	s := newSite(t, typedCodes)
	root := s.as(t, "root")
	eng := s.as(t, "eng")
	eng.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}})
	begun := s.events(t, audit.LeaseStarted)[0].Event
	c := typedIn(t, s, root)
	_, err := c.Held(t.Context(), "", "")
	refusedAs(t, err, 403, "device-administration")
	_, err = c.EndOf(t.Context(), begun.Lease)
	refusedAs(t, err, 403, "device-administration")
	_, err = c.EndPerson(t.Context(), begun.Principal)
	refusedAs(t, err, 403, "device-administration")
	if rows := s.events(t, audit.Refused); len(rows) == 0 || rows[len(rows)-1].Event.Reason != "device-administration" || rows[len(rows)-1].Event.Principal == "" {
		t.Errorf("on record: %v", rows)
	}
	if held := must1[api.HeldLeases](t)(signedIn(t, s, root).Held(t.Context(), "", "")); len(held.Leases) != 1 {
		t.Errorf("a program let in by a browser sees %d leases", len(held.Leases))
	}
}

func TestAProgramIsLetInByATypedCode(t *testing.T) {
	s := newSite(t, typedCodes)
	b := s.as(t, "eng")
	c, d := waits(t, s)
	if d.VerificationURI != s.URL+"/client/device" || len(d.UserCode) != 9 || d.DeviceCode == "" {
		t.Fatalf("the program is told %+v", d)
	}
	_, err := poll(t, c, d)
	refusedAs(t, err, 400, "authorization-pending")
	b.Get("/client/device").MustSay(t, 200, `name="code"`)
	thumbprint := must1[string](t)(api.Thumbprint(&c.Key.PublicKey))
	// Nobody types capitals or the dash.
	b.Post("/client/device", url.Values{"code": {strings.ToLower(strings.Replace(d.UserCode, "-", " ", 1))}}).
		MustSay(t, 200, "build-host", thumbprint, "127.0.0.1", d.UserCode)
	b.Post("/client/device", url.Values{"code": {d.UserCode}, "answer": {"allow"}}).MustSay(t, 200)
	b.Post("/client/device", url.Values{"code": {d.UserCode}, "answer": {"allow"}}).MustSay(t, http.StatusBadRequest)
	in := must1[api.SignedIn](t)(poll(t, c, d))
	c.Secret = in.Secret
	if me := must1[api.Person](t)(c.Me(t.Context())); me.Label != "eng@example.com" {
		t.Errorf("it is %+v", me)
	}
	_, err = poll(t, c, d)
	refusedAs(t, err, 400, "invalid-grant")
	if e := s.events(t, audit.SignedIn); e[0].Event.Facts["via"] != "device" || e[0].Event.Facts["client"] != "build-host" {
		t.Errorf("on record: %+v", e[0].Event)
	}
	b.Get("/access").MustSay(t, 200, "kubectl daypass on build-host")
}

func TestATypedCodeThatThePersonRefuses(t *testing.T) {
	s := newSite(t, typedCodes)
	c, d := waits(t, s)
	s.as(t, "eng").Post("/client/device", url.Values{"code": {d.UserCode}, "answer": {"refuse"}}).MustSay(t, 200)
	_, err := poll(t, c, d)
	refusedAs(t, err, 400, "access-denied")
}

func TestAProgramElsewhereIsWarnedOf(t *testing.T) {
	s := newSite(t, typedCodes)
	_, d := waits(t, s)
	b := s.as(t, "eng")
	same := b.Post("/client/device", url.Values{"code": {d.UserCode}})
	from, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/client/device", strings.NewReader(url.Values{"code": {d.UserCode}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	from.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	from.Header.Set("X-Forwarded-For", "203.0.113.7") // the site trusts its own machine as a proxy
	b.Do(from).MustSay(t, 200, "It runs elsewhere: it asks from 127.0.0.1, you are at 203.0.113.7.")
	if strings.Contains(same.Text, "It runs elsewhere") {
		t.Error("who types on the program's own machine is warned")
	}
}

func TestGuessingTypedCodesIsStopped(t *testing.T) {
	s := newSite(t, typedCodes)
	_, d := waits(t, s)
	b := s.as(t, "eng")
	for range 30 {
		b.Post("/client/device", url.Values{"code": {"BBBB-BBBB"}}).MustSay(t, http.StatusBadRequest)
	}
	if p := b.Post("/client/device", url.Values{"code": {d.UserCode}}); strings.Contains(p.Text, "build-host") {
		t.Error("after thirty guesses, the thirty-first may be right")
	}
}

func TestWhoTypedACodeNeverBreaksTheGlass(t *testing.T) {
	s := newSite(t, typedCodes)
	b := s.as(t, "eng")
	c := typedIn(t, s, b)
	_, err := c.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "hidden", Role: "admin", Reason: "fire", BreakGlass: true, Confirmed: true}, Key: "k"})
	refusedAs(t, err, 403, "device-break-glass")
	glass := strings.TrimPrefix(b.Post("/clusters/hidden/break-glass/admin", url.Values{"reason": {"it is on fire"}, "understood": {"yes"}, "key": {"b"}}).URL.Path, "/leases/")
	_, err = c.Token(t.Context(), glass)
	refusedAs(t, err, 403, "device-break-glass")
	_, err = c.Entry(t.Context(), glass)
	refusedAs(t, err, 403, "device-break-glass")
	if n := len(s.events(t, audit.HandedOver)); n != 0 {
		t.Errorf("%d hand-overs", n)
	}
	for _, e := range s.events(t, audit.Refused) {
		if e.Event.Reason != "device-break-glass" || e.Event.Facts["breakGlass"] != "true" || e.Event.Cluster != "hidden" {
			t.Errorf("on record: %+v", e.Event)
		}
	}
	if n := len(s.events(t, audit.Refused)); n != 2 { // without the lease, and with it
		t.Errorf("%d refusals on record", n)
	}
	must1[api.Lease](t)(c.End(t.Context(), glass)) // ending is always right

	own := signedIn(t, s, b) // by the browser on its machine
	l := must1[api.Lease](t)(own.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "hidden", Role: "admin", Reason: "fire", BreakGlass: true, Confirmed: true}, Key: "k2"}))
	if !l.BreakGlass || must1[api.Token](t)(own.Token(t.Context(), l.ID)).Token != secretToken {
		t.Errorf("by the browser: %+v", l)
	}
	_, err = own.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "hidden", Role: "admin", Reason: "fire", BreakGlass: true}, Key: "k3"})
	refusedAs(t, err, 403, "needs")
	if n := len(s.events(t, audit.GlassBroken)); n != 2 {
		t.Errorf("the glass is broken %d times on record", n)
	}
}

func TestTheAuditLogTellsProgramsFromBrowsers(t *testing.T) {
	s := newSite(t, typedCodes)
	b := s.as(t, "eng")
	beside, typed := signedIn(t, s, b), typedIn(t, s, b)
	for _, c := range []*api.Client{beside, typed} {
		if err := c.SignOut(t.Context(), api.This); err != nil {
			t.Fatal(err)
		}
	}
	b.Post("/sign-out", nil)
	a := s.as(t, "audit")
	ins := a.Get("/audit?person=eng@example.com&kind=sign-in.succeeded")
	ins.MustSay(t, 200, ">Signed in with staff.<", ">kubectl daypass on laptop signed in with staff.<", ">kubectl daypass on build-host signed in with staff, by a typed code.<")
	outs := a.Get("/audit?person=eng@example.com&kind=session.ended")
	outs.MustSay(t, 200, ">The session ended: signed-out.<", ">The session of kubectl daypass on laptop ended: ended-by-person.<", ">The session of kubectl daypass on build-host ended: ended-by-person.<")
	if n, m := strings.Count(ins.Text, ">Signed in with"), strings.Count(outs.Text, ">The session ended:"); n != 1 || m != 1 {
		t.Errorf("%d sign-ins and %d ends of a browser, want 1 and 1", n, m)
	}
}
