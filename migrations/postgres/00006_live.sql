-- +goose Up
-- Those of a person's leases that may still run are counted and listed apart.
CREATE INDEX leases_live ON leases (principal, ends_us) WHERE state = 'active';
