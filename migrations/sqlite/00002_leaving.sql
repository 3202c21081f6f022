-- +goose Up
-- By provider and sid, the provider's own name for its session, a provider
-- ends ours. id_token is sealed; null where there was no sealing key.
ALTER TABLE sessions ADD COLUMN provider TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN sid      TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN id_token BLOB;
CREATE INDEX sessions_sid ON sessions (provider, sid) WHERE sid <> '';

-- departures are sessions that ended here and may yet be ended at the
-- provider. They are found by the hash of a secret of the browser's.
CREATE TABLE departures (
    key_hash   BLOB    PRIMARY KEY,
    bytes      BLOB    NOT NULL,
    id_token   BLOB,
    expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX departures_expires ON departures (expires_us);

-- logouts are providers' notices that were taken, remembered for as long as
-- they could be used again. principal or sid may be empty.
CREATE TABLE logouts (
    provider   TEXT    NOT NULL,
    token_hash BLOB    NOT NULL,
    principal  TEXT    NOT NULL,
    sid        TEXT    NOT NULL,
    issued_us  INTEGER NOT NULL,
    until_us   INTEGER NOT NULL,
    PRIMARY KEY (provider, token_hash)
) STRICT;
CREATE INDEX logouts_sid       ON logouts (provider, sid);
CREATE INDEX logouts_principal ON logouts (principal);
CREATE INDEX logouts_until     ON logouts (until_us);
