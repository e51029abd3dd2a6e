-- In a large catalog the lists of frequent words are long, and to find what two of them have in common takes longer than to read what
-- is found, however small the part of the catalog that is asked for. Part 0 of 16 gets an index of its own, a sixteenth of the
-- size: it answers for part 0 of level 4 and of every higher level, and for the samples of channels.
CREATE INDEX product_terms_sample_idx ON product_terms USING gin (terms) WITH (gin_pending_list_limit = 512)
    WHERE uuid_hash_extended(product_id, 0) & 15 = 0;

-- The questions to the index, where `in_sample` says that they ask for nothing outside of that part. The ones without it stay for
-- processes of the version before. A session plans each once: a function in SQL would be planned by every call, which takes
-- longer than most answers, and the plan is the same whatever is asked.
CREATE FUNCTION search_count(matching tsquery, in_sample boolean) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF in_sample THEN
        RETURN (SELECT count(*) FROM product_terms AS t
                WHERE t.terms @@ matching AND uuid_hash_extended(t.product_id, 0) & 15 = 0);
    END IF;
    RETURN (SELECT count(*) FROM product_terms AS t WHERE t.terms @@ matching);
END $$;

CREATE FUNCTION search_matches(matching tsquery, in_sample boolean) RETURNS TABLE (product_id uuid, facets text[])
    LANGUAGE plpgsql STABLE STRICT ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF in_sample THEN
        RETURN QUERY SELECT t.product_id, t.facets FROM product_terms AS t
            WHERE t.terms @@ matching AND uuid_hash_extended(t.product_id, 0) & 15 = 0;
    ELSE
        RETURN QUERY SELECT t.product_id, t.facets FROM product_terms AS t WHERE t.terms @@ matching;
    END IF;
END $$;

CREATE FUNCTION search_ranked(matching tsquery, in_sample boolean, question tsquery, in_name tsquery)
    RETURNS TABLE (product_id uuid, rank real) LANGUAGE plpgsql STABLE STRICT ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF in_sample THEN
        RETURN QUERY SELECT t.product_id, ts_rank(t.terms, question) + CASE WHEN t.terms @@ in_name THEN 10::real ELSE 0::real END
            FROM product_terms AS t WHERE t.terms @@ matching AND uuid_hash_extended(t.product_id, 0) & 15 = 0;
    ELSE
        RETURN QUERY SELECT t.product_id, ts_rank(t.terms, question) + CASE WHEN t.terms @@ in_name THEN 10::real ELSE 0::real END
            FROM product_terms AS t WHERE t.terms @@ matching;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION search_exists(matching tsquery, sample tsquery) RETURNS boolean LANGUAGE plpgsql STABLE STRICT
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN EXISTS (SELECT FROM product_terms AS t
                   WHERE t.terms @@ (matching && sample) AND uuid_hash_extended(t.product_id, 0) & 15 = 0)
        OR EXISTS (SELECT FROM product_terms AS t WHERE t.terms @@ matching);
END $$;
