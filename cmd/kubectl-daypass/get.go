package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/cmd/kubectl-daypass/kubeconfig"
)

func getCommand(w world) *cobra.Command {
	var want wish
	c := &cobra.Command{
		Use: "get CLUSTER --role ROLE | get --lease ID", Short: "Put a lease into your kubeconfig: a new one, or one you have",
		Example: "  kubectl daypass get payments-prod --role viewer --for 4h\n  kubectl --context payments-prod-viewer get pods\n  kubectl daypass get --lease ls_01k9x2m4qj",
		Args:    takes(cobra.MaximumNArgs(1), "one cluster"), ValidArgsFunction: w.clusterNames,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkForm(c); err != nil {
				return err
			}
			if err := want.check(c, args); err != nil {
				return err
			}
			h, client, err := w.as(c)
			if err != nil {
				return err
			}
			if want.lease != "" {
				return h.then(client, h.adopt(c, client, want))
			}
			return h.then(client, h.get(c, client, args[0], want))
		},
	}
	f := c.Flags()
	f.StringVar(&want.lease, "lease", "", "a lease you have, in place of starting one")
	f.StringVarP(&want.role, "role", "r", "", "the role (may be left out where you have one choice)")
	f.Var(&want.length, "for", "how long, such as 30m, 4h or 1d (default: as the server says)")
	f.StringVar(&want.reason, "reason", "", "why, where the grant asks for it")
	f.StringVarP(&want.namespace, "namespace", "n", "", "the context's namespace")
	f.StringVar(&want.context, "context", "", "what to call the context")
	f.StringVar(&want.file, "kubeconfig", "", "the kubeconfig to put it into (default: $KUBECONFIG or ~/.kube/config)")
	f.BoolVar(&want.anew, "new", false, "start another lease also while the one that the context has goes on")
	f.BoolVar(&want.use, "use", false, "make it the current context")
	f.BoolVar(&want.breakGlass, "break-glass", false, "take the emergency grant; others are told at once")
	f.BoolVar(&want.yes, "yes", false, "with --break-glass: do not ask again")
	for name, complete := range map[string]cobra.CompletionFunc{"role": w.roleNames, "lease": w.leaseNames, "context": w.contextNames, "kubeconfig": files} {
		_ = c.RegisterFlagCompletionFunc(name, complete) // the flag is there
	}
	return c
}

// got is get's answer for programs.
type got struct {
	Lease      api.Lease `json:"lease"`
	Context    string    `json:"context"`
	Kubeconfig string    `json:"kubeconfig"`
	Backup     string    `json:"backup,omitempty"`
	// Kept says that the lease ran already.
	Kept bool `json:"kept"`
	// Before is the lease whose place this one took in the context, if it goes on.
	Before *api.Lease `json:"before,omitempty"`
}

func (h home) get(c *cobra.Command, client *api.Client, cluster string, want wish) error {
	if want.role == "" {
		var err error
		if want.role, err = onlyRole(c.Context(), client, cluster, want.breakGlass); err != nil {
			return err
		}
	}
	d, err := h.try(c.Context(), client, want, cluster)
	if err != nil {
		return unbegun(c.Context(), err)
	}
	if err := h.confirm(c.Context(), client, d, want, cluster); err != nil {
		return h.meant(c, client, err, cluster, want)
	}
	release, err := h.turn(c.Context(), want, cmp.Or(want.context, d.Context, cluster+" "+want.role), queue)
	if err != nil {
		return unbegun(c.Context(), err)
	}
	defer release()
	before, err := h.running(c.Context(), client, want)
	if err != nil {
		return unbegun(c.Context(), err)
	}
	entry, lasts, err := h.lasting(c.Context(), client, d, want.ask(cluster), want, before)
	if err != nil {
		return unbegun(c.Context(), err)
	}
	if lasts {
		return h.stay(c, entry, want)
	}
	return h.start(c, client, cluster, want, before)
}

// unbegun says of a failure that nothing is on record, where the person gave up.
func unbegun(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return &failure{code: exitFailed, say: "Stopped. No lease was started.", err: err}
}

// start starts a lease and puts it into the kubeconfig.
func (h home) start(c *cobra.Command, client *api.Client, cluster string, want wish, before map[string]api.Lease) error {
	if err := c.Context().Err(); err != nil {
		return unbegun(c.Context(), err)
	}
	l, err := begin(c.Context(), client, cluster, want)
	if err != nil {
		return h.meant(c, client, err, cluster, want)
	}
	entry, err := client.Entry(c.Context(), l.ID)
	if err == nil {
		err = isOf(entry.Lease, l.ID, cluster, want.role)
	}
	if err != nil {
		return h.undone(client, l, err)
	}
	out, err := h.put(entry, want)
	if err != nil {
		return h.undone(client, l, err)
	}
	out.Before = h.displaced(c, before, out)
	if l.Note != "" {
		h.say("No token yet, it is tried again when kubectl asks: %s", l.Note)
	}
	return h.told(c, out, want)
}

// try looks before anything is on record whether the kubeconfig can take the
// entry, by the names that the server will give it. Where it does not tell
// them, or refuses, what comes next says so. It gives what the server decides.
func (h home) try(ctx context.Context, client *api.Client, want wish, cluster string) (api.Decision, error) {
	d, err := client.Decide(ctx, want.ask(cluster))
	if unlearnt(err) != nil {
		return d, err
	}
	if d.Context != "" && want.context == "" && !tame(d.Context) {
		return d, badContext(d.Context)
	}
	e := api.Entry{Context: d.Context, Server: d.Server, Namespace: want.namespace}
	return d, kubeconfig.Try(kubeconfig.Path(want.file), h.entry(e, want.called(e), want))
}

// adopt puts a lease that was started elsewhere into the kubeconfig.
func (h home) adopt(c *cobra.Command, client *api.Client, want wish) error {
	entry, err := client.Entry(c.Context(), want.lease)
	if err != nil {
		return meantLease(c.Context(), client, err, want.lease)
	}
	if err := isOf(entry.Lease, want.lease, "", ""); err != nil {
		return err
	}
	release, err := h.turn(c.Context(), want, want.called(entry), queue)
	if err != nil {
		return err
	}
	defer release()
	before, err := h.running(c.Context(), client, want)
	if err != nil {
		return err
	}
	out, err := h.put(entry, want)
	if err != nil {
		return err
	}
	out.Before = h.displaced(c, before, out)
	return h.told(c, out, want)
}

// put writes an entry into the kubeconfig.
func (h home) put(entry api.Entry, want wish) (got, error) {
	out := got{Lease: entry.Lease, Context: want.called(entry), Kubeconfig: kubeconfig.Path(want.file)}
	err := sound(entry, want)
	if err != nil {
		return out, err
	}
	for _, wrong := range kubeconfig.PassedOver(kubeconfig.Beside(want.file)) {
		h.say("A file of $KUBECONFIG was passed over, and kubectl may refuse it: %v", wrong)
	}
	done, err := kubeconfig.Merge(out.Kubeconfig, h.entry(entry, out.Context, want))
	if out.Backup = done.Backup; err == nil && len(done.Dropped) > 0 {
		h.say("Taken out of the context's cluster, since the server names none: %s.", strings.Join(done.Dropped, " and "))
	}
	return out, err
}

func (h home) told(c *cobra.Command, out got, want wish) error {
	return h.give(c, out, []string{out.Context}, func() error { return h.tellGot(out, want) })
}

// refused is the first reason of a decision that is a no, or what it needs, as
// if it was asked for in earnest.
func refused(d api.Decision, ask api.Ask) error {
	switch {
	case len(d.Refusals) > 0:
		no := d.Refusals[0]
		return &api.Problem{Status: http.StatusForbidden, Code: no.Code, Detail: no.Say, Next: no.Next}
	case len(d.Needs) > 0:
		return &api.Problem{Status: http.StatusForbidden, Code: api.CodeNeeds, Detail: fmt.Sprintf("%s on %s needs a %s.", ask.Role, ask.Cluster, strings.Join(d.Needs, " and a "))}
	}
	return nil
}

func onlyRole(ctx context.Context, client *api.Client, cluster string, glass bool) (string, error) {
	all, err := client.Clusters(ctx)
	if err != nil {
		return "", err
	}
	roles := rolesOn(all, cluster, glass)
	switch len(roles) {
	case 0:
		return "", noRole(all, cluster, glass)
	case 1:
		return roles[0], nil
	}
	return "", usage("which role? Give --role with one of: %s", strings.Join(roles, ", "))
}

// noRole says why there is nothing to choose from on a cluster.
func noRole(all api.Clusters, cluster string, glass bool) error {
	say := fmt.Sprintf("On %s you may only break the glass, with --break-glass and --reason.", cluster)
	switch names := clustersOf(all); {
	case !slices.Contains(names, cluster):
		say = fmt.Sprintf("There is no cluster %q for you.", cluster)
		if name := near(cluster, names); name != "" {
			say += " Did you mean " + name + "?"
		}
	case glass:
		say = fmt.Sprintf("On %s there is no glass for you to break.", cluster)
	}
	return &failure{code: exitRefused, say: say + " See: kubectl daypass list"}
}

// begin starts a lease, and asks again when the answer was lost: under one key,
// two questions start one lease. Nobody waits twice for one that is late.
func begin(ctx context.Context, client *api.Client, cluster string, want wish) (api.Lease, error) {
	s := api.Start{Ask: want.ask(cluster), Namespace: want.namespace, Key: rand.Text()}
	l, err := client.Start(ctx, s)
	var un *api.Unreachable
	if errors.As(err, &un) && !un.Timeout() && ctx.Err() == nil {
		l, err = client.Start(ctx, s)
	}
	if err == nil {
		err = checkLease(l.ID)
	}
	return l, unawaited(err, "The lease may have begun")
}

// undone ends a lease that nobody can use, so that it does not stand open.
func (h home) undone(client *api.Client, l api.Lease, err error) error {
	ctx, cancel := context.WithTimeout(context.Background(), impatient) // also when the person gave up
	defer cancel()
	also := "The lease was ended again."
	if _, failed := client.End(ctx, l.ID); failed != nil {
		also = fmt.Sprintf("The lease %s still runs until %s.", l.ID, clock(l.EndsAt))
	}
	return &failure{code: exitOf(err), say: stopped(err.Error()) + " " + also, err: err}
}

func (h home) entry(e api.Entry, name string, want wish) kubeconfig.Entry {
	ns := want.namespace
	if ns == "" {
		ns = e.Namespace
	}
	return kubeconfig.Entry{
		Context: name, Cluster: name, User: name, Server: e.Server, CA: e.CA, ProxyURL: e.ProxyURL, TLSServerName: e.TLSServerName, Namespace: ns, Use: want.use,
		Command: command(), Args: []string{"token", "--server", h.server.String(), "--lease", e.Lease.ID},
		InstallHint: "kubectl-daypass is not on the PATH. Get it from " + h.server.String() + "/client",
		Beside:      kubeconfig.Beside(want.file),
	}
}

// command is how kubectl finds us: by name where the PATH leads to us, else by
// the whole path.
func command() string {
	const name = "kubectl-daypass"
	self, err := os.Executable()
	if err != nil {
		return name
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return self
	}
	a, errA := os.Stat(found)
	b, errB := os.Stat(self)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return name
	}
	return self
}

func (h home) tellGot(g got, want wish) error {
	told := fmt.Sprintf("%s on %s until %s, in %s as the context %s.", g.Lease.Role, g.Lease.Cluster, clock(g.Lease.EndsAt), g.Kubeconfig, g.Context)
	if g.Kept {
		told = fmt.Sprintf("You have %s on %s already, until %s, in %s as the context %s. --new starts another.", g.Lease.Role, g.Lease.Cluster, clock(g.Lease.EndsAt), g.Kubeconfig, g.Context)
	}
	if g.Backup != "" {
		told += " What it was before is in " + g.Backup + "."
	}
	if err := h.print("%s", told); err != nil {
		return err
	}
	try := "kubectl"
	if want.file != "" {
		try += " --kubeconfig " + quoted(want.file)
	}
	if !want.use {
		try += " --context " + quoted(g.Context)
	}
	return h.print("Try it: %s auth whoami", try)
}
