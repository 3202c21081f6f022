package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

var (
	_ issuer.Outcomes = (*Store)(nil)
	_ issuer.Recorder = (*Store)(nil)
)

const insertIntent = `
INSERT INTO issuances (id, lease, at_us, principal, cluster, cluster_arn, role, role_arn, grant_name, policy, session_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (id) DO NOTHING`

// insertIntent is errRepeated when the intent is written already.
func (t *tx) insertIntent(in issuer.Intent) error {
	n, err := t.exec(insertIntent, in.ID, in.Lease, us(in.At), in.Principal, in.Cluster, in.ClusterARN,
		in.Role, in.RoleARN, in.Grant, in.Policy, in.SessionName)
	if err == nil && n == 0 {
		err = errRepeated
	}
	return err
}

const concludeIssuance = `
UPDATE issuances SET concluded_us = $2, failure = $3, failure_text = $4, access_key_id = $5,
	token_sha256 = $6, ca_sha256 = $7, expires_us = $8
WHERE id = $1 AND concluded_us IS NULL`

var errNoIntent = errors.New("there is no such intent")

// Conclude writes an outcome and its event. Repeated, it is
// issuer.ErrConcluded.
func (s *Store) Conclude(ctx context.Context, o issuer.Outcome, e audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.conclude(o); err != nil {
			return err
		}
		return t.append(e)
	})
	return wrap(err, "write the outcome of %s", o.Issuance)
}

func (t *tx) conclude(o issuer.Outcome) error {
	n, err := t.exec(concludeIssuance, o.Issuance, us(o.At), text(o.Failure), text(o.Text), o.AccessKeyID,
		o.TokenSHA256, o.CASHA256, usOrNull(o.Expires))
	if err != nil || n == 1 {
		return err
	}
	known, err := t.any(`SELECT 1 FROM issuances WHERE id = $1`, o.Issuance)
	switch {
	case err != nil:
		return err
	case known:
		return issuer.ErrConcluded
	}
	return errNoIntent
}

const selectIntent = `
SELECT id, lease, at_us, principal, cluster, cluster_arn, role, role_arn, grant_name, policy, session_name`

// intentInto gives where the columns of selectIntent go, but for the time.
func intentInto(in *issuer.Intent, atUS *int64) []any {
	return []any{&in.ID, &in.Lease, atUS, &in.Principal, &in.Cluster, &in.ClusterARN,
		&in.Role, &in.RoleARN, &in.Grant, &in.Policy, &in.SessionName}
}

func scanIntent(row scanner) (issuer.Intent, error) {
	var in issuer.Intent
	var when int64
	err := row.Scan(intentInto(&in, &when)...)
	in.At = at(when)
	return in, err
}

// Unconcluded lists intents from before a time that have no outcome, oldest
// first.
func (s *Store) Unconcluded(ctx context.Context, before time.Time, limit int) ([]issuer.Intent, error) {
	ins, err := list(ctx, s, scanIntent, selectIntent+` FROM issuances
		WHERE concluded_us IS NULL AND at_us < $1 ORDER BY at_us, id LIMIT $2`, us(before), limit)
	return ins, wrap(err, "list the issuances without an outcome")
}

func scanIssuance(row scanner) (lease.Issuance, error) {
	var i lease.Issuance
	var when int64
	var concluded, expires sql.NullInt64
	o := &i.Outcome
	err := row.Scan(append(intentInto(&i.Intent, &when),
		&concluded, &o.Failure, &o.Text, &o.AccessKeyID, &o.TokenSHA256, &o.CASHA256, &expires)...)
	i.Intent.At = at(when)
	if concluded.Valid {
		o.Issuance, o.At, o.Expires = i.ID, at(concluded.Int64), atOrZero(expires)
	}
	return i, err
}

// Issuances lists what was minted under a lease, newest first.
func (s *Store) Issuances(ctx context.Context, id string, limit int) ([]lease.Issuance, error) {
	is, err := list(ctx, s, scanIssuance, selectIntent+`, concluded_us, COALESCE(failure, ''), COALESCE(failure_text, ''),
		COALESCE(access_key_id, ''), COALESCE(token_sha256, ''), COALESCE(ca_sha256, ''), expires_us
		FROM issuances WHERE lease = $1 ORDER BY at_us DESC, id DESC LIMIT $2`, id, limit)
	return is, wrap(err, "list the issuances under %s", id)
}
