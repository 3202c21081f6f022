package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
)

var _ lease.Book = (*Store)(nil)

const insertLease = `
INSERT INTO leases (id, start_key, principal, provider, email, cluster, role, grant_name, policy,
	break_glass, reason, namespace, started_us, ends_us, mark, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'active')
ON CONFLICT (principal, start_key) DO NOTHING`

// Open writes a new lease with its first intent, its events and its notices.
// Repeated, it is lease.ErrStarted; lease.ErrMany when the person has as many
// as there may be, and lease.ErrSignedOut when the session that asks is gone.
func (s *Store) Open(ctx context.Context, o lease.Opening) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.stillSignedIn(o.Session); err != nil {
			return err
		}
		if err := t.room(o.Lease, o.Most); err != nil {
			return err
		}
		if err := t.insertLease(o.Lease); err != nil {
			return err
		}
		if err := t.insertIntent(o.Intent); err != nil {
			return err
		}
		if err := t.insertNotices(o.Notices); err != nil {
			return err
		}
		return t.append(o.Events...)
	})
	return wrap(err, "write the lease %s", o.Lease.ID)
}

const (
	manyLive = `
SELECT COUNT(*) FROM leases WHERE principal = $1 AND state = 'active' AND ends_us > $2 HAVING COUNT(*) >= $3`
	startedBefore = `SELECT 1 FROM leases WHERE principal = $1 AND start_key = $2`
)

// room refuses a lease beyond the most that a person may have live. Nobody can
// start another before this transaction ends: it holds the end of the log. A
// lease that was started before is not refused for being there.
func (t *tx) room(l lease.Lease, most int) error {
	if most <= 0 {
		return nil
	}
	full, err := t.any(manyLive, l.Principal, us(l.StartedAt), most)
	if err != nil || !full {
		return err
	}
	started, err := t.any(startedBefore, l.Principal, text(l.Key))
	if err == nil && !started {
		err = lease.ErrMany
	}
	return err
}

// stillSignedIn refuses what a session asked for that ended meanwhile. Nothing
// can end it before this transaction does: it holds the end of the log.
func (t *tx) stillSignedIn(session string) error {
	if session == "" {
		return nil
	}
	key, err := hex.DecodeString(session)
	if err != nil {
		return fmt.Errorf("the session %q is no hash", session)
	}
	there, err := t.any(`SELECT 1 FROM sessions WHERE key_hash = $1`, key)
	if err == nil && !there {
		err = lease.ErrSignedOut
	}
	return err
}

func (t *tx) insertLease(l lease.Lease) error {
	if l.Key == "" {
		return errors.New("a lease cannot be started without a key of its own")
	}
	n, err := t.exec(insertLease, l.ID, text(l.Key), l.Principal, l.Provider, text(l.Email), l.Cluster, l.Role, l.Grant, l.Policy,
		flag(l.BreakGlass), text(l.Reason), l.Namespace, us(l.StartedAt), us(l.EndsAt), t.writer.store.mark(markLease, accessOf(l)...))
	if err == nil && n == 0 {
		err = lease.ErrStarted
	}
	return err
}

// flag is a truth as both databases can hold it.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// active refuses unless a lease is active at a time. Nothing can end it before
// this transaction does: it holds the end of the log. The log is asked as
// well: a row put back as it was before the end gives nothing.
func (t *tx) active(id string, at time.Time) error {
	ok, err := t.any(`SELECT 1 FROM leases WHERE id = $1 AND state = 'active' AND ends_us > $2
		AND NOT EXISTS (SELECT 1 FROM events WHERE events.lease = leases.id AND events.kind IN ('lease.ended', 'lease.expired'))`, id, us(at))
	if err == nil && !ok {
		err = lease.ErrOver
	}
	return err
}

// Renew writes a further intent under an active lease. Repeated, it does
// nothing.
func (s *Store) Renew(ctx context.Context, in issuer.Intent, events ...audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.active(in.Lease, in.At); err != nil {
			return err
		}
		if err := t.insertIntent(in); err != nil {
			return err
		}
		return t.append(events...)
	})
	return wrap(err, "write the intent %s", in.ID)
}

// HandOver writes that something was handed out under an active lease.
// Repeated, it does nothing.
func (s *Store) HandOver(ctx context.Context, id string, e audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.active(id, e.At); err != nil {
			return err
		}
		return t.append(e)
	})
	return wrap(err, "write the hand-over under %s", id)
}

const endLease = `
UPDATE leases SET state = 'ended', ended_us = $2, ended_by = $3
WHERE id = $1 AND state = 'active' AND ends_us > $2`

const expireLease = `
UPDATE leases SET state = 'expired', ended_us = ends_us
WHERE id = $1 AND state = 'active' AND ends_us <= $2`

// End moves an active lease to ended, or, when by is empty, one that is past
// its end to expired. Repeated, it is lease.ErrOver.
func (s *Store) End(ctx context.Context, id string, at time.Time, by string, events ...audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		query, args := expireLease, []any{id, us(at)}
		if by != "" {
			query, args = endLease, append(args, by)
		}
		n, err := t.exec(query, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return lease.ErrOver
		}
		return t.append(events...)
	})
	return wrap(err, "end the lease %s", id)
}

// Used adds to the counts of leases, by one statement: on PostgreSQL each is a
// journey.
func (s *Store) Used(ctx context.Context, uses []lease.Use) error {
	if len(uses) == 0 {
		return nil
	}
	args := make([]any, 0, 3*len(uses))
	for _, u := range uses {
		args = append(args, u.Lease, u.More, us(u.Last))
	}
	err := s.write(ctx, func(t *tx) error {
		_, err := t.exec(noteUses(len(uses)), args...)
		return err
	})
	return wrap(err, "note the use of %d leases", len(uses))
}

// noteUses says the types of what it is given, which PostgreSQL takes for text
// otherwise.
func noteUses(n int) string {
	return `UPDATE leases SET uses = uses + used.column2,
		used_us = CASE WHEN used_us IS NULL OR used_us < used.column3 THEN used.column3 ELSE used_us END
		FROM (VALUES ` + values(n, "CAST($ AS TEXT)", "CAST($ AS BIGINT)", "CAST($ AS BIGINT)") + `) AS used WHERE leases.id = used.column1`
}

const (
	leaseColumns = `
SELECT id, start_key, principal, provider, email, cluster, role, grant_name, policy, break_glass, reason,
	namespace, started_us, ends_us, state, ended_us, ended_by, mark, used_us, uses`

	selectLease = leaseColumns + `,
	(SELECT MAX(at_us) FROM events WHERE events.lease = leases.id AND events.kind = 'hand-over'),
	(SELECT MAX(expires_us) FROM issuances WHERE issuances.lease = leases.id)
FROM leases`

	selectBare = leaseColumns + `, CAST(NULL AS BIGINT), CAST(NULL AS BIGINT) FROM leases`
)

// marked is a lease with its row's mark.
type marked struct {
	lease.Lease
	mark []byte
}

func scanLease(row scanner) (marked, error) {
	var l marked
	var glass, started, ends int64
	var ended, handed, token, used sql.NullInt64
	err := row.Scan(&l.ID, &l.Key, &l.Principal, &l.Provider, &l.Email, &l.Cluster, &l.Role, &l.Grant, &l.Policy, &glass, &l.Reason,
		&l.Namespace, &started, &ends, &l.State, &ended, &l.EndedBy, &l.mark,
		&used, &l.Uses, &handed, &token)
	l.BreakGlass = glass != 0
	l.StartedAt, l.EndsAt, l.EndedAt = at(started), at(ends), atOrZero(ended)
	l.LastHandOver, l.TokenExpires, l.LastUsed = atOrZero(handed), atOrZero(token), atOrZero(used)
	return l, err
}

// believed checks the mark of a lease that still gives access.
func (s *Store) believed(ctx context.Context, l marked) error {
	if l.At(s.cfg.Now()) != lease.Active {
		return nil
	}
	flaw := s.check(markLease, l.mark, accessOf(l.Lease)...)
	return s.told(ctx, flaw, markLease, l.ID, lease.ErrAltered, lease.ErrBehind)
}

// genuineOnes leaves out leases that are not, or cannot be seen to be, as they
// were written: one such row must not hide the rest.
func (s *Store) genuineOnes(ctx context.Context, all []marked) (out []lease.Lease) {
	for _, l := range all {
		if s.believed(ctx, l) == nil {
			out = append(out, l.Lease)
		}
	}
	return out
}

// Lease reads one lease; lease.ErrNone when there is none, lease.ErrAltered
// when it is not as it was written, lease.ErrBehind when that cannot be seen.
func (s *Store) Lease(ctx context.Context, id string) (lease.Lease, error) {
	return s.leaseBy(ctx, selectLease, id)
}

// Bare is Lease without what is looked for in other tables.
func (s *Store) Bare(ctx context.Context, id string) (lease.Lease, error) {
	return s.leaseBy(ctx, selectBare, id)
}

func (s *Store) leaseBy(ctx context.Context, query, id string) (lease.Lease, error) {
	l, err := one(ctx, s, lease.ErrNone, scanLease, query+` WHERE id = $1`, text(id))
	if err == nil {
		err = s.believed(ctx, l)
	}
	return l.Lease, wrap(err, "read the lease %s", id)
}

// Started finds the lease that a principal started under a key; lease.ErrNone
// when there is none.
func (s *Store) Started(ctx context.Context, principal, key string) (lease.Lease, error) {
	l, err := one(ctx, s, lease.ErrNone, scanLease, selectLease+` WHERE principal = $1 AND start_key = $2`, principal, text(key))
	if err == nil {
		err = s.believed(ctx, l)
	}
	return l.Lease, wrap(err, "read a lease of %s", principal)
}

// A lease of a person's is in the first of these lists or in the second.
const (
	live = ` WHERE principal = $1 AND state = 'active' AND ends_us > $2 ORDER BY started_us DESC, id DESC`
	past = ` WHERE principal = $1 AND (state <> 'active' OR ends_us <= $2) ORDER BY started_us DESC, id DESC LIMIT $3`
)

// Of lists a principal's leases: all that are active, however many, and past
// ones up to the limit.
func (s *Store) Of(ctx context.Context, principal string, limit int) ([]lease.Lease, error) {
	now := us(s.cfg.Now())
	ls, err := list(ctx, s, scanLease, selectLease+live, principal, now)
	if more := limit - len(ls); err == nil && more > 0 {
		var over []marked
		over, err = list(ctx, s, scanLease, selectLease+past, principal, now, more)
		ls = append(ls, over...)
	}
	if err != nil {
		return nil, wrap(err, "list the leases of %s", principal)
	}
	return s.genuineOnes(ctx, ls), nil
}

const everybodys = ` WHERE state = 'active' AND ends_us > $1 AND ($2 = '' OR principal = $2 OR lower(email) = lower($2))
	AND ($3 = '' OR cluster = $3) ORDER BY started_us DESC, id DESC LIMIT $4`

// Live lists leases of everybody's that are active, the newest first.
func (s *Store) Live(ctx context.Context, p lease.Pick, limit int) ([]lease.Lease, error) {
	ls, err := list(ctx, s, scanLease, selectLease+everybodys, us(s.cfg.Now()), text(p.Person), text(p.Cluster), limit)
	return s.genuineOnes(ctx, ls), wrap(err, "list the leases that are active")
}

// endLeasesOf ends the leases of a person who signed out, each with its event.
// One that is not as it was written gives nothing, and stays as it is; one
// that another server wrote with a newer key may be good, and ends.
func (t *tx) endLeasesOf(by audit.Who, at time.Time) error {
	rows, err := t.query(selectBare+live, by.Principal, us(at))
	if err != nil {
		return err
	}
	all, err := collect(rows, scanLease)
	if err != nil {
		return t.note(err)
	}
	var events []audit.Event
	for _, l := range all {
		if flaw := t.writer.store.check(markLease, l.mark, accessOf(l.Lease)...); flaw != nil && !isBehind(flaw) {
			continue
		}
		if _, err := t.exec(endLease, l.ID, us(at), by.Principal); err != nil {
			return err
		}
		events = append(events, l.EndedBySignOut(at, by))
	}
	return t.append(events...)
}

// Overdue lists leases that are written active but past their end, the longest
// overdue first.
func (s *Store) Overdue(ctx context.Context, now time.Time, limit int) ([]lease.Lease, error) {
	ls, err := list(ctx, s, scanLease, selectLease+` WHERE state = 'active' AND ends_us <= $1 ORDER BY ends_us, id LIMIT $2`, us(now), limit)
	return s.genuineOnes(ctx, ls), wrap(err, "list the leases past their end")
}

// wrap says what was attempted.
func wrap(err error, attempt string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(attempt+": %w", append(args, err)...)
}
