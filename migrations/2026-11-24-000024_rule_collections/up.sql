-- Collections by rule: their members are rows of collection_products as everybody's, kept up to date with every change
-- of a product (src/catalog/rules).

ALTER TABLE collections
    -- The fields that the rule's conditions look at, so that a change is held against the rules that it may affect only.
    ADD COLUMN rule_fields text[] NOT NULL DEFAULT '{}',
    -- The revision under which all products have been looked at; the work goes on while it is behind rule_revision.
    ADD COLUMN rule_applied bigint NOT NULL DEFAULT 0;
CREATE INDEX collections_by_rule_idx ON collections (id) WHERE rule IS NOT NULL;
CREATE INDEX collections_by_availability_idx ON collections (id) WHERE 'AVAILABLE' = ANY (rule_fields);
CREATE INDEX collections_rule_behind_idx ON collections (id) WHERE rule_applied <> rule_revision;

-- Products that can be ordered now and could not before, or the other way round: they wait for the job catalog.review. Rows
-- are only added and taken away, so that orders do not wait for each other here.
CREATE TABLE collection_reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL
);

-- Stock moves with orders, imports and by hand: whoever moves it, the rules that look at availability get to see the products of
-- which it has changed.
CREATE FUNCTION note_availability() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    turned uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM collections WHERE 'AVAILABLE' = ANY (rule_fields)) THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(DISTINCT v.product_id) INTO turned
    FROM new_levels AS n JOIN old_levels AS o USING (variant_id, location_id) JOIN variants AS v ON v.id = n.variant_id
    WHERE (n.backorderable OR n.on_hand > n.reserved) <> (o.backorderable OR o.on_hand > o.reserved);
    IF turned IS NOT NULL THEN
        INSERT INTO collection_reviews (product_id) SELECT unnest(turned);
        INSERT INTO jobs (id, kind, queue, payload, state, max_attempts)
        VALUES (gen_random_uuid(), 'catalog.review', 'catalog', '{}', 'READY', 10);
        PERFORM pg_notify('ironmonger_due', 'catalog');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_availability AFTER UPDATE ON stock_levels
    REFERENCING OLD TABLE AS old_levels NEW TABLE AS new_levels
    FOR EACH STATEMENT EXECUTE FUNCTION note_availability();
