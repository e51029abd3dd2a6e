ALTER TABLE products DROP COLUMN import_id;

DROP TRIGGER catalog_inserted ON collection_products;
CREATE TRIGGER catalog_inserted AFTER INSERT ON collection_products REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION catalog_membership_changed('');
ALTER TABLE collection_products ENABLE ALWAYS TRIGGER catalog_inserted;

ALTER TABLE collection_products DROP CONSTRAINT collection_products_pkey, ADD PRIMARY KEY (collection_id, product_id);
CREATE INDEX collection_products_product_id_idx ON collection_products (product_id, collection_id);
