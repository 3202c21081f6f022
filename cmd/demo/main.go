// Command demo runs all of Daypass on this machine: a demo identity provider
// for staff and one for guests, a simulated AWS that verifies every signature,
// three clusters with a door that kubectl can knock at, and the real server.
// Nothing leaves the loopback interface, and Ctrl-C leaves nothing behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.data, "data", "", "keep the state in this folder instead of a temporary one")
	flag.DurationVar(&o.tokenLife, "token-life", 15*time.Minute, "how long the simulated AWS honours a token")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8484", "where the portal listens; another free port is taken when this one is busy")
	flag.Parse()
	signal.Ignore(syscall.SIGPIPE) // a reader that leaves must not leave the folder behind
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, o, os.Stdout, func(*world) {}); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
