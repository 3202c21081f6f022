-- +goose Up
-- A departure's ID token is opened for whoever leaves, so its row has a mark.
ALTER TABLE departures ADD COLUMN mark BYTEA;
