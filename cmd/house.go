package cmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/config"
	"github.com/daypass/daypass/download"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/eks"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/notify"
	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/web"
)

// house is the portal with all its rooms.
type house struct {
	snapshot    *snapshot
	reloadEvery time.Duration
	log         *slog.Logger
	store       *store.Store
	cloud       *eks.Cloud
	issuer      *issuer.Issuer
	keeper      *lease.Keeper
	gate        *auth.Gate
	sender      *notify.Sender
	clients     *download.Shelf
	site        http.Handler
	metrics     *prometheus.Registry
	draining    atomic.Bool
}

// build puts the rooms together, from the ground up.
func build(ctx context.Context, cfg *config.Config, log *slog.Logger, stdout io.Writer) (*house, error) {
	h := &house{snapshot: newSnapshot(cfg), reloadEvery: reloadEvery, log: log, metrics: prometheus.NewRegistry()}
	policy := h.snapshot.policy
	keys, err := sealingKeys(cfg)
	if err != nil {
		return nil, err
	}
	if !keys.Present() {
		log.Warn("there is no sealing key: whoever can write to the database can make up leases and endpoints; see sealingKeyFile in docs/configuration.md")
	}
	db := database(cfg)
	db.Keys = keys
	db.Now, db.Log, db.Sink = time.Now, log, h.sink(stdout)
	if h.store, err = store.Open(ctx, db); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if h.cloud, err = eks.New(ctx, eks.Options{Memory: h.store, Now: time.Now, Log: log, Clusters: func() []access.Cluster { return policy().Clusters() }}); err != nil {
		h.close()
		return nil, fmt.Errorf("set up the AWS SDK: %w", err)
	}
	h.issuer = issuer.New(issuer.Options{Policy: policy, Cloud: h.cloud, Outcomes: h.store, Recorder: h.store, Now: time.Now, Log: log})
	h.keeper = lease.New(lease.Options{Issuer: h.issuer, Book: h.store, Now: time.Now, Log: log,
		Link: func(id string) string { return cfg.URL.String() + web.StoryPath(id) }})
	h.sender = &notify.Sender{Outbox: h.store, Hooks: h.hooks, Now: time.Now, Log: log}
	if h.gate, err = auth.New(auth.Options{Site: cfg.URL, Providers: providers(cfg), Book: h.store, Log: log,
		Idle: cfg.SignIn.Idle, Longest: cfg.SignIn.Absolute, EndLeases: cfg.SignIn.EndLeases, Now: time.Now, Caller: web.Caller, Keys: keys,
		Clients: auth.ClientOptions{Device: cfg.Clients.DeviceLogin, Longest: cfg.Clients.Longest, Staleness: cfg.Clients.Staleness}}); err != nil {
		h.close()
		return nil, fmt.Errorf("set up sign-in: %w", err)
	}
	if h.clients, err = offered(cfg); err != nil {
		h.close()
		return nil, err
	}
	h.site = h.measured(web.New(web.Options{
		URL: cfg.URL, Proxies: cfg.TrustedProxies, Contact: func() string { return h.snapshot.config().Contact }, Auditors: func() access.Whos { return h.snapshot.config().Auditors },
		Administrators: func() access.Whos { return h.snapshot.config().Administrators },
		ContextName:    func(c access.Cluster, role string) string { return h.snapshot.config().ContextName(c, role) },
		SignIn:         h.gate, Keeper: h.keeper, Book: h.store, Policy: policy,
		Endpoints: h.cloud.Cached, Log: h.store, Now: time.Now, Slog: log,
		Programs: cfg.Clients.Enabled, DeviceLogin: cfg.Clients.DeviceLogin, Clients: h.clients, Version: version,
	}))
	return h, nil
}

// offered are the programs that people can download; none when there is no
// folder. It stays open for as long as the server runs.
func offered(cfg *config.Config) (*download.Shelf, error) {
	if cfg.Clients.Downloads == "" {
		return &download.Shelf{}, nil
	}
	clients, err := download.Open(cfg.Clients.Downloads)
	if err != nil {
		return nil, fmt.Errorf("clients: downloads: %w", err)
	}
	return clients, nil
}

// database is where the configuration says state is kept.
func database(cfg *config.Config) store.Config {
	return store.Config{SQLite: cfg.Database.SQLite, Postgres: cfg.Database.Postgres.Reveal()}
}

func providers(cfg *config.Config) (out []auth.Provider) {
	for _, p := range cfg.SignIn.Providers {
		out = append(out, auth.Provider{Name: p.Name, Label: p.Label, Issuer: p.Issuer, ClientID: p.ClientID,
			ClientSecret: auth.NewSecret(p.ClientSecret.Reveal()), Scopes: p.Scopes, GroupsClaim: p.GroupsClaim,
			GroupsFrom: auth.GroupsFrom(p.GroupsFrom), GraphURL: p.GraphURL, CAs: p.CAs, TrustUnstatedEmail: p.TrustUnstatedEmail,
			Prompt: p.Prompt, MaxAge: p.MaxAge, ACRValues: p.ACRValues})
	}
	return out
}

func (h *house) hooks() (out []notify.Webhook) {
	for _, w := range h.snapshot.config().Webhooks {
		out = append(out, notify.Webhook{Name: w.Name, URL: w.URL, Secret: []byte(w.Secret.Reveal())})
	}
	return out
}

// started puts the start and the configuration in force on record.
func (h *house) started(ctx context.Context) error {
	now, cfg := time.Now(), h.snapshot.config()
	start := audit.New(audit.ServerStarted, now, audit.Who{})
	start.Facts = map[string]string{"version": version, "url": cfg.URL.String()}
	loaded := audit.New(audit.ConfigLoaded, now, audit.Who{})
	loaded.Policy = cfg.Policy.Digest()
	loaded.Facts = map[string]string{
		"file":     cfg.Digest,
		"clusters": fmt.Sprint(len(cfg.Policy.Clusters())), "roles": fmt.Sprint(len(cfg.Policy.Roles())), "grants": fmt.Sprint(len(cfg.Policy.Grants())),
	}
	for _, e := range []audit.Event{start, loaded} {
		if err := h.store.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// stopped writes what was only counted so far, and that the server stopped.
func (h *house) stopped(ctx context.Context) error {
	h.issuer.Tidy(ctx, true)
	h.keeper.Tidy(ctx)
	h.gate.Tidy(ctx, true)
	return h.store.Record(ctx, audit.New(audit.ServerStopped, time.Now(), audit.Who{}))
}

// background starts what runs beside the requests; the function it gives
// stops all of it and waits.
func (h *house) background(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, run := range []func(context.Context){h.cloud.Run, h.sender.Run, h.gate.Warm, h.tidy, h.whoami, h.doubtClients, h.reload} {
		all.Go(func() { run(ctx) })
	}
	return func() { cancel(); all.Wait() }
}

// tidy does the chores of every half minute: none of them changes what is
// true, they only write it down.
func (h *house) tidy(ctx context.Context) {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		h.issuer.Tidy(ctx, false)
		h.keeper.Tidy(ctx)
		h.gate.Tidy(ctx, false)
		for _, chore := range []func(context.Context) error{h.keeper.Sweep, h.issuer.Reconcile} {
			if err := chore(ctx); err != nil && ctx.Err() == nil {
				h.log.Error("a chore failed; it is tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// whoami says in the log who this server is to AWS. Not knowing stops nothing.
func (h *house) whoami(ctx context.Context) {
	arn, err := h.cloud.Identity(ctx)
	if err != nil {
		if ctx.Err() == nil {
			h.log.Warn("AWS does not say who this server is; no token can be minted until it does", "error", err)
		}
		return
	}
	h.log.Info("known to AWS", "arn", arn)
}

// doubtClients says in the log which of the clients should not be offered.
// Their checksums are worked out for it, which nobody who is about to sign in
// should wait for.
func (h *house) doubtClients(ctx context.Context) {
	for _, doubt := range h.clients.Doubts(ctx) {
		h.log.Error("a client should not lie in the folder of clients.downloads", "error", doubt)
	}
}

func (h *house) close() {
	if err := h.store.Close(); err != nil {
		h.log.Error("the database did not close cleanly", "error", err)
	}
}
