package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/web"
)

func TestAdministratorsSeeAndEndWhatOthersHold(t *testing.T) {
	s := newSite(t)
	eng, root := s.as(t, "eng"), s.as(t, "root")
	root.Get("/administration").MustSay(t, 200, "Nobody holds a lease.")
	one := eng.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path
	glass := eng.Post("/clusters/hidden/break-glass/admin", url.Values{"reason": {"it is on fire <b>&"}, "understood": {"yes"}, "key": {"b"}}).URL.Path
	other := s.as(t, "solo").Post("/clusters/pay", url.Values{"role": {"deputy"}, "key": {"c"}}).URL.Path
	all := root.Get("/administration")
	all.MustSay(t, 200, "3 active leases", "eng@example.com", "solo@example.com", "break-glass", "it is on fire &lt;b&gt;&amp;", `action="/administration`+one+`/end"`)
	if strings.Contains(all.Text, "Story") || strings.Contains(all.Text, "is signed in") {
		t.Error("the page leads to the audit log, or tells where everybody is signed in")
	}
	root.Get("/administration?cluster=hidden&person=ENG@example.com").MustSay(t, 200, "1 active lease<", "Where eng@example.com is signed in", "127.0.0.1")
	root.Get("/administration?person=nobody@example.com").MustSay(t, 200, "No active lease fits that search.")

	root.Post("/administration"+one+"/end", nil).MustSay(t, 200, "Where eng@example.com is signed in", `href="/administration`+glass+`/end"`)
	root.Post("/administration"+one+"/end", nil).MustSay(t, 200) // twice
	eng.Get(one).MustSay(t, 200, "by an administrator", "An administrator ended the lease as viewer on pay.")
	eng.Post(one+"/download", nil).MustSay(t, 409, "The lease is over")
	s.as(t, "solo").Get(other).MustSay(t, 200, "Works until")
	e := s.events(t, audit.LeaseEnded)
	if len(e) != 1 || e[0].Event.Details.Email != "eng@example.com" || e[0].Event.Facts["by"] != "administrator" || e[0].Event.Details.Address != "" || e[0].Event.Lease != strings.TrimPrefix(one, "/leases/") {
		t.Errorf("on record: %+v", e)
	}
	auditor := s.as(t, "audit")
	auditor.Get("/audit?person=root@example.com").MustSay(t, 200, "Ended the lease of eng@example.com as viewer on pay.")
	auditor.Get("/audit?person=eng@example.com").MustSay(t, 200, "An administrator ended the lease as viewer on pay.")
	if strings.Contains(eng.Get(one).Text, "root@example.com") {
		t.Error("the owner learns who the administrator is")
	}
	root.Post("/administration/leases/ls_none/end", nil).MustSay(t, 404)
}

func TestAnAdministratorSignsSomebodyOutAndEndsAllOfTheirs(t *testing.T) {
	s := newSite(t)
	eng, root := s.as(t, "eng"), s.as(t, "root")
	lease := eng.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path
	c := signedIn(t, s, eng)
	page := root.Get("/administration?person=eng@example.com")
	page.MustSay(t, 200, "kubectl daypass on laptop", "Sign eng@example.com out and end all their leases")
	them := s.events(t, audit.LeaseStarted)[0].Event.Principal
	root.Post("/administration/people/"+them+"/end", nil).MustSay(t, 200, "No active lease fits that search.", "Nowhere.")
	_, err := c.Token(t.Context(), strings.TrimPrefix(lease, "/leases/"))
	refusedAs(t, err, 401, "not-signed-in")
	if p := eng.Get("/access"); !strings.HasPrefix(p.URL.Path, "/") || strings.Contains(p.Text, "Where you are signed in") {
		t.Errorf("still signed in, at %s", p.URL)
	}
	s.as(t, "audit").Get("/audit?kind=administration").MustSay(t, 200, "Signed eng@example.com out everywhere.")
	var why []string
	for _, e := range s.events(t, audit.SignedOut) {
		why = append(why, e.Event.Reason)
	}
	if got := strings.Join(why, " "); got != "ended-by-administrator ended-by-administrator" || len(s.events(t, audit.LeaseEnded)) != 1 {
		t.Errorf("on record: %s, and %d ends", got, len(s.events(t, audit.LeaseEnded)))
	}
}

func TestAnAdministratorIsAskedOnceMoreBeforeAllIsEnded(t *testing.T) {
	s := newSite(t)
	eng, root := s.as(t, "eng"), s.as(t, "root")
	one := eng.Post("/clusters/pay", url.Values{"role": {"admin"}, "reason": {"PAY-4711"}, "key": {"a"}}).URL.Path
	glass := eng.Post("/clusters/hidden/break-glass/admin", url.Values{"reason": {"it is on fire"}, "understood": {"yes"}, "key": {"b"}}).URL.Path
	them := s.events(t, audit.LeaseStarted)[0].Event.Principal
	all := "/administration/people/" + them + "/end"
	signedIn(t, s, eng)
	root.Get("/administration?person=eng@example.com").MustSay(t, 200, `href="`+all+`"`)
	root.Get(all).MustSay(t, 200, "Sign eng@example.com out and end all their leases?", "Nothing has been ended yet.",
		"This ends 2 leases and signs them out in 2 places.", "PAY-4711", "it is on fire", `method="post" action="`+all+`"`)
	root.Get("/administration"+glass+"/end").MustSay(t, 200, "End hidden as admin of eng@example.com?", "it is on fire", `method="post" action="/administration`+glass+`/end"`)
	if n := len(s.events(t, audit.Administered)) + len(s.events(t, audit.LeaseEnded)) + len(s.events(t, audit.SignedOut)); n != 0 {
		t.Errorf("looking ended something: %d events", n)
	}
	for _, road := range []string{all, "/administration" + one + "/end"} {
		eng.Get(road).MustSay(t, 403, "open to administrators only")
	}
	root.Get("/administration/leases/ls_none/end").MustSay(t, 404)
	root.Get("/administration/people/eng@example.com/end").MustSay(t, 404, "There is no such person.") // a person is no address
	root.Post(all, nil).MustSay(t, 200, "Nowhere.")
	for _, road := range []string{all, "/administration" + glass + "/end"} { // nothing is left to ask about
		if p := root.Get(road); p.Status != 200 || p.URL.RequestURI() != "/administration?person="+them {
			t.Errorf("%s leads to %d %s", road, p.Status, p.URL)
		}
	}
}

func TestAnAdministratorSignsSomebodyOutAtOnePlace(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		s := newSite(t, func(o *web.Options) { o.SignIn.EndLeases = wanted })
		eng, root := s.as(t, "eng"), s.as(t, "root")
		lease := eng.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path
		c := signedIn(t, s, eng)
		me := must1[api.Person](t)(c.Me(t.Context())).Principal
		out := func(principal, session string) string {
			return "/administration/people/" + principal + "/sessions/" + session + "/end"
		}
		var laptop string
		for _, x := range must1[api.Sessions](t)(c.Sessions(t.Context())).Sessions {
			root.Get("/administration?person=eng@example.com").MustSay(t, 200, `action="`+out(me, x.ID)+`"`)
			if x.This {
				laptop = x.ID
			}
		}
		root.Get("/administration?person="+me).MustSay(t, 200, map[bool]string{true: "ends all their leases too", false: "ends no lease"}[wanted])
		root.Post(out(stranger, laptop), nil).MustSay(t, 404, "There is no such session of that person.", `href="/administration?person=`+stranger+`"`)
		eng.Post(out(me, laptop), nil).MustSay(t, 403)
		must1[api.Person](t)(c.Me(t.Context()))
		if n := len(s.events(t, audit.Administered)); n != 0 {
			t.Errorf("%d acts on record that were none", n)
		}
		root.Post(out(me, laptop), nil).MustSay(t, 200, "Where eng@example.com is signed in", "127.0.0.1")
		_, err := c.Me(t.Context())
		refusedAs(t, err, 401, "not-signed-in")
		eng.Get(lease).MustSay(t, 200, map[bool]string{true: "ended with the sign-out", false: "Works until"}[wanted])
		root.Post(out(me, laptop), nil).MustSay(t, 404, "It may have ended meanwhile.")
		s.as(t, "audit").Get("/audit?kind=administration").MustSay(t, 200, "Signed eng@example.com out of kubectl daypass on laptop.", "root@example.com")
		if e := s.events(t, audit.SignedOut); len(e) != 1 || e[0].Event.Reason != "ended-by-administrator" || e[0].Event.Facts["session"] != laptop {
			t.Errorf("on record: %+v", e)
		}
	}
}

// stranger is the pseudonym of nobody who is here.
var stranger = "pr_" + strings.Repeat("a", 26)

func TestNobodyWithoutAPseudonymIsSignedOut(t *testing.T) {
	s := newSite(t)
	root := s.as(t, "root")
	c := signedIn(t, s, root)
	for _, who := range []string{"anything", "pr_any", "eng@example.com", "you\u202e \x1b[31m\nare", "\x00", "\xff", stranger + "a"} {
		root.Post("/administration/people/"+url.PathEscape(who)+"/end", nil).MustSay(t, 404, "There is no such person.")
		root.Get("/administration/people/"+url.PathEscape(who)+"/end").MustSay(t, 404, "There is no such person.")
		root.Post("/administration/people/"+url.PathEscape(who)+"/sessions/x/end", nil).MustSay(t, 404, "There is no such person.")
		_, err := c.EndPerson(t.Context(), who)
		refusedAs(t, err, 404, "no-person")
		_, err = c.SessionsOf(t.Context(), who)
		refusedAs(t, err, 404, "no-person")
	}
	if n := len(s.events(t, audit.Administered)); n != 0 {
		t.Errorf("%d acts are on record", n)
	}
}

func TestAProgramCannotHideBehindSignIns(t *testing.T) {
	s := newSite(t)
	thief := signedIn(t, s, s.as(t, "eng"))
	var id string
	for _, x := range must1[api.Sessions](t)(thief.Sessions(t.Context())).Sessions {
		if x.This {
			id = x.ID
		}
	}
	hidden, known := s.as(t, "eng"), s.opened(t) // the first of more browsers than are listed
	for range 100 {
		s.as(t, "eng")
	}
	me := s.as(t, "eng")
	me.Get("/access").MustSay(t, 200, "kubectl daypass on laptop", "/sessions/"+id+"/end")
	me.Post("/sessions/"+id+"/end", nil).MustSay(t, 200)
	_, err := thief.Me(t.Context())
	refusedAs(t, err, 401, "not-signed-in")
	for _, mark := range known {
		if strings.Contains(me.Get("/access").Text, "/sessions/"+mark+"/end") {
			t.Errorf("the browser %s is listed", mark)
		}
		me.Post("/sessions/"+mark+"/end", nil).MustSay(t, 200)
	}
	if p := hidden.Get("/access"); strings.Contains(p.Text, "Where you are signed in") {
		t.Errorf("a browser that was ended by its address goes on: %d", p.Status)
	}
}

// opened are the marks of the browsers' sessions that were opened so far.
func (s *site) opened(t *testing.T) (all []string) {
	t.Helper()
	for _, row := range s.events(t, audit.SignedIn) {
		if row.Event.Facts["client"] == "" {
			all = append(all, row.Event.Facts["session"])
		}
	}
	return all
}

func TestAnAdministratorsProgramSignsSomebodyOutAtOnePlace(t *testing.T) {
	s := newSite(t)
	eng := s.as(t, "eng")
	theirs, root := signedIn(t, s, eng), signedIn(t, s, s.as(t, "root"))
	them := must1[api.Person](t)(theirs.Me(t.Context())).Principal
	all := must1[api.Sessions](t)(root.SessionsOf(t.Context(), them)).Sessions
	if len(all) != 2 || all[0].Kind != "client" || all[1].Kind != "browser" || all[0].This || all[1].This {
		t.Fatalf("signed in are %+v", all)
	}
	refusedAs(t, root.EndSessionOf(t.Context(), stranger, all[1].ID), 404, "no-session")
	eng.Get("/access").MustSay(t, 200, "Where you are signed in")
	if err := root.EndSessionOf(t.Context(), them, all[1].ID); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, root.EndSessionOf(t.Context(), them, all[1].ID), 404, "no-session")
	s.as(t, "audit").Get("/audit?kind=administration").MustSay(t, 200, "Signed eng@example.com out of one browser.")
	left := must1[api.Sessions](t)(root.SessionsOf(t.Context(), them)).Sessions
	if len(left) != 1 || left[0].ID != all[0].ID {
		t.Errorf("left are %+v", left)
	}
	must1[api.Person](t)(theirs.Me(t.Context()))
}

func TestAdministrationIsForAdministrators(t *testing.T) {
	s := newSite(t)
	for _, who := range []string{"eng", "audit"} {
		b := s.as(t, who)
		if strings.Contains(b.Get("/access").Text, "/administration") {
			t.Errorf("%s is led there", who)
		}
		b.Get("/administration").MustSay(t, 403, "open to administrators only", "#platform")
		b.Post("/administration/leases/ls_any/end", nil).MustSay(t, 403)
		b.Post("/administration/people/pr_any/end", nil).MustSay(t, 403)
		b.Post("/administration/people/pr_any/sessions/any/end", nil).MustSay(t, 403)
		c := signedIn(t, s, b)
		_, err := c.Held(t.Context(), "", "")
		refusedAs(t, err, 403, "not-administrator")
		_, err = c.EndOf(t.Context(), "ls_any")
		refusedAs(t, err, 403, "not-administrator")
		_, err = c.EndPerson(t.Context(), "pr_any")
		refusedAs(t, err, 403, "not-administrator")
		_, err = c.SessionsOf(t.Context(), "pr_any")
		refusedAs(t, err, 403, "not-administrator")
		refusedAs(t, c.EndSessionOf(t.Context(), "pr_any", "any"), 403, "not-administrator")
	}
	if e := s.events(t, audit.Refused); len(e) != 2 || e[0].Event.Reason != "not-administrator" {
		t.Errorf("on record: %d, %+v", len(e), e)
	}
	s.as(t, "root").Get("/audit").MustSay(t, 403) // one right is not the other
}

func TestAnAdministratorsProgram(t *testing.T) {
	s := newSite(t)
	lease := strings.TrimPrefix(s.as(t, "eng").Post("/clusters/pay", url.Values{"role": {"admin"}, "reason": {"PAY-4711"}, "key": {"a"}}).URL.Path, "/leases/")
	s.as(t, "solo").Post("/clusters/pay", url.Values{"role": {"deputy"}, "key": {"b"}})
	c := signedIn(t, s, s.as(t, "root"))
	all := must1[api.HeldLeases](t)(c.Held(t.Context(), "", ""))
	mine := must1[api.HeldLeases](t)(c.Held(t.Context(), "eng@example.com", "pay"))
	if len(all.Leases) != 2 || len(mine.Leases) != 1 || mine.Leases[0].Lease.ID != lease || mine.Leases[0].Email != "eng@example.com" || all.More {
		t.Fatalf("held: %+v, %+v", all, mine)
	}
	if mine.Leases[0].Lease.Reason != "PAY-4711" || all.Leases[0].Lease.Reason != "" {
		t.Errorf("the reasons are %q and %q", mine.Leases[0].Lease.Reason, all.Leases[0].Lease.Reason)
	}
	ended := must1[api.Held](t)(c.EndOf(t.Context(), lease))
	again := must1[api.Held](t)(c.EndOf(t.Context(), lease))
	if ended.Lease.State != "ended" || again.Lease.State != "ended" || ended.Principal != mine.Leases[0].Principal {
		t.Errorf("ended %+v, %+v", ended, again)
	}
	_, err := c.EndOf(t.Context(), "ls_none")
	refusedAs(t, err, 404, "no-lease")
	gone := must1[api.EndedPerson](t)(c.EndPerson(t.Context(), all.Leases[0].Principal))
	if len(gone.Leases) != 1 || gone.Sessions != 1 {
		t.Errorf("ended of a person: %+v", gone)
	}
}

func TestSigningOutEndsAllLeasesWhereTheOperatorWantsThat(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		s := newSite(t, func(o *web.Options) { o.SignIn.EndLeases = wanted })
		b, elsewhere := s.as(t, "eng"), s.as(t, "eng")
		lease := b.Post("/clusters/pay", url.Values{"role": {"viewer"}, "key": {"a"}}).URL.Path
		b.Get("/access").MustSay(t, 200, map[bool]string{true: "ends all your leases", false: "Signing out ends no lease"}[wanted])
		b.Post("/sign-out", nil).MustSay(t, 200, map[bool]string{true: "Your leases have ended.", false: "Leases you did not end go on until their time."}[wanted])
		elsewhere.Get(lease).MustSay(t, 200, map[bool]string{true: "The lease as viewer on pay ended with the sign-out.", false: "Works until"}[wanted])
	}
}

func TestALoginInPlaceOfAnotherIsNoSignOut(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.SignIn.EndLeases = true })
	b := s.as(t, "eng")
	c := signedIn(t, s, b)
	l := must1[api.Lease](t)(c.Start(t.Context(), api.Start{Ask: api.Ask{Cluster: "pay", Role: "viewer"}, Key: "k"}))
	next := signedIn(t, s, b)
	if err := c.Replaced(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Me(t.Context())
	refusedAs(t, err, 401, "not-signed-in")
	b.Get("/leases/"+l.ID).MustSay(t, 200, "Works until")
	if e := s.events(t, audit.SignedOut); len(e) != 1 || e[0].Event.Reason != "replaced" || len(s.events(t, audit.LeaseEnded)) != 0 {
		t.Errorf("on record: %+v, and %d ends", e, len(s.events(t, audit.LeaseEnded)))
	}
	if err := next.SignOut(t.Context(), api.This); err != nil || len(s.events(t, audit.LeaseEnded)) != 1 {
		t.Errorf("signed out: %v, %d ends", err, len(s.events(t, audit.LeaseEnded)))
	}
}
