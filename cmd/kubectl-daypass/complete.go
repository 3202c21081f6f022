package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/cmd/kubectl-daypass/kubeconfig"
)

// hurry is how long somebody waits for the Tab key.
const hurry = 2 * time.Second

// offered asks quietly: where nobody is signed in, nothing is offered. Nor is a
// name that a shell could take for more.
func (w world) offered(c *cobra.Command, names func(*api.Client) []string) ([]string, cobra.ShellCompDirective) {
	h, err := w.at(c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, _, err := h.client(hurry)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found := names(client)
	h.remember(client)
	return onlyTame(found), cobra.ShellCompDirectiveNoFileComp
}

func (w world) clusterNames(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return w.offered(c, func(client *api.Client) []string {
		all, _ := client.Clusters(c.Context()) // nothing is offered then
		return clustersOf(all)
	})
}

func (w world) roleNames(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return w.offered(c, func(client *api.Client) []string {
		all, _ := client.Clusters(c.Context())       // nothing is offered then
		glass, _ := c.Flags().GetBool("break-glass") // get has it
		return rolesOn(all, args[0], glass)
	})
}

func (w world) leaseNames(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return w.offered(c, func(client *api.Client) []string {
		all, _ := client.Leases(c.Context()) // nothing is offered then
		return activeOf(all)
	})
}

// contextNames offers the contexts that are ours: another one is taken.
func (w world) contextNames(c *cobra.Command, _ []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	file, _ := c.Flags().GetString("kubeconfig")                     // get has it
	held, _ := kubeconfig.Holdings(kubeconfig.Path(file), command()) // nothing is offered then
	for _, h := range held {
		names = append(names, h.Context)
	}
	return onlyTame(names), cobra.ShellCompDirectiveNoFileComp
}

func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
