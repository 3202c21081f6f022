package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/cmd/kubectl-daypass/kubeconfig"
)

func listCommand(w world) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the clusters that you may enter", Args: takes(cobra.NoArgs, "no arguments but leases and sessions"),
		RunE: w.asking(func(h home, c *cobra.Command, client *api.Client) error {
			all, err := client.Clusters(c.Context())
			if err != nil {
				return err
			}
			return h.listed(c, all, clustersOf(all), func() error { return h.table(clusterRows(all)) })
		}),
	}
	c.AddCommand(
		&cobra.Command{Use: "leases", Short: "List your leases", Args: takes(cobra.NoArgs, "no arguments"), RunE: w.asking(listLeases)},
		&cobra.Command{Use: "sessions", Short: "List your signed-in browsers and machines", Args: takes(cobra.NoArgs, "no arguments"), RunE: w.asking(listSessions)},
	)
	return c
}

// asking is for commands that ask as whoever is signed in.
func (w world) asking(f func(h home, c *cobra.Command, client *api.Client) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		if err := checkForm(c); err != nil {
			return err
		}
		h, client, err := w.as(c)
		if err != nil {
			return err
		}
		return h.then(client, f(h, c, client))
	}
}

func clustersOf(all api.Clusters) (names []string) {
	for _, c := range all.Clusters {
		names = append(names, c.Name)
	}
	return names
}

// rolesOn lists the roles on a cluster, behind the glass or before it.
func rolesOn(all api.Clusters, cluster string, glass bool) (roles []string) {
	for _, c := range all.Clusters {
		if c.Name != cluster {
			continue
		}
		for _, choice := range c.Choices {
			if choice.BreakGlass == glass {
				roles = append(roles, choice.Role)
			}
		}
	}
	return roles
}

func clusterRows(all api.Clusters) [][]string {
	rows := [][]string{{"CLUSTER", "ROLE", "FOR UP TO", "NEEDS"}}
	for _, c := range all.Clusters {
		for _, choice := range c.Choices {
			rows = append(rows, []string{c.Name, choice.Role, long(choice.Longest), needs(choice)})
		}
	}
	return rows
}

// needs is what has to be given with a choice.
func needs(c api.Choice) string {
	var all []string
	if c.BreakGlass {
		all = append(all, "--break-glass")
	}
	if c.Reason {
		all = append(all, "--reason")
	}
	return strings.Join(all, " ")
}

// long writes a length of time as people say it.
func long(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	if d%time.Hour == 0 && d > 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	if d%time.Minute == 0 && d > 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// active is the state of a lease that still gives tokens.
const active = "active"

func listLeases(h home, c *cobra.Command, client *api.Client) error {
	all, err := client.Leases(c.Context())
	if err != nil {
		return err
	}
	here := map[string][]string{}
	for _, held := range contextsHere() {
		if held.At(h.server.String()) {
			here[held.Lease] = append(here[held.Lease], held.Context)
		}
	}
	rows := [][]string{{"LEASE", "CLUSTER", "ROLE", "STATE", "ENDS", "CONTEXT", ""}}
	for _, l := range all.Leases {
		glass := ""
		if l.BreakGlass {
			glass = "break-glass"
		}
		rows = append(rows, []string{l.ID, l.Cluster, l.Role, l.State, clock(endOf(l)), strings.Join(here[l.ID], ", "), glass})
	}
	return h.listed(c, all, activeOf(all), func() error { return h.table(rows) })
}

// contextsHere are those of ours that kubectl finds. A file that cannot be read
// has none.
func contextsHere() (all []kubeconfig.Holding) {
	for _, path := range append([]string{kubeconfig.Path("")}, kubeconfig.Beside("")...) {
		held, _ := kubeconfig.Holdings(path, command()) // get and prune tell what is wrong with it
		all = append(all, held...)
	}
	return all
}

// activeOf names those that are active: of others, no command takes the name.
func activeOf(all api.Leases) []string {
	names := []string{}
	for _, l := range all.Leases {
		if l.State == active {
			names = append(names, l.ID)
		}
	}
	return names
}

// endOf is when a lease ends, or did.
func endOf(l api.Lease) time.Time {
	if l.State != active && !l.EndedAt.IsZero() {
		return l.EndedAt
	}
	return l.EndsAt
}

func listSessions(h home, c *cobra.Command, client *api.Client) error {
	all, err := client.Sessions(c.Context())
	if err != nil {
		return err
	}
	rows, names := [][]string{{"SESSION", "KIND", "NAME", "FROM", "LAST USED", ""}}, []string{}
	for _, s := range all.Sessions {
		this := ""
		if s.This {
			this = "this one"
		}
		names = append(names, s.ID)
		rows = append(rows, []string{s.ID, s.Kind, s.Name, s.Address, clock(s.LastUsed), this})
	}
	return h.listed(c, all, names, func() error { return h.table(rows) })
}

func endCommand(w world) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "end LEASE | end CONTEXT | end --all", Short: "End a lease, or all of yours", Args: takes(cobra.MaximumNArgs(1), "one lease, or --all"),
		ValidArgsFunction: w.leaseNames,
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return usage("end takes one lease, by its ID or by its context here, or --all; see: kubectl daypass list leases")
			}
			return w.asking(func(h home, c *cobra.Command, client *api.Client) error {
				return h.end(c, client, args)
			})(c, args)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "end all of your leases")
	return c
}

func (h home) end(c *cobra.Command, client *api.Client, args []string) error {
	ended, err := h.endThese(c.Context(), client, args)
	if err != nil {
		return err
	}
	names := []string{}
	for _, l := range ended.Leases {
		names = append(names, l.ID)
		if err := h.over(c.Context(), l); err != nil {
			return err
		}
	}
	return h.give(c, ended, names, func() error { return h.tellEnded(ended) })
}

func (h home) endThese(ctx context.Context, client *api.Client, args []string) (api.Leases, error) {
	const may = "What was to end may be over"
	if len(args) == 0 {
		all, err := client.EndAll(ctx)
		return all, unawaited(err, may)
	}
	id, err := h.leaseOf(args[0])
	if err != nil {
		return api.Leases{}, err
	}
	l, err := client.End(ctx, id)
	return api.Leases{Leases: []api.Lease{l}}, unawaited(meantLease(ctx, client, err, id), may)
}

// leaseOf is the ID of a lease that was named by itself or by a context here.
func (h home) leaseOf(name string) (string, error) {
	if checkLease(name) == nil {
		return name, nil
	}
	elsewhere := ""
	for _, held := range contextsHere() {
		switch {
		case held.Context != name:
		case held.At(h.server.String()):
			return held.Lease, checkLease(held.Lease)
		default:
			elsewhere = held.Server
		}
	}
	if elsewhere != "" {
		return "", usage("the context %s is of another Daypass: give --server %s", quoted(name), quoted(elsewhere))
	}
	return "", usage("%q is no lease's ID, which looks like ls_01k9x2m4qj, and no context of Daypass here. See: kubectl daypass list leases", name)
}

// over has the helper refuse at once, token or not. A renewal that is under
// way would write over that, so it is waited for.
func (h home) over(ctx context.Context, l api.Lease) error {
	if err := checkLease(l.ID); err != nil {
		return err
	}
	release, busy := lock(ctx, h.tokenFile(l.ID)+".lock", impatient)
	if busy != nil {
		return busy
	}
	defer release()
	err := &failure{code: exitOver, say: fmt.Sprintf("The lease is over: you ended it. Start another: kubectl daypass get %s --role %s", quoted(l.Cluster), quoted(l.Role))}
	return writeJSON(h.tokenFile(l.ID), h.was(l.ID, err, "", 24*time.Hour))
}

func (h home) tellEnded(all api.Leases) error {
	if len(all.Leases) == 0 {
		return h.print("No lease of yours was active at %s.", h.server.Host)
	}
	for _, l := range all.Leases {
		told := fmt.Sprintf("Ended %s: %s on %s.", l.ID, l.Role, l.Cluster)
		if l.MayWorkUntil.After(h.now()) {
			told += " A token that is out may work until " + clock(l.MayWorkUntil) + " at most."
		}
		if err := h.print("%s", told); err != nil {
			return err
		}
	}
	return nil
}
