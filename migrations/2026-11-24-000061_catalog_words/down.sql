DROP TRIGGER catalog_updated ON search_words;
DROP FUNCTION catalog_words_changed;
