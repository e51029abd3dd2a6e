-- Imports of our full format, and the report of rejected rows as a file.

ALTER TABLE imports
    -- Records about collections, product types and locations.
    ADD COLUMN others bigint NOT NULL DEFAULT 0;

ALTER TABLE import_rejections
    -- The beginning of the row.
    ADD COLUMN row_text text NOT NULL DEFAULT '';

-- A table of files to download, whatever wrote them: the job is an export, or an import that rejected rows.
ALTER TABLE exports
    DROP CONSTRAINT exports_format_check,
    ADD CONSTRAINT exports_format_check CHECK (format IN ('SHOPIFY_CSV', 'JSONL', 'REJECTIONS'));

-- A row per product of every import: looking up the import for each would cost more than the row. Whoever deletes an import
-- deletes these.
ALTER TABLE import_slugs DROP CONSTRAINT import_slugs_import_id_fkey;
