package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/explain"
)

// maxPaste is as much as explain reads, and a byte more, to be told apart.
const maxPaste = 1<<20 + 1

func tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "token", Short: "Look into EKS tokens",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(tokenExplainCommand())
	return c
}

func tokenExplainCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "explain [FILE|-]", Short: "Say what an EKS token is and when it dies",
		Long: "Explain takes an EKS token apart: where it was signed for, by which access key, when, and when it dies.\n" +
			"It reads a token, a Bearer header, a kubeconfig or an ExecCredential from standard input or a file, asks nobody, and never prints the signature.\n" +
			"It exits with 0 when there is a token, whatever is wrong with it, and with 1 when there is none.",
		Example: "  aws eks get-token --cluster-name pay | daypass token explain\n  daypass token explain ~/Downloads/pay-viewer.yaml",
		Args:    fileArgument,
		RunE:    explainToken,
	}
	outputFlag(c)
	return c
}

func outputFlag(c *cobra.Command) { c.Flags().StringP("output", "o", "text", "text or json") }

// asJSON reads the flag.
func asJSON(c *cobra.Command) (bool, error) {
	switch how, err := c.Flags().GetString("output"); {
	case err != nil:
		return false, usage{err}
	case how == "json":
		return true, nil
	case how == "text":
		return false, nil
	}
	return false, usage{errors.New("--output is text or json")}
}

func fileArgument(c *cobra.Command, args []string) error {
	if err := noTokens(args); err != nil {
		return err
	}
	if len(args) > 1 {
		return usage{fmt.Errorf("one file at a time; see '%s --help'", c.CommandPath())}
	}
	return nil
}

// noTokens refuses a token among the arguments, without saying it again: it
// stands in the shell's history and the list of processes already.
func noTokens(args []string) error {
	if slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "k8s-aws-v1.") }) {
		return usage{errTokenInArguments}
	}
	return nil
}

var errTokenInArguments = errors.New("a token does not belong among the arguments: it stays in the shell's history, and others see it in the list of processes. Give it on standard input or in a file, and take this one for told until it dies, 15 minutes after it was made")

func explainToken(c *cobra.Command, args []string) error {
	wantsJSON, err := asJSON(c)
	if err != nil {
		return err
	}
	text, err := pasted(c, args)
	if err != nil {
		return err
	}
	now := time.Now()
	token, err := explain.TakeApart(text, now)
	if err != nil {
		return err
	}
	if wantsJSON {
		return printJSON(c.OutOrStdout(), token)
	}
	return printToken(c.OutOrStdout(), token, now)
}

// pasted reads the file, or standard input.
func pasted(c *cobra.Command, args []string) (string, error) {
	from := c.InOrStdin()
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return "", fmt.Errorf("read the token's file: %w", err)
		}
		defer f.Close()
		from = f
	} else if f, ok := from.(*os.File); ok && terminal(f) {
		fmt.Fprintln(c.ErrOrStderr(), "Paste the token, then end with Ctrl-D on a line of its own.")
	}
	b, err := io.ReadAll(io.LimitReader(from, maxPaste))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return string(b), nil
}

func terminal(f *os.File) bool {
	at, err := f.Stat()
	return err == nil && at.Mode()&os.ModeCharDevice != 0
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printToken writes for a terminal. Nothing in a Token can hold a control
// character.
func printToken(w io.Writer, t explain.Token, now time.Time) error {
	var p page
	p.line("An EKS token of %d bytes (4,096 at most), from %s.", t.Bytes, t.From)
	p.line("")
	if !t.SignedAt.IsZero() {
		p.entry("signed", utc(t.SignedAt))
		p.entry("dies", utc(t.Dies)+" at the latest"+left(t.Dies.Sub(now)))
	}
	p.entry("host", t.Host)
	p.entry("partition", t.Partition)
	p.entry("region", t.Region)
	p.entry("action", strings.TrimSpace(t.Action+" "+t.Version))
	p.entry("X-Amz-Expires", t.Expires)
	p.entry("scope", t.Scope)
	p.entry("access key ID", t.AccessKeyID)
	p.entry("session token", map[bool]string{true: "there, not shown", false: "none"}[t.Temporary])
	p.entry("signed headers", strings.Join(t.SignedHeaders, ", "))
	p.entry("cluster", map[bool]string{true: "signed along (x-k8s-aws-id), its name is not written in it", false: "not signed"}[t.SignsCluster])
	p.verdict(t.Problems, "Nothing is wrong with it that can be seen from outside. Whether the signature is right, STS alone knows.")
	p.list("Worth knowing", t.Notes)
	return p.to(w)
}

func left(d time.Duration) string {
	if d < 0 {
		return ""
	}
	return ", in " + d.Round(time.Second).String()
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// page is text on its way to a terminal.
type page struct{ text strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *page) entry(name, value string) {
	if value != "" {
		p.line("%-15s %s", name, value)
	}
}

func (p *page) list(title string, sentences []string) {
	if len(sentences) == 0 {
		return
	}
	p.line("\n%s:", title)
	for _, s := range sentences {
		p.line("- %s", s)
	}
}

func (p *page) verdict(problems []string, fine string) {
	p.list("Wrong with it", problems)
	if len(problems) == 0 {
		p.line("\n%s", fine)
	}
}

func (p *page) to(w io.Writer) error {
	_, err := io.WriteString(w, p.text.String())
	return err
}
