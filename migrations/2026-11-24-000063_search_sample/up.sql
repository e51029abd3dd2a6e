-- In a large catalog the lists of frequent words are long, and to find what two of them have in common takes longer than to read what
-- is found, however small the part of the catalog that is asked for. Part 0 of 16 gets an index of its own, a sixteenth of the
-- size: it answers for part 0 of level 4 and of every higher level, and for the samples of channels.
CREATE INDEX product_terms_sample_idx ON product_terms USING gin (terms) WITH (gin_pending_list_limit = 512)
    WHERE uuid_hash_extended(product_id, 0) & 15 = 0;

-- The questions to the index, where `in_sample` says that they ask for nothing outside of that part. The ones without it stay for
-- processes of the version before.
CREATE FUNCTION search_count(matching tsquery, in_sample boolean) RETURNS bigint LANGUAGE sql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT CASE WHEN in_sample
              THEN (SELECT count(*) FROM product_terms WHERE terms @@ matching AND uuid_hash_extended(product_id, 0) & 15 = 0)
              ELSE (SELECT count(*) FROM product_terms WHERE terms @@ matching) END $$;

CREATE FUNCTION search_matches(matching tsquery, in_sample boolean) RETURNS TABLE (product_id uuid, facets text[])
    LANGUAGE sql STABLE STRICT ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT product_id, facets FROM product_terms
          WHERE in_sample AND terms @@ matching AND uuid_hash_extended(product_id, 0) & 15 = 0
          UNION ALL SELECT product_id, facets FROM product_terms WHERE NOT in_sample AND terms @@ matching $$;

CREATE FUNCTION search_ranked(matching tsquery, in_sample boolean, question tsquery, in_name tsquery)
    RETURNS TABLE (product_id uuid, rank real) LANGUAGE sql STABLE STRICT ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT product_id, ts_rank(terms, question) + CASE WHEN terms @@ in_name THEN 10::real ELSE 0::real END
          FROM (SELECT product_id, terms FROM product_terms
                WHERE in_sample AND terms @@ matching AND uuid_hash_extended(product_id, 0) & 15 = 0
                UNION ALL SELECT product_id, terms FROM product_terms WHERE NOT in_sample AND terms @@ matching) AS found $$;

CREATE OR REPLACE FUNCTION search_exists(matching tsquery, sample tsquery) RETURNS boolean LANGUAGE sql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
    AS $$ SELECT EXISTS (SELECT FROM product_terms
                         WHERE terms @@ (matching && sample) AND uuid_hash_extended(product_id, 0) & 15 = 0)
              OR EXISTS (SELECT FROM product_terms WHERE terms @@ matching) $$;
