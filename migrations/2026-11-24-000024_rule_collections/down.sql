DROP TRIGGER note_availability ON stock_levels;
DROP FUNCTION note_availability;
DROP TABLE collection_reviews;
ALTER TABLE collections DROP COLUMN rule_fields, DROP COLUMN rule_applied;
