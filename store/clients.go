package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/auth"
)

// dropCodes is little by little, as begun sign-ins are dropped.
const dropCodes = `
DELETE FROM client_codes WHERE key_hash IN
	(SELECT key_hash FROM client_codes WHERE expires_us < $1 ORDER BY expires_us LIMIT 32)`

// codeRow is a code as it lies in the database. When it was last asked for is
// not marked: it only slows down whoever asks.
type codeRow struct {
	key, user, bytes, mark []byte
	expires, asked         int64
}

const codeColumns = `key_hash, user_hash, bytes, expires_us, asked_us, mark`

func codeRowOf(c auth.Code) (codeRow, error) {
	b, err := json.Marshal(c)
	r := codeRow{key: c.Key[:], bytes: b, expires: us(c.Expires)}
	if !c.User.IsZero() {
		r.user = c.User[:]
	}
	return r, err
}

func (r codeRow) fields() [][]byte { return [][]byte{r.key, r.user, r.bytes, number(r.expires)} }

func scanCode(row scanner) (r codeRow, err error) {
	return r, row.Scan(&r.key, &r.user, &r.bytes, &r.expires, &r.asked, &r.mark)
}

// code reads a row; its error is one of check.
func (s *Store) code(r codeRow) (auth.Code, error) {
	if err := s.check(markCode, r.mark, r.fields()...); err != nil {
		return auth.Code{}, err
	}
	var c auth.Code
	if err := json.Unmarshal(r.bytes, &c); err != nil {
		return auth.Code{}, errors.Join(errForged, err)
	}
	copy(c.Key[:], r.key)
	copy(c.User[:], r.user)
	c.Expires, c.Asked = at(r.expires), at(r.asked)
	return c, nil
}

func (s *Store) toldCode(ctx context.Context, err error, key auth.Hash) error {
	return s.told(ctx, err, markCode, key.Mark(), auth.ErrNoCode, auth.ErrBehind)
}

// PutCode adds a code. Repeated, it is auth.ErrCodeTaken where the code is one
// that people type, and does nothing otherwise.
func (s *Store) PutCode(ctx context.Context, c auth.Code) error {
	r, err := codeRowOf(c)
	if err != nil {
		return fmt.Errorf("write a code as JSON: %w", err)
	}
	mark := s.mark(markCode, r.fields()...)
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(dropCodes, us(c.Begun)); err != nil {
			return err
		}
		n, err := t.exec(`INSERT INTO client_codes (`+codeColumns+`) VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING`,
			r.key, r.user, r.bytes, r.expires, mark)
		if err == nil && n == 0 && r.user != nil {
			err = auth.ErrCodeTaken
		}
		return err
	})
	return wrap(err, "write the code")
}

// TypedCode finds a code by what a person types.
func (s *Store) TypedCode(ctx context.Context, user auth.Hash) (auth.Code, error) {
	r, err := one(ctx, s, auth.ErrNoCode, scanCode, `SELECT `+codeColumns+` FROM client_codes WHERE user_hash = $1`, user[:])
	if err != nil {
		return auth.Code{}, wrap(err, "read the code")
	}
	c, flaw := s.code(r)
	return c, wrap(s.toldCode(ctx, flaw, auth.Hash(r.key)), "read the code")
}

// HasCode says whether there is a code.
func (s *Store) HasCode(ctx context.Context, code auth.Hash) (bool, error) {
	_, err := one(ctx, s, auth.ErrNoCode, scanOne, `SELECT 1 FROM client_codes WHERE key_hash = $1`, code[:])
	if errors.Is(err, auth.ErrNoCode) {
		return false, nil
	}
	return err == nil, wrap(err, "look for the code")
}

func scanOne(row scanner) (n int64, err error) { return n, row.Scan(&n) }

// AnswerCode stores the answer to a code. Repeated, it is auth.ErrNoCode.
func (s *Store) AnswerCode(ctx context.Context, c auth.Code, events ...audit.Event) error {
	r, err := codeRowOf(c)
	if err != nil {
		return fmt.Errorf("write a code as JSON: %w", err)
	}
	mark := s.mark(markCode, r.fields()...)
	var flaw error
	err = s.write(ctx, func(t *tx) error {
		old, err := t.codeAt(c.Key)
		if err != nil {
			return err
		}
		var was auth.Code
		if was, flaw = s.code(old); flaw != nil || !was.By.IsZero() {
			return auth.ErrNoCode
		}
		if _, err := t.exec(`UPDATE client_codes SET bytes = $2, mark = $3 WHERE key_hash = $1`, r.key, r.bytes, mark); err != nil {
			return err
		}
		return t.append(events...)
	})
	if told := s.toldCode(ctx, flaw, c.Key); told != nil {
		err = told
	}
	return wrap(err, "write the answer to the code")
}

// codeAt reads a code's row within a write.
func (t *tx) codeAt(key auth.Hash) (codeRow, error) {
	return oneWithin(t, auth.ErrNoCode, scanCode, `SELECT `+codeColumns+` FROM client_codes WHERE key_hash = $1`, key[:])
}

// redeeming is one trade of a code for a session.
type redeeming struct {
	code    auth.Hash
	now     time.Time
	alive   auth.Alive
	judge   func(auth.Code, auth.Session) (auth.Session, audit.Event, error)
	flaw    error // of the code
	from    error // of the browser's session
	by      auth.Hash
	refused error // by the judge; what was done stays done
}

// Redeem trades a code for a session. Repeated, it is auth.ErrNoCode.
func (s *Store) Redeem(ctx context.Context, code auth.Hash, now time.Time, alive auth.Alive, judge func(auth.Code, auth.Session) (auth.Session, audit.Event, error)) error {
	var r redeeming
	err := s.write(ctx, func(t *tx) error {
		r = redeeming{code: code, now: now, alive: alive, judge: judge}
		return t.redeem(&r)
	})
	if told := s.told(ctx, r.from, markSession, r.by.Mark(), auth.ErrNoSession, auth.ErrBehind); isBehind(r.from) {
		err = told
	}
	if told := s.toldCode(ctx, r.flaw, code); told != nil {
		err = told
	}
	if err == nil {
		return r.refused // as the judge gave it
	}
	return wrap(err, "trade the code for a session")
}

func (t *tx) redeem(r *redeeming) error {
	row, err := t.codeAt(r.code)
	if err != nil {
		return err
	}
	c, flaw := t.writer.store.code(row)
	if r.flaw = flaw; isBehind(flaw) {
		return flaw // it stays, for a server that has its key
	}
	if _, err := t.exec(`DELETE FROM client_codes WHERE key_hash = $1`, r.code[:]); err != nil || flaw != nil {
		return err
	}
	from, err := t.answeredBy(r, c.By)
	if err != nil {
		return err
	}
	in, e, refused := r.judge(c, from)
	switch {
	case errors.Is(refused, auth.ErrKeepCode):
		r.refused = refused
		_, err = t.exec(`INSERT INTO client_codes (`+codeColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`, row.key, row.user, row.bytes, row.expires, us(r.now), row.mark)
		return err
	case refused != nil:
		r.refused = refused
		return nil
	}
	if err := t.roomForProgram(in, r.alive); err != nil {
		r.refused = err
		return nil
	}
	return t.openFrom(in, from, e)
}

const manyPrograms = `
SELECT COUNT(*) FROM sessions WHERE principal = $1 AND client = 1 AND expires_us > $2 AND signed_in_us > $3 HAVING COUNT(*) >= $4`

// roomForProgram refuses a program beyond the most that a person may have
// signed in.
func (t *tx) roomForProgram(in auth.Session, alive auth.Alive) error {
	full, err := t.any(manyPrograms, in.Principal.ID(), us(alive.ExpiresAfter), us(alive.ClientsAfter), auth.MostPrograms)
	if err == nil && full {
		err = auth.ErrManyPrograms
	}
	return err
}

// answeredBy is the browser's session behind a code, zero when it is gone or
// not to be believed.
func (t *tx) answeredBy(r *redeeming, key auth.Hash) (auth.Session, error) {
	r.by = key
	if key.IsZero() {
		return auth.Session{}, nil
	}
	row, err := t.sessionAt(key)
	if errors.Is(err, auth.ErrNoSession) {
		return auth.Session{}, nil
	}
	if err != nil {
		return auth.Session{}, err
	}
	in, flaw := t.writer.store.session(row)
	if r.from = flaw; isBehind(flaw) {
		return auth.Session{}, flaw
	}
	if flaw != nil {
		return auth.Session{}, nil
	}
	return in, nil
}

func (t *tx) sessionAt(key auth.Hash) (sessionRow, error) {
	rows, err := t.query(`SELECT `+sessionColumns+` FROM sessions WHERE key_hash = $1`, key[:])
	if err != nil {
		return sessionRow{}, err
	}
	found, err := collect(rows, scanSession)
	if err != nil {
		return sessionRow{}, t.note(err)
	}
	if len(found) == 0 {
		return sessionRow{}, auth.ErrNoSession
	}
	return found[0], nil
}

// openFrom opens a program's session; the refresh token moves along.
func (t *tx) openFrom(in, from auth.Session, e audit.Event) error {
	row, err := rowOf(in)
	if err != nil {
		return fmt.Errorf("write a session as JSON: %w", err)
	}
	if err := t.addSession(in, row); err != nil {
		return err
	}
	if in.Refresh != nil {
		if err := t.dropRefresh(from.Key); err != nil {
			return err
		}
	}
	return t.append(e)
}

func (t *tx) dropRefresh(key auth.Hash) error {
	row, err := t.sessionAt(key)
	if err != nil {
		return err
	}
	row.refresh = nil
	_, err = t.exec(`UPDATE sessions SET refresh_token = NULL, mark = $2 WHERE key_hash = $1`, key[:], t.writer.store.mark(markSession, row.fields()...))
	return err
}

// ClaimSession keeps others from asking about a session. Repeated, it is
// auth.ErrMoved.
func (s *Store) ClaimSession(ctx context.Context, in auth.Session, now, until time.Time) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE sessions SET asking_us = $4 WHERE key_hash = $1 AND as_of_us = $2 AND asking_us <= $3`,
			in.Key[:], us(in.AsOf), us(now), us(until))
		if err == nil && n == 0 {
			err = auth.ErrMoved
		}
		return err
	})
	return wrap(err, "claim the session")
}

// Regroup stores what a provider told anew. Repeated, it is auth.ErrMoved.
func (s *Store) Regroup(ctx context.Context, in auth.Session, was time.Time, events ...audit.Event) error {
	err := s.write(ctx, func(t *tx) error {
		row, err := t.sessionAt(in.Key)
		if errors.Is(err, auth.ErrNoSession) || err == nil && row.asOf != us(was) {
			return auth.ErrMoved
		}
		if err != nil {
			return err
		}
		if _, flaw := s.session(row); flaw != nil { // a new mark must not make it good
			return auth.ErrMoved
		}
		if row.bytes, err = json.Marshal(in); err != nil {
			return fmt.Errorf("write a session as JSON: %w", err)
		}
		row.asOf, row.refresh = us(in.AsOf), in.Refresh
		_, err = t.exec(`UPDATE sessions SET bytes = $2, as_of_us = $3, refresh_token = $4, mark = $5 WHERE key_hash = $1`,
			row.key, row.bytes, row.asOf, row.refresh, s.mark(markSession, row.fields()...))
		if err != nil || len(events) == 0 {
			return err
		}
		return t.append(events...)
	})
	return wrap(err, "write what the provider told")
}
