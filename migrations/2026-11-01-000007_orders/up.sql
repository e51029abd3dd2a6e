-- Orders are snapshots: names, SKUs, prices and tax as they were when the order was placed. All amounts in minor units.

CREATE SEQUENCE order_numbers START 1001;

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    number bigint NOT NULL DEFAULT nextval('order_numbers') CONSTRAINT orders_number_key UNIQUE,
    channel_id uuid NOT NULL CONSTRAINT orders_channel_id_fkey REFERENCES channels (id),
    cart_id uuid CONSTRAINT orders_cart_id_key UNIQUE CONSTRAINT orders_cart_id_fkey REFERENCES carts (id) ON DELETE SET NULL,
    customer_id uuid CONSTRAINT orders_customer_id_fkey REFERENCES customers (id) ON DELETE SET NULL,
    status text NOT NULL CONSTRAINT orders_status_check CHECK (status IN ('DRAFT', 'PLACED', 'COMPLETED', 'CANCELED')),
    payment_status text NOT NULL DEFAULT 'PENDING' CONSTRAINT orders_payment_status_check CHECK (payment_status IN
        ('PENDING', 'REQUIRES_ACTION', 'AUTHORIZED', 'PARTIALLY_PAID', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'FAILED')),
    fulfillment_status text NOT NULL DEFAULT 'UNFULFILLED' CONSTRAINT orders_fulfillment_status_check CHECK (fulfillment_status IN
        ('UNFULFILLED', 'PARTIAL', 'FULFILLED', 'PARTIALLY_RETURNED', 'RETURNED')),
    email text NOT NULL,
    shipping_address jsonb,
    billing_address jsonb,
    shipping_method_id uuid,
    shipping_method_name text,
    promotion_id uuid,
    promotion_code text,
    currency_code text NOT NULL,
    subtotal bigint NOT NULL CONSTRAINT orders_subtotal_check CHECK (subtotal >= 0),
    discount_total bigint NOT NULL CONSTRAINT orders_discount_total_check CHECK (discount_total >= 0),
    shipping_total bigint NOT NULL CONSTRAINT orders_shipping_total_check CHECK (shipping_total >= 0),
    tax_total bigint NOT NULL CONSTRAINT orders_tax_total_check CHECK (tax_total >= 0),
    total bigint NOT NULL,
    cancel_reason text,
    -- SHA-256 of the token that lets a guest read the order.
    access_token_hash bytea NOT NULL CONSTRAINT orders_access_token_hash_key UNIQUE,
    version bigint NOT NULL DEFAULT 1,
    placed_at timestamptz NOT NULL,
    canceled_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT orders_total_check CHECK (total = subtotal - discount_total + shipping_total + tax_total AND total >= 0)
);
CREATE INDEX orders_placed_at_idx ON orders (placed_at, id);
CREATE INDEX orders_customer_id_placed_at_idx ON orders (customer_id, placed_at, id);
CREATE INDEX orders_status_placed_at_idx ON orders (status, placed_at, id);
CREATE INDEX orders_email_idx ON orders (lower(email), placed_at, id);

CREATE TABLE order_lines (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT order_lines_order_id_fkey REFERENCES orders (id) ON DELETE CASCADE,
    variant_id uuid CONSTRAINT order_lines_variant_id_fkey REFERENCES variants (id) ON DELETE SET NULL,
    position integer NOT NULL,
    sku text NOT NULL,
    name text NOT NULL,
    variant_name text NOT NULL DEFAULT '',
    quantity bigint NOT NULL CONSTRAINT order_lines_quantity_check CHECK (quantity > 0),
    fulfilled_quantity bigint NOT NULL DEFAULT 0,
    unit_price bigint NOT NULL,
    discount bigint NOT NULL DEFAULT 0,
    tax bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL,
    CONSTRAINT order_lines_fulfilled_quantity_check CHECK (fulfilled_quantity BETWEEN 0 AND quantity)
);
CREATE INDEX order_lines_order_id_idx ON order_lines (order_id, position);

-- Where the units of a line are reserved, so that releasing and shipping take from the same place.
CREATE TABLE order_line_allocations (
    order_line_id uuid NOT NULL CONSTRAINT order_line_allocations_order_line_id_fkey REFERENCES order_lines (id) ON DELETE CASCADE,
    variant_id uuid NOT NULL,
    location_id uuid NOT NULL CONSTRAINT order_line_allocations_location_id_fkey REFERENCES locations (id),
    -- Still reserved; shipping and canceling bring it down to zero.
    quantity bigint NOT NULL CONSTRAINT order_line_allocations_quantity_check CHECK (quantity >= 0),
    PRIMARY KEY (order_line_id, location_id)
);

CREATE TABLE payments (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT payments_order_id_fkey REFERENCES orders (id) ON DELETE CASCADE,
    gateway text NOT NULL,
    status text NOT NULL DEFAULT 'PENDING' CONSTRAINT payments_status_check CHECK (status IN
        ('PENDING', 'REQUIRES_ACTION', 'AUTHORIZED', 'CAPTURED', 'FAILED', 'VOIDED', 'EXPIRED')),
    amount bigint NOT NULL CONSTRAINT payments_amount_check CHECK (amount >= 0),
    currency_code text NOT NULL,
    captured_amount bigint NOT NULL DEFAULT 0,
    refunded_amount bigint NOT NULL DEFAULT 0,
    -- What the storefront got from the gateway's own form; never a card number.
    token text NOT NULL,
    gateway_reference text,
    -- The buyer said that the gateway's question is answered.
    action_confirmed boolean NOT NULL DEFAULT false,
    failure text,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT payments_captured_amount_check CHECK (captured_amount BETWEEN 0 AND amount),
    CONSTRAINT payments_refunded_amount_check CHECK (refunded_amount BETWEEN 0 AND captured_amount)
);
CREATE INDEX payments_order_id_idx ON payments (order_id);

-- Every call to a gateway: written before it is made, completed after. An INTENDED row without an outcome is looked up.
CREATE TABLE payment_operations (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL CONSTRAINT payment_operations_payment_id_fkey REFERENCES payments (id) ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT payment_operations_kind_check CHECK (kind IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
    -- The key sent to the gateway; derived from our ids, so a repeat is recognized there as well.
    key text NOT NULL CONSTRAINT payment_operations_key_key UNIQUE,
    amount bigint NOT NULL,
    state text NOT NULL DEFAULT 'INTENDED' CONSTRAINT payment_operations_state_check CHECK (state IN ('INTENDED', 'SUCCEEDED', 'FAILED')),
    gateway_reference text,
    failure text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX payment_operations_payment_id_idx ON payment_operations (payment_id);

CREATE TABLE refunds (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL CONSTRAINT refunds_payment_id_fkey REFERENCES payments (id) ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'REQUESTED' CONSTRAINT refunds_status_check CHECK (status IN ('REQUESTED', 'SUBMITTED', 'SUCCEEDED', 'FAILED')),
    amount bigint NOT NULL CONSTRAINT refunds_amount_check CHECK (amount > 0),
    reason text NOT NULL DEFAULT '',
    failure text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX refunds_payment_id_idx ON refunds (payment_id);

CREATE TABLE fulfillments (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT fulfillments_order_id_fkey REFERENCES orders (id) ON DELETE CASCADE,
    status text NOT NULL CONSTRAINT fulfillments_status_check CHECK (status IN ('PENDING', 'SHIPPED', 'DELIVERED', 'CANCELED')),
    tracking_number text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX fulfillments_order_id_idx ON fulfillments (order_id);

CREATE TABLE fulfillment_lines (
    fulfillment_id uuid NOT NULL CONSTRAINT fulfillment_lines_fulfillment_id_fkey REFERENCES fulfillments (id) ON DELETE CASCADE,
    order_line_id uuid NOT NULL CONSTRAINT fulfillment_lines_order_line_id_fkey REFERENCES order_lines (id) ON DELETE CASCADE,
    quantity bigint NOT NULL CONSTRAINT fulfillment_lines_quantity_check CHECK (quantity > 0),
    PRIMARY KEY (fulfillment_id, order_line_id)
);

-- A mail is sent once per (purpose, subject): the row is the proof.
CREATE TABLE mails (
    id uuid PRIMARY KEY,
    purpose text NOT NULL,
    subject_id uuid NOT NULL,
    message_id text NOT NULL,
    sent_at timestamptz NOT NULL,
    CONSTRAINT mails_purpose_subject_id_key UNIQUE (purpose, subject_id)
);
