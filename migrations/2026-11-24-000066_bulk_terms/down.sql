CREATE OR REPLACE FUNCTION search_pending_apply() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE INDEX products_vendor_idx ON products (vendor, created_at, id);

ALTER INDEX product_terms_terms_idx SET (gin_pending_list_limit = 512);
