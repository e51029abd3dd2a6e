-- Imports and exports of the catalog: what a file is, and how far its job has come.

CREATE TABLE imports (
    id uuid PRIMARY KEY,
    channel_id uuid NOT NULL CONSTRAINT imports_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    format text NOT NULL CONSTRAINT imports_format_check CHECK (format IN ('SHOPIFY_CSV', 'JSONL')),
    on_conflict text NOT NULL CONSTRAINT imports_on_conflict_check CHECK (on_conflict IN ('UPDATE', 'SKIP')),
    -- In the storage; the client's name of the file is only shown to people.
    file_key text NOT NULL CONSTRAINT imports_file_key_key UNIQUE,
    file_name text NOT NULL,
    size_bytes bigint NOT NULL,
    -- Where the next product begins; moves in the transaction that writes the products before it.
    next_byte bigint NOT NULL DEFAULT 0,
    next_line bigint NOT NULL DEFAULT 1,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    created bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    created_by uuid,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX imports_created_at_idx ON imports (created_at);

-- The rows that could not be used, up to a bound.
CREATE TABLE import_rejections (
    import_id uuid NOT NULL CONSTRAINT import_rejections_import_id_fkey REFERENCES imports (id) ON DELETE CASCADE,
    line bigint NOT NULL,
    column_name text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_id, line)
);

-- The products that an unfinished import has seen, so that one that comes twice is noticed whatever the file's size.
CREATE TABLE import_slugs (
    import_id uuid NOT NULL CONSTRAINT import_slugs_import_id_fkey REFERENCES imports (id) ON DELETE CASCADE,
    slug text NOT NULL,
    PRIMARY KEY (import_id, slug)
);

-- Files to download. The token is the right to read one, so only its SHA-256 is kept.
CREATE TABLE exports (
    job_id uuid PRIMARY KEY,
    token_hash bytea NOT NULL CONSTRAINT exports_token_hash_key UNIQUE,
    file_key text NOT NULL,
    file_name text NOT NULL,
    format text NOT NULL CONSTRAINT exports_format_check CHECK (format IN ('SHOPIFY_CSV', 'JSONL')),
    size_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX exports_expires_at_idx ON exports (expires_at);
