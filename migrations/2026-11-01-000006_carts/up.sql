-- Carts. The id is random (UUIDv4): holding it is the right to use the cart.

CREATE TABLE carts (
    id uuid PRIMARY KEY,
    channel_id uuid NOT NULL CONSTRAINT carts_channel_id_fkey REFERENCES channels (id),
    customer_id uuid CONSTRAINT carts_customer_id_fkey REFERENCES customers (id) ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'OPEN' CONSTRAINT carts_status_check CHECK (status IN ('OPEN', 'PLACED', 'ABANDONED')),
    email text,
    shipping_address jsonb,
    billing_address jsonb,
    shipping_method_id uuid CONSTRAINT carts_shipping_method_id_fkey REFERENCES shipping_methods (id) ON DELETE SET NULL,
    promotion_id uuid CONSTRAINT carts_promotion_id_fkey REFERENCES promotions (id) ON DELETE SET NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE cart_lines (
    id uuid PRIMARY KEY,
    cart_id uuid NOT NULL CONSTRAINT cart_lines_cart_id_fkey REFERENCES carts (id) ON DELETE CASCADE,
    variant_id uuid NOT NULL CONSTRAINT cart_lines_variant_id_fkey REFERENCES variants (id) ON DELETE CASCADE,
    quantity bigint NOT NULL CONSTRAINT cart_lines_quantity_check CHECK (quantity BETWEEN 1 AND 10000),
    position bigint GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT cart_lines_cart_id_variant_id_key UNIQUE (cart_id, variant_id)
);
