DELETE FROM import_slugs AS s WHERE NOT EXISTS (SELECT FROM imports AS i WHERE i.id = s.import_id);
ALTER TABLE import_slugs
    ADD CONSTRAINT import_slugs_import_id_fkey FOREIGN KEY (import_id) REFERENCES imports (id) ON DELETE CASCADE;
DELETE FROM exports WHERE format = 'REJECTIONS';
ALTER TABLE exports
    DROP CONSTRAINT exports_format_check,
    ADD CONSTRAINT exports_format_check CHECK (format IN ('SHOPIFY_CSV', 'JSONL'));
ALTER TABLE import_rejections DROP COLUMN row_text;
ALTER TABLE imports DROP COLUMN others;
