package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/cmd/kubectl-daypass/kubeconfig"
)

// running are the leases that the kubeconfig has and that still run, by their
// contexts. Of a kubeconfig that cannot be read, whoever writes it tells.
func (h home) running(ctx context.Context, client *api.Client, want wish) (map[string]api.Lease, error) {
	held, err := kubeconfig.Holdings(kubeconfig.Path(want.file), command())
	if err != nil {
		return nil, nil
	}
	contexts := map[string]string{}
	for _, one := range held {
		if one.At(h.server.String()) {
			contexts[one.Context] = one.Lease
		}
	}
	if len(contexts) == 0 {
		return nil, nil // nobody needs to be asked
	}
	all, err := client.Leases(ctx)
	if err != nil {
		return nil, unlearnt(err)
	}
	out := map[string]api.Lease{}
	for name, id := range contexts {
		for _, l := range all.Leases {
			if l.ID == id && l.State == active {
				out[name] = l
			}
		}
	}
	return out, nil
}

// unlearnt is a failure that ends a command also where what was asked is not
// needed: whoever gets no answer once would wait for the next as long. A no is
// passed over, for get can do as if there was no lease.
func unlearnt(err error) error {
	var no *api.Problem
	if errors.As(err, &no) && no.Status < 500 {
		return nil
	}
	return err
}

// lasting finds the lease that the context has already, where that is what is
// wanted and goes on for about as long.
func (h home) lasting(ctx context.Context, client *api.Client, d api.Decision, ask api.Ask, want wish, running map[string]api.Lease) (entry api.Entry, lasts bool, err error) {
	if want.anew || want.breakGlass || want.reason != "" { // a reason is for what begins with it
		return api.Entry{}, false, nil
	}
	for name, l := range running {
		if !want.is(l, ask) || !h.enough(client, d, ask, l) {
			continue
		}
		entry, err := client.Entry(ctx, l.ID)
		if unlearnt(err) != nil {
			return api.Entry{}, false, err
		}
		if err == nil && isOf(entry.Lease, l.ID, ask.Cluster, ask.Role) == nil && want.called(entry) == name {
			return entry, true, nil
		}
	}
	return api.Entry{}, false, nil
}

// enough says whether a lease has nine tenths of what one would have that
// starts now. A server that does not tell how long that is leaves it at what
// was asked for, or at half of the lease's own length.
func (h home) enough(client *api.Client, d api.Decision, ask api.Ask, l api.Lease) bool {
	if d.Answer == "" || len(d.Refusals) > 0 {
		return false // who then starts one is told why not
	}
	left := func(end time.Time) time.Duration { return client.Local(end).Sub(h.now()) }
	switch {
	case !d.EndsAt.IsZero():
		return 10*left(l.EndsAt) >= 9*left(d.EndsAt)
	case ask.Seconds > 0:
		return 10*left(l.EndsAt) >= 9*time.Duration(ask.Seconds)*time.Second
	}
	return 2*left(l.EndsAt) >= l.EndsAt.Sub(l.StartedAt)
}

// stay brings the context up to date with a lease that goes on. The namespace
// that it began with stands there, unless the person chose another since.
func (h home) stay(c *cobra.Command, entry api.Entry, want wish) error {
	entry.Namespace = ""
	out, err := h.put(entry, want)
	if err != nil {
		return err
	}
	out.Kept = true
	return h.told(c, out, want)
}

// displaced tells of the lease whose place a context's new one took. It goes
// on: another kubeconfig may name it.
func (h home) displaced(c *cobra.Command, running map[string]api.Lease, now got) *api.Lease {
	l, ok := running[now.Context]
	if !ok || l.ID == now.Lease.ID {
		return nil
	}
	h.say("The lease that the context had before, %s (%s on %s), goes on until %s. To end it: %s", l.ID, l.Role, l.Cluster, clock(l.EndsAt), h.line(c, "end "+l.ID))
	return &l
}

// line is a command for the same server as c.
func (h home) line(c *cobra.Command, what string) string {
	if c.Flags().Changed("server") {
		what += " --server " + h.server.String()
	}
	return "kubectl daypass " + what
}
