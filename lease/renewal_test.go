package lease_test

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/store"
)

func onSQLite(t *testing.T) (*world, *clock) {
	t.Helper()
	c := &clock{}
	return newWorld(t, store.Config{SQLite: filepath.Join(t.TempDir(), "daypass.db")}, c.now), c
}

// TestRenewalDecidesAgain changes the world under a lease. Whether the last
// token is live or spent makes no difference to the answer.
func TestRenewalDecidesAgain(t *testing.T) {
	until := func(d time.Duration) func(*access.Grant) { return func(g *access.Grant) { g.Until = noon.Add(d) } }
	home := func(g *access.Grant) { g.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} }
	for _, tt := range []struct {
		claim string
		lasts time.Duration
		first func(*access.Grant) // the grant at the start
		then  func(*access.Grant) // and later; nil: it is gone
		from  string
		after time.Duration
		want  access.RefusalCode // empty: given
	}{
		{claim: "gives what the grant still gives", then: same},
		{claim: "refuses when the grant was dropped", then: nil, want: access.NoGrant},
		{claim: "refuses when the group is another", then: func(g *access.Grant) { g.Who[0].Group = "sales" }, want: access.NoGrant},
		{claim: "refuses when the grant is for other clusters", then: func(g *access.Grant) { g.Clusters = []access.Where{{Name: "elsewhere"}} }, want: access.NoGrant},
		{claim: "refuses when the grant is for emergencies now", then: glass, want: access.BreakGlassOnly},
		{claim: "refuses at the instant the grant ends", then: until(time.Hour), after: time.Hour, want: access.GrantOver},
		{claim: "gives until the instant before", then: until(time.Hour), after: time.Hour - time.Microsecond},
		{claim: "refuses from outside the networks", first: home, then: home, from: "198.51.100.1", want: access.OutsideNetworks},
		{claim: "refuses outside networks that were narrowed", then: func(g *access.Grant) { g.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, want: access.OutsideNetworks},
		{claim: "refuses a lease longer than a shortened grant", then: longest(time.Hour), want: access.TooLong},
		{claim: "gives a lease as long as a shortened grant", then: longest(4 * time.Hour)},
		{claim: "gives a lease that the grant's end cut short", first: until(10 * time.Minute), then: until(10 * time.Minute), after: 5 * time.Minute},
		{claim: "refuses a short lease longer than a shortened grant", lasts: 10 * time.Minute, first: longest(10 * time.Minute), then: longest(5 * time.Minute), want: access.TooLong},
		{claim: "gives a short lease of a short grant", lasts: 10 * time.Minute, first: longest(10 * time.Minute), then: longest(10 * time.Minute)},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			w, c := onSQLite(t)
			w.use(tt.first)
			ask := want("k")
			if tt.lasts != 0 {
				ask.For = tt.lasts
			}
			l, err := w.keeper.Start(t.Context(), ask, ada())
			must(t, err)
			if tt.then == nil {
				w.policy.Store(policy(t))
			} else {
				w.use(tt.then)
			}
			c.move(tt.after)
			w.asksAgain(l, tt.from, tt.want)
			w.holds(w.reconciled(c.move))
		})
	}
}

func same(*access.Grant) {}

func glass(g *access.Grant) { g.BreakGlass = true }

func longest(d time.Duration) func(*access.Grant) { return func(g *access.Grant) { g.Longest = d } }

// use puts a policy in force whose one grant was changed.
func (w *world) use(change func(*access.Grant)) {
	w.t.Helper()
	g := grant()
	if change != nil {
		change(&g)
	}
	w.policy.Store(policy(w.t, g))
}

// asksAgain hands over and renews, and expects the same answer to both.
func (w *world) asksAgain(l lease.Lease, from string, want access.RefusalCode) {
	w.t.Helper()
	who := ada()
	if from != "" {
		who.Address = netip.MustParseAddr(from)
	}
	minted := w.aws.minted()
	_, made, err := w.keeper.HandOver(w.t.Context(), l.ID, lease.Shown, who)
	_, fetched, ferr := w.keeper.Fetch(w.t.Context(), l.ID, who)
	_, again := w.keeper.Renew(w.t.Context(), l.ID, who)
	for deed, err := range map[string]error{"hand over": err, "fetch": ferr, "renew": again} {
		if got := refusal(err); got != want || want == "" && err != nil {
			w.t.Errorf("%s: %q, want %q (%v)", deed, got, want, err)
		}
	}
	if want != "" && (made.Token.Reveal() != "" || fetched.Token.Reveal() != "" || w.aws.minted() != minted) {
		w.t.Error("a token was minted or given all the same")
	}
}

func refusal(err error) access.RefusalCode {
	var no *issuer.NotAllowed
	if !errors.As(err, &no) {
		return ""
	}
	return no.Decision.Refusals[0].Code
}

func TestATokenForAnotherRoleIsNotGivenAgain(t *testing.T) {
	w, c := onSQLite(t)
	l := w.begun("k")
	w.policy.Store(policyWith(t, "daypass-lesser", grant()))
	_, made, err := w.keeper.HandOver(t.Context(), l.ID, lease.Shown, ada())
	must(t, err)
	if made.RoleARN != "arn:aws:iam::111122223333:role/daypass-lesser" || w.aws.minted() != 2 {
		t.Errorf("the token is for %s", made.RoleARN)
	}
	w.holds(w.reconciled(c.move))
}

func TestHandingOver(t *testing.T) {
	t.Run("gives the same token until two minutes before its end", func(t *testing.T) {
		w, c := onSQLite(t)
		l := w.begun("k")
		must(t, w.take(t.Context(), w.keeper, l.ID))
		c.move(12*time.Minute - time.Nanosecond)
		must(t, w.take(t.Context(), w.keeper, l.ID))
		if w.aws.minted() != 1 {
			t.Errorf("minted %d times", w.aws.minted())
		}
		c.move(time.Nanosecond)
		must(t, w.take(t.Context(), w.keeper, l.ID))
		if w.aws.minted() != 2 {
			t.Errorf("minted %d times", w.aws.minted())
		}
		w.holds(w.reconciled(c.move))
	})
	t.Run("says in which form and from where", func(t *testing.T) {
		w, _ := onSQLite(t)
		l := w.begun("k")
		_, made, err := w.keeper.HandOver(t.Context(), l.ID, lease.CopiedBash, ada())
		must(t, err)
		rows, err := w.store.Events(t.Context(), audit.Query{Kind: audit.HandedOver})
		must(t, err)
		e := rows[0].Event
		got := []string{e.Facts["form"], e.Details.Address, e.Details.UserAgent, e.Request, e.Issuance, e.AccessKeyID, e.Cluster, e.Role, e.Policy}
		want := []string{"copy-bash", "203.0.113.9", "curl/8", "rq_1", made.ID, made.AccessKeyID, "pay-prod", "viewer", w.policy.Load().Digest()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("is for the lease's owner only, as are renewing and ending", func(t *testing.T) {
		w, c := onSQLite(t)
		l, bob := w.begun("k"), person("bob", "203.0.113.9")
		_, _, take := w.keeper.HandOver(t.Context(), l.ID, lease.Shown, bob)
		_, renew := w.keeper.Renew(t.Context(), l.ID, bob)
		_, end := w.keeper.End(t.Context(), l.ID, bob)
		_, none := w.keeper.End(t.Context(), "ls_none", bob)
		for _, err := range []error{take, renew, end, none} {
			if !errors.Is(err, lease.ErrNone) {
				t.Errorf("got %v", err)
			}
		}
		if w.look(l.ID).State != lease.Active {
			t.Error("bob ended it")
		}
		w.holds(w.reconciled(c.move))
	})
	t.Run("stops at the lease's end, swept or not", func(t *testing.T) {
		w, c := onSQLite(t)
		l := w.begun("k")
		c.move(4*time.Hour - time.Microsecond)
		must(t, w.take(t.Context(), w.keeper, l.ID))
		c.move(time.Microsecond)
		over := func() {
			t.Helper()
			for _, err := range []error{w.take(t.Context(), w.keeper, l.ID), renew(t.Context(), w, l), end(t.Context(), w, l)} {
				if !errors.Is(err, lease.ErrOver) {
					t.Errorf("got %v", err)
				}
			}
			w.look(l.ID)
		}
		over()
		must(t, w.keeper.Sweep(t.Context()))
		must(t, w.keeper.Sweep(t.Context()))
		over()
		if n := kinds(w.holds(w.reconciled(c.move))); n[audit.LeaseExpired] != 1 {
			t.Errorf("the log: %v", n)
		}
	})
}

func TestStarting(t *testing.T) {
	t.Run("refuses a namespace that cannot be one, before anything is written", func(t *testing.T) {
		w, _ := onSQLite(t)
		for _, ns := range []string{"Shop", "-a", "a-", "a b", "a\n", "é", string(make([]byte, 64))} {
			ask := want("k")
			ask.Namespace = ns
			var bad *lease.BadNamespace
			if _, err := w.keeper.Start(t.Context(), ask, ada()); !errors.As(err, &bad) {
				t.Errorf("%q: %v", ns, err)
			}
		}
		if rows := w.holds(func() {}); len(rows) != 0 {
			t.Errorf("%d events", len(rows))
		}
	})
	t.Run("writes all of it at once", func(t *testing.T) {
		w, c := onSQLite(t)
		ask := want("k")
		ask.Namespace, ask.Reason = "shop", "ticket 7"
		l, err := w.keeper.Start(t.Context(), ask, ada())
		must(t, err)
		got := w.look(l.ID)
		if got.TokenExpires.IsZero() || got.Namespace != "shop" || !got.EndsAt.Equal(c.now().Add(4*time.Hour)) {
			t.Errorf("%+v", got)
		}
		rows := w.holds(w.reconciled(c.move))
		if len(rows) != 3 || rows[0].Event.Kind != audit.LeaseStarted || rows[1].Event.Kind != audit.Intended || rows[2].Event.Kind != audit.Minted {
			t.Errorf("the log:%s", describe(rows))
		}
		if rows[0].Event.Details.Text != "ticket 7" || rows[0].Event.Facts["until"] == "" {
			t.Errorf("%+v", rows[0].Event)
		}
	})
	t.Run("tells those whom the grant names that the glass was broken, with the lease", func(t *testing.T) {
		w, c := onSQLite(t)
		w.use(func(g *access.Grant) { g.BreakGlass, g.Tells = true, []string{"siem", "chat"} })
		ask := want("k")
		ask.BreakGlass, ask.Confirmed, ask.Reason = true, true, "fire"
		l, err := w.keeper.Start(t.Context(), ask, ada())
		must(t, err)
		must(t, w.take(t.Context(), w.keeper, l.ID)) // under the same terms
		notices, err := w.store.Claim(t.Context(), c.now(), c.now().Add(time.Minute), 10)
		must(t, err)
		if len(notices) != 2 || notices[0].Lease != l.ID || notices[0].Type != string(audit.GlassBroken) {
			t.Errorf("%+v", notices)
		}
		if n := kinds(w.holds(w.reconciled(c.move))); n[audit.GlassBroken] != 1 || n[audit.LeaseStarted] != 0 {
			t.Errorf("the log: %v", n)
		}
	})
}
