// Command kubectl-daypass is what a person has on their own machine: a plugin
// by which they sign in and start leases, and the helper that kubectl asks for
// a lease's token.
//
// The helper opens no browser, asks no questions and waits for nobody: it
// answers, or it says in one line why not and what to run. Its one danger is
// what it keeps: a key and a session that ask for tokens, and the tokens of
// the last minutes. All of it is in files that only their owner may read.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "development"

// world is what the commands know of the machine.
type world struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
}

func main() {
	w := world{os.Stdin, os.Stdout, os.Stderr, os.Getenv, time.Now}
	os.Exit(run(w, os.Args))
}

// run goes around everything that people's commands need when kubectl asks,
// since kubectl waits.
func run(w world, args []string) int {
	if len(args) > 1 && args[1] == "token" && !asksHelp(args[2:]) {
		return w.ended(helper(context.Background(), w, args[2:]))
	}
	ctx, stop := interruptible(context.Background())
	defer stop()
	context.AfterFunc(ctx, stop) // who presses it twice does not want to wait
	return w.ended(people(ctx, w, completing(args)))
}

// interruptible ends when somebody presses Ctrl-C. Listening for that takes
// time, so a token from the cache goes without.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

func asksHelp(args []string) bool {
	for _, a := range args {
		if a == "-h" || a == "--help" {
			return true
		}
	}
	return false
}

// completing is for the link by which kubectl completes plugins: a name
// kubectl_complete-daypass that leads to this program.
func completing(args []string) []string {
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if name == "kubectl_complete-daypass" {
		return append([]string{"__complete"}, args[1:]...)
	}
	return args[1:]
}
