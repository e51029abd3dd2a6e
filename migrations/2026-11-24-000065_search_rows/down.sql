DROP FUNCTION search_estimate, search_finds, search_count(tsquery, tsquery, integer), search_matches(tsquery, tsquery, integer),
    search_ranked(tsquery, tsquery, integer, tsquery, tsquery), search_count_unseen, search_understand;
DROP INDEX product_terms_small_sample_idx;
