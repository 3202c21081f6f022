-- +goose Up
-- A begun sign-in says whose answer is believed, so its row has a mark, and
-- when a session was last seen has one of its own, which is made anew with
-- each use. Rows from before have none and would be refused one by one, so
-- people sign in again.
DELETE FROM sign_in_starts;
DELETE FROM sessions;
ALTER TABLE sign_in_starts ADD COLUMN mark BYTEA;
ALTER TABLE sessions       ADD COLUMN seen_mark BYTEA;
