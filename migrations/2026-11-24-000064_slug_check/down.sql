ALTER TABLE products
    DROP CONSTRAINT products_slug_check,
    ADD CONSTRAINT products_slug_check CHECK (slug ~ '^[^\s/?#]{1,255}$');
