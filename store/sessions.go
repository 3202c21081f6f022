package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
)

var _ auth.Book = (*Store)(nil)

const insertSession = `
INSERT INTO sessions (key_hash, principal, bytes, signed_in_us, seen_us, expires_us, provider, sid, id_token, mark)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (key_hash) DO NOTHING`

// SignIn adds a session, takes the one it replaces out, and drops sessions that
// expired before. Repeated, it does nothing. It is auth.ErrLoggedOut when the
// provider ended it meanwhile.
func (s *Store) SignIn(ctx context.Context, in auth.Session, replaced auth.Hash, e audit.Event) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write a session as JSON: %w", err)
	}
	err = s.write(ctx, func(t *tx) error {
		if err := t.notLoggedOut(in); err != nil {
			return err
		}
		n, err := t.exec(insertSession, in.Key[:], in.Principal.ID(), b, us(in.SignedIn), us(in.Seen), us(in.Expires),
			in.Principal.Provider, text(in.ProviderSession), in.IDToken,
			s.mark(markSession, sessionRow{bytes: b, signedIn: us(in.SignedIn), expires: us(in.Expires), principal: in.Principal.ID(),
				provider: in.Principal.Provider, sid: text(in.ProviderSession), idToken: in.IDToken}.fields(in.Key[:])...))
		if err != nil {
			return err
		}
		if n == 0 {
			return errRepeated
		}
		if err := t.dropSessions(replaced, in.SignedIn); err != nil {
			return err
		}
		return t.append(e)
	})
	return wrap(err, "write the session")
}

func (t *tx) dropSessions(replaced auth.Hash, before time.Time) error {
	if !replaced.IsZero() {
		if _, err := t.exec(`DELETE FROM sessions WHERE key_hash = $1`, replaced[:]); err != nil {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM sessions WHERE expires_us < $1`, us(before))
	return err
}

// sessionRow is a session as it lies in the database.
type sessionRow struct {
	bytes, mark, idToken     []byte
	signedIn, seen, expires  int64
	principal, provider, sid string
}

// fields are all of a row that says whose it is, for how long at most, and by
// what it is found and ended.
func (r sessionRow) fields(key []byte) [][]byte {
	return [][]byte{key, r.bytes, number(r.signedIn), number(r.expires), []byte(r.principal), []byte(r.provider), []byte(r.sid), r.idToken}
}

func scanSession(row scanner) (r sessionRow, err error) {
	return r, row.Scan(&r.bytes, &r.signedIn, &r.seen, &r.expires, &r.mark, &r.principal, &r.provider, &r.sid, &r.idToken)
}

// Session gives a session, however old; auth.ErrNoSession when there is none,
// or when it is not as it was written.
func (s *Store) Session(ctx context.Context, key auth.Hash) (auth.Session, error) {
	r, err := one(ctx, s, auth.ErrNoSession, scanSession,
		`SELECT bytes, signed_in_us, seen_us, expires_us, mark, principal, provider, sid, id_token FROM sessions WHERE key_hash = $1`, key[:])
	if err == nil && !s.genuine(ctx, markSession, key.Mark(), r.mark, r.fields(key[:])...) {
		err = auth.ErrNoSession
	}
	in := auth.Session{}
	if err == nil {
		err = json.Unmarshal(r.bytes, &in)
	}
	if err != nil {
		return auth.Session{}, wrap(err, "read the session")
	}
	in.Key, in.SignedIn, in.Seen, in.Expires = key, at(r.signedIn), at(r.seen), at(r.expires)
	return in, nil
}

// Touch moves a session's Seen forward, never back. A session that is gone
// stays gone: auth.ErrNoSession. It can be repeated.
func (s *Store) Touch(ctx context.Context, key auth.Hash, seen time.Time) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE sessions SET seen_us = CASE WHEN seen_us < $2 THEN $2 ELSE seen_us END WHERE key_hash = $1`, key[:], us(seen))
		if err == nil && n == 0 {
			err = auth.ErrNoSession
		}
		return err
	})
	return wrap(err, "note that the session is in use")
}

const sessionsOf = `
SELECT key_hash, bytes, signed_in_us, seen_us, expires_us FROM sessions
WHERE principal = $1 ORDER BY signed_in_us DESC, key_hash LIMIT 100`

// SessionsOf lists a principal's sessions, the newest sign-in first.
func (s *Store) SessionsOf(ctx context.Context, principal string) ([]auth.Session, error) {
	all, err := list(ctx, s, scanKeyedSession, sessionsOf, principal)
	return all, wrap(err, "list the sessions")
}

func scanKeyedSession(row scanner) (auth.Session, error) {
	var in auth.Session
	var key, b []byte
	var signedIn, seen, expires int64
	if err := row.Scan(&key, &b, &signedIn, &seen, &expires); err != nil {
		return in, err
	}
	err := json.Unmarshal(b, &in)
	copy(in.Key[:], key)
	in.SignedIn, in.Seen, in.Expires = at(signedIn), at(seen), at(expires)
	return in, err
}

// SignOut deletes a session. Repeated, it is auth.ErrNoSession.
func (s *Store) SignOut(ctx context.Context, key auth.Hash, e audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM sessions WHERE key_hash = $1`, key[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrNoSession
		}
		return t.append(e)
	})
	return wrap(err, "end the session")
}

// dropStarts drops a bounded number, more than one write ever adds: anybody can
// begin sign-ins without end, and dropping them all at once would outlast the
// patience for a transaction, again and again.
const dropStarts = `
DELETE FROM sign_in_starts WHERE state_hash IN
	(SELECT state_hash FROM sign_in_starts WHERE expires_us < $1 ORDER BY expires_us LIMIT 32)`

const insertStart = `
INSERT INTO sign_in_starts (state_hash, bytes, expires_us) VALUES ($1, $2, $3)
ON CONFLICT (state_hash) DO NOTHING`

// PutStart keeps a sign-in that was begun, and drops some of those that expired
// before it, the oldest first. Repeated, it does nothing.
func (s *Store) PutStart(ctx context.Context, st auth.Start) error {
	b, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("write a begun sign-in as JSON: %w", err)
	}
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(dropStarts, us(st.Begun)); err != nil {
			return err
		}
		_, err := t.exec(insertStart, st.State[:], b, us(st.Expires))
		return err
	})
	return wrap(err, "write the begun sign-in")
}

// TakeStart gives a begun sign-in and deletes it. One caller gets it; the
// others, and one whose answer was lost and who asks again, get
// auth.ErrNoStart.
func (s *Store) TakeStart(ctx context.Context, state auth.Hash) (auth.Start, error) {
	var taken []auth.Start
	err := s.write(ctx, func(t *tx) error {
		rows, err := t.query(`DELETE FROM sign_in_starts WHERE state_hash = $1 RETURNING bytes`, state[:])
		if err != nil {
			return err
		}
		taken, err = collect(rows, scanStart)
		if err == nil && len(taken) == 0 {
			return auth.ErrNoStart
		}
		return t.note(err)
	})
	if err != nil {
		return auth.Start{}, wrap(err, "take the begun sign-in")
	}
	return taken[0], nil
}

func scanStart(row scanner) (auth.Start, error) {
	var st auth.Start
	var b []byte
	if err := row.Scan(&b); err != nil {
		return st, err
	}
	return st, json.Unmarshal(b, &st)
}
