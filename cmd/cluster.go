package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/config"
	"github.com/daypass/daypass/explain"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/eks"
)

func clusterCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "cluster", Short: "Look at a cluster as AWS describes it",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(clusterCACommand())
	return c
}

func clusterCACommand() *cobra.Command {
	c := &cobra.Command{
		Use: "ca NAME", Short: "Explain a cluster's certificate authority",
		Long: "Ca asks AWS (eks:DescribeCluster) for a cluster of the configuration, with the credentials and the describeRole that serve would use,\n" +
			"and says what its certificate authority is. It opens no database and changes nothing.",
		Example: "  daypass cluster ca payments-prod -c daypass.yaml\n  daypass cluster ca payments-prod --pem | openssl x509 -noout -text",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage{fmt.Errorf("give the name of one cluster; see '%s --help'", c.CommandPath())}
			}
			return noTokens(args)
		},
		RunE: explainAuthority,
	}
	outputFlag(c)
	c.Flags().Bool("pem", false, "print the certificates themselves, in PEM form")
	return c
}

// authorityForm reads the flags: text, json or pem.
func authorityForm(c *cobra.Command) (string, error) {
	wantsJSON, err := asJSON(c)
	if err != nil {
		return "", err
	}
	wantsPEM, err := c.Flags().GetBool("pem")
	switch {
	case err != nil:
		return "", usage{err}
	case wantsPEM && c.Flags().Changed("output"):
		return "", usage{errors.New("--pem and --output do not go together")}
	case wantsPEM:
		return "pem", nil
	case wantsJSON:
		return "json", nil
	}
	return "text", nil
}

func explainAuthority(c *cobra.Command, args []string) error {
	form, err := authorityForm(c)
	if err != nil {
		return err
	}
	cfg, _, err := load(c)
	if err != nil {
		return err
	}
	cluster, err := clusterOf(cfg, args[0])
	if err != nil {
		return err
	}
	at, err := describe(c.Context(), cluster)
	if err != nil {
		return fmt.Errorf("ask AWS for the cluster %s: %w", cluster.Name, err)
	}
	if form == "pem" {
		_, err := c.OutOrStdout().Write(at.CA)
		return err
	}
	all, err := explain.Authority(at.CA, time.Now())
	if err != nil {
		return fmt.Errorf("read the certificate authority of %s: %w", cluster.Name, err)
	}
	told := authority{cluster.Name, cluster.ARN.String(), at.URL, at.CASHA256(), all}
	if form == "json" {
		return printJSON(c.OutOrStdout(), told)
	}
	return told.print(c.OutOrStdout())
}

// clusterOf finds a cluster by name, or says which there are.
func clusterOf(cfg *config.Config, name string) (access.Cluster, error) {
	if c, ok := cfg.Policy.Cluster(name); ok {
		return c, nil
	}
	var known []string
	for _, c := range cfg.Policy.Clusters() {
		known = append(known, c.Name)
	}
	const most = 20
	if len(known) > most {
		known = append(known[:most], "…")
	}
	return access.Cluster{}, usage{fmt.Errorf("%s names no cluster %q; it names %s", cfg.Path, name, strings.Join(known, ", "))}
}

// describe asks AWS once, as serve would, and remembers nothing.
func describe(ctx context.Context, c access.Cluster) (issuer.Endpoint, error) {
	cloud, err := eks.New(ctx, eks.Options{Memory: forgetful{}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Clusters: func() []access.Cluster { return []access.Cluster{c} }})
	if err != nil {
		return issuer.Endpoint{}, fmt.Errorf("set up the AWS SDK: %w", err)
	}
	at, err := cloud.Describe(ctx, c)
	if err == nil && len(at.CA) == 0 {
		return at, errors.New("AWS told no certificate authority")
	}
	return at, err
}

// forgetful is an eks.Memory for a question that is asked once.
type forgetful struct{}

func (forgetful) Recall(context.Context, string) (issuer.Endpoint, error) {
	return issuer.Endpoint{}, issuer.ErrNoEndpoint
}

func (forgetful) Remember(context.Context, string, issuer.Endpoint) error { return nil }

// authority is what is told of a cluster's.
type authority struct {
	Cluster      string                `json:"cluster"`
	ARN          string                `json:"arn"`
	Endpoint     string                `json:"endpoint"`
	CASHA256     string                `json:"caSHA256"` // as events have it
	Certificates []explain.Certificate `json:"certificates"`
}

func (a authority) print(w io.Writer) error {
	var p page
	p.entry("cluster", a.Cluster)
	p.entry("ARN", a.ARN)
	p.entry("endpoint", a.Endpoint)
	p.entry("on record as", "caSHA256 "+a.CASHA256)
	for i, c := range a.Certificates {
		p.line("\nCertificate %d of %d", i+1, len(a.Certificates))
		p.entry("subject", c.Subject)
		p.entry("issuer", c.Issuer)
		p.entry("serial", c.Serial)
		p.entry("valid", utc(c.NotBefore)+" to "+utc(c.NotAfter))
		p.entry("SHA-256", c.SHA256)
		p.entry("key", c.Key)
		p.entry("authority", map[bool]string{true: "yes", false: "no"}[c.IsCA])
		p.verdict(c.Problems, "Nothing is wrong with it.")
		p.list("Worth knowing", c.Notes)
	}
	if len(a.Certificates) > 1 {
		p.line("\nA cluster has two authorities while EKS replaces the old one by the new: it is right that kubectl trusts both.")
	}
	return p.to(w)
}
