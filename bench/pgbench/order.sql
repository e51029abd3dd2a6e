-- What orderPlace sends to PostgreSQL, by hand: one order of two lines. See src/load/order.rs, which prepares the carts.
-- first, each: the numbers of this turn's carts; n: how many this client has placed.
\set n :n + 1
\set cart :first + :client_id * :each + :n
BEGIN;
INSERT INTO idempotency_records (scope, key, fingerprint)
    VALUES ('orderPlace', 'pgbench-' || :cart::bigint, '\x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08')
    ON CONFLICT (scope, key) DO UPDATE SET key = excluded.key RETURNING fingerprint, response;
WITH c AS (UPDATE carts SET status = 'PLACED', version = version + 1, updated_at = now()
           WHERE id = ('00000000-0000-4000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid AND status = 'OPEN' RETURNING *)
    SELECT c.id, c.channel_id, ch.slug AS channel_slug, ch.name AS channel_name, ch.currency_code,
           ch.is_default AS channel_is_default, c.status, c.email, c.shipping_address, c.version, c.updated_at,
           coalesce((SELECT t.rate_ppm FROM tax_rates t
                     WHERE t.channel_id = c.channel_id
                       AND (t.country_code IS NULL OR t.country_code = c.shipping_address ->> 'country_code')
                     ORDER BY t.country_code NULLS LAST LIMIT 1), 0) AS rate_ppm,
           coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'id', l.id, 'variant_id', l.variant_id, 'quantity', l.quantity, 'sku', v.sku,
                         'product_name', pr.name, 'variant_name', v.name, 'taxable', v.taxable,
                         'requires_shipping', v.requires_shipping,
                         'unit_price', CASE WHEN pr.status = 'ACTIVE' AND pc.published_at <= now() THEN vp.amount END
                     ) ORDER BY l.position)
                     FROM cart_lines l JOIN variants v ON v.id = l.variant_id JOIN products pr ON pr.id = v.product_id
                     LEFT JOIN product_channels pc ON pc.product_id = pr.id AND pc.channel_id = c.channel_id
                     LEFT JOIN variant_prices vp ON vp.variant_id = v.id AND vp.channel_id = c.channel_id
                     WHERE l.cart_id = c.id), '[]') AS lines,
           sm.id AS method_id, sm.name AS method_name, sm.description AS method_description, smc.price AS method_price,
           smc.free_above AS method_free_above, p.id AS promotion_id
    FROM c JOIN channels ch ON ch.id = c.channel_id
    LEFT JOIN shipping_method_channels smc ON smc.shipping_method_id = c.shipping_method_id AND smc.channel_id = c.channel_id
    LEFT JOIN shipping_methods sm ON sm.id = smc.shipping_method_id
    LEFT JOIN promotions p ON p.id = c.promotion_id
\gset c_
SELECT s.variant_id, s.location_id, s.on_hand, s.reserved, s.backorderable
    FROM stock_levels AS s JOIN locations AS l ON l.id = s.location_id
    WHERE s.variant_id = ANY(ARRAY[(:c_lines::jsonb -> 0 ->> 'variant_id')::uuid, (:c_lines::jsonb -> 1 ->> 'variant_id')::uuid])
    ORDER BY s.variant_id, l.priority, l.id FOR UPDATE OF s;
WITH delta AS (SELECT * FROM unnest(ARRAY[gen_random_uuid(), gen_random_uuid()],
             ARRAY[(:c_lines::jsonb -> 0 ->> 'variant_id')::uuid, (:c_lines::jsonb -> 1 ->> 'variant_id')::uuid],
             ARRAY['00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000003']::uuid[],
             ARRAY[0, 0]::bigint[], ARRAY[1, 1]::bigint[], ARRAY['RESERVED', 'RESERVED'])
             AS t(movement_id, variant_id, location_id, on_hand, reserved, kind)),
         changed AS (UPDATE stock_levels AS s SET on_hand = s.on_hand + d.on_hand, reserved = s.reserved + d.reserved
             FROM delta AS d WHERE s.variant_id = d.variant_id AND s.location_id = d.location_id
             RETURNING d.movement_id)
    INSERT INTO stock_movements (id, variant_id, location_id, on_hand_delta, reserved_delta, kind, reason, order_id,
        actor, created_at)
    SELECT d.movement_id, d.variant_id, d.location_id, d.on_hand, d.reserved, d.kind, '',
        ('00000000-0000-7000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid, 'shopper', now()
    FROM delta AS d JOIN changed USING (movement_id);
INSERT INTO orders (id, channel_id, cart_id, customer_id, status, email, shipping_address, billing_address,
        shipping_method_id, shipping_method_name, promotion_id, promotion_code, currency_code, subtotal, discount_total,
        shipping_total, tax_total, total, access_token_hash, placed_at, created_at, updated_at)
    VALUES (('00000000-0000-7000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid, :c_channel_id::uuid, :c_id::uuid, NULL, 'PLACED', :c_email::text,
        :c_shipping_address::jsonb, NULL, :c_method_id::uuid, :c_method_name::text, NULL, NULL, :c_currency_code::text,
        5000, 0, 590, 447, 6037, sha256(('order' || :cart::bigint)::bytea), now(), now(), now())
    RETURNING id, number, channel_id, customer_id, status, payment_status, fulfillment_status, email, shipping_address,
        billing_address, shipping_method_name, promotion_id, promotion_code, currency_code, subtotal, discount_total,
        shipping_total, tax_total, total, cancel_reason, version, placed_at, canceled_at;
INSERT INTO order_lines (id, order_id, variant_id, position, sku, name, variant_name, quantity, unit_price, discount, tax, total)
    SELECT line.id, ('00000000-0000-7000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid, line.variant_id, line.position,
        line.sku, line.name, line.variant_name, 1, 2500, 0, 200, 2500
    FROM unnest(ARRAY[('00000000-0000-7000-8001-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid,
            ('00000000-0000-7000-8002-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid],
        ARRAY[(:c_lines::jsonb -> 0 ->> 'variant_id')::uuid, (:c_lines::jsonb -> 1 ->> 'variant_id')::uuid], ARRAY[0, 1],
        ARRAY[:c_lines::jsonb -> 0 ->> 'sku', :c_lines::jsonb -> 1 ->> 'sku'],
        ARRAY[:c_lines::jsonb -> 0 ->> 'product_name', :c_lines::jsonb -> 1 ->> 'product_name'],
        ARRAY[:c_lines::jsonb -> 0 ->> 'variant_name', :c_lines::jsonb -> 1 ->> 'variant_name'])
        AS line(id, variant_id, position, sku, name, variant_name)
    RETURNING id, order_id, variant_id, sku, name, variant_name, quantity, fulfilled_quantity, unit_price, discount, tax, total;
INSERT INTO order_line_allocations (order_line_id, variant_id, location_id, quantity)
    SELECT line.id, line.variant_id, '00000000-0000-7000-8000-000000000003', 1
    FROM unnest(ARRAY[('00000000-0000-7000-8001-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid,
            ('00000000-0000-7000-8002-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid],
        ARRAY[(:c_lines::jsonb -> 0 ->> 'variant_id')::uuid, (:c_lines::jsonb -> 1 ->> 'variant_id')::uuid])
        AS line(id, variant_id)
    ON CONFLICT (order_line_id, location_id) DO UPDATE SET quantity = excluded.quantity;
INSERT INTO events (aggregate, aggregate_id, sequence, type, payload, actor, created_at)
    SELECT 'order', ('00000000-0000-7000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid, coalesce(max(sequence), 0) + 1,
        'order.placed', '{"number": "1042", "total": "60.37"}', 'shopper', now()
    FROM events WHERE aggregate_id = ('00000000-0000-7000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid;
INSERT INTO payments (id, order_id, gateway, status, amount, currency_code, token, created_at, updated_at)
    VALUES (('00000000-0000-7000-8003-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid,
        ('00000000-0000-7000-8000-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid, 'test', 'PENDING', 6037,
        :c_currency_code::text, 'ok', now(), now());
WITH new AS (
         INSERT INTO jobs (id, kind, queue, priority, payload, state, max_attempts, run_at, unique_key, traceparent, created_by)
         SELECT job.id, 'payments.settle', 'payments', 10, job.payload,
             CASE WHEN NULL::timestamptz > now() THEN 'SCHEDULED' ELSE 'READY' END, 25,
             coalesce(NULL::timestamptz, now()), job.unique_key, NULL, NULL
         FROM unnest(ARRAY[('00000000-0000-7000-8004-' || lpad(to_hex(:cart::bigint), 12, '0'))::uuid],
             ARRAY['{"payment_id": "payment_01h455vb4pex5vsknk084sn02q"}']::jsonb[], ARRAY[NULL]::text[]) AS job(id, payload, unique_key)
         ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL
             AND state IN ('SCHEDULED', 'READY', 'RUNNING', 'RETRYING') DO NOTHING
         RETURNING id, state),
     told AS (SELECT pg_notify('ironmonger_due', 'payments') WHERE EXISTS (SELECT 1 FROM new WHERE state = 'READY'))
    SELECT id FROM new WHERE (SELECT count(*) FROM told) >= 0;
UPDATE idempotency_records SET response = '{"order": {"id": "order_01h455vb4pex5vsknk084sn02q", "number": 1042, "channel_id": "channel_00000000007000800000000001", "customer_id": null, "status": "PLACED", "payment_status": "PENDING", "fulfillment_status": "UNFULFILLED", "email": "bench@example.com", "shipping_address": {"first_name": "Ada", "last_name": "Smith", "company": "", "line1": "1 Forge Lane", "line2": "", "city": "Ironbridge", "region": "", "postal_code": "12345", "country_code": "US", "phone": ""}, "billing_address": null, "shipping_method_name": "Standard", "promotion_id": null, "promotion_code": null, "currency_code": "USD", "subtotal": 5000, "discount_total": 0, "shipping_total": 590, "tax_total": 447, "total": 6037, "cancel_reason": null, "version": 1, "placed_at": "2026-01-01", "canceled_at": null}, "lines": [{"id": "order_line_01h455vb4pex5vsknk084sn02q", "order_id": "order_01h455vb4pex5vsknk084sn02q", "variant_id": "variant_01h455vb4pex5vsknk084sn02q", "sku": "SC-0000001-1", "name": "Forged iron gate hinge Kelenwold", "variant_name": "40 mm / black", "quantity": 1, "fulfilled_quantity": 0, "unit_price": 2500, "discount": 0, "tax": 200, "total": 2500}, {"id": "order_line_01h455vb4pex5vsknk084sn02r", "order_id": "order_01h455vb4pex5vsknk084sn02q", "variant_id": "variant_01h455vb4pex5vsknk084sn02r", "sku": "SC-0000002-1", "name": "Heavy brass coat hook Baladan", "variant_name": "60 mm / natural", "quantity": 1, "fulfilled_quantity": 0, "unit_price": 2500, "discount": 0, "tax": 200, "total": 2500}], "access_token": "order_4q1QF0pXk0c0pD1Zl0j8cQJcM9bqkXnZ4p0b2v8yC5o"}'
    WHERE scope = 'orderPlace' AND key = 'pgbench-' || :cart::bigint;
COMMIT;
