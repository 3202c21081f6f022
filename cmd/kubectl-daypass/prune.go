package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/cmd/kubectl-daypass/kubeconfig"
)

func pruneCommand(w world) *cobra.Command {
	var file string
	var dry bool
	c := &cobra.Command{
		Use: "prune", Short: "Take contexts out of your kubeconfig whose leases are over",
		Long: "Take contexts out of your kubeconfig whose leases are over, or are none of yours as\ntheir server says, with the users and clusters that only they need. Contexts that\nDaypass did not make stay, and so do those of servers that cannot be asked.",
		Args: takes(cobra.NoArgs, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkForm(c); err != nil {
				return err
			}
			return w.prune(c, file, dry)
		},
	}
	c.Flags().StringVar(&file, "kubeconfig", "", "the kubeconfig to look through (default: $KUBECONFIG or ~/.kube/config)")
	_ = c.RegisterFlagCompletionFunc("kubeconfig", files) // the flag is there
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would go, and change nothing")
	return c
}

// The states of a lease that no server tells of.
const (
	isUnknown = "unknown" // it is none of the person's
	isUnasked = "unasked"
)

// seen is a context of ours, and what its server says of the lease.
type seen struct {
	Context string `json:"context"`
	Server  string `json:"server"`
	Lease   string `json:"lease"`
	State   string `json:"state"`          // of the lease; unknown; unasked
	Note    string `json:"note,omitempty"` // why it goes, or why it stays unasked
	Pruned  bool   `json:"pruned"`
	WouldGo bool   `json:"wouldGo,omitempty"` // with dryRun only

	held kubeconfig.Holding
}

// out says whether it was taken out, or would be.
func (s seen) out() bool { return s.Pruned || s.WouldGo }

// goes says whether nothing more is to be had by it.
func (s seen) goes() bool { return s.State != active && s.State != isUnasked }

// pruning is prune's answer for programs.
type pruning struct {
	Kubeconfig string `json:"kubeconfig"`
	Backup     string `json:"backup,omitempty"`
	DryRun     bool   `json:"dryRun"`
	Contexts   []seen `json:"contexts"` // all of ours

	of   string // whose contexts they are
	left int    // contexts of all kinds, afterwards
}

func (p pruning) names() []string {
	names := []string{}
	for _, s := range p.Contexts {
		if s.out() {
			names = append(names, s.Context)
		}
	}
	return names
}

func (w world) prune(c *cobra.Command, file string, dry bool) error {
	only, err := w.only(c)
	if err != nil {
		return err
	}
	p := pruning{Kubeconfig: kubeconfig.Path(file), DryRun: dry, of: cmp.Or(only, "Daypass")}
	if p.Contexts, err = w.look(c, p.Kubeconfig, only); err != nil {
		return err
	}
	beside := kubeconfig.Beside(file)
	if err := p.take(beside); err != nil {
		return err
	}
	p.left = kubeconfig.Contexts(append(beside, p.Kubeconfig))
	w.tellUnasked(p)
	return w.give(c, p, p.names(), func() error { return w.tellPruned(p) })
}

// take takes out what goes, and leaves what the files beside need.
func (p *pruning) take(beside []string) error {
	var gone []kubeconfig.Holding
	for _, s := range p.Contexts {
		if s.goes() {
			gone = append(gone, s.held)
		}
	}
	took := gone
	if len(gone) > 0 && !p.DryRun {
		var err error
		if took, p.Backup, err = kubeconfig.Remove(p.Kubeconfig, command(), beside, gone...); err != nil {
			return err
		}
	}
	for i := range p.Contexts {
		for _, h := range took {
			if h.Context == p.Contexts[i].Context {
				p.Contexts[i].Pruned, p.Contexts[i].WouldGo = !p.DryRun, p.DryRun
			}
		}
	}
	return nil
}

// look finds the contexts of ours, and asks their servers.
func (w world) look(c *cobra.Command, file, only string) ([]seen, error) {
	held, err := kubeconfig.Holdings(file, command())
	if err != nil {
		return nil, err
	}
	all, asked := []seen{}, map[string]books{}
	for _, h := range held {
		if only != "" && !h.At(only) {
			continue
		}
		b, known := asked[h.Server]
		if !known {
			b = w.booksOf(c.Context(), h.Server)
			asked[h.Server] = b
		}
		all = append(all, b.tell(c.Context(), h))
	}
	if err := c.Context().Err(); err != nil {
		return nil, &failure{code: exitFailed, say: "Stopped. Nothing was taken out of " + file + ".", err: err}
	}
	return all, nil
}

// only is the server that was named, if one was.
func (w world) only(c *cobra.Command) (string, error) {
	if !c.Flags().Changed("server") {
		return "", nil
	}
	h, err := w.at(c)
	if err != nil {
		return "", err
	}
	return h.server.String(), nil
}

// books are what a server says of a person's leases.
type books struct {
	client *api.Client
	leases []api.Lease
	err    error // why it cannot be asked
}

func (w world) booksOf(ctx context.Context, server string) books {
	h, err := w.homeOf(server)
	if err != nil {
		return books{err: err}
	}
	client, err := h.person()
	if err != nil {
		return books{err: err}
	}
	all, err := client.Leases(ctx)
	return books{client, all.Leases, h.then(client, err)}
}

// tell says of a context's lease what the server does.
func (b books) tell(ctx context.Context, h kubeconfig.Holding) seen {
	s := seen{Context: h.Context, Server: h.Server, Lease: h.Lease, held: h}
	l, err := b.lease(ctx, h.Lease)
	var p *api.Problem
	switch {
	case errors.As(err, &p) && p.Code == api.CodeNoLease, b.err == nil && checkLease(h.Lease) != nil:
		s.State, s.Note = isUnknown, "you have no lease "+h.Lease
	case err != nil:
		s.State, s.Note = isUnasked, err.Error()
	default:
		s.State = l.State
		if s.goes() {
			s.Note = "its lease " + h.Lease + " ended " + clock(endOf(l))
		}
	}
	return s
}

// lease finds one. Long past ones are not listed, so one that is not there is
// asked for by its name.
func (b books) lease(ctx context.Context, id string) (api.Lease, error) {
	for _, l := range b.leases {
		if l.ID == id {
			return l, nil
		}
	}
	if b.err != nil {
		return api.Lease{}, b.err
	}
	if err := checkLease(id); err != nil {
		return api.Lease{}, err
	}
	return b.client.Lease(ctx, id)
}

// tellUnasked tells of each server that cannot be asked what stays for that.
func (w world) tellUnasked(p pruning) {
	said := map[string]bool{}
	for _, s := range p.Contexts {
		if s.State != isUnasked || said[s.Server+s.Note] {
			continue
		}
		said[s.Server+s.Note] = true
		var stay []string
		for _, other := range p.Contexts {
			if other.State == isUnasked && other.Server == s.Server && other.Note == s.Note {
				stay = append(stay, other.Context)
			}
		}
		w.say("Kept %s, since %s cannot be asked: %s", strings.Join(stay, ", "), s.Server, s.Note)
	}
}

func (w world) tellPruned(p pruning) error {
	did := "Took %s out: %s."
	if p.DryRun {
		did = "Would take %s out: %s."
	}
	for _, s := range p.Contexts {
		if !s.out() {
			continue
		}
		if err := w.print(did, s.Context, s.Note); err != nil {
			return err
		}
	}
	return w.print("%s", p.last())
}

// last is the sentence that says what became of the kubeconfig.
func (p pruning) last() string {
	switch {
	case len(p.Contexts) == 0:
		return "No context in " + p.Kubeconfig + " is of " + p.of + "."
	case len(p.names()) == 0:
		return "Nothing was taken out of " + p.Kubeconfig + "."
	case p.DryRun:
		return p.Kubeconfig + " is as it was."
	}
	say := "What " + p.Kubeconfig + " was before is in " + p.Backup + "."
	for _, s := range p.Contexts {
		if s.Pruned && s.held.Current {
			say += " " + s.Context + " was the current context, and now there is none" + p.choice()
		}
	}
	return say
}

// choice leads on to another context, where one is left.
func (p pruning) choice() string {
	if p.left == 0 {
		return "."
	}
	return "; choose one: kubectl config use-context NAME"
}
