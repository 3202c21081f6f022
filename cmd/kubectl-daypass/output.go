package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/api"
)

// give answers in the form asked for: v for programs, the names one a line, or
// as people read it.
func (w world) give(c *cobra.Command, v any, names []string, people func() error) error {
	form, err := c.Flags().GetString("output")
	if err != nil {
		return err
	}
	switch form {
	case "":
		return people()
	case "json":
		return w.json(v)
	case "yaml":
		return w.yaml(v)
	case "name":
		return w.names(names)
	}
	return unknownForm(form)
}

func unknownForm(form string) error {
	return usage("there is no output %q: -o takes json, yaml or name", form)
}

// checkForm is for commands that do something before they answer.
func checkForm(c *cobra.Command) error {
	switch form, err := c.Flags().GetString("output"); {
	case err != nil:
		return err
	case form == "", form == "json", form == "yaml", form == "name":
		return nil
	default:
		return unknownForm(form)
	}
}

func (w world) json(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return w.raw(append(b, '\n'))
}

// yaml says what json says: the same names in the same order.
func (w world) yaml(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(b, &n); err != nil { // JSON is YAML
		return fmt.Errorf("writing the answer: %w", err)
	}
	unfold(&n)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return w.raw(out.Bytes())
}

// unfold takes away the braces and quotes of JSON.
func unfold(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		unfold(c)
	}
}

func (w world) names(names []string) error {
	for _, n := range names {
		if err := w.print("%s", n); err != nil {
			return err
		}
	}
	return nil
}

func (w world) raw(b []byte) error {
	if _, err := w.out.Write(b); err != nil {
		return fmt.Errorf("cannot write the answer: %w", reason(err))
	}
	return nil
}

// table writes rows in columns.
func (w world) table(rows [][]string) error {
	t := tabwriter.NewWriter(w.out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				_, _ = fmt.Fprint(t, "\t") // Flush tells what failed
			}
			_, _ = fmt.Fprint(t, api.Plain(cell))
		}
		_, _ = fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("cannot write the answer: %w", reason(err))
	}
	return nil
}
