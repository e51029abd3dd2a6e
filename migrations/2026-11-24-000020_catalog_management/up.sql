-- What staff manage in the catalog beyond the imported columns: sales, metadata, typed attributes, translations,
-- collections by rule and their publication.

-- A sale: from sale_starts_at (or ever since) until sale_ends_at (or for good) the price is sale_amount, and `amount` is
-- shown as the price before. product_channels.min_price and max_price are the prices of the moment; a job sets them
-- at both ends of the window.
ALTER TABLE variant_prices
    ADD COLUMN sale_amount bigint CONSTRAINT variant_prices_sale_amount_check CHECK (sale_amount >= 0 AND sale_amount <= amount),
    ADD COLUMN sale_starts_at timestamptz,
    ADD COLUMN sale_ends_at timestamptz,
    ADD CONSTRAINT variant_prices_sale_window_check CHECK (
        (sale_amount IS NOT NULL OR (sale_starts_at IS NULL AND sale_ends_at IS NULL)) AND sale_starts_at < sale_ends_at);

-- What is charged at a time.
CREATE FUNCTION price_at(amount bigint, sale_amount bigint, starts_at timestamptz, ends_at timestamptz, at timestamptz)
    RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN sale_amount IS NOT NULL AND coalesce(starts_at <= at, true) AND coalesce(at < ends_at, true)
                      THEN sale_amount ELSE amount END $$;

-- A kind of product with typed attributes. A product belongs to the type whose name its product_type says, so that imports
-- need not know the types beforehand.
CREATE TABLE product_types (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT product_types_name_key UNIQUE
        CONSTRAINT product_types_name_check CHECK (length(name) BETWEEN 1 AND 255),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE attributes (
    id uuid PRIMARY KEY,
    product_type_id uuid NOT NULL CONSTRAINT attributes_product_type_id_fkey REFERENCES product_types (id) ON DELETE CASCADE,
    -- The key in products.attributes. The same code in two types means the same to a facet.
    code text NOT NULL CONSTRAINT attributes_code_check CHECK (code ~ '^[a-z][a-z0-9_]{0,62}$'),
    name text NOT NULL CONSTRAINT attributes_name_check CHECK (length(name) BETWEEN 1 AND 255),
    kind text NOT NULL CONSTRAINT attributes_kind_check CHECK (kind IN ('TEXT', 'NUMBER', 'BOOLEAN', 'DATE', 'CHOICE', 'CHOICES')),
    -- Of a NUMBER, such as "cm".
    unit text NOT NULL DEFAULT '',
    -- Of CHOICE and CHOICES, in display order.
    choices text[] NOT NULL DEFAULT '{}',
    required boolean NOT NULL DEFAULT false,
    -- Whether search counts and filters by it.
    facet boolean NOT NULL DEFAULT true,
    position integer NOT NULL,
    CONSTRAINT attributes_product_type_id_code_key UNIQUE (product_type_id, code)
);

ALTER TABLE products
    -- {"code": value}: a string, a number, a boolean, a date as "YYYY-MM-DD", or an array of strings (CHOICES).
    ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT products_attributes_check CHECK (jsonb_typeof(attributes) = 'object'),
    -- {"key": "value"}. Everyone reads the first, staff the second.
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT products_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    ADD COLUMN private_metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT products_private_metadata_check CHECK (jsonb_typeof(private_metadata) = 'object');
CREATE INDEX products_attributes_idx ON products USING gin (attributes jsonb_path_ops) WHERE attributes <> '{}';

ALTER TABLE variants
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT variants_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    ADD COLUMN private_metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT variants_private_metadata_check CHECK (jsonb_typeof(private_metadata) = 'object');

-- Locales are BCP 47 tags in lower case, such as "de" or "pt-br". What is null or missing is shown as it was written.
CREATE TABLE product_translations (
    product_id uuid NOT NULL CONSTRAINT product_translations_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    locale text NOT NULL CONSTRAINT product_translations_locale_check CHECK (locale ~ '^[a-z]{2,3}(-[a-z0-9]{2,8})*$'),
    name text CONSTRAINT product_translations_name_check CHECK (length(name) BETWEEN 1 AND 255),
    description text,
    PRIMARY KEY (product_id, locale)
);

CREATE TABLE collection_translations (
    collection_id uuid NOT NULL CONSTRAINT collection_translations_collection_id_fkey REFERENCES collections (id) ON DELETE CASCADE,
    locale text NOT NULL CONSTRAINT collection_translations_locale_check CHECK (locale ~ '^[a-z]{2,3}(-[a-z0-9]{2,8})*$'),
    name text CONSTRAINT collection_translations_name_check CHECK (length(name) BETWEEN 1 AND 255),
    description text,
    PRIMARY KEY (collection_id, locale)
);

ALTER TABLE collections
    -- Null: its members are chosen by hand. Otherwise {"match": "ALL" | "ANY", "conditions": [...]}: every product that
    -- fulfills it is a member.
    ADD COLUMN rule jsonb CONSTRAINT collections_rule_check CHECK (jsonb_typeof(rule) = 'object'),
    -- Grows with every change of the rule; members found under an older one are being worked over.
    ADD COLUMN rule_revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN image_url text NOT NULL DEFAULT '',
    ADD COLUMN image_alt_text text NOT NULL DEFAULT '',
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT collections_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    ADD COLUMN private_metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT collections_private_metadata_check CHECK (jsonb_typeof(private_metadata) = 'object');

-- A collection is seen in every channel, but for those where this says otherwise: hidden while published_at is null or
-- still to come.
CREATE TABLE collection_channels (
    collection_id uuid NOT NULL CONSTRAINT collection_channels_collection_id_fkey REFERENCES collections (id) ON DELETE CASCADE,
    channel_id uuid NOT NULL CONSTRAINT collection_channels_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    published_at timestamptz,
    PRIMARY KEY (collection_id, channel_id)
);
