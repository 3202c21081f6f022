-- +goose Up
-- Times are microseconds since 1970, UTC. Every table's writer is the one
-- committer of package store, which locks the row of log_head first.

-- log_head is the end of the log: its last sequence number, and two bounds
-- that turn a range of time into a range of sequence numbers. high_us is the
-- latest time on record so far; late_us is the most that an event was ever
-- older than that when it was written.
CREATE TABLE log_head (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    seq       INTEGER NOT NULL,
    high_us   INTEGER NOT NULL,
    late_us   INTEGER NOT NULL,
    probed_us INTEGER NOT NULL
) STRICT;
INSERT INTO log_head (id, seq, high_us, late_us, probed_us) VALUES (1, 0, 0, 0, 0);

-- events is the audit log. bytes is the record; the other columns only find it
-- and are null where the event has no such field.
CREATE TABLE events (
    seq           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    bytes         BLOB    NOT NULL,
    at_us         INTEGER NOT NULL,
    high_us       INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    principal     TEXT,
    cluster       TEXT,
    role          TEXT,
    lease         TEXT,
    issuance      TEXT,
    access_key_id TEXT
) STRICT;
CREATE INDEX events_high          ON events (high_us, seq);
CREATE INDEX events_kind          ON events (kind, seq);
CREATE INDEX events_principal     ON events (principal, seq)     WHERE principal IS NOT NULL;
CREATE INDEX events_cluster       ON events (cluster, seq)       WHERE cluster IS NOT NULL;
CREATE INDEX events_role          ON events (role, seq)          WHERE role IS NOT NULL;
CREATE INDEX events_lease         ON events (lease, seq)         WHERE lease IS NOT NULL;
CREATE INDEX events_issuance      ON events (issuance, seq)      WHERE issuance IS NOT NULL;
CREATE INDEX events_access_key_id ON events (access_key_id, seq) WHERE access_key_id IS NOT NULL;

-- event_details is what may be erased, by setting it to null.
CREATE TABLE event_details (
    seq     INTEGER PRIMARY KEY REFERENCES events (seq),
    salt    BLOB,
    bytes   BLOB,
    email   TEXT,
    address TEXT
) STRICT;
CREATE INDEX event_details_email   ON event_details (email, seq)   WHERE email IS NOT NULL;
CREATE INDEX event_details_address ON event_details (address, seq) WHERE address IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER events_gapless BEFORE INSERT ON events
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM events)
BEGIN SELECT RAISE(ABORT, 'the audit log is gapless: an event has the wrong sequence number'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_keep_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: no event is changed'); END;
-- +goose StatementEnd

-- The two triggers before DELETE refuse REPLACE as well, on connections with
-- recursive_triggers.
-- +goose StatementBegin
CREATE TRIGGER events_keep_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: no event is deleted'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_details_keep_delete BEFORE DELETE ON event_details
BEGIN SELECT RAISE(ABORT, 'details of events are erased by setting them to null, not deleted'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_details_keep_update BEFORE UPDATE ON event_details
WHEN NEW.seq IS NOT OLD.seq
  OR (NEW.salt    IS NOT NULL AND NEW.salt    IS NOT OLD.salt)
  OR (NEW.bytes   IS NOT NULL AND NEW.bytes   IS NOT OLD.bytes)
  OR (NEW.email   IS NOT NULL AND NEW.email   IS NOT OLD.email)
  OR (NEW.address IS NOT NULL AND NEW.address IS NOT OLD.address)
BEGIN SELECT RAISE(ABORT, 'details of events can only be erased'); END;
-- +goose StatementEnd

CREATE TABLE leases (
    id          TEXT    PRIMARY KEY,
    start_key   TEXT    NOT NULL CHECK (start_key <> ''),
    principal   TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    email       TEXT    NOT NULL,
    cluster     TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    grant_name  TEXT    NOT NULL,
    policy      TEXT    NOT NULL,
    break_glass INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    started_us  INTEGER NOT NULL,
    ends_us     INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('active', 'ended', 'expired')),
    ended_us    INTEGER,
    ended_by    TEXT    NOT NULL DEFAULT '',
    UNIQUE (principal, start_key)
) STRICT;
CREATE INDEX leases_of      ON leases (principal, started_us, id);
CREATE INDEX leases_overdue ON leases (ends_us) WHERE state = 'active';

-- issuances are intents; the columns from concluded_us on are null until the
-- outcome is known.
CREATE TABLE issuances (
    id            TEXT    PRIMARY KEY,
    lease         TEXT    NOT NULL REFERENCES leases (id),
    at_us         INTEGER NOT NULL,
    principal     TEXT    NOT NULL,
    cluster       TEXT    NOT NULL,
    cluster_arn   TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    role_arn      TEXT    NOT NULL,
    grant_name    TEXT    NOT NULL,
    policy        TEXT    NOT NULL,
    session_name  TEXT    NOT NULL,
    concluded_us  INTEGER,
    failure       TEXT,
    failure_text  TEXT,
    access_key_id TEXT,
    token_sha256  TEXT,
    ca_sha256     TEXT,
    expires_us    INTEGER
) STRICT;
CREATE INDEX issuances_lease       ON issuances (lease, at_us, id);
CREATE INDEX issuances_unconcluded ON issuances (at_us, id) WHERE concluded_us IS NULL;

-- sessions are found by the hash of the browser's secret. bytes is JSON: the
-- person, and where the sign-in came from.
CREATE TABLE sessions (
    key_hash     BLOB    PRIMARY KEY,
    principal    TEXT    NOT NULL,
    bytes        BLOB    NOT NULL,
    signed_in_us INTEGER NOT NULL,
    seen_us      INTEGER NOT NULL,
    expires_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_principal ON sessions (principal, signed_in_us);
CREATE INDEX sessions_expires   ON sessions (expires_us);

-- sign_in_starts are sign-ins that await the provider's answer.
CREATE TABLE sign_in_starts (
    state_hash BLOB    PRIMARY KEY,
    bytes      BLOB    NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_in_starts_expires ON sign_in_starts (expires_us);

-- endpoints is the last that AWS said about each cluster, as JSON.
CREATE TABLE endpoints (
    cluster_arn TEXT    PRIMARY KEY,
    bytes       BLOB    NOT NULL,
    as_of_us    INTEGER NOT NULL
) STRICT;

-- outbox is the notices that are neither delivered nor given up.
CREATE TABLE outbox (
    id      TEXT    PRIMARY KEY,
    webhook TEXT    NOT NULL,
    type    TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    lease   TEXT    NOT NULL,
    at_us   INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    due_us  INTEGER NOT NULL,
    why     TEXT    NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (due_us, id);
