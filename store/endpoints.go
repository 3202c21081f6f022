package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/daypass/daypass/issuer"
)

// Recall gives what AWS last said about a cluster; issuer.ErrNoEndpoint when
// it never did, or when what is kept is not as it was written.
func (s *Store) Recall(ctx context.Context, clusterARN string) (issuer.Endpoint, error) {
	row, err := one(ctx, s, issuer.ErrNoEndpoint, scanEndpoint, `SELECT bytes, mark FROM endpoints WHERE cluster_arn = $1`, clusterARN)
	if err == nil && !s.genuine(ctx, markEndpoint, clusterARN, row.mark, []byte(clusterARN), row.bytes) {
		err = issuer.ErrNoEndpoint // whom people trust is asked of AWS instead
	}
	var e issuer.Endpoint
	if err == nil {
		err = json.Unmarshal(row.bytes, &e)
	}
	return e, wrap(err, "recall the endpoint of %s", clusterARN)
}

type endpointRow struct{ bytes, mark []byte }

func scanEndpoint(row scanner) (e endpointRow, err error) {
	return e, row.Scan(&e.bytes, &e.mark)
}

const rememberEndpoint = `
INSERT INTO endpoints (cluster_arn, bytes, as_of_us, mark) VALUES ($1, $2, $3, $4)
ON CONFLICT (cluster_arn) DO UPDATE SET bytes = excluded.bytes, as_of_us = excluded.as_of_us, mark = excluded.mark
WHERE endpoints.as_of_us <= excluded.as_of_us`

// Remember keeps what AWS said about a cluster, unless something newer is kept
// already. It can be repeated.
func (s *Store) Remember(ctx context.Context, clusterARN string, e issuer.Endpoint) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the endpoint of %s as JSON: %w", clusterARN, err)
	}
	err = s.write(ctx, func(t *tx) error {
		_, err := t.exec(rememberEndpoint, clusterARN, b, us(e.AsOf), s.mark(markEndpoint, []byte(clusterARN), b))
		return err
	})
	return wrap(err, "remember the endpoint of %s", clusterARN)
}
