-- Part 0 of 64, too, gets an index of its own beside the one of part 0 of 16: samples come from it.
CREATE INDEX product_terms_small_sample_idx ON product_terms USING gin (terms) WITH (gin_pending_list_limit = 512)
    WHERE uuid_hash_extended(product_id, 0) & 63 = 0;

-- What most products have, such as being listed in a channel, is a long list in the index, which takes milliseconds to go
-- through at a million products, however few others the question finds. Where these are few, it is `also` asked of the rows found
-- instead; NULL asks nothing. `part` is 6 or 4 where only part 0 of 64 or of 16 is asked, 0 otherwise.
--
-- The functions without `also` stay for processes of the version before.

-- How many products of a sample match, everywhere and with `also`; and how many of them match `in_name`, too.
CREATE FUNCTION search_estimate(matching tsquery, also tsquery, in_name tsquery, OUT everywhere bigint, OUT here bigint,
    OUT named_everywhere bigint, OUT named_here bigint) LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT count(*), count(*) FILTER (WHERE (also IS NULL OR t.terms @@ also)),
        count(*) FILTER (WHERE t.terms @@ in_name),
        count(*) FILTER (WHERE t.terms @@ in_name AND (also IS NULL OR t.terms @@ also))
    INTO everywhere, here, named_everywhere, named_here
    FROM product_terms AS t WHERE t.terms @@ matching AND uuid_hash_extended(t.product_id, 0) & 63 = 0;
END $$;

-- Whether anything matches. The sample tells of what is frequent, and how to look for what is not in it.
CREATE FUNCTION search_finds(matching tsquery, also tsquery, sample tsquery) RETURNS boolean LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    sampled record;
BEGIN
    sampled := search_estimate(matching && sample, also, NULL);
    IF sampled.here > 0 THEN
        RETURN true;
    ELSIF sampled.everywhere = 0 THEN
        RETURN EXISTS (SELECT FROM product_terms AS t WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also));
    END IF;
    RETURN EXISTS (SELECT FROM product_terms AS t WHERE t.terms @@ (matching && also));
END $$;

CREATE FUNCTION search_count(matching tsquery, also tsquery, part integer) RETURNS bigint LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF part = 6 THEN
        RETURN (SELECT count(*) FROM product_terms AS t
            WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also) AND uuid_hash_extended(t.product_id, 0) & 63 = 0);
    ELSIF part = 4 THEN
        RETURN (SELECT count(*) FROM product_terms AS t
            WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also) AND uuid_hash_extended(t.product_id, 0) & 15 = 0);
    END IF;
    RETURN (SELECT count(*) FROM product_terms AS t
        WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also));
END $$;

CREATE FUNCTION search_matches(matching tsquery, also tsquery, part integer) RETURNS TABLE (product_id uuid, facets text[])
    LANGUAGE plpgsql STABLE ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF part = 6 THEN
        RETURN QUERY SELECT t.product_id, t.facets FROM product_terms AS t
            WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also) AND uuid_hash_extended(t.product_id, 0) & 63 = 0;
        RETURN;
    ELSIF part = 4 THEN
        RETURN QUERY SELECT t.product_id, t.facets FROM product_terms AS t
            WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also) AND uuid_hash_extended(t.product_id, 0) & 15 = 0;
        RETURN;
    END IF;
    RETURN QUERY SELECT t.product_id, t.facets FROM product_terms AS t
        WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also);
END $$;

CREATE FUNCTION search_ranked(matching tsquery, also tsquery, part integer, question tsquery, in_name tsquery)
    RETURNS TABLE (product_id uuid, rank real) LANGUAGE plpgsql STABLE ROWS 1000
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF part = 6 THEN
        RETURN QUERY SELECT t.product_id, ts_rank(t.terms, question) + CASE WHEN t.terms @@ in_name THEN 10::real ELSE 0::real END FROM product_terms AS t
            WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also) AND uuid_hash_extended(t.product_id, 0) & 63 = 0;
        RETURN;
    ELSIF part = 4 THEN
        RETURN QUERY SELECT t.product_id, ts_rank(t.terms, question) + CASE WHEN t.terms @@ in_name THEN 10::real ELSE 0::real END FROM product_terms AS t
            WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also) AND uuid_hash_extended(t.product_id, 0) & 15 = 0;
        RETURN;
    END IF;
    RETURN QUERY SELECT t.product_id, ts_rank(t.terms, question) + CASE WHEN t.terms @@ in_name THEN 10::real ELSE 0::real END FROM product_terms AS t
        WHERE t.terms @@ matching AND (also IS NULL OR t.terms @@ also);
END $$;

-- What is listed in a channel but not to be seen yet, and matches.
CREATE FUNCTION search_count_unseen(matching tsquery, channel uuid, now timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET jit = off SET work_mem = '64MB' SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    -- They are few: each is looked up. The planner cannot know and would join whole tables.
    RETURN (SELECT count(*) FROM (SELECT pc.product_id FROM product_channels AS pc
                WHERE pc.channel_id = channel AND pc.listed AND pc.published_at > now OFFSET 0) AS unseen
            CROSS JOIN LATERAL (SELECT FROM product_terms AS t
                WHERE t.product_id = unseen.product_id AND t.terms @@ matching OFFSET 0) AS t);
END $$;

-- The words of a question in their order: folded, their stems, whether the vocabulary has them; and for the last one the stems of
-- the `most` most frequent words that it begins.
CREATE FUNCTION search_understand(words text[], most bigint)
    RETURNS TABLE (folded text, stems text[], known boolean, begun text[]) LANGUAGE plpgsql STABLE ROWS 4
    SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT w.folded, tsvector_to_array(to_tsvector('pg_catalog.english', w.folded)),
        EXISTS (SELECT FROM search_words AS s WHERE s.word = w.folded),
        CASE WHEN w.place = cardinality(words) AND length(w.folded) > 1 THEN ARRAY(SELECT lexeme FROM (
            SELECT s.lexeme, max(s.products) AS products FROM search_words AS s
            WHERE s.word >= w.folded AND s.word < w.folded || chr(1114111)
            GROUP BY s.lexeme ORDER BY 2 DESC, length(s.lexeme), s.lexeme LIMIT most) AS frequent) ELSE '{}' END
    FROM (SELECT t.place, lower(fold_accents(t.word)) COLLATE "C" AS folded
        FROM unnest(words) WITH ORDINALITY AS t(word, place)) AS w
    ORDER BY w.place;
END $$;
