-- Whoever adds many products knows what they are found by: the rows of `product_terms` are written with the others then, and caches
-- are told once (src/catalog/write/adding.rs). The transaction says so by a setting, and the triggers that gather the same
-- from the rows of each table leave it to the writer. What the terms of a product are is still up to `search_refresh`.
DO $$
DECLARE
    added record;
BEGIN
    FOR added IN SELECT tgrelid::regclass AS relation, tgname, pg_get_triggerdef(oid) AS definition FROM pg_trigger
        WHERE tgname LIKE '%\_insert\_search' OR tgname = 'product_channels_copy_on_insert'
            OR tgname = 'catalog_inserted' AND tgrelid::regclass::text IN ('product_channels', 'product_options', 'product_images',
                'product_translations', 'variants', 'variant_prices', 'stock_levels')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', added.tgname, added.relation);
        EXECUTE replace(added.definition, ' EXECUTE FUNCTION ',
            ' WHEN (current_setting(''ironmonger.adds_products'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION ');
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', added.relation, added.tgname);
    END LOOP;
END $$;

-- Products whose terms are written, but whose words may be new.
ALTER TABLE search_pending ADD COLUMN is_written boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION search_pending_apply() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
    written_ids uuid[];
BEGIN
    WITH taken AS (DELETE FROM search_pending WHERE transaction_id = txid_current() RETURNING product_ids, is_written)
    SELECT array_agg(DISTINCT id) FILTER (WHERE NOT is_written), array_agg(DISTINCT id) FILTER (WHERE is_written)
    INTO ids, written_ids FROM taken, unnest(product_ids) AS id;
    IF ids IS NOT NULL THEN
        PERFORM set_config('gin_pending_list_limit', CASE WHEN cardinality(ids) < 100 THEN '512kB' ELSE '4MB' END, true);
        PERFORM search_refresh(ids);
    END IF;
    IF written_ids IS NOT NULL THEN
        PERFORM search_learn(written_ids);
    END IF;
    RETURN NULL;
END $$;

-- Words and values are rarely new once a catalog is there. In one order, so that two writers do not deadlock.
CREATE FUNCTION search_learn(ids uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
BEGIN
    INSERT INTO search_words (word, lexeme)
    SELECT word, stem[1] FROM (
        SELECT DISTINCT word FROM (
            -- Products share their vendors, types and tags.
            SELECT DISTINCT unnest(ARRAY[name, vendor, product_type] || tags) AS text FROM products WHERE id = ANY (ids)
        ) AS texts, regexp_split_to_table(lower(fold_accents(text)), '[^[:alnum:]]+') AS word
        WHERE length(word) BETWEEN 3 AND 30 AND word !~ '[0-9]'
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

-- As before, but with a plan that is kept for few products.
CREATE OR REPLACE FUNCTION search_refresh(ids uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = auto AS $$
BEGIN
    -- A plan takes longer than a few products do. For many, one that was kept since the shop was small can be a bad one.
    IF cardinality(ids) < 20 THEN
        SET LOCAL plan_cache_mode = force_generic_plan;
    END IF;

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
        UNION ALL SELECT one FROM product_channels AS pc
            CROSS JOIN LATERAL (SELECT number_step(pc.min_price) AS least, number_step(pc.max_price) AS most OFFSET 0) AS step
            CROSS JOIN LATERAL (
                SELECT '=c' || pc.channel_id AS one WHERE pc.listed
                UNION ALL SELECT '#c' || pc.channel_id WHERE pc.listed AND chance.hash & 255 = 0
                UNION ALL SELECT '=p' || pc.channel_id || E'\x1f' || price
                    FROM generate_series(step.least, step.most) AS price WHERE step.most - step.least < 12
                UNION ALL SELECT '=p' || pc.channel_id || E'\x1f*' WHERE step.most - step.least >= 12
            ) AS term
            WHERE pc.product_id = p.id
        UNION ALL SELECT '=k' || cp.collection_id FROM collection_products AS cp WHERE cp.product_id = p.id
        UNION ALL SELECT '=i' WHERE EXISTS (
            SELECT FROM variants AS v CROSS JOIN LATERAL (
                SELECT FROM stock_levels AS s
                WHERE s.variant_id = v.id AND (s.backorderable OR s.on_hand > s.reserved) OFFSET 0) AS s
            WHERE v.product_id = p.id)
        UNION ALL SELECT E'=n\x1f' || a.key || E'\x1f' || number_step(CASE WHEN abs((a.value #>> '{}')::numeric) < 1e100
                THEN round((a.value #>> '{}')::numeric, 6)::double precision ELSE 1e100 END)
            FROM jsonb_each(CASE WHEN p.attributes <> '{}' THEN p.attributes END) AS a WHERE jsonb_typeof(a.value) = 'number'
    ) AS terms) AS special
    WHERE p.id = ANY (ids)
    ORDER BY p.id
    ON CONFLICT (product_id) DO UPDATE SET terms = excluded.terms, facets = excluded.facets
    WHERE (t.terms, t.facets) IS DISTINCT FROM (excluded.terms, excluded.facets);

    PERFORM search_learn(ids);
END $$;
