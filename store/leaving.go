package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
)

const insertDeparture = `
INSERT INTO departures (key_hash, bytes, id_token, expires_us, mark) VALUES ($1, $2, $3, $4, $5)`

// Leave deletes a session and adds a departure with its ID token; it drops
// departures that expired before. Repeated, it is auth.ErrNoSession.
func (s *Store) Leave(ctx context.Context, key auth.Hash, d auth.Departure, e auth.Ending) error {
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write a departure as JSON: %w", err)
	}
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM departures WHERE expires_us < $1`, us(d.Left)); err != nil {
			return err
		}
		// The session's ID token comes along; the session is deleted below.
		idToken, err := oneWithin(t, auth.ErrNoSession, scanBytes, `SELECT id_token FROM sessions WHERE key_hash = $1`, key[:])
		if err != nil {
			return err
		}
		mark := s.mark(markDeparture, d.Key[:], b, idToken)
		if _, err := t.exec(insertDeparture, d.Key[:], b, idToken, us(d.Expires), mark); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM sessions WHERE key_hash = $1`, key[:]); err != nil {
			return err
		}
		return t.ended(e)
	})
	return wrap(err, "end the session")
}

// ended writes how sessions ended, and ends the leases that end with them. Two
// sessions of one person leave nothing to do for the second.
func (t *tx) ended(all ...auth.Ending) error {
	for _, e := range all {
		if err := t.append(e.Events()...); err != nil {
			return err
		}
		if !e.Leases {
			continue
		}
		if err := t.endLeasesOf(e.By, e.Event.At); err != nil {
			return err
		}
	}
	return nil
}

// Departure gives a departure, however old; auth.ErrNoDeparture when there is
// none, or when it is not as it was written: its ID token must not be opened
// for whoever put it there.
func (s *Store) Departure(ctx context.Context, key auth.Hash) (auth.Departure, error) {
	r, err := one(ctx, s, auth.ErrNoDeparture, scanDeparture,
		`SELECT bytes, id_token, mark FROM departures WHERE key_hash = $1`, key[:])
	if err == nil {
		flaw := s.check(markDeparture, r.mark, key[:], r.bytes, r.idToken)
		err = s.told(ctx, flaw, markDeparture, key.Mark(), auth.ErrNoDeparture, auth.ErrBehind)
	}
	d := auth.Departure{IDToken: r.idToken}
	if err == nil {
		err = json.Unmarshal(r.bytes, &d)
	}
	if err != nil {
		return auth.Departure{}, wrap(err, "read the departure")
	}
	return d, nil
}

type departureRow struct{ bytes, idToken, mark []byte }

func scanDeparture(row scanner) (r departureRow, err error) {
	return r, row.Scan(&r.bytes, &r.idToken, &r.mark)
}

func scanBytes(row scanner) (b []byte, err error) {
	return b, row.Scan(&b)
}

// Forget deletes a departure, if there is one.
func (s *Store) Forget(ctx context.Context, key auth.Hash) error {
	err := s.write(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM departures WHERE key_hash = $1`, key[:])
		return err
	})
	return wrap(err, "forget the departure")
}

// A logout is for the sessions of its sid. When it has none it is for all of
// its principal's; when it has one, for those of its principal's that never
// had any. The three statements say the same.
const (
	insertLogout = `
INSERT INTO logouts (provider, token_hash, principal, sid, issued_us, until_us)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (provider, token_hash) DO NOTHING`

	endBySid = `
DELETE FROM sessions WHERE provider = $1 AND sid = $2 AND sid <> ''
RETURNING ` + sessionColumns

	endByPrincipal = `
DELETE FROM sessions WHERE principal = $1 AND (sid = '' OR $2 = '')
RETURNING ` + sessionColumns

	loggedOut = `
SELECT 1 FROM logouts WHERE provider = $1 AND sid = $2 AND sid <> '' AND issued_us >= $4
UNION ALL
SELECT 1 FROM logouts WHERE principal = $3 AND (sid = '' OR $2 = '') AND issued_us >= $4`
)

// LogOut remembers a provider's notice and ends the sessions it is for, with
// an event for each. Repeated, it is auth.ErrReplayed.
func (s *Store) LogOut(ctx context.Context, l auth.Logout, ending func(auth.Session) auth.Ending) (ended int, err error) {
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM logouts WHERE until_us < $1`, us(l.Taken)); err != nil {
			return err
		}
		n, err := t.exec(insertLogout, l.Provider, l.Token[:], l.Principal, text(l.Session), us(l.Issued), us(l.Until))
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrReplayed
		}
		ended, err = t.endSessions(l, ending)
		return err
	})
	if err != nil {
		return 0, wrap(err, "take the logout")
	}
	return ended, nil
}

// SignOutAll ends all sessions of a principal, with an event for each and one for
// the act. Repeated, it ends none.
func (s *Store) SignOutAll(ctx context.Context, principal string, act audit.Event, ending func(auth.Session) auth.Ending) (ended int, err error) {
	err = s.write(ctx, func(t *tx) error {
		if err := t.append(act); err != nil {
			return err
		}
		all, err := t.endedBy(act.At, ending, `DELETE FROM sessions WHERE principal = $1 RETURNING `+sessionColumns, principal)
		ended = len(all)
		if err != nil {
			return err
		}
		return t.ended(all...)
	})
	if err != nil {
		return 0, wrap(err, "end the sessions of %s", principal)
	}
	return ended, nil
}

func (t *tx) endSessions(l auth.Logout, ending func(auth.Session) auth.Ending) (int, error) {
	var all []auth.Ending
	for _, q := range []struct {
		text string
		args []any
	}{
		{endBySid, []any{l.Provider, text(l.Session)}},
		{endByPrincipal, []any{l.Principal, text(l.Session)}},
	} {
		some, err := t.endedBy(l.Taken, ending, q.text, q.args...)
		if err != nil {
			return 0, err
		}
		all = append(all, some...)
	}
	return len(all), t.ended(all...)
}

// endedBy deletes sessions by a statement that gives them back.
func (t *tx) endedBy(now time.Time, ending func(auth.Session) auth.Ending, query string, args ...any) (all []auth.Ending, err error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return nil, err
	}
	gone, err := collect(rows, scanSession)
	if err != nil {
		return nil, t.note(err)
	}
	for _, r := range gone {
		all = append(all, t.endOf(r, now, ending))
	}
	return all, nil
}

// endOf is the end of a session that a logout ended. What a forged row says
// of its person stays out of the log.
func (t *tx) endOf(r sessionRow, now time.Time, ending func(auth.Session) auth.Ending) auth.Ending {
	in, err := t.writer.store.session(r)
	if err == nil || isBehind(err) && in.Key == r.hash() {
		return ending(in)
	}
	return auth.Ending{Event: rowRefused(markSession, r.hash().Mark(), now)}
}

// notLoggedOut refuses a session that the provider ended after it issued the
// ID token: a sign-in under way must not outrun a logout.
func (t *tx) notLoggedOut(in auth.Session) error {
	found, err := t.any(loggedOut, in.Principal.Provider, text(in.ProviderSession), in.Principal.ID(), us(in.Vouched))
	if err == nil && found {
		err = auth.ErrLoggedOut
	}
	return err
}
