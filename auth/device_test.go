package auth

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/audit"
)

func byCode(o *Options) { o.Clients.Device = true }

func (p *plugin) begin() Device {
	p.site.t.Helper()
	d, err := p.site.gate.BeginDevice(httptest.NewRecorder(), p.anew().request("POST", "/api/v1/device", nil), "build-host")
	if err != nil {
		p.site.t.Fatal(err)
	}
	return d
}

func TestAProgramSignsInWithATypedCode(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, byCode)
	p := s.program()
	d := p.begin()
	if len(d.UserCode) != 9 || d.UserCode[4] != '-' || d.ExpiresIn != 10*time.Minute || d.Interval != 5*time.Second {
		t.Errorf("begun: %+v", d)
	}
	who := s.person(s.browser(), "u-1")
	r := httptest.NewRequest("POST", "/client/device", nil)
	g := Grant{DeviceCode: d.DeviceCode}
	for i, want := range []Kind{DevicePending, DeviceSlowDown} {
		if _, err := p.redeem(g); kindOf(err) != want {
			t.Errorf("poll %d: %v", i, err)
		}
	}
	waiting, err := s.gate.Pending(r, who, strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " ")))
	if err != nil || waiting.Name != "build-host" || waiting.Thumbprint != thumbprintOf(t, p.key) || waiting.Address == "" {
		t.Fatalf("%+v, %v", waiting, err)
	}
	if err := s.gate.Answer(r, who, d.UserCode, true); err != nil {
		t.Fatal(err)
	}
	if err := s.gate.Answer(r, who, d.UserCode, true); kindOf(err) != UnknownUserCode {
		t.Errorf("answered twice: %v", err)
	}
	in, err := p.redeem(g)
	if err != nil || !in.Client.Device || in.Principal.ID() != who.Principal.ID() {
		t.Fatalf("%+v, %v", in, err)
	}
	if _, _, err := p.ask(); err != nil {
		t.Error(err)
	}
	p.secret = ""
	if _, err := p.redeem(g); kindOf(err) != BadGrant {
		t.Errorf("twice: %v", err)
	}
	events := s.book.seen()
	if e := events[len(events)-2]; e.Kind != audit.SignedIn || e.Facts["via"] != "device" {
		t.Errorf("the event is %+v", e)
	}
}

func TestADeviceCodeIsRefused(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, byCode)
	b := s.browser()
	who := s.person(b, "u-1")
	r := httptest.NewRequest("POST", "/client/device", nil)
	answer := func(d Device, yes bool) {
		t.Helper()
		if err := s.gate.Answer(r, who, d.UserCode, yes); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		do   func(p *plugin, d *Device)
		want Kind
	}{
		"by the person":       {func(_ *plugin, d *Device) { answer(*d, false) }, DeviceDenied},
		"after ten minutes":   {func(_ *plugin, d *Device) { answer(*d, true); c.pass(deviceLife) }, CodeExpired},
		"to another key":      {func(p *plugin, d *Device) { answer(*d, true); *p = *s.program() }, BadGrant},
		"guessed":             {func(_ *plugin, d *Device) { d.DeviceCode = newSecret() }, BadGrant},
		"where it is not on":  {func(*plugin, *Device) { s.gate.Clients.Device = false }, DeviceOff},
		"as a browser's code": {func(p *plugin, d *Device) { answer(*d, true); d.UserCode = "" }, BadGrant},
	} {
		s.gate.Clients.Device = true
		p := s.program()
		d := p.begin()
		tc.do(p, &d)
		g := Grant{DeviceCode: d.DeviceCode}
		if d.UserCode == "" {
			g = p.grant(d.DeviceCode)
		}
		if _, err := p.redeem(g); kindOf(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.gate.Clients.Device = true
	p := s.program()
	d := p.begin()
	answer(d, true)
	b.send("POST", s.URL+"/out")
	if _, err := p.redeem(Grant{DeviceCode: d.DeviceCode}); kindOf(err) != BadGrant {
		t.Errorf("when the person signed out meanwhile: %v", err)
	}
	s.gate.Clients.Device = false
	if _, err := s.gate.BeginDevice(httptest.NewRecorder(), s.program().request("POST", "/api/v1/device", nil), "x"); kindOf(err) != DeviceOff {
		t.Errorf("begun where it is off: %v", err)
	}
	if _, err := s.gate.Pending(r, who, d.UserCode); kindOf(err) != DeviceOff {
		t.Errorf("typed where it is off: %v", err)
	}
}

func TestGuessingATypedCodeTellsNothingAndIsLimited(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, byCode)
	who, other := s.person(s.browser(), "u-1"), s.person(s.browser(), "u-2")
	p := s.program()
	d := p.begin()
	from := func(address string) func(Session, string) error {
		return func(who Session, code string) error {
			r := httptest.NewRequest("POST", "/client/device", nil)
			r.RemoteAddr = address + ":1"
			_, err := s.gate.Pending(r, who, code)
			return err
		}
	}
	here, there := from("192.0.2.1"), from("192.0.2.2")
	says := map[string]bool{}
	for i := range mostGuesses {
		err := here(who, []string{"BBBB-BBBB", "", "x", strings.Repeat("B", 1000), "AAAA-AAAA"}[i%5])
		var f *Failure
		if !errors.As(err, &f) {
			t.Fatalf("guess %d: %v", i, err)
		}
		says[string(f.Kind)+f.Say+f.Next] = true
	}
	var f *Failure
	for name, err := range map[string]error{"the person elsewhere": there(who, d.UserCode), "the address by another": here(other, d.UserCode)} {
		if !errors.As(err, &f) {
			t.Fatalf("%s goes on: %v", name, err)
		}
		says[string(f.Kind)+f.Say+f.Next] = true
	}
	if len(says) != 1 {
		t.Errorf("the answers differ: %v", says)
	}
	if err := there(other, d.UserCode); err != nil {
		t.Errorf("another person elsewhere: %v", err)
	}
	c.pass(throttleSpell)
	fresh := s.program().begin()
	if err := here(who, fresh.UserCode); err != nil {
		t.Errorf("ten minutes later: %v", err)
	}
	if err := there(other, d.UserCode); kindOf(err) != UnknownUserCode {
		t.Errorf("an old code: %v", err)
	}
}

func TestAnAddressBeginsFewTypedCodes(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, byCode)
	p := s.program()
	for range mostBegun {
		p.begin()
	}
	if _, err := s.gate.BeginDevice(httptest.NewRecorder(), p.request("POST", "/api/v1/device", nil), "x"); kindOf(err) != DeviceSlowDown {
		t.Errorf("one more: %v", err)
	}
}

// crowded has every typed code in use.
type crowded struct{ Book }

func (crowded) PutCode(context.Context, Code) error { return ErrCodeTaken }

func TestATypedCodeIsNobodyElses(t *testing.T) {
	c := newClock()
	s := serve(t, c, provide(t, c), nil, byCode)
	s.gate.Book = crowded{s.book}
	if _, err := s.gate.BeginDevice(httptest.NewRecorder(), s.program().request("POST", "/api/v1/device", nil), "x"); !errors.Is(err, ErrCodeTaken) {
		t.Errorf("got %v", err)
	}
}
