package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/daypass/daypass/issuer"
)

// Recall gives what AWS last said about a cluster; issuer.ErrNoEndpoint when
// it never did, or when what is kept is not as it was written: whom people
// trust is asked of AWS instead.
func (s *Store) Recall(ctx context.Context, clusterARN string) (issuer.Endpoint, error) {
	row, err := one(ctx, s, issuer.ErrNoEndpoint, scanEndpoint, selectEndpoint, clusterARN)
	var e issuer.Endpoint
	if err == nil {
		var flaw error
		e, flaw = s.endpoint(clusterARN, row)
		err = s.told(ctx, flaw, markEndpoint, clusterARN, issuer.ErrNoEndpoint, issuer.ErrNoEndpoint)
	}
	return e, wrap(err, "recall the endpoint of %s", clusterARN)
}

const selectEndpoint = `SELECT bytes, as_of_us, mark FROM endpoints WHERE cluster_arn = $1`

type endpointRow struct {
	bytes, mark []byte
	asOf        int64
}

func scanEndpoint(row scanner) (e endpointRow, err error) {
	return e, row.Scan(&e.bytes, &e.asOf, &e.mark)
}

// endpoint reads a row. The column that says how old it is only finds it; the
// age that counts is within the marked bytes, and both must agree.
func (s *Store) endpoint(clusterARN string, row endpointRow) (issuer.Endpoint, error) {
	if err := s.check(markEndpoint, row.mark, []byte(clusterARN), row.bytes); err != nil {
		return issuer.Endpoint{}, err
	}
	var e issuer.Endpoint
	if err := json.Unmarshal(row.bytes, &e); err != nil {
		return issuer.Endpoint{}, fmt.Errorf("%w: %w", errForged, err)
	}
	if us(e.AsOf) != row.asOf {
		return issuer.Endpoint{}, fmt.Errorf("%w: its age differs from what is marked", errForged)
	}
	return e, nil
}

const rememberEndpoint = `
INSERT INTO endpoints (cluster_arn, bytes, as_of_us, mark) VALUES ($1, $2, $3, $4)
ON CONFLICT (cluster_arn) DO UPDATE SET bytes = excluded.bytes, as_of_us = excluded.as_of_us, mark = excluded.mark`

// Remember keeps what AWS said about a cluster, unless something newer is kept
// already. What cannot be believed is replaced, however new it says it is. It
// can be repeated.
func (s *Store) Remember(ctx context.Context, clusterARN string, e issuer.Endpoint) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the endpoint of %s as JSON: %w", clusterARN, err)
	}
	err = s.write(ctx, func(t *tx) error {
		newer, err := t.newerEndpoint(clusterARN, e)
		if err != nil || newer {
			return err
		}
		_, err = t.exec(rememberEndpoint, clusterARN, b, us(e.AsOf), s.mark(markEndpoint, []byte(clusterARN), b))
		return err
	})
	return wrap(err, "remember the endpoint of %s", clusterARN)
}

// newerEndpoint reports whether something is kept that is newer than e.
func (t *tx) newerEndpoint(clusterARN string, e issuer.Endpoint) (bool, error) {
	rows, err := t.query(selectEndpoint, clusterARN)
	if err != nil {
		return false, err
	}
	kept, err := collect(rows, scanEndpoint)
	if err != nil || len(kept) == 0 {
		return false, t.note(err)
	}
	old, err := t.writer.store.endpoint(clusterARN, kept[0])
	return err == nil && old.AsOf.After(e.AsOf), nil
}
