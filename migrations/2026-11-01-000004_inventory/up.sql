-- Stock per location. The check is what makes overselling impossible.

CREATE TABLE locations (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT locations_name_key UNIQUE,
    -- Lower numbers are drawn from first; the lowest is the default location.
    priority integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO locations (id, name) VALUES ('00000000-0000-7000-8000-000000000003', 'Main warehouse');

CREATE TABLE stock_levels (
    variant_id uuid NOT NULL CONSTRAINT stock_levels_variant_id_fkey REFERENCES variants (id) ON DELETE CASCADE,
    location_id uuid NOT NULL CONSTRAINT stock_levels_location_id_fkey REFERENCES locations (id),
    on_hand bigint NOT NULL DEFAULT 0,
    reserved bigint NOT NULL DEFAULT 0,
    -- May be sold beyond what is on hand.
    backorderable boolean NOT NULL DEFAULT false,
    PRIMARY KEY (variant_id, location_id),
    CONSTRAINT stock_levels_on_hand_check CHECK (on_hand >= 0),
    CONSTRAINT stock_levels_reserved_check CHECK (reserved >= 0 AND (backorderable OR reserved <= on_hand))
);

CREATE TABLE stock_movements (
    id uuid PRIMARY KEY,
    variant_id uuid NOT NULL,
    location_id uuid NOT NULL,
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    -- RECEIVED | ADJUSTED | RESERVED | RELEASED | SHIPPED | RESTOCKED
    kind text NOT NULL,
    reason text NOT NULL DEFAULT '',
    order_id uuid,
    actor text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX stock_movements_variant_id_idx ON stock_movements (variant_id, created_at);
CREATE INDEX stock_movements_order_id_idx ON stock_movements (order_id) WHERE order_id IS NOT NULL;
CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE ON stock_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
