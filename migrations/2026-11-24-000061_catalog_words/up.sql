-- How common words are decides what a misspelled question finds; they are counted from time to time, which the caches of
-- answers have to be told.
CREATE FUNCTION catalog_words_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM catalog_changed(32, '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_updated AFTER UPDATE ON search_words FOR EACH STATEMENT EXECUTE FUNCTION catalog_words_changed();
