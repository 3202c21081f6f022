package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
)

// hasty is the desk's home, and somebody who waits a moment only.
func (d *desk) hasty() (home, *api.Client, *cobra.Command) {
	d.Helper()
	vars := map[string]string{"HOME": d.home, "XDG_CONFIG_HOME": d.home + "/.config", "XDG_CACHE_HOME": d.home + "/.cache"}
	d.Setenv("HOME", d.home)
	d.Setenv("KUBECONFIG", "")
	w := world{strings.NewReader(""), io.Discard, io.Discard, func(name string) string { return vars[name] }, time.Now}
	h, err := w.homeOf(d.server.URL)
	if err != nil {
		d.Fatal(err)
	}
	client, _, err := h.client(300 * time.Millisecond)
	if err != nil {
		d.Fatal(err)
	}
	c := &cobra.Command{}
	c.Flags().String("output", "", "")
	c.SetContext(d.Context())
	return h, client, c
}

func TestAServerThatFreezes(t *testing.T) {
	for _, question := range []string{"POST /api/v1/decisions", "GET /api/v1/leases", "POST /api/v1/leases/%s/entry", starts} {
		t.Run("ends get at the first question without an answer: "+question, func(t *testing.T) {
			d := newDesk(t)
			d.login()
			h, client, c := d.hasty()
			want := wish{role: "viewer"}
			if err := h.get(c, client, "payments-prod", want); err != nil {
				t.Fatal(err)
			}
			held, err := h.running(t.Context(), client, want)
			if err != nil || len(held) != 1 {
				t.Fatal(err, held)
			}
			question := strings.Replace(question, "%s", held["daypass-payments-prod-viewer"].ID, 1)
			want.anew = question == starts
			frozen := d.freeze(question)
			err = h.get(c, client, "payments-prod", want)
			if exitOf(err) != exitUnreachable || strings.Contains(err.Error(), "The lease may have begun all the same") != want.anew {
				t.Errorf("%d, %v", exitOf(err), err)
			}
			if n := frozen(); n != 1 {
				t.Errorf("%d questions were waited for", n)
			}
		})
	}
	for _, question := range []string{"GET /api/v1/leases", "POST /api/v1/leases/%s/entry"} {
		t.Run("ends get --lease as soon: "+question, func(t *testing.T) {
			d := newDesk(t)
			id := d.lease()
			h, client, c := d.hasty()
			frozen := d.freeze(strings.Replace(question, "%s", id, 1))
			if err := h.adopt(c, client, wish{lease: id}); exitOf(err) != exitUnreachable || frozen() != 1 {
				t.Errorf("%v after %d questions", err, frozen())
			}
		})
	}
	t.Run("ends get before the glass, also where it is only learnt who hears of it", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		d.server.Glass("admin")
		h, client, c := d.hasty()
		h.in = strings.NewReader("yes\n")
		frozen := d.freeze("GET /api/v1/clusters")
		err := h.get(c, client, "payments-prod", wish{role: "admin", breakGlass: true, reason: "fire"})
		if exitOf(err) != exitUnreachable || frozen() != 1 || d.server.Asked(starts) != 0 {
			t.Errorf("%v after %d questions", err, frozen())
		}
	})
	t.Run("is not said to have begun a lease where nobody was reached", func(t *testing.T) {
		d := newDesk(t)
		d.login()
		_, client, _ := d.hasty()
		d.server.Close()
		if _, err := begin(t.Context(), client, "payments-prod", wish{role: "viewer"}); err == nil || strings.Contains(err.Error(), "may have begun") {
			t.Error(err)
		}
	})
}

// freeze has the server say nothing from such a question on, and counts what
// it is asked from there.
func (d *desk) freeze(question string) (asked func() int) {
	ctx, thaw := context.WithCancel(context.Background())
	d.Cleanup(thaw)
	at := make(chan struct{}, 100)
	d.server.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if len(at) == 0 && r.Method+" "+r.URL.Path != question {
			return false
		}
		at <- struct{}{}
		<-ctx.Done()
		return true
	})
	return func() int { return len(at) }
}
