package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/daypass/daypass/issuer"
)

// Recall gives what AWS last said about a cluster; issuer.ErrNoEndpoint when
// it never did.
func (s *Store) Recall(ctx context.Context, clusterARN string) (issuer.Endpoint, error) {
	e, err := one(ctx, s, issuer.ErrNoEndpoint, scanEndpoint, `SELECT bytes FROM endpoints WHERE cluster_arn = $1`, clusterARN)
	return e, wrap(err, "recall the endpoint of %s", clusterARN)
}

func scanEndpoint(row scanner) (issuer.Endpoint, error) {
	var b []byte
	var e issuer.Endpoint
	if err := row.Scan(&b); err != nil {
		return e, err
	}
	return e, json.Unmarshal(b, &e)
}

const rememberEndpoint = `
INSERT INTO endpoints (cluster_arn, bytes, as_of_us) VALUES ($1, $2, $3)
ON CONFLICT (cluster_arn) DO UPDATE SET bytes = excluded.bytes, as_of_us = excluded.as_of_us
WHERE endpoints.as_of_us <= excluded.as_of_us`

// Remember keeps what AWS said about a cluster, unless something newer is kept
// already. It can be repeated.
func (s *Store) Remember(ctx context.Context, clusterARN string, e issuer.Endpoint) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the endpoint of %s as JSON: %w", clusterARN, err)
	}
	err = s.write(ctx, func(t *tx) error {
		_, err := t.exec(rememberEndpoint, clusterARN, b, us(e.AsOf))
		return err
	})
	return wrap(err, "remember the endpoint of %s", clusterARN)
}
