-- Products, their options and variants, prices per channel, images, collections.

-- What full-text search looks at: words by weight, A to D. The writer cuts texts into words, see src/catalog/words.rs.
CREATE FUNCTION product_search(a text, b text, c text, d text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ BEGIN
        RETURN setweight(to_tsvector('pg_catalog.english', public.unaccent('public.unaccent'::regdictionary, a)), 'A')
            || setweight(to_tsvector('pg_catalog.english', public.unaccent('public.unaccent'::regdictionary, b)), 'B')
            || setweight(to_tsvector('pg_catalog.english', public.unaccent('public.unaccent'::regdictionary, c)), 'C')
            || setweight(to_tsvector('pg_catalog.english', public.unaccent('public.unaccent'::regdictionary, d)), 'D');
    END $$;

-- A question: every word is in the product, the last one perhaps as a beginning. Words without meaning of their own
-- ("the") are passed over; null when there are no others. Words come without ASCII punctuation, but folding an accent
-- may make some.
CREATE FUNCTION search_query(words text[]) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
    AS $$
    DECLARE
        question tsquery;
        part tsquery;
        word text;
        place integer := 0;
    BEGIN
        FOREACH word IN ARRAY words LOOP
            place := place + 1;
            word := regexp_replace(public.unaccent('public.unaccent'::regdictionary, word), '[''\\[:space:]]', '', 'g');
            IF word <> '' THEN
                part := to_tsquery('pg_catalog.english',
                    '''' || word || '''' || CASE WHEN place = cardinality(words) THEN ':*' ELSE '' END);
                IF numnode(part) > 0 THEN
                    question := CASE WHEN question IS NULL THEN part ELSE question && part END;
                END IF;
            END IF;
        END LOOP;
        RETURN question;
    END $$;

CREATE TABLE products (
    id uuid PRIMARY KEY,
    slug text NOT NULL CONSTRAINT products_slug_key UNIQUE
        CONSTRAINT products_slug_check CHECK (slug ~ '^[^\s/?#]{1,255}$'),
    name text NOT NULL CONSTRAINT products_name_check CHECK (length(name) BETWEEN 1 AND 255),
    description text NOT NULL DEFAULT '',
    vendor text NOT NULL DEFAULT '',
    product_type text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'DRAFT' CONSTRAINT products_status_check CHECK (status IN ('DRAFT', 'ACTIVE', 'ARCHIVED')),
    -- SHA-256 of the imported source, so that the same row imported again is recognized as unchanged.
    import_fingerprint bytea,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Filled by the writer from name (A), vendor and SKUs (B), product_type and tags (C) and description (D).
    search tsvector NOT NULL DEFAULT ''::tsvector,
    -- Lower-case, accents folded: what trigram matching looks at.
    search_text text GENERATED ALWAYS AS (lower(fold_accents(name || ' ' || vendor || ' ' || product_type))) STORED
);
CREATE INDEX products_created_at_idx ON products (created_at, id);
CREATE INDEX products_name_idx ON products (name, id);
-- Shoppers see ACTIVE products only; many others must not slow their lists down.
CREATE INDEX products_active_created_at_idx ON products (created_at, id) WHERE status = 'ACTIVE';
CREATE INDEX products_active_name_idx ON products (name, id) WHERE status = 'ACTIVE';
CREATE INDEX products_vendor_idx ON products (vendor, created_at, id);
CREATE INDEX products_product_type_idx ON products (product_type, created_at, id);
CREATE INDEX products_tags_idx ON products USING gin (tags);
CREATE INDEX products_search_idx ON products USING gin (search);
CREATE INDEX products_search_text_idx ON products USING gin (search_text gin_trgm_ops);

-- A product is seen in a channel where it has a row with published_at in the past, and is ACTIVE.
CREATE TABLE product_channels (
    product_id uuid NOT NULL CONSTRAINT product_channels_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    channel_id uuid NOT NULL CONSTRAINT product_channels_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    published_at timestamptz,
    -- The range of the variants' prices, kept by the writer so that a list needs no aggregate.
    min_price bigint,
    max_price bigint,
    PRIMARY KEY (product_id, channel_id)
);
-- No price comes last.
CREATE INDEX product_channels_price_idx ON product_channels (channel_id, coalesce(min_price, 9223372036854775807), product_id);

-- The values stand in display order.
CREATE TABLE product_options (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL CONSTRAINT product_options_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    name text NOT NULL,
    "values" text[] NOT NULL,
    position integer NOT NULL,
    CONSTRAINT product_options_product_id_name_key UNIQUE (product_id, name)
);

CREATE TABLE variants (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL CONSTRAINT variants_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    -- Real exports repeat and omit SKUs, so a SKU identifies a variant for people, not for the database.
    sku text NOT NULL DEFAULT '',
    name text NOT NULL,
    position integer NOT NULL,
    -- One value per option, in option order: one variant per combination.
    option_values text[] NOT NULL,
    barcode text NOT NULL DEFAULT '',
    weight_grams bigint,
    requires_shipping boolean NOT NULL DEFAULT true,
    taxable boolean NOT NULL DEFAULT true,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT variants_product_id_option_values_key UNIQUE (product_id, option_values)
);
CREATE INDEX variants_sku_idx ON variants (sku) WHERE sku <> '';
CREATE INDEX variants_product_id_position_idx ON variants (product_id, position, id);

CREATE TABLE variant_prices (
    variant_id uuid NOT NULL CONSTRAINT variant_prices_variant_id_fkey REFERENCES variants (id) ON DELETE CASCADE,
    channel_id uuid NOT NULL CONSTRAINT variant_prices_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    amount bigint NOT NULL CONSTRAINT variant_prices_amount_check CHECK (amount >= 0),
    compare_at_amount bigint CONSTRAINT variant_prices_compare_at_amount_check CHECK (compare_at_amount >= 0),
    PRIMARY KEY (variant_id, channel_id)
);

CREATE TABLE product_images (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL CONSTRAINT product_images_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    url text NOT NULL,
    alt_text text NOT NULL DEFAULT '',
    position integer NOT NULL,
    CONSTRAINT product_images_product_id_url_key UNIQUE (product_id, url)
);
CREATE INDEX product_images_product_id_position_idx ON product_images (product_id, position, id);

CREATE TABLE collections (
    id uuid PRIMARY KEY,
    slug text NOT NULL CONSTRAINT collections_slug_key UNIQUE,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX collections_name_idx ON collections (name, id);

CREATE TABLE collection_products (
    collection_id uuid NOT NULL CONSTRAINT collection_products_collection_id_fkey REFERENCES collections (id) ON DELETE CASCADE,
    product_id uuid NOT NULL CONSTRAINT collection_products_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    position bigint NOT NULL,
    PRIMARY KEY (collection_id, product_id)
);
CREATE INDEX collection_products_position_idx ON collection_products (collection_id, position, product_id);
CREATE INDEX collection_products_product_id_idx ON collection_products (product_id, collection_id);
