-- +goose Up
-- How often a helper fetched a lease's token, and when last. It gives no
-- access, so it has no mark.
ALTER TABLE leases ADD COLUMN uses    BIGINT NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN used_us BIGINT;
