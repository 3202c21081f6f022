package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
)

// refuse asks for something nobody may have, at a time.
func (o *office) refuse(t testing.TB, role string, after time.Duration) {
	t.Helper()
	o.now = noon.Add(after)
	if _, err := o.Decide(t.Context(), access.Ask{Cluster: "pay-prod", Role: role}, ann()); err == nil {
		t.Fatal("it was allowed")
	}
}

func (o *office) told(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for _, e := range o.events {
		got = append(got, fmt.Sprintf("%s %s %s", e.Role, e.Reason, e.Facts["repeats"]))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log: %q, want %q", got, want)
	}
}

func TestRefusals(t *testing.T) {
	const admin = "admin no-grant "
	t.Run("are written once a minute, and the others as a count", func(t *testing.T) {
		o := newOffice(t)
		for s := range 5 {
			o.refuse(t, "admin", time.Duration(s)*time.Second)
		}
		o.Tidy(t.Context(), false)
		o.told(t, admin)
		o.now = noon.Add(time.Minute)
		o.Tidy(t.Context(), false)
		o.Tidy(t.Context(), false)
		o.told(t, admin, admin+"4")
		first, count := o.events[0], o.events[1]
		if count.Facts["of"] != first.ID || count.ID == first.ID || !count.At.Equal(o.now) || count.Principal != first.Principal {
			t.Errorf("%+v", count)
		}
		o.refuse(t, "admin", 2*time.Minute)
		o.told(t, admin, admin+"4", admin)
	})
	t.Run("are counted on until the count is written", func(t *testing.T) {
		o := newOffice(t)
		for _, after := range []time.Duration{0, time.Second, 2 * time.Minute, 3 * time.Minute} {
			o.refuse(t, "admin", after)
		}
		o.told(t, admin)
		o.Tidy(t.Context(), false)
		o.told(t, admin, admin+"3")
	})
	t.Run("are written anew after a minute without repeats", func(t *testing.T) {
		o := newOffice(t)
		o.refuse(t, "admin", 0)
		o.refuse(t, "admin", time.Minute-1)
		o.Tidy(t.Context(), true)
		o.refuse(t, "admin", 10*time.Minute)
		o.refuse(t, "admin", 11*time.Minute)
		o.told(t, admin, admin+"1", admin, admin)
	})
	t.Run("are flushed when the server stops", func(t *testing.T) {
		o := newOffice(t)
		o.refuse(t, "admin", 0)
		o.refuse(t, "admin", 1)
		o.Tidy(t.Context(), true)
		o.told(t, admin, admin+"1")
	})
	t.Run("of different things are kept apart", func(t *testing.T) {
		o := newOffice(t)
		o.refuse(t, "admin", 0)
		o.refuse(t, "root", 0)
		o.told(t, admin, "unknown unknown-role ")
	})
	t.Run("of names made up by the asker share one name, and one count", func(t *testing.T) {
		o := newOffice(t)
		for i := range 100 {
			o.refuse(t, fmt.Sprintf("made-up-%d", i), 0)
		}
		o.Tidy(t.Context(), true)
		o.told(t, "unknown unknown-role ", "unknown unknown-role 99")
		if o.events[0].Cluster != "pay-prod" {
			t.Errorf("the cluster, which is known, is %q", o.events[0].Cluster)
		}
	})
	t.Run("say who was refused, from where and why", func(t *testing.T) {
		o := newOffice(t)
		_, err := o.Decide(t.Context(), access.Ask{Cluster: "nope", Role: "viewer", BreakGlass: true}, ann())
		e := o.events[0]
		if err == nil || e.Kind != audit.Refused || e.Cluster != "unknown" || e.Facts["breakGlass"] != "true" || e.Details.Address != "203.0.113.9" || e.Details.Text == "" || e.Principal != ann().Principal.ID() || e.Policy == "" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("that could not be written are written later, with their count", func(t *testing.T) {
		o := newOffice(t)
		o.deaf = errors.New("the disk is full")
		o.refuse(t, "admin", 0)
		o.refuse(t, "admin", time.Second)
		o.Tidy(t.Context(), true)
		o.refuse(t, "admin", 2*time.Second)
		o.told(t)
		o.deaf = nil
		o.Tidy(t.Context(), true)
		o.Tidy(t.Context(), true)
		o.told(t, admin, admin+"2")
	})
	t.Run("are written though the asker hung up", func(t *testing.T) {
		o := newOffice(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = o.Decide(ctx, access.Ask{Cluster: "pay-prod", Role: "admin"}, ann())
		o.told(t, admin)
	})
	t.Run("beyond what is counted are written one by one", func(t *testing.T) {
		o := newOffice(t)
		const counted = 10_000
		for i := range counted + 2 {
			who := ann()
			who.Principal.Subject = fmt.Sprint(i)
			for range 2 {
				_, _ = o.Decide(t.Context(), access.Ask{Cluster: "pay-prod", Role: "admin"}, who)
			}
		}
		if n := len(o.events); n != counted+2*2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestNamesOfAHandOverAreDetails(t *testing.T) {
	for _, tt := range []struct {
		names issuer.Names
		want  map[string]string
	}{
		{issuer.Names{}, map[string]string{}},
		{issuer.Names{Context: "ada's pay"}, map[string]string{"context": "ada's pay"}},
		{issuer.Names{Context: "pay", Namespace: "shop"}, map[string]string{"context": "pay", "namespace": "shop"}},
	} {
		if got := tt.names.Details(); !maps.Equal(got, tt.want) {
			t.Errorf("%+v is on record as %v", tt.names, got)
		}
	}
}
