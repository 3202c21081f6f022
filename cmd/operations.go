package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/daypass/daypass/audit"
)

// operations is what machines ask: alive, ready, and how it goes.
func (h *house) operations() http.Handler {
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promauto.With(h.metrics).NewCounterFunc(prometheus.CounterOpts{Name: "daypass_events_not_copied_total",
		Help: "Events that standard output was too slow to take. They are in the database."}, func() float64 { return float64(h.store.Dropped()) })
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	r.Get("/readyz", h.readyz)
	r.Handle("/metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{}))
	return r
}

// readiness is the answer of /readyz. Reasons say why it is not ready; notes
// say what else is amiss: a provider that is down must not take the server
// away from the people of another.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

func (h *house) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	var a readiness
	if h.draining.Load() {
		a.Reasons = append(a.Reasons, "the server is stopping")
	}
	if err := h.store.Ready(ctx); err != nil {
		a.Reasons = append(a.Reasons, "the record cannot be written: "+err.Error())
	}
	badFrom, restart := h.snapshot.standing()
	if !badFrom.IsZero() {
		amiss := "the configuration on disk has not been valid since " + badFrom.UTC().Format(time.RFC3339) + "; the one before is in force"
		if time.Since(badFrom) > toleratesBad {
			a.Reasons = append(a.Reasons, amiss)
		} else {
			a.Notes = append(a.Notes, amiss)
		}
	}
	a.Notes = append(a.Notes, restart...)
	for _, p := range h.gate.Standings() {
		if p.Trouble != nil {
			a.Notes = append(a.Notes, "sign-in provider "+p.Name+" could not be reached: "+p.Trouble.Error())
		}
	}
	a.Ready = len(a.Reasons) == 0
	w.Header().Set("Content-Type", "application/json")
	if !a.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(a) // whoever asked may be gone
}

// sink is told of every event once it is durable. Standard output is a copy:
// the record is the database.
func (h *house) sink(stdout io.Writer) func(audit.Row) {
	events := promauto.With(h.metrics).NewCounterVec(prometheus.CounterOpts{Name: "daypass_events_total", Help: "Events put on record, by kind."}, []string{"kind"})
	out := bufio.NewWriter(stdout)
	return func(row audit.Row) {
		events.WithLabelValues(string(row.Event.Kind)).Inc()
		if row.Event.Kind == audit.GlassBroken {
			h.sender.Wake() // the notice is in the outbox now
		}
		if !h.snapshot.begun.AuditStdout {
			return
		}
		_, _ = out.Write(row.Line())
		_ = out.Flush() // a reader that is gone must not stop the record
	}
}

// measured counts requests and how long they take, by route.
func (h *house) measured(next http.Handler) http.Handler {
	took := promauto.With(h.metrics).NewHistogramVec(prometheus.HistogramOpts{
		Name: "daypass_http_request_seconds", Help: "Time taken by requests, by method and class of status.",
		Buckets: []float64{.002, .01, .05, .25, 1, 5, 20},
	}, []string{"method", "status"})
	underWay := promauto.With(h.metrics).NewGauge(prometheus.GaugeOpts{Name: "daypass_http_requests_under_way", Help: "Requests that are being answered."})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		underWay.Inc()
		defer underWay.Dec()
		start, seen := time.Now(), &statusWriter{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		took.WithLabelValues(known(r.Method), strconv.Itoa(seen.code/100)+"xx").Observe(time.Since(start).Seconds())
	})
}

// known keeps methods of a caller's own making out of the labels.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodHead:
		return method
	}
	return "other"
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (s *statusWriter) WriteHeader(code int)        { s.code = code; s.ResponseWriter.WriteHeader(code) }
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
