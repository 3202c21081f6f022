-- +goose Up
-- A session may be a program's. as_of_us is when the provider last vouched for
-- the groups, refresh_token its sealed refresh token, asking_us until when one
-- server is asking it again. The mark of a row holds more than before, so
-- people sign in again.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN client        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN as_of_us      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN asking_us     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN refresh_token BLOB ;

-- proofs are those that programs signed their requests with, remembered for as
-- long as they could be used again.
CREATE TABLE proofs (
    proof_hash BLOB  PRIMARY KEY,
    until_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX proofs_until ON proofs (until_us);

-- client_codes are what programs trade for a session, once. user_hash is of the
-- code that a person types, null where a browser carries the code itself.
-- bytes is JSON: for whom, by whom, and whether it was allowed.
CREATE TABLE client_codes (
    key_hash   BLOB  PRIMARY KEY,
    user_hash  BLOB  UNIQUE,
    bytes      BLOB  NOT NULL,
    expires_us INTEGER NOT NULL,
    asked_us   INTEGER NOT NULL,
    mark       BLOB 
) STRICT;
CREATE INDEX client_codes_expires ON client_codes (expires_us);
