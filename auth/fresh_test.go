package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth/oidcsim"
)

// offline asks the provider for refresh tokens.
func offline(o *Options) {
	for i := range o.Providers {
		o.Providers[i].Scopes = []string{"openid", "email", "profile", "groups", "offline_access"}
	}
	o.Clients.Longest = 30 * 24 * time.Hour
}

func TestWithoutARefreshTokenTheAgeOfTheSignInDecides(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, offline) // no key: nothing is kept
	p := s.admitted(s.browser())
	c.pass(12 * time.Hour)
	if _, note, err := p.ask(); err != nil || note != "" {
		t.Errorf("after twelve hours: %q, %v", note, err)
	}
	c.pass(time.Second)
	if _, _, err := p.ask(); kindOf(err) != SignInTooOld {
		t.Errorf("a second later: %v", err)
	}
}

func TestTheRefreshTokenMovesToTheProgramAndIsSealed(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, sealing(t), offline)
	b := s.browser()
	who := s.person(b, "u-1")
	if who.Refresh == nil {
		t.Fatal("the browser's session has none")
	}
	p := s.program()
	in, err := p.redeem(p.grant(s.code(who, p.authorization())))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.gate.openRefresh(in)
	if err != nil || raw == "" || strings.Contains(string(in.Refresh), raw) {
		t.Errorf("the program's session: %v", err)
	}
	left, err := s.book.Session(t.Context(), who.Key)
	if err != nil || left.Refresh != nil {
		t.Errorf("the browser keeps it: %v", err)
	}
	second := s.program() // nothing is left for it
	if in, err := second.redeem(second.grant(s.code(left, second.authorization()))); err != nil || in.Refresh != nil {
		t.Errorf("the second program: %v", err)
	}
}

func TestGroupsAreAskedForAgain(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil, sealing(t), offline)
	p := s.admitted(s.browser())
	okta.Change(oidcsim.Person{Subject: "u-1", Email: "ada@acme.example", Name: "Ada Lovelace", Groups: []string{"eng", "on-call"}})
	c.pass(6 * time.Hour)
	if in, _, err := p.ask(); err != nil || !slices.Contains(in.Principal.Groups, "sre") {
		t.Errorf("at half the bound: %v, %v", in.Principal.Groups, err)
	}
	c.pass(time.Second)
	in, note, err := p.ask()
	if err != nil || note != "" || strings.Join(in.Principal.Groups, " ") != "eng on-call" || !in.AsOf.Equal(c.now()) {
		t.Fatalf("past half the bound: %v as of %v, %q, %v", in.Principal.Groups, in.AsOf, note, err)
	}
	events := s.book.seen()
	e := events[len(events)-1]
	if e.Kind != audit.Regrouped || e.Facts["gained"] != "1" || e.Facts["lost"] != "1" || e.Details.More["groups"] != "eng, on-call" {
		t.Errorf("the event is %+v", e)
	}
	c.pass(7 * time.Hour) // with the rotated token
	if in, note, err := p.ask(); err != nil || note != "" || !in.AsOf.Equal(c.now()) {
		t.Errorf("again: %q, %v", note, err)
	}
	if n := len(s.book.seen()); n != len(events) {
		t.Errorf("the same groups make %d events", n-len(events))
	}
}

func TestAnAddressThatIsTakenAwayIsGoneWithTheNextAsking(t *testing.T) {
	mine := access.Whos{{Provider: "okta", Email: "ada@acme.example"}}
	for fact, now := range map[string]oidcsim.Person{
		"changed":    {Subject: "u-1", Email: "ada@left.example", Groups: []string{"sre", "eng"}},
		"unverified": {Subject: "u-1", Email: "ada@acme.example", Unverified: true, Groups: []string{"sre", "eng"}},
		"gone":       {Subject: "u-1", Groups: []string{"sre", "eng"}},
	} {
		t.Run(fact, func(t *testing.T) {
			c := newClock()
			okta := provide(t, c)
			s := serve(t, c, okta, nil, sealing(t), offline)
			p := s.admitted(s.browser())
			in, _, err := p.ask()
			if _, is := mine.Match(in.Principal); err != nil || !is {
				t.Fatalf("at first: %q, %v", in.Principal.Email, err)
			}
			okta.Change(now)
			c.pass(6*time.Hour + time.Second)
			in, _, err = p.ask()
			if _, still := mine.Match(in.Principal); err != nil || still || !in.AsOf.Equal(c.now()) {
				t.Errorf("asked again: %q as of %v, %v", in.Principal.Email, in.AsOf, err)
			}
			if in.Principal.Name != "Ada Lovelace" {
				t.Errorf("the name that was not told again is %q", in.Principal.Name)
			}
			events := s.book.seen()
			e := events[len(events)-1]
			if e.Kind != audit.Regrouped || e.Facts["email"] != fact || e.Details.More["emailBefore"] != "ada@acme.example" || e.Facts["gained"]+e.Facts["lost"] != "00" {
				t.Errorf("the event is %+v", e)
			}
		})
	}
}

func TestAProviderThatIsDownIsPassedOverUntilTheBound(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil, sealing(t), offline)
	p := s.admitted(s.browser())
	okta.Lie(oidcsim.Lies{Answer: map[oidcsim.Endpoint]http.HandlerFunc{oidcsim.Token: oidcsim.Fail(503)}})
	c.pass(7 * time.Hour)
	for i, want := range []string{"cannot be reached", "has not answered yet"} {
		in, note, err := p.ask()
		if err != nil || !strings.Contains(note, want) || !strings.Contains(note, "your groups are as of 2026-05-04 09:00 UTC") || !slices.Contains(in.Principal.Groups, "sre") {
			t.Errorf("request %d: %q, %v", i, note, err)
		}
	}
	c.pass(5*time.Hour + time.Second)
	for range 2 {
		if _, _, err := p.ask(); kindOf(err) != ProviderDown {
			t.Errorf("past the bound: %v", err)
		}
	}
	okta.Lie(oidcsim.Lies{})
	c.pass(claimLife)
	if in, note, err := p.ask(); err != nil || note != "" || !in.AsOf.Equal(c.now()) {
		t.Errorf("when it is back: %q, %v", note, err)
	}
}

func TestAProviderThatRefusesEndsTheSession(t *testing.T) {
	for name, do := range map[string]func(*oidcsim.Server){
		"revoked":        func(o *oidcsim.Server) { o.Revoke("u-1") },
		"another person": func(o *oidcsim.Server) { o.Lie(claim("sub", "u-2")) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			okta := provide(t, c)
			s := serve(t, c, okta, nil, sealing(t), offline)
			p := s.admitted(s.browser())
			do(okta)
			c.pass(7 * time.Hour)
			for range 2 {
				if _, _, err := p.ask(); kindOf(err) != NotSignedIn {
					t.Errorf("got %v", err)
				}
			}
			events := s.book.seen()
			if e := events[len(events)-1]; e.Kind != audit.SignedOut || e.Reason != "provider-refused" {
				t.Errorf("the event is %+v", e)
			}
		})
	}
}

func TestAnAnswerThatDoesNotHoldIsNoMembership(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	for name, lies := range map[string]oidcsim.Lies{
		"another key":  {Sign: oidcsim.OtherKey},
		"unsigned":     {Sign: oidcsim.Unsigned},
		"other issuer": claim("iss", "https://evil.example"),
		"odd groups":   claim("groups", 7),
	} {
		t.Run(name, func(t *testing.T) {
			okta.Lie(oidcsim.Lies{})
			s := serve(t, c, okta, nil, sealing(t), offline)
			p := s.admitted(s.browser())
			okta.Lie(lies)
			c.pass(7 * time.Hour)
			in, note, err := p.ask()
			if err != nil || !strings.Contains(note, "does not tell your groups") || !slices.Contains(in.Principal.Groups, "sre") || in.AsOf.Equal(c.now()) {
				t.Errorf("%q, %v", note, err)
			}
			c.pass(6 * time.Hour)
			if _, _, err := p.ask(); kindOf(err) != SignInTooOld {
				t.Errorf("past the bound: %v", err)
			}
		})
	}
}

func TestManyRequestsAtOnceAskTheProviderOnce(t *testing.T) {
	c := newClock()
	okta := provide(t, c)
	s := serve(t, c, okta, nil, sealing(t), offline)
	p := s.admitted(s.browser())
	c.pass(7 * time.Hour)
	p.anew()
	var all sync.WaitGroup
	for range 20 {
		r := p.request("GET", "/api/v1/me", nil)
		all.Go(func() {
			if _, _, err := s.gate.Client(httptest.NewRecorder(), r); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait() // the simulator takes a refresh token once: a second use would have ended the session
	if in, note, err := p.ask(); err != nil || note != "" || !in.AsOf.Equal(c.now()) {
		t.Errorf("afterwards: %q, %v", note, err)
	}
}

func TestWhatTheProviderToldMustBeKept(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, sealing(t), offline)
	p := s.admitted(s.browser())
	c.pass(7 * time.Hour)
	s.book.on("Regroup", true) // it failed but had persisted
	if _, _, err := p.ask(); err == nil || kindOf(err) != "" {
		t.Errorf("got %v", err)
	}
	s.book.heal()
	if in, note, err := p.ask(); err != nil || note != "" || !in.AsOf.Equal(c.now()) {
		t.Errorf("afterwards: %q, %v", note, err)
	}
	if !errors.Is(s.gate.Book.Regroup(t.Context(), Session{}, c.now()), ErrMoved) {
		t.Error("a session of nobody is changed")
	}
}
