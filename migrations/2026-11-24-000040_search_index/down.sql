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
ALTER TABLE products ADD COLUMN search_text text
    GENERATED ALWAYS AS (lower(fold_accents(name || ' ' || vendor || ' ' || product_type))) STORED;
CREATE INDEX products_active_created_at_idx ON products (created_at, id) WHERE status = 'ACTIVE';
CREATE INDEX products_active_name_idx ON products (name, id) WHERE status = 'ACTIVE';
CREATE INDEX products_tags_idx ON products USING gin (tags);
CREATE INDEX products_search_idx ON products USING gin (search);
CREATE INDEX products_search_text_idx ON products USING gin (search_text gin_trgm_ops);

DROP TRIGGER variants_delete_search ON variants;
DROP FUNCTION variants_touch_search();
DROP TRIGGER stock_levels_insert_search ON stock_levels;
DROP TRIGGER stock_levels_update_search ON stock_levels;
DROP TRIGGER stock_levels_delete_search ON stock_levels;
DROP FUNCTION stock_levels_touch_search();
DROP TRIGGER collection_products_insert_search ON collection_products;
DROP TRIGGER collection_products_delete_search ON collection_products;
DROP FUNCTION collection_products_touch_search();
DROP TRIGGER product_options_insert_search ON product_options;
DROP TRIGGER product_options_update_search ON product_options;
DROP TRIGGER product_options_delete_search ON product_options;
DROP FUNCTION product_options_touch_search();
DROP TRIGGER product_channels_insert_search ON product_channels;
DROP TRIGGER product_channels_update_search ON product_channels;
DROP TRIGGER product_channels_delete_search ON product_channels;
DROP FUNCTION product_channels_touch_search();
DROP TRIGGER products_insert_search ON products;
DROP TRIGGER products_update_search ON products;
DROP FUNCTION products_touch_search();
DROP FUNCTION search_touch(uuid[]);
DROP TABLE search_pending;
DROP FUNCTION search_pending_apply();
DROP FUNCTION search_refresh(uuid[]);
DROP FUNCTION search_alike(text, bigint);
DROP FUNCTION search_ranked(tsquery, tsquery, tsquery);
DROP FUNCTION search_matches(tsquery);
DROP FUNCTION search_exists(tsquery, tsquery);
DROP FUNCTION search_count(tsquery);
DROP FUNCTION number_step(double precision);
DROP INDEX collections_folded_name_idx;
DROP TABLE search_values;
DROP TABLE search_words;
DROP TABLE product_terms;
DROP TRIGGER product_channels_copy_on_insert ON product_channels;
DROP TRIGGER product_channels_copy_on_publish ON product_channels;
DROP FUNCTION product_channels_copy();
DROP INDEX product_channels_listed_published_at_idx;
DROP INDEX product_channels_listed_price_idx;
DROP INDEX product_channels_listed_created_at_idx;
DROP INDEX product_channels_listed_name_idx;
ALTER TABLE product_channels DROP COLUMN created_at, DROP COLUMN name, DROP COLUMN listed;
