package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/api"
)

const exitHelp = `Exit codes: 0 done, 1 failed, 2 asked for wrongly, 3 not signed in, 4 refused by
policy, 5 the lease is over, 6 the server cannot be reached.`

// people runs what people type.
func people(ctx context.Context, w world, args []string) error {
	root := &cobra.Command{
		Use: "kubectl-daypass", Short: "Get into a cluster for a while",
		Long: "Sign in, start a lease of a role on a cluster, and let kubectl fetch its tokens.\n\n" + exitHelp,
		Args: known, SilenceUsage: true, SilenceErrors: true,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl daypass"},
		RunE:        func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetArgs(args)
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	root.PersistentFlags().String("server", "", "the server's URL (default: the one signed in to last, or $DAYPASS_SERVER)")
	root.PersistentFlags().StringP("output", "o", "", "json, yaml or name: for programs")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // nothing but a kubeconfig is a file
	root.AddCommand(loginCommand(w), getCommand(w), listCommand(w), endCommand(w), pruneCommand(w), statusCommand(w), logoutCommand(w), tokenCommand(), versionCommand(w))
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "yaml", "name"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return root.ExecuteContext(ctx)
}

// flagError tells what is wrong with a flag. One of ours says it all itself.
func flagError(c *cobra.Command, err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return usage("%v; see %s --help", err, c.CommandPath())
}

// known refuses commands that there are not.
func known(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, one := range c.Commands() {
		names = append(names, one.Name())
	}
	say := ""
	if name := near(args[0], names); name != "" {
		say = " Did you mean " + name + "?"
	}
	return usage("there is no command %q.%s See: %s --help", args[0], say, c.CommandPath())
}

// takes is cobra's check of the arguments with our exit code.
func takes(check cobra.PositionalArgs, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage("%s takes %s; see %s --help", c.Name(), what, c.CommandPath())
		}
		return nil
	}
}

// tokenCommand is here to be explained; helper runs it.
func tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "token --server URL --lease ID", Short: "Answer kubectl with a lease's token (kubectl runs this itself)",
		Long:               "The exec helper that kubeconfigs of Daypass name. It answers from its cache, renews\nwhen that is due, opens no browser, and says in one line why there is no token.\n\n" + exitHelp,
		DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	// It takes none of the flags that the others have. A template would say so,
	// too, and bring two megabytes of text/template and what that keeps alive.
	c.SetUsageFunc(func(c *cobra.Command) error {
		_, err := fmt.Fprintf(c.OutOrStderr(), "Usage:\n  %s\n", c.UseLine())
		return err
	})
	return c
}

func versionCommand(w world) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: takes(cobra.NoArgs, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.give(c, map[string]string{"version": version}, []string{version}, func() error { return w.print("kubectl-daypass %s", version) })
		}}
}

// print writes a line to standard output.
func (w world) print(format string, args ...any) error {
	if _, err := fmt.Fprintln(w.out, api.Plain(fmt.Sprintf(format, args...))); err != nil {
		return fmt.Errorf("cannot write the answer: %w", reason(err))
	}
	return nil
}

// at finds the server that a command is for.
func (w world) at(c *cobra.Command) (home, error) {
	named, err := c.Flags().GetString("server")
	if err != nil {
		return home{}, err
	}
	if named == "" {
		named = w.getenv("DAYPASS_SERVER")
	}
	if named == "" {
		if named, err = w.lastServer(); err != nil {
			return home{}, err
		}
	}
	return w.homeOf(named)
}

func (w world) homeOf(named string) (home, error) {
	u, err := api.ParseServer(named)
	if err != nil {
		return home{}, usage("%v", err)
	}
	h, err := w.home(u)
	if err != nil {
		return home{}, err
	}
	return h, h.safe()
}

// lastServer reads which server was signed in to last.
func (w world) lastServer() (string, error) {
	path, err := w.lastFile()
	if err != nil {
		return "", err
	}
	if err := safe(filepath.Dir(path)); err != nil {
		return "", err
	}
	b, err := readSmall(path, checkRegular)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &failure{code: exitSignedOut, say: "You are not signed in anywhere. Run: kubectl daypass login SERVER", err: api.ErrNoSession}
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

func (w world) lastFile() (string, error) {
	config, err := w.folder("XDG_CONFIG_HOME", ".config", "AppData")
	return filepath.Join(config, "last-server"), err
}

// as finds the server and asks it as whoever is signed in there.
func (w world) as(c *cobra.Command) (home, *api.Client, error) {
	h, err := w.at(c)
	if err != nil {
		return home{}, nil, err
	}
	client, err := h.person()
	return h, client, err
}

// then keeps what the answers taught, and adds to a refusal what to run.
func (h home) then(c *api.Client, err error) error {
	h.remember(c)
	return advised(err, h.server.String())
}

// sameServer says whether a server is configured for the address it was asked
// at. Proofs are for that address: one that calls itself another could pass
// them on to there.
func sameServer(asked *url.URL, about api.Server) error {
	itself, err := api.ParseServer(about.URL)
	if err == nil && itself.String() == asked.String() {
		return nil
	}
	return &failure{code: exitFailed, say: fmt.Sprintf("The server at %s calls itself %s. If that is right, run: kubectl daypass login %s", asked, about.URL, about.URL)}
}

// clock is a time as people here read it, with its zone.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }
