package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/config"
)

// How long requests under way may take to finish when the server stops.
const drain = 45 * time.Second

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the portal",
		Long: "Serve runs the portal until it is asked to stop by SIGINT or SIGTERM; then it finishes what is under way.\nThe audit log is written to standard output as JSON lines too, unless audit.stdout is false; its own log goes to standard error.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := load(c)
			if err != nil {
				return err
			}
			return serve(c.Context(), cfg, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
}

// serve runs the portal until the context ends.
func serve(ctx context.Context, cfg *config.Config, stdout, stderr io.Writer) error {
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	h, err := build(ctx, cfg, log, stdout)
	if err != nil {
		return err
	}
	defer h.close()
	public, err := listen("listen", cfg.Listen)
	if err != nil {
		return err
	}
	defer public.Close() // a second Close, after Serve's own, is harmless
	operations, err := listen("operations", cfg.Operations)
	if err != nil {
		return err
	}
	defer operations.Close()
	if err := h.started(ctx); err != nil {
		return fmt.Errorf("record the start: %w", err)
	}
	stop := h.background(ctx)
	defer stop()
	log.Info("ready", "url", cfg.URL.String(), "listen", public.Addr().String(), "operations", operations.Addr().String(), "version", version)
	return h.run(ctx, public, operations)
}

func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; choose another address in daypass.yaml, or stop what holds this one", key, err)
	}
	return l, nil
}

// listener serves a handler, and waits for no client for ever.
func (h *house) listener(to http.Handler) *http.Server {
	return &http.Server{Handler: to, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn)}
}

// run serves both listeners until the context ends or one of them fails, then
// drains: readiness turns red at once, requests under way finish.
func (h *house) run(ctx context.Context, public, operations net.Listener) error {
	pages, ops := h.listener(h.site), h.listener(h.operations())
	failed := make(chan error, 2)
	go func() { failed <- pages.Serve(public) }()
	go func() { failed <- ops.Serve(operations) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	h.draining.Store(true)
	h.log.Info("stopping")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	return errors.Join(err, pages.Shutdown(end), h.stopped(end), ops.Shutdown(end))
}
