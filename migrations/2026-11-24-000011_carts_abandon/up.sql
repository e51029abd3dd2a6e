-- What `carts.abandon` looks for.
CREATE INDEX carts_open_updated_at_idx ON carts (updated_at) WHERE status = 'OPEN';
