CREATE OR REPLACE FUNCTION search_exists(matching tsquery, sample tsquery) RETURNS boolean LANGUAGE sql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT EXISTS (SELECT FROM product_terms WHERE terms @@ (matching && sample))
              OR EXISTS (SELECT FROM product_terms WHERE terms @@ matching) $$;
DROP FUNCTION search_ranked(tsquery, boolean, tsquery, tsquery);
DROP FUNCTION search_matches(tsquery, boolean);
DROP FUNCTION search_count(tsquery, boolean);
DROP INDEX product_terms_sample_idx;
