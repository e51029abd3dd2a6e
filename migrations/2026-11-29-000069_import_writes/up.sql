-- A membership is in two indexes instead of three: one over product and collection says that there is one only, and finds those of a
-- product; the one by position finds those of a collection.
DROP INDEX collection_products_product_id_idx;
ALTER TABLE collection_products DROP CONSTRAINT collection_products_pkey, ADD PRIMARY KEY (product_id, collection_id);

-- Whoever adds many products tells caches of their memberships with the rest (migration `added_products`).
DROP TRIGGER catalog_inserted ON collection_products;
CREATE TRIGGER catalog_inserted AFTER INSERT ON collection_products REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    WHEN (current_setting('ironmonger.adds_products', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION catalog_membership_changed('');
ALTER TABLE collection_products ENABLE ALWAYS TRIGGER catalog_inserted;

-- The import that wrote a product last tells that the file has it in an earlier place. `import_slugs` is left with the products that an
-- import found as they were.
ALTER TABLE products ADD COLUMN import_id uuid;
