-- +goose Up
-- A mark is a MAC over the columns of a row that give access, made with a key
-- that lies outside the database. It is null where no key was configured when
-- the row was written.
ALTER TABLE leases    ADD COLUMN mark BYTEA;
ALTER TABLE endpoints ADD COLUMN mark BYTEA;
ALTER TABLE sessions  ADD COLUMN mark BYTEA;
