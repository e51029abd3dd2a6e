DELETE FROM exports WHERE format = 'REJECTIONS';
ALTER TABLE exports
    DROP CONSTRAINT exports_format_check,
    ADD CONSTRAINT exports_format_check CHECK (format IN ('SHOPIFY_CSV', 'JSONL'));
ALTER TABLE import_rejections DROP COLUMN row_text;
ALTER TABLE imports DROP COLUMN others;
