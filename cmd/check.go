package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/config"
	"github.com/daypass/daypass/store"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check the configuration and say what it amounts to",
		Long: "Check reads the configuration as serve would, tells every error with its file and line, and starts nothing.\nIt exits with 0 when serve would take the file, with 3 when it would not, and with 1 when a client lies in its folder that should not be offered.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, warnings, err := load(c)
			if err != nil {
				return err
			}
			if err := soundKeys(cfg); err != nil {
				return err
			}
			if err := soundClients(c.Context(), cfg); err != nil {
				return err
			}
			p := cfg.Policy
			fmt.Fprintf(c.OutOrStdout(), "%s is valid: %s, %s, %s, %s; %s.\npolicy %s\n", cfg.Path,
				count(len(cfg.SignIn.Providers), "provider"), count(len(p.Clusters()), "cluster"),
				count(len(p.Roles()), "role"), count(len(p.Grants()), "grant"), count(len(warnings), "warning"), p.Digest())
			return nil
		},
	}
}

// soundClients tells of every client that should not be offered.
func soundClients(ctx context.Context, cfg *config.Config) error {
	clients, err := offered(cfg)
	if err != nil || cfg.Clients.Downloads == "" {
		return err
	}
	var all []error
	for _, doubt := range clients.Doubts(ctx) {
		all = append(all, fmt.Errorf("clients: downloads: in the folder %s: %w", cfg.Clients.Downloads, doubt))
	}
	return errors.Join(append(all, clients.Close())...)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the database up to this version",
		Long: "Migrate brings the database up to this version of Daypass. serve does so itself; with several replicas, run this once before they start.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := load(c)
			if err != nil {
				return err
			}
			from, to, err := store.Migrate(c.Context(), database(cfg))
			if err != nil {
				return err
			}
			if from == to {
				fmt.Fprintf(c.OutOrStdout(), "The database is at version %d already.\n", to)
				return nil
			}
			fmt.Fprintf(c.OutOrStdout(), "The database went from version %d to %d.\n", from, to)
			return nil
		},
	}
}
