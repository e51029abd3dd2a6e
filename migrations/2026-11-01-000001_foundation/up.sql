-- What every feature stands on: extensions, channels, the event log, idempotency records.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS btree_gin;

-- unaccent() is only STABLE because its dictionary may change; an index needs the promise that ours does not.
CREATE FUNCTION fold_accents(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT public.unaccent('public.unaccent'::regdictionary, value) $$;

CREATE TABLE channels (
    id uuid PRIMARY KEY,
    slug text NOT NULL CONSTRAINT channels_slug_key UNIQUE,
    name text NOT NULL,
    currency_code text NOT NULL CONSTRAINT channels_currency_code_check CHECK (currency_code ~ '^[A-Z]{3}$'),
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX channels_one_default ON channels (is_default) WHERE is_default;

INSERT INTO channels (id, slug, name, currency_code, is_default)
VALUES ('00000000-0000-7000-8000-000000000001', 'default', 'Default channel', 'USD', true);

CREATE TABLE shop_settings (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT shop_settings_singleton_check CHECK (singleton),
    name text NOT NULL,
    order_number_prefix text NOT NULL DEFAULT ''
);
INSERT INTO shop_settings (name) VALUES ('Ironmonger');

-- Append-only history of every aggregate: read by people, subscriptions and webhooks.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate text NOT NULL,
    aggregate_id uuid NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT events_aggregate_sequence_key UNIQUE (aggregate_id, sequence)
);

-- Tells every API process which aggregate changed, at commit. The payload is "aggregate:id".
CREATE FUNCTION events_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('ironmonger_events', NEW.aggregate || ':' || NEW.aggregate_id);
    RETURN NULL;
END $$;
CREATE TRIGGER events_notify AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_notify();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Committed together with the effect it guards; a concurrent duplicate waits on the primary key.
CREATE TABLE idempotency_records (
    scope text NOT NULL,
    key text NOT NULL CONSTRAINT idempotency_records_key_check CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea NOT NULL,
    response jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_records_created_at_idx ON idempotency_records (created_at);
