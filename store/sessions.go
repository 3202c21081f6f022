package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
)

var _ auth.Book = (*Store)(nil)

const insertSession = `
INSERT INTO sessions (key_hash, principal, bytes, signed_in_us, seen_us, expires_us, provider, sid, id_token, mark, seen_mark,
	client, as_of_us, refresh_token)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (key_hash) DO NOTHING`

// SignIn adds a session, takes the one it replaces out, and drops sessions that
// expired before. Repeated, it does nothing. It is auth.ErrLoggedOut when the
// provider ended it meanwhile.
func (s *Store) SignIn(ctx context.Context, in auth.Session, replaced auth.Hash, e audit.Event) error {
	r, err := rowOf(in)
	if err != nil {
		return fmt.Errorf("write a session as JSON: %w", err)
	}
	err = s.write(ctx, func(t *tx) error {
		if err := t.addSession(in, r); err != nil {
			return err
		}
		if err := t.dropSessions(replaced, in.SignedIn); err != nil {
			return err
		}
		return t.append(e)
	})
	return wrap(err, "write the session")
}

// addSession is errRepeated when it is there already.
func (t *tx) addSession(in auth.Session, r sessionRow) error {
	if err := t.notLoggedOut(in); err != nil {
		return err
	}
	s := t.writer.store
	n, err := t.exec(insertSession, r.key, r.principal, r.bytes, r.signedIn, r.seen, r.expires, r.provider, r.sid, r.idToken,
		s.mark(markSession, r.fields()...), s.markSeen(in.Key, in.Seen), flag(in.Client != nil), r.asOf, r.refresh)
	if err == nil && n == 0 {
		err = errRepeated
	}
	return err
}

// markSeen marks when a session was last seen, apart from the rest: it is
// written anew each minute, and the rest is not read for that.
func (s *Store) markSeen(key auth.Hash, seen time.Time) []byte {
	return s.mark(markSeen, key[:], number(us(seen)))
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
	key, bytes, idToken, refresh, mark, seenMark []byte
	signedIn, seen, expires, asOf                int64
	principal, provider, sid                     string
}

func rowOf(in auth.Session) (sessionRow, error) {
	b, err := json.Marshal(in)
	return sessionRow{key: in.Key[:], bytes: b, idToken: in.IDToken, signedIn: us(in.SignedIn), seen: us(in.Seen), expires: us(in.Expires),
		principal: in.Principal.ID(), provider: in.Principal.Provider, sid: text(in.ProviderSession), asOf: us(in.AsOf), refresh: in.Refresh}, err
}

// fields are all of a row that says whose it is, for how long at most, and by
// what it is found and ended.
func (r sessionRow) fields() [][]byte {
	return [][]byte{r.key, r.bytes, number(r.signedIn), number(r.expires), []byte(r.principal), []byte(r.provider), []byte(r.sid), r.idToken,
		number(r.asOf), r.refresh}
}

func (r sessionRow) hash() (h auth.Hash) {
	copy(h[:], r.key)
	return h
}

const sessionColumns = `key_hash, bytes, signed_in_us, seen_us, expires_us, mark, seen_mark, principal, provider, sid, id_token,
	as_of_us, refresh_token`

func scanSession(row scanner) (r sessionRow, err error) {
	return r, row.Scan(&r.key, &r.bytes, &r.signedIn, &r.seen, &r.expires, &r.mark, &r.seenMark, &r.principal, &r.provider, &r.sid, &r.idToken,
		&r.asOf, &r.refresh)
}

// session reads a row. One that is behind comes with what it says, as far as
// that can be read.
func (s *Store) session(r sessionRow) (auth.Session, error) {
	flaw := s.check(markSession, r.mark, r.fields()...)
	if seen := s.check(markSeen, r.seenMark, r.key, number(r.seen)); flaw == nil || errors.Is(seen, errForged) {
		flaw = seen
	}
	in := auth.Session{}
	if err := json.Unmarshal(r.bytes, &in); err != nil || errors.Is(flaw, errForged) {
		return auth.Session{}, errors.Join(errForged, flaw, err)
	}
	in.Key, in.SignedIn, in.Seen, in.Expires = r.hash(), at(r.signedIn), at(r.seen), at(r.expires)
	in.AsOf, in.Refresh = at(r.asOf), r.refresh
	return in, flaw
}

// believedSession is session with the errors of the port; what is forged is
// reported.
func (s *Store) believedSession(ctx context.Context, r sessionRow) (auth.Session, error) {
	in, flaw := s.session(r)
	if err := s.told(ctx, flaw, markSession, r.hash().Mark(), auth.ErrNoSession, auth.ErrBehind); err != nil {
		return auth.Session{}, err
	}
	return in, nil
}

// Session gives a session, however old; auth.ErrNoSession when there is none,
// or when it is not as it was written.
func (s *Store) Session(ctx context.Context, key auth.Hash) (auth.Session, error) {
	r, err := one(ctx, s, auth.ErrNoSession, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE key_hash = $1`, key[:])
	var in auth.Session
	if err == nil {
		in, err = s.believedSession(ctx, r)
	}
	return in, wrap(err, "read the session")
}

// Touch moves a session's Seen forward, never back. A session that is gone
// stays gone: auth.ErrNoSession. It can be repeated.
func (s *Store) Touch(ctx context.Context, key auth.Hash, seen time.Time) error {
	mark := s.markSeen(key, seen)
	err := s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE sessions SET seen_us = $2, seen_mark = $3 WHERE key_hash = $1 AND seen_us < $2`, key[:], us(seen), mark)
		if err != nil || n > 0 {
			return err
		}
		there, err := t.any(`SELECT 1 FROM sessions WHERE key_hash = $1`, key[:])
		if err == nil && !there {
			err = auth.ErrNoSession
		}
		return err
	})
	return wrap(err, "note that the session is in use")
}

// Whoever writes to the database can put in rows that are refused. So more are
// looked at than are given.
const (
	maxBrowsers = 100
	sessionsOf  = `
SELECT ` + sessionColumns + ` FROM sessions
WHERE principal = $1 AND expires_us > $4 AND (client = 0 AND signed_in_us > $2 AND seen_us > $3 OR client = 1 AND signed_in_us > $5)
ORDER BY client DESC, signed_in_us DESC, key_hash LIMIT 1000`
)

// SessionsOf lists a principal's living sessions, the newest sign-in first. It
// leaves out those that are not as they were written, and browsers beyond the
// newest hundred; there are never many programs.
func (s *Store) SessionsOf(ctx context.Context, principal string, alive auth.Alive) ([]auth.Session, error) {
	rows, err := list(ctx, s, scanSession, sessionsOf, principal, us(alive.SignedInAfter), us(alive.SeenAfter), us(alive.ExpiresAfter), us(alive.ClientsAfter))
	if err != nil {
		return nil, wrap(err, "list the sessions")
	}
	var all []auth.Session
	browsers := 0
	for _, r := range rows {
		in, err := s.believedSession(ctx, r)
		if err != nil || in.Client == nil && browsers == maxBrowsers {
			continue
		}
		if all = append(all, in); in.Client == nil {
			browsers++
		}
	}
	slices.SortStableFunc(all, func(a, b auth.Session) int { return b.SignedIn.Compare(a.SignedIn) })
	return all, nil
}

// sessionMarked looks by the beginning of the key.
const sessionMarked = `
SELECT ` + sessionColumns + ` FROM sessions WHERE principal = $1 AND key_hash >= $2 AND key_hash <= $3 ORDER BY key_hash LIMIT 1`

// Marked gives a principal's session by its mark.
func (s *Store) Marked(ctx context.Context, principal, mark string) (auth.Session, error) {
	begin, err := hex.DecodeString(mark)
	if err != nil || len(mark) != len(auth.Hash{}.Mark()) {
		return auth.Session{}, auth.ErrNoSession
	}
	var first, last auth.Hash
	copy(first[:], begin)
	copy(last[:], begin)
	for i := len(begin); i < len(last); i++ {
		last[i] = 0xff
	}
	r, err := one(ctx, s, auth.ErrNoSession, scanSession, sessionMarked, principal, first[:], last[:])
	var in auth.Session
	if err == nil {
		in, err = s.believedSession(ctx, r)
	}
	return in, wrap(err, "read the session")
}

// SignOut deletes a session. Repeated, it is auth.ErrNoSession.
func (s *Store) SignOut(ctx context.Context, key auth.Hash, e auth.Ending) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM sessions WHERE key_hash = $1`, key[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrNoSession
		}
		return t.ended(e)
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
INSERT INTO sign_in_starts (state_hash, bytes, expires_us, mark) VALUES ($1, $2, $3, $4)
ON CONFLICT (state_hash) DO NOTHING`

// PutStart keeps a sign-in that was begun, and drops some of those that expired
// before it, the oldest first. Repeated, it does nothing.
func (s *Store) PutStart(ctx context.Context, st auth.Start) error {
	b, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("write a begun sign-in as JSON: %w", err)
	}
	r := startRow{key: st.State[:], bytes: b, expires: us(st.Expires)}
	mark := s.mark(markStart, r.fields()...)
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(dropStarts, us(st.Begun)); err != nil {
			return err
		}
		_, err := t.exec(insertStart, r.key, r.bytes, r.expires, mark)
		return err
	})
	return wrap(err, "write the begun sign-in")
}

// startRow is a begun sign-in as it lies in the database.
type startRow struct {
	key, bytes, mark []byte
	expires          int64
}

// fields are the whole row: whose answer to what is believed, and until when.
func (r startRow) fields() [][]byte { return [][]byte{r.key, r.bytes, number(r.expires)} }

func scanStart(row scanner) (r startRow, err error) {
	return r, row.Scan(&r.key, &r.bytes, &r.expires, &r.mark)
}

// TakeStart gives a begun sign-in and deletes it. One caller gets it; the
// others, and one whose answer was lost and who asks again, get
// auth.ErrNoStart; so does who asks for one that is not as it was written. One
// that is behind stays, for a server that has its key.
func (s *Store) TakeStart(ctx context.Context, state auth.Hash) (auth.Start, error) {
	var taken startRow
	var flaw error
	err := s.write(ctx, func(t *tx) (err error) {
		taken, err = t.takeStart(state)
		if err != nil {
			return err
		}
		if flaw = s.check(markStart, taken.mark, taken.fields()...); isBehind(flaw) {
			return flaw
		}
		return nil
	})
	switch {
	case err == nil:
		err = s.told(ctx, flaw, markStart, state.Mark(), auth.ErrNoStart, auth.ErrBehind)
	case isBehind(err):
		err = s.told(ctx, err, markStart, state.Mark(), auth.ErrNoStart, auth.ErrBehind)
	}
	var st auth.Start
	if err == nil {
		err = json.Unmarshal(taken.bytes, &st)
	}
	return st, wrap(err, "take the begun sign-in")
}

func (t *tx) takeStart(state auth.Hash) (startRow, error) {
	return oneWithin(t, auth.ErrNoStart, scanStart, `DELETE FROM sign_in_starts WHERE state_hash = $1 RETURNING state_hash, bytes, expires_us, mark`, state[:])
}
