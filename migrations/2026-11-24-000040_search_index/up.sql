-- What lists and searches read, so that they stay fast at a million products: sort keys beside each publication, one
-- GIN index over words and filters together, and a vocabulary. Triggers keep all of it, whoever writes.
-- See docs/SEARCH.md.

-- A list in a channel follows one of these indexes, however few of all products are published there.
ALTER TABLE product_channels
    -- ACTIVE and with a time of publication, which may still be to come.
    ADD COLUMN listed boolean NOT NULL DEFAULT false,
    -- Copies from the product.
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT '-infinity';
UPDATE product_channels AS pc
SET listed = p.status = 'ACTIVE' AND pc.published_at IS NOT NULL, name = p.name, created_at = p.created_at
FROM products AS p WHERE p.id = pc.product_id;
CREATE INDEX product_channels_listed_name_idx ON product_channels (channel_id, name, product_id) WHERE listed;
CREATE INDEX product_channels_listed_created_at_idx ON product_channels (channel_id, created_at, product_id) WHERE listed;
CREATE INDEX product_channels_listed_price_idx
    ON product_channels (channel_id, coalesce(min_price, 9223372036854775807), product_id) WHERE listed;
-- Those still to come, which a count leaves out.
CREATE INDEX product_channels_listed_published_at_idx ON product_channels (channel_id, published_at) WHERE listed;

CREATE FUNCTION product_channels_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT p.name, p.created_at, p.status = 'ACTIVE' AND NEW.published_at IS NOT NULL
    INTO NEW.name, NEW.created_at, NEW.listed
    FROM products AS p WHERE p.id = NEW.product_id;
    -- The foreign key says what is wrong.
    NEW.name := coalesce(NEW.name, '');
    NEW.created_at := coalesce(NEW.created_at, '-infinity');
    NEW.listed := coalesce(NEW.listed, false);
    RETURN NEW;
END $$;
CREATE TRIGGER product_channels_copy_on_insert BEFORE INSERT ON product_channels
    FOR EACH ROW EXECUTE FUNCTION product_channels_copy();
CREATE TRIGGER product_channels_copy_on_publish BEFORE UPDATE OF product_id, published_at ON product_channels
    FOR EACH ROW WHEN (NEW.product_id <> OLD.product_id OR (NEW.published_at IS NULL) <> (OLD.published_at IS NULL))
    EXECUTE FUNCTION product_channels_copy();

-- What a product is found by. One index answers words and filters together; nothing else of the row is read to count.
CREATE TABLE product_terms (
    product_id uuid PRIMARY KEY CONSTRAINT product_terms_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    -- Stems with their weights, and the terms that search_refresh describes.
    terms tsvector NOT NULL,
    -- What facets count: "v␟vendor", "t␟type", "g␟tag", "o␟option␟value", "a␟code␟value", where ␟ is U+001F.
    facets text[] NOT NULL
);
-- A short list of pending entries: every search reads it to the end.
CREATE INDEX product_terms_terms_idx ON product_terms USING gin (terms) WITH (gin_pending_list_limit = 512);
-- A count reads the visibility map instead of rows, so it is kept fresh.
ALTER TABLE product_terms SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- The words of names, vendors, types and tags, in lower case without accents: for beginnings and misspellings.
CREATE TABLE search_words (
    word text COLLATE "C" PRIMARY KEY,
    -- Its stem.
    lexeme text NOT NULL,
    -- About how many products have it; 0 until it is counted.
    products bigint NOT NULL DEFAULT 0
);
CREATE INDEX search_words_word_trgm_idx ON search_words USING gin (word gin_trgm_ops);

-- Vendors ('v') and types ('t'), for suggestions. Those that no product has any more are passed over.
CREATE TABLE search_values (
    kind "char" NOT NULL,
    value text NOT NULL,
    -- In lower case without accents, after a space: "% mil%" is a word's beginning.
    folded text NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX search_values_folded_idx ON search_values USING gin (folded gin_trgm_ops);
CREATE INDEX collections_folded_name_idx ON collections USING gin ((' ' || lower(fold_accents(name))) gin_trgm_ops);

-- Numbers in steps that grow with them, four to a doubling: a range is a few steps.
CREATE FUNCTION number_step(value double precision) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT (sign(value) * floor(4 * ln(abs(value) + 1) / ln(2::double precision)))::integer $$;

-- Brings what the products are found by up to date. Terms that are no words:
--   ^stem            the stem is in the name
--   =v␟… and so on   the value of a facet
--   =c…              listed in the channel
--   =k…              in the collection
--   =s…              has the status
--   =i               some variant can be ordered
--   =p…␟step         costs so much in the channel, by number_step; =p…␟* for a wide range
--   =n␟code␟step     a number among the attributes
--   #c…              listed in the channel, and of the first part of level 8: a sample
--   #level.part      the part of the catalog that the product falls into by chance, where a level has 2^level parts
-- A plan made while the tables were small must serve them grown; compiling one costs more than running it.
CREATE FUNCTION search_refresh(ids uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
BEGIN
    -- Whoever refreshes the same product waits here; the statements after it see what the others committed.
    PERFORM FROM product_terms WHERE product_id = ANY (ids) ORDER BY product_id FOR UPDATE;

    INSERT INTO product_terms AS t (product_id, terms, facets)
    SELECT p.id,
        -- Without its positions a word of the description takes less room and ranks the same.
        CASE WHEN length(p.search) < 20000
             THEN ts_filter(p.search, '{a,b,c}') || strip(ts_filter(p.search, '{d}')) ELSE ts_filter(p.search, '{a}') END
        || array_to_tsvector(special.terms || ARRAY(SELECT '=' || facet FROM unnest(facet.facets) AS facet)),
        facet.facets
    FROM products AS p
    CROSS JOIN LATERAL (SELECT uuid_hash_extended(p.id, 0) AS hash) AS chance
    CROSS JOIN LATERAL (SELECT ARRAY(
        SELECT value FROM (
            SELECT E'v\x1f' || p.vendor AS value WHERE p.vendor <> ''
            UNION ALL SELECT E't\x1f' || p.product_type WHERE p.product_type <> ''
            UNION ALL SELECT E'g\x1f' || tag FROM unnest(p.tags) AS tag
            UNION ALL SELECT E'o\x1f' || o.name || E'\x1f' || choice
                FROM product_options AS o, unnest(o."values") AS choice WHERE o.product_id = p.id
            UNION ALL SELECT E'a\x1f' || a.key || E'\x1f' || one
                FROM jsonb_each(p.attributes) AS a CROSS JOIN LATERAL jsonb_array_elements_text(
                    CASE jsonb_typeof(a.value) WHEN 'array' THEN a.value ELSE jsonb_build_array(a.value) END) AS one
                WHERE p.attributes <> '{}' AND jsonb_typeof(a.value) <> 'number' AND one <> ''
        ) AS every WHERE octet_length(value) <= 600 LIMIT 500
    ) AS facets OFFSET 0) AS facet
    CROSS JOIN LATERAL (SELECT ARRAY(
        SELECT '^' || stem FROM unnest(tsvector_to_array(ts_filter(p.search, '{a}'))) AS stem
        UNION ALL SELECT '=s' || p.status
        UNION ALL SELECT '#' || level || '.' || (chance.hash & ((1 << level) - 1)) FROM unnest('{2,4,6,8,10}'::integer[]) AS level
        UNION ALL SELECT '=c' || pc.channel_id FROM product_channels AS pc WHERE pc.product_id = p.id AND pc.listed
        UNION ALL SELECT '#c' || pc.channel_id FROM product_channels AS pc WHERE chance.hash & 255 = 0 AND pc.product_id = p.id AND pc.listed
        UNION ALL SELECT '=p' || pc.channel_id || E'\x1f' || step
            FROM product_channels AS pc, generate_series(number_step(pc.min_price), number_step(pc.max_price)) AS step
            WHERE pc.product_id = p.id AND number_step(pc.max_price) - number_step(pc.min_price) < 12
        UNION ALL SELECT '=p' || pc.channel_id || E'\x1f*' FROM product_channels AS pc
            WHERE pc.product_id = p.id AND number_step(pc.max_price) - number_step(pc.min_price) >= 12
        UNION ALL SELECT '=k' || cp.collection_id FROM collection_products AS cp WHERE cp.product_id = p.id
        UNION ALL SELECT '=i' WHERE EXISTS (
            SELECT FROM variants AS v JOIN stock_levels AS s ON s.variant_id = v.id
            WHERE v.product_id = p.id AND (s.backorderable OR s.on_hand > s.reserved))
        UNION ALL SELECT E'=n\x1f' || a.key || E'\x1f' || number_step(CASE WHEN abs((a.value #>> '{}')::numeric) < 1e100
                THEN round((a.value #>> '{}')::numeric, 6)::double precision ELSE 1e100 END)
            FROM jsonb_each(CASE WHEN p.attributes <> '{}' THEN p.attributes END) AS a WHERE jsonb_typeof(a.value) = 'number'
    ) AS terms) AS special
    WHERE p.id = ANY (ids)
    ORDER BY p.id
    ON CONFLICT (product_id) DO UPDATE SET terms = excluded.terms, facets = excluded.facets
    WHERE (t.terms, t.facets) IS DISTINCT FROM (excluded.terms, excluded.facets);

    -- New words and values are rare once a catalog is there. In one order, so that two writers do not deadlock.
    INSERT INTO search_words (word, lexeme)
    SELECT word, stem[1] FROM (
        SELECT DISTINCT word FROM products AS p, regexp_split_to_table(lower(fold_accents(
            p.name || ' ' || p.vendor || ' ' || p.product_type || ' ' || array_to_string(p.tags, ' '))), '[^[:alnum:]]+') AS word
        WHERE p.id = ANY (ids) AND length(word) BETWEEN 3 AND 30 AND word !~ '[0-9]'
    ) AS written CROSS JOIN LATERAL ts_lexize('pg_catalog.english_stem', word) AS stem
    WHERE cardinality(stem) = 1 AND NOT EXISTS (SELECT FROM search_words AS known WHERE known.word = written.word)
    ORDER BY word ON CONFLICT DO NOTHING;

    INSERT INTO search_values (kind, value, folded)
    SELECT kind, value, ' ' || lower(fold_accents(value)) FROM (
        SELECT DISTINCT pair.kind, pair.value FROM products AS p, LATERAL (VALUES ('v'::"char", p.vendor), ('t', p.product_type)) AS pair (kind, value)
        WHERE p.id = ANY (ids) AND pair.value <> ''
    ) AS written
    WHERE NOT EXISTS (SELECT FROM search_values AS known WHERE known.kind = written.kind AND known.value = written.value)
    ORDER BY kind, value ON CONFLICT DO NOTHING;
END $$;

-- Questions to the index. Each is asked through it even where the planner would rather read the whole table, and with
-- memory for an exact answer.
CREATE FUNCTION search_count(matching tsquery) RETURNS bigint LANGUAGE sql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT count(*) FROM product_terms WHERE terms @@ matching $$;

-- Of what is common a sample will do.
CREATE FUNCTION search_exists(matching tsquery, sample tsquery) RETURNS boolean LANGUAGE sql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT EXISTS (SELECT FROM product_terms WHERE terms @@ (matching && sample))
              OR EXISTS (SELECT FROM product_terms WHERE terms @@ matching) $$;

CREATE FUNCTION search_matches(matching tsquery) RETURNS TABLE (product_id uuid, facets text[]) LANGUAGE sql STABLE STRICT ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT product_id, facets FROM product_terms WHERE terms @@ matching $$;

-- How well each answers the question; those that have all of it in their names come first.
CREATE FUNCTION search_ranked(matching tsquery, question tsquery, in_name tsquery) RETURNS TABLE (product_id uuid, rank real)
    LANGUAGE sql STABLE STRICT ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT product_id, ts_rank(terms, question) + CASE WHEN terms @@ in_name THEN 10::real ELSE 0::real END
          FROM product_terms WHERE terms @@ matching $$;

-- Known words that share trigrams with a misspelled one.
CREATE FUNCTION search_alike(typed text, most bigint) RETURNS TABLE (word text, lexeme text, products bigint)
    LANGUAGE sql STABLE STRICT ROWS 60
    SET enable_seqscan = off SET jit = off
    AS $$ SELECT word, lexeme, products FROM search_words WHERE word % typed ORDER BY similarity(word, typed) DESC, word LIMIT most $$;

-- What a transaction has changed so far. Its rows come and go within the transaction; nobody else ever sees any.
CREATE UNLOGGED TABLE search_pending (
    transaction_id bigint NOT NULL DEFAULT txid_current(),
    product_ids uuid[] NOT NULL
);
CREATE INDEX search_pending_transaction_id_idx ON search_pending (transaction_id);

-- Once, as the transaction commits: however many statements wrote a product, it is refreshed once, after every
-- other lock was taken, and the locks it needs are held for the moment of the commit only.
CREATE FUNCTION search_pending_apply() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
BEGIN
    WITH taken AS (DELETE FROM search_pending WHERE transaction_id = txid_current() RETURNING product_ids)
    SELECT array_agg(DISTINCT id) INTO ids FROM taken, unnest(product_ids) AS id;
    IF ids IS NOT NULL THEN
        PERFORM search_refresh(ids);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER search_pending_apply AFTER INSERT ON search_pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION search_pending_apply();

CREATE FUNCTION search_touch(ids uuid[]) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO search_pending (product_ids) SELECT ids WHERE cardinality(ids) > 0 $$;

-- Table, and what changed in it.
CREATE FUNCTION products_touch_search() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM search_touch(array_agg(id)) FROM after;
        RETURN NULL;
    END IF;
    UPDATE product_channels AS pc
    SET name = a.name, created_at = a.created_at, listed = a.status = 'ACTIVE' AND pc.published_at IS NOT NULL
    FROM after AS a JOIN before AS b USING (id)
    WHERE pc.product_id = a.id AND (a.name, a.created_at, a.status) IS DISTINCT FROM (b.name, b.created_at, b.status);
    PERFORM search_touch(array_agg(a.id)) FROM after AS a JOIN before AS b USING (id)
    WHERE (a.search, a.vendor, a.product_type, a.tags, a.status, a.attributes, a.name)
        IS DISTINCT FROM (b.search, b.vendor, b.product_type, b.tags, b.status, b.attributes, b.name);
    RETURN NULL;
END $$;
CREATE TRIGGER products_insert_search AFTER INSERT ON products
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION products_touch_search();
CREATE TRIGGER products_update_search AFTER UPDATE ON products
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION products_touch_search();

CREATE FUNCTION product_channels_touch_search() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM search_touch(array_agg(a.product_id)) FROM after AS a JOIN before AS b USING (product_id, channel_id)
        WHERE (a.listed, number_step(a.min_price), number_step(a.max_price))
            IS DISTINCT FROM (b.listed, number_step(b.min_price), number_step(b.max_price));
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM search_touch(array_agg(product_id)) FROM after;
    ELSE
        PERFORM search_touch(array_agg(product_id)) FROM before;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER product_channels_insert_search AFTER INSERT ON product_channels
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION product_channels_touch_search();
CREATE TRIGGER product_channels_update_search AFTER UPDATE ON product_channels
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION product_channels_touch_search();
CREATE TRIGGER product_channels_delete_search AFTER DELETE ON product_channels
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION product_channels_touch_search();

CREATE FUNCTION product_options_touch_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM search_touch(array_agg(a.product_id)) FROM after AS a JOIN before AS b USING (id)
        WHERE (a.name, a."values") IS DISTINCT FROM (b.name, b."values");
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM search_touch(array_agg(DISTINCT product_id)) FROM after;
    ELSE
        PERFORM search_touch(array_agg(DISTINCT product_id)) FROM before;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER product_options_insert_search AFTER INSERT ON product_options
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION product_options_touch_search();
CREATE TRIGGER product_options_update_search AFTER UPDATE ON product_options
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION product_options_touch_search();
CREATE TRIGGER product_options_delete_search AFTER DELETE ON product_options
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION product_options_touch_search();

-- Another position in the collection changes nothing here.
CREATE FUNCTION collection_products_touch_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM search_touch(array_agg(DISTINCT product_id)) FROM after;
    ELSE
        PERFORM search_touch(array_agg(DISTINCT product_id)) FROM before;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER collection_products_insert_search AFTER INSERT ON collection_products
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION collection_products_touch_search();
CREATE TRIGGER collection_products_delete_search AFTER DELETE ON collection_products
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION collection_products_touch_search();

-- Most orders leave something on the shelf: only a level that runs out or fills up again counts.
CREATE FUNCTION stock_levels_touch_search() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM search_touch(array_agg(DISTINCT v.product_id))
        FROM after AS a JOIN before AS b USING (variant_id, location_id) JOIN variants AS v ON v.id = a.variant_id
        WHERE (a.backorderable OR a.on_hand > a.reserved) <> (b.backorderable OR b.on_hand > b.reserved);
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM search_touch(array_agg(DISTINCT v.product_id)) FROM after AS a JOIN variants AS v ON v.id = a.variant_id
        WHERE a.backorderable OR a.on_hand > a.reserved;
    ELSE
        PERFORM search_touch(array_agg(DISTINCT v.product_id)) FROM before AS b JOIN variants AS v ON v.id = b.variant_id
        WHERE b.backorderable OR b.on_hand > b.reserved;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stock_levels_insert_search AFTER INSERT ON stock_levels
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION stock_levels_touch_search();
CREATE TRIGGER stock_levels_update_search AFTER UPDATE ON stock_levels
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION stock_levels_touch_search();
CREATE TRIGGER stock_levels_delete_search AFTER DELETE ON stock_levels
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION stock_levels_touch_search();

-- The stock of a deleted variant goes after it, when its product is no longer known.
CREATE FUNCTION variants_touch_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_touch(array_agg(DISTINCT product_id)) FROM before;
    RETURN NULL;
END $$;
CREATE TRIGGER variants_delete_search AFTER DELETE ON variants
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION variants_touch_search();

-- What is there already, a thousand at a time.
SELECT search_refresh(array_agg(id)) FROM (SELECT id, row_number() OVER (ORDER BY id) / 1000 AS batch FROM products) AS p
GROUP BY batch ORDER BY batch;

-- What it replaces.
DROP INDEX products_search_text_idx;
DROP INDEX products_search_idx;
DROP INDEX products_tags_idx;
DROP INDEX products_active_created_at_idx;
DROP INDEX products_active_name_idx;
ALTER TABLE products DROP COLUMN search_text;
DROP FUNCTION search_query(text[]);
