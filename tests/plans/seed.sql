-- A catalog of {n} products, three in ten of them hammers. The triggers of the search index work as for any writer.
INSERT INTO collections (id, slug, name, created_at, updated_at)
VALUES ('00000000-0000-7000-8000-0000000000c1', 'half', 'Half of everything', now(), now());

INSERT INTO products (id, slug, name, vendor, product_type, tags, status, created_at, updated_at, attributes, search)
SELECT id, slug, name, vendor, kind, tags, CASE WHEN i % 20 = 0 THEN 'DRAFT' ELSE 'ACTIVE' END, created_at, created_at,
    jsonb_build_object('material', (ARRAY['oak', 'ash', 'beech'])[1 + i % 3], 'weight', i % 900),
    product_search(name, vendor || ' SKU ' || i, kind || ' ' || array_to_string(tags, ' '), 'Made for the hammer rack')
FROM (
    SELECT i, ('00000000-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid AS id, 'p-' || i AS slug,
        (ARRAY['Classic', 'Heavy', 'Light', 'Folding', 'Vintage', 'Forged', 'Polished'])[1 + i % 7] || ' ' || lower(kind) || ' ' || i AS name,
        kind, 'Vendor ' || chr(65 + i % 26) AS vendor, ARRAY['tag-' || i % 50, 'tag-' || 100 + i % 7] AS tags,
        '2026-01-01'::timestamptz + i * interval '1 minute' AS created_at
    FROM (SELECT i, CASE WHEN i % 1000 = 7 THEN 'Adze' WHEN i % 10 < 3 THEN 'Hammer' WHEN i % 10 < 5 THEN 'Chisel' ELSE 'Plane' END AS kind
          FROM generate_series(1, {n}) AS i) AS numbered
) AS named;

-- A vocabulary as large as such a catalog has.
INSERT INTO search_words (word, lexeme)
SELECT word, word FROM (SELECT DISTINCT left(translate(md5(i::text), '0123456789', 'ghijklmnop'), 5 + i % 5) AS word
    FROM generate_series(1, {n} / 2) AS i) AS made;

INSERT INTO product_options (id, product_id, name, "values", position)
SELECT gen_random_uuid(), id, 'Size', ARRAY[(ARRAY['S', 'M', 'L'])[1 + length(slug) % 3], 'XL'], 0 FROM products;
INSERT INTO variants (id, product_id, sku, name, position, option_values, created_at, updated_at)
SELECT gen_random_uuid(), id, 'SKU-' || slug, 'XL', 0, ARRAY['XL'], created_at, created_at FROM products;
INSERT INTO variant_prices (variant_id, channel_id, amount)
SELECT v.id, c.id, 500 + hashtext(v.sku) % 400 FROM variants AS v, channels AS c WHERE c.is_default;
INSERT INTO stock_levels (variant_id, location_id, on_hand)
SELECT v.id, l.id, (hashtext(v.sku) & 7)::bigint FROM variants AS v, locations AS l;
INSERT INTO product_images (id, product_id, url, position) SELECT gen_random_uuid(), id, '/' || slug || '.jpg', 0 FROM products;
INSERT INTO product_channels (product_id, channel_id, published_at, min_price, max_price)
SELECT v.product_id, p.channel_id, CASE WHEN pr.status = 'ACTIVE' THEN pr.created_at END, p.amount, p.amount
FROM variants AS v JOIN variant_prices AS p ON p.variant_id = v.id JOIN products AS pr ON pr.id = v.product_id;
INSERT INTO collection_products (collection_id, product_id, position)
SELECT '00000000-0000-7000-8000-0000000000c1', id, row_number() OVER (ORDER BY slug)
FROM products WHERE substr(slug, length(slug)) IN ('1', '3', '5', '7', '9');
