// Package cmd is the daypass command: it reads what the operator says, puts
// the rooms together and turns errors into sentences and exit codes. Its one
// danger: it is the only place that sees every secret of the configuration, so
// it hands each to the room that needs it and prints none.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/config"
)

// Exit codes are part of the contract.
const (
	exitOK     = 0
	exitFailed = 1 // it was tried and failed
	exitUsage  = 2 // it was asked for wrongly
	exitConfig = 3 // daypass.yaml is not valid
)

// version is set by the linker: -X github.com/daypass/daypass/cmd.version=1.2.3.
var version = "development"

// Main runs the command until it is done, or until SIGINT or SIGTERM asks it
// to stop, and gives the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, stdout, stderr)
}

// Run is Main for a caller that decides itself when to stop.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "daypass:", err)
	var bad config.Errors
	var use usage
	switch {
	case errors.As(err, &bad):
		return exitConfig
	case errors.As(err, &use):
		return exitUsage
	}
	return exitFailed
}

// usage is an error in how the command was called.
type usage struct{ error }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "daypass",
		Short:         "Hands out short-lived kubeconfigs for Amazon EKS, on the record",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	c.PersistentFlags().StringP("config", "c", "daypass.yaml", "the file of configuration")
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
	})
	c.AddCommand(serveCommand(), checkCommand(), migrateCommand(), sealingKeyCommand(), tokenCommand(), clusterCommand(), versionCommand())
	for _, sub := range c.Commands() {
		sub.Args = noArguments
	}
	c.Args = noArguments
	return c
}

func noArguments(c *cobra.Command, args []string) error {
	if err := noTokens(args); err != nil {
		return err
	}
	if len(args) > 0 {
		return usage{fmt.Errorf("%q is not understood; see '%s --help'", args[0], c.CommandPath())}
	}
	return nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "daypass", version) },
	}
}

// load reads the configuration that a command was pointed at, and tells its
// warnings on standard error.
func load(c *cobra.Command) (*config.Config, []config.Warning, error) {
	path, err := c.Flags().GetString("config")
	if err != nil {
		return nil, nil, usage{err}
	}
	cfg, warnings, err := config.Load(path, os.Getenv)
	for _, w := range warnings {
		fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
	}
	return cfg, warnings, err
}
