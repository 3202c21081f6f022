package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/daypass/daypass/api"
)

// confirm asks before others are told, unless the answer would be no anyway.
// The server wants to hear that it was asked. Without its decision it is asked
// for that once more, since nothing else may break the glass.
func (h home) confirm(ctx context.Context, client *api.Client, d api.Decision, want wish, cluster string) (err error) {
	if !want.breakGlass {
		return nil
	}
	if d.Answer == "" {
		if d, err = client.Decide(ctx, want.ask(cluster)); err != nil {
			return err
		}
	}
	if err := refused(d, want.ask(cluster)); err != nil || want.yes {
		return err
	}
	whom, err := hears(ctx, client, cluster, want)
	if err != nil {
		return err
	}
	fmt.Fprintf(h.err, "Break glass on %s as %s? %s told at once, and it stays on record. Type yes: ", api.Plain(cluster), api.Plain(want.role), whom)
	if h.typed(ctx) != "yes" {
		fmt.Fprintln(h.err) // what was typed may not have ended the line
		return &failure{code: exitUsage, say: "Nothing was done. Type yes, or give --yes."}
	}
	return nil
}

// hears says who is told when the glass breaks, where the server says it.
func hears(ctx context.Context, client *api.Client, cluster string, want wish) (string, error) {
	all, err := client.Clusters(ctx)
	if unlearnt(err) != nil {
		return "", err
	}
	if c, ok := chosen(all, cluster, want); ok && c.TellsWhom != "" {
		return api.Plain(c.TellsWhom) + " is", nil
	}
	return "Others are", nil
}

// typed is a line that the person types, unless they give up.
func (h home) typed(ctx context.Context) string {
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(h.in).ReadString('\n') // what came before the end counts
		line <- strings.TrimSpace(s)
	}()
	select {
	case s := <-line:
		return s
	case <-ctx.Done():
		return ""
	}
}
