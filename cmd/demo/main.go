// Command demo runs all of Daypass on this machine: a demo identity provider
// for staff and one for guests, a simulated AWS that verifies every signature,
// three clusters with a door that kubectl can knock at, and the real server.
// Nothing leaves the loopback interface, and Ctrl-C leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	o, err := read(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that leaves must not leave the folder behind
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, o, os.Stdout, func(*world) {}); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// read reads what the demo was called with.
func read(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is told by whoever called
	flags.StringVar(&o.data, "data", "", "keep the state in this `folder` instead of a temporary one")
	flags.DurationVar(&o.tokenLife, "token-life", 15*time.Minute, "how long the simulated AWS honours a token")
	flags.StringVar(&o.listen, "listen", "", "the `address` where the portal listens (default "+usual+", or a free port when that one is busy)")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		flags.Usage()
	case err != nil:
		return o, fmt.Errorf("%w; see -help", err)
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is not understood; the demo takes flags only, see -help", flags.Arg(0))
	}
	return o, err
}
