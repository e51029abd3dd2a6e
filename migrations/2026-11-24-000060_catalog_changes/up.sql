-- What changed in the catalog: the log that the processes' caches read. Triggers write it, in the transaction of the change, so
-- that whoever writes, by whatever statement, need not think of the caches. See src/cache/mod.rs.

CREATE TABLE catalog_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The transaction: a snapshot that sees it sees the change.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- Bits, see src/cache/change.rs: 1 content, 2 price, 4 stock, 8 availability, 16 membership and order of lists,
    -- 32 words of search, 64 collections, 128 everything.
    kinds integer NOT NULL,
    -- The products and collections; null: any.
    ids uuid[],
    -- What takes effect by itself, such as a publication, does so at this time.
    due timestamptz
);
CREATE INDEX catalog_changes_xid_idx ON catalog_changes (xid);
CREATE INDEX catalog_changes_due_idx ON catalog_changes (due) WHERE due IS NOT NULL;

-- Rows of transactions before this one may have been removed.
CREATE TABLE catalog_changes_horizon (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT catalog_changes_horizon_singleton_check CHECK (singleton),
    xid xid8 NOT NULL
);
INSERT INTO catalog_changes_horizon (xid) VALUES ('3');

-- Writes one row and wakes the readers, once per transaction. More ids than 1,000 are as good as all.
CREATE FUNCTION catalog_changed(changed_kinds integer, changed_ids uuid[], at timestamptz DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_changes (kinds, ids, due)
    VALUES (changed_kinds, CASE WHEN cardinality(changed_ids) > 1000 THEN NULL ELSE changed_ids END, at);
    PERFORM pg_notify('ironmonger_catalog', '');
END $$;

-- What belongs to these products changed. A product whose own row was written in this transaction has been told of, or is so
-- new that nobody has read it.
CREATE FUNCTION catalog_products_touched(changed_kinds integer, touched uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    untold uuid[];
BEGIN
    IF touched IS NULL THEN
        RETURN;
    END IF;
    SELECT coalesce(array_agg(id), '{}') INTO untold FROM products
    WHERE id = ANY (touched) AND xmin <> pg_current_xact_id()::xid;
    IF changed_kinds <> 1 OR untold <> '{}' THEN
        PERFORM catalog_changed(changed_kinds, untold);
    END IF;
END $$;

CREATE FUNCTION catalog_products_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
    changed_kinds integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM new_rows) THEN
            PERFORM catalog_changed(16 | 32, '{}');
        END IF;
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(id), 1 | 16 | 32 INTO touched, changed_kinds FROM old_rows;
    ELSE
        SELECT array_agg(n.id),
            1 | CASE WHEN bool_or((n.slug, n.name, n.vendor, n.product_type, n.tags, n.status, n.attributes, n.created_at)
                    IS DISTINCT FROM (o.slug, o.name, o.vendor, o.product_type, o.tags, o.status, o.attributes, o.created_at))
                THEN 16 ELSE 0 END
              | CASE WHEN bool_or(n.search IS DISTINCT FROM o.search) THEN 32 ELSE 0 END
        INTO touched, changed_kinds FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id;
    END IF;
    IF touched IS NOT NULL THEN
        PERFORM catalog_changed(changed_kinds, touched);
    END IF;
    RETURN NULL;
END $$;

-- Rows with a product_id. The argument says which kinds of change theirs are.
CREATE FUNCTION catalog_children_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT product_id) INTO touched FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT product_id) INTO touched FROM old_rows;
    ELSE
        SELECT array_agg(DISTINCT product_id) INTO touched
        FROM (SELECT product_id FROM new_rows UNION ALL SELECT product_id FROM old_rows) AS both_rows;
    END IF;
    PERFORM catalog_products_touched(TG_ARGV[0]::integer, touched);
    RETURN NULL;
END $$;

-- Publication and the range of prices. A publication to come is told of twice: now, and when it is due.
CREATE FUNCTION catalog_publication_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
    changed_kinds integer := 2 | 16;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT product_id) INTO touched FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT product_id) INTO touched FROM old_rows;
    ELSE
        SELECT array_agg(DISTINCT n.product_id),
            1 | CASE WHEN bool_or(n.published_at IS DISTINCT FROM o.published_at) THEN 16 ELSE 0 END
              | CASE WHEN bool_or((n.min_price, n.max_price) IS DISTINCT FROM (o.min_price, o.max_price))
                THEN 2 ELSE 0 END
        INTO touched, changed_kinds
        FROM new_rows AS n JOIN old_rows AS o ON o.product_id = n.product_id AND o.channel_id = n.channel_id;
    END IF;
    PERFORM catalog_products_touched(changed_kinds, touched);
    IF TG_OP <> 'DELETE' THEN
        PERFORM catalog_changed(1 | 2 | 16 | 32, array_agg(product_id), published_at)
        FROM new_rows WHERE published_at > clock_timestamp() GROUP BY published_at;
    END IF;
    RETURN NULL;
END $$;

-- Prices of variants. A sale to come is told of when it begins and when it ends, too.
CREATE FUNCTION catalog_prices_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT coalesce(array_agg(DISTINCT v.product_id), '{}') INTO touched
        FROM old_rows AS r JOIN variants AS v ON v.id = r.variant_id HAVING EXISTS (SELECT FROM old_rows);
    ELSE
        SELECT array_agg(DISTINCT v.product_id) INTO touched
        FROM new_rows AS r JOIN variants AS v ON v.id = r.variant_id;
    END IF;
    PERFORM catalog_products_touched(2, touched);
    IF TG_OP <> 'DELETE' THEN
        PERFORM catalog_changed(2, array_agg(DISTINCT v.product_id), turn.at)
        FROM new_rows AS r JOIN variants AS v ON v.id = r.variant_id
            CROSS JOIN LATERAL (VALUES (r.sale_starts_at), (r.sale_ends_at)) AS turn(at)
        WHERE turn.at > clock_timestamp() GROUP BY turn.at;
    END IF;
    RETURN NULL;
END $$;

-- What can be bought: told of apart, because it changes with every order, and whether it can be bought at all apart from how
-- often, because only that decides about lists.
CREATE FUNCTION catalog_stock_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
    changed_kinds integer := 4 | 8;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT v.product_id) INTO touched
        FROM new_rows AS r JOIN variants AS v ON v.id = r.variant_id;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT coalesce(array_agg(DISTINCT v.product_id), '{}') INTO touched
        FROM old_rows AS r JOIN variants AS v ON v.id = r.variant_id HAVING EXISTS (SELECT FROM old_rows);
    ELSE
        SELECT array_agg(DISTINCT v.product_id),
            4 | CASE WHEN bool_or((n.backorderable OR n.on_hand > n.reserved)
                    <> (o.backorderable OR o.on_hand > o.reserved)) THEN 8 ELSE 0 END
        INTO touched, changed_kinds
        FROM new_rows AS n JOIN old_rows AS o ON o.variant_id = n.variant_id AND o.location_id = n.location_id
            JOIN variants AS v ON v.id = n.variant_id
        WHERE (n.on_hand - n.reserved, n.backorderable) IS DISTINCT FROM (o.on_hand - o.reserved, o.backorderable);
    END IF;
    PERFORM catalog_products_touched(changed_kinds, touched);
    RETURN NULL;
END $$;

-- Rows of collections: the argument is the column with their id.
CREATE FUNCTION catalog_collections_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
    rows text := CASE TG_OP WHEN 'INSERT' THEN 'SELECT * FROM new_rows' WHEN 'DELETE' THEN 'SELECT * FROM old_rows'
                 ELSE 'SELECT * FROM new_rows UNION ALL SELECT * FROM old_rows' END;
BEGIN
    -- Not UNION: rows may hold types that cannot be compared.
    EXECUTE format('SELECT array_agg(DISTINCT %I) FROM (%s) AS changed', TG_ARGV[0], rows) INTO touched;
    IF touched IS NOT NULL THEN
        PERFORM catalog_changed(64 | 16, touched);
    END IF;
    IF TG_TABLE_NAME = 'collection_channels' AND TG_OP <> 'DELETE' THEN
        PERFORM catalog_changed(64 | 16, array_agg(collection_id), published_at)
        FROM new_rows WHERE published_at > clock_timestamp() GROUP BY published_at;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_membership_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(id) INTO touched
        FROM (SELECT collection_id AS id FROM new_rows UNION SELECT product_id FROM new_rows) AS ids;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(id) INTO touched
        FROM (SELECT collection_id AS id FROM old_rows UNION SELECT product_id FROM old_rows) AS ids;
    ELSE
        SELECT array_agg(id) INTO touched
        FROM (SELECT collection_id AS id FROM new_rows UNION SELECT product_id FROM new_rows
              UNION SELECT collection_id FROM old_rows UNION SELECT product_id FROM old_rows) AS ids;
    END IF;
    IF touched IS NOT NULL THEN
        PERFORM catalog_changed(16, touched);
    END IF;
    RETURN NULL;
END $$;

-- Stored images: told of by the products and collections that show them. The argument is the column with the image's id.
CREATE FUNCTION catalog_media_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    images uuid[];
    touched uuid[];
BEGIN
    EXECUTE format('SELECT array_agg(DISTINCT %I) FROM %I', TG_ARGV[0],
        CASE TG_OP WHEN 'DELETE' THEN 'old_rows' ELSE 'new_rows' END) INTO images;
    SELECT array_agg(id) INTO touched
    FROM (SELECT product_id AS id FROM product_images WHERE media_id = ANY (images)
          UNION SELECT id FROM collections WHERE image_media_id = ANY (images)) AS ids;
    IF touched IS NOT NULL THEN
        PERFORM catalog_changed(1 | 64, touched);
    END IF;
    RETURN NULL;
END $$;

-- Seldom changed, and read by everything.
CREATE FUNCTION catalog_everything_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM catalog_changed(128, NULL);
    RETURN NULL;
END $$;

-- Watches a table with a function that looks at the rows of each statement. For the tables of later migrations, too.
CREATE FUNCTION catalog_watch(watched regclass, function regproc, argument text DEFAULT '') RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER catalog_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', watched, function, argument);
    EXECUTE format('CREATE TRIGGER catalog_updated AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', watched, function, argument);
    EXECUTE format('CREATE TRIGGER catalog_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', watched, function, argument);
    EXECUTE format('CREATE TRIGGER catalog_truncated AFTER TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION catalog_everything_changed()', watched);
END $$;

SELECT catalog_watch('products', 'catalog_products_changed');
SELECT catalog_watch('product_options', 'catalog_children_changed', '1');
SELECT catalog_watch('product_images', 'catalog_children_changed', '1');
SELECT catalog_watch('variants', 'catalog_children_changed', '1');
SELECT catalog_watch('product_translations', 'catalog_children_changed', '49');
SELECT catalog_watch('product_channels', 'catalog_publication_changed');
SELECT catalog_watch('variant_prices', 'catalog_prices_changed');
SELECT catalog_watch('stock_levels', 'catalog_stock_changed');
SELECT catalog_watch('collections', 'catalog_collections_changed', 'id');
SELECT catalog_watch('collection_translations', 'catalog_collections_changed', 'collection_id');
SELECT catalog_watch('collection_channels', 'catalog_collections_changed', 'collection_id');
SELECT catalog_watch('collection_products', 'catalog_membership_changed');
SELECT catalog_watch('media_images', 'catalog_media_changed', 'id');
SELECT catalog_watch('media_renditions', 'catalog_media_changed', 'image_id');
SELECT catalog_watch('channels', 'catalog_everything_changed');
SELECT catalog_watch('shop_settings', 'catalog_everything_changed');
SELECT catalog_watch('locales', 'catalog_everything_changed');
SELECT catalog_watch('product_types', 'catalog_everything_changed');
SELECT catalog_watch('attributes', 'catalog_everything_changed');
