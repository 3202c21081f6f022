package store

import (
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/audit"
)

const (
	sinkBuffer = 4096            // events that may wait for the sink
	sinkFlush  = 5 * time.Second // how long Close waits for it
)

// sink hands committed events on from a goroutine of its own.
type sink struct {
	rows    chan audit.Row
	done    chan struct{}
	dropped atomic.Int64
}

func newSink(to func(audit.Row)) *sink {
	k := &sink{done: make(chan struct{})}
	if to == nil {
		close(k.done)
		return k
	}
	k.rows = make(chan audit.Row, sinkBuffer)
	go func() {
		defer close(k.done)
		for row := range k.rows {
			to(row)
		}
	}()
	return k
}

func (k *sink) put(rows []audit.Row) {
	if k.rows == nil {
		return
	}
	for _, row := range rows {
		select {
		case k.rows <- row:
		default:
			k.dropped.Add(1)
		}
	}
}

// close waits for the sink, but not for one that hangs.
func (k *sink) close() {
	if k.rows == nil {
		return
	}
	close(k.rows)
	select {
	case <-k.done:
	case <-time.After(sinkFlush):
	}
}
