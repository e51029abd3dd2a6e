-- Filters by vendor are answered by the index of searches.
DROP INDEX products_vendor_idx;

-- What is pending of the whole index is put in its place after so much: little, because every search reads it; more where many
-- products come at once, which about halves the cost of the index for them. Who writes many has it emptied in the end.
ALTER INDEX product_terms_terms_idx RESET (gin_pending_list_limit);

CREATE OR REPLACE FUNCTION search_pending_apply() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
BEGIN
    WITH taken AS (DELETE FROM search_pending WHERE transaction_id = txid_current() RETURNING product_ids)
    SELECT array_agg(DISTINCT id) INTO ids FROM taken, unnest(product_ids) AS id;
    IF ids IS NOT NULL THEN
        PERFORM set_config('gin_pending_list_limit', CASE WHEN cardinality(ids) < 100 THEN '512kB' ELSE '4MB' END, true);
        PERFORM search_refresh(ids);
    END IF;
    RETURN NULL;
END $$;
