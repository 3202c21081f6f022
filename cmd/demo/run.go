package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/daypass/daypass/cmd"
	"github.com/daypass/daypass/cmd/demo/door"
)

type options struct {
	data      string
	tokenLife time.Duration
	listen    string
}

// run builds the world around Daypass, runs the real server in it until the
// context ends, and takes everything down again. ready is told when people can
// come in.
func run(ctx context.Context, o options, out io.Writer, ready func(*world)) (err error) {
	folder, remove, err := dataFolder(o.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	say := newNarrator(out)
	w, err := buildWorld(o, folder, say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.environment(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan int, 1)
	log, err := os.OpenFile(filepath.Join(folder, "daypass.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close()
	go func() { done <- cmd.Run(ctx, []string{"serve", "--config", w.config}, say.events(), log) }()
	if err := w.awaitReady(ctx, done); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(log.Name()))
	}
	w.welcome(out)
	ready(w)
	if code := <-done; code != 0 {
		return fmt.Errorf("the server stopped with exit code %d\n%s", code, tail(log.Name()))
	}
	return nil
}

// dataFolder gives the folder for the state and how to tidy it up.
func dataFolder(keep string) (string, func() error, error) {
	if keep != "" {
		if err := os.MkdirAll(keep, 0o700); err != nil {
			return "", nil, fmt.Errorf("-data: %w", err)
		}
		abs, err := filepath.Abs(keep)
		return abs, func() error { return nil }, err
	}
	folder, err := os.MkdirTemp("", "daypass-demo-")
	return folder, func() error { return os.RemoveAll(folder) }, err
}

// usual is where the portal listens unless something else is asked for.
const usual = "127.0.0.1:8484"

// listen takes an address that nobody asked for by name, or any free port of
// its host.
func listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port != "0" {
		if l, err := net.Listen("tcp", address); err == nil {
			return l, nil
		}
	}
	return listenQuietly(host)
}

// listenQuietly takes a free port below those that systems pick for outgoing
// connections: the address is let go of before the server takes it, and
// nothing else should come by in between.
func listenQuietly(host string) (net.Listener, error) {
	for range 50 {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(17000+rand.IntN(5000)))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// demanded takes the address that -listen names, or none.
func demanded(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-listen %s: %w; give an address of this machine whose port is free, such as %s, or leave -listen out", address, err, usual)
	}
	return l, nil
}

// awaitReady waits until the server says that it is ready.
func (w *world) awaitReady(ctx context.Context, done <-chan int) error {
	deadline := time.After(30 * time.Second)
	for {
		if resp, err := http.Get("http://" + w.operations + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case code := <-done:
			return fmt.Errorf("the server did not start: exit code %d", code)
		case <-deadline:
			return errors.New("the server was not ready within 30 seconds")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail gives the end of a log.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-2000):])
}

// welcome says where to go and what to try.
func (w *world) welcome(out io.Writer) {
	fmt.Fprintf(out, "\nDaypass is ready at %s\n\n", w.url)
	fmt.Fprint(out, `Try this:
  1. Open it, choose "Example staff" and sign in as the engineer.
  2. Choose payments-dev, take "viewer", then Download.
`)
	file := "~/Downloads/payments-dev-viewer.yaml"
	if _, err := exec.LookPath("kubectl"); err == nil {
		fmt.Fprintf(out, "  3. kubectl --kubeconfig %s auth whoami        (then: get ns, get pods -A, get secrets -A)\n", file)
		fmt.Fprintf(out, "     The demo's clusters answer %s.\n     There is no run, scale, exec, logs, watch or can-i.\n", door.Answers)
	} else {
		fmt.Fprintf(out, "  3. kubectl is not installed here; this asks the same of the cluster:\n"+
			"     curl --cacert %s -H \"Authorization: Bearer $(sed -n 's/^ *token: //p' %s)\" %s/api/v1/namespaces\n",
			w.doors["payments-dev"].caFile, file, w.doors["payments-dev"].url)
	}
	fmt.Fprintf(out, `  4. For hours of work, the client: go build -o ~/.local/bin/kubectl-daypass ./cmd/kubectl-daypass
     then: kubectl daypass login %s, and list, get payments-dev --role viewer
  5. Sign out, come back as the person on call, and break the glass on payments-prod.
  6. Come back as the administrator, who ends what others hold; as the auditor, who reads what happened; or sign in with "Example guests" as the contractor.

Ctrl-C stops everything. What happens from here on:

`, w.url)
}
