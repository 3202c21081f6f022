package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/daypass/daypass/audit"
)

const (
	// mostExported bounds one export; the file says when there is more.
	mostExported = 100_000
	exportBatch  = 500
	exportTime   = 5 * time.Minute
)

// export gives what a filter picks as a file of JSON lines, newest first. It
// is on record before the first line leaves.
func (s *server) export(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	q, wrong := query(r.PostForm)
	if wrong != "" {
		return badFilter(wrong)
	}
	q.After = 0 // an export goes on towards older events only
	if err := s.looked(r, audit.Exported, searched(filterOf(r.PostForm), q)); err != nil {
		return err
	}
	q.Limit = exportBatch
	rows, err := s.Log.Events(r.Context(), q)
	if err != nil {
		return fmt.Errorf("export from the audit log: %w", err)
	}
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Content-Disposition", `attachment; filename="daypass-audit.jsonl"`)
	// The time that pages may take is too short for a file; a reader who leaves
	// ends it by the failing write.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), exportTime)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(exportTime)) // where it cannot be set, the shorter one holds
	s.write(w, r.WithContext(ctx), q, rows)
	return nil
}

// write sends batch after batch. What has begun cannot become an error page:
// a file that is cut short lacks its last line.
func (s *server) write(w http.ResponseWriter, r *http.Request, q audit.Query, rows []audit.Row) {
	n := 0
	for len(rows) > 0 {
		for _, row := range rows {
			if _, err := w.Write(row.Line()); err != nil {
				s.Slog.Warn("an export was cut short", "error", err, "events", n, "request", visitOf(r).id)
				return
			}
			n++
		}
		q.Before = rows[len(rows)-1].Seq
		if n >= mostExported {
			fmt.Fprintf(w, `{"export":{"events":%d,"more":true,"before":%d}}`+"\n", n, q.Before)
			return
		}
		var err error
		if rows, err = s.Log.Events(r.Context(), q); err != nil {
			s.Slog.Error("an export was cut short", "error", err, "events", n, "request", visitOf(r).id)
			return
		}
	}
	fmt.Fprintf(w, `{"export":{"events":%d,"more":false}}`+"\n", n)
}

// badFilter is the error of a filter that cannot be understood.
type badFilter string

func (b badFilter) Error() string { return string(b) }
