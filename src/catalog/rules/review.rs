//! The statement that holds products against rules.

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::error::Result;
use crate::ids::{CollectionId, ProductId};
use crate::sql::Sql;

use super::Field;

/// What of a product has changed: rules that look at nothing of it are left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// All of it: a new or imported product.
    Everything,
    /// Name, maker, kind, tags.
    Texts,
    /// What it costs.
    Prices,
    /// Its variants: what it costs, whether it can be ordered.
    Variants,
    /// Its attributes.
    Attributes,
    /// Whether it can be ordered.
    Stock,
}

impl Touched {
    fn fields(self) -> Vec<&'static str> {
        let fields: &[Field] = match self {
            Touched::Everything => {
                use Field::{Attribute, Available, Name, Price, ProductType, Tag, Vendor};
                &[Tag, Vendor, ProductType, Name, Price, Available, Attribute]
            }
            Touched::Texts => &[Field::Tag, Field::Vendor, Field::ProductType, Field::Name],
            Touched::Prices => &[Field::Price],
            Touched::Variants => &[Field::Price, Field::Available],
            Touched::Attributes => &[Field::Attribute],
            Touched::Stock => &[Field::Available],
        };
        fields.iter().map(|field| field.as_str()).collect()
    }
}

/// Makes products members of the collections whose rules they fulfill and takes them out of the others, in the caller's
/// transaction, which holds the products' locks. One statement where no rule can be affected, two otherwise, whatever
/// the number of products and rules.
pub async fn review(conn: &mut Conn, products: &[ProductId], touched: Touched) -> Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    let affected = Sql::<Bool>::new(
        "SELECT EXISTS (SELECT FROM collections WHERE rule IS NOT NULL AND rule_fields && ?)",
    )
    .bind::<Array<Text>, _>(touched.fields())
    .get_result::<bool>(conn)
    .await?;
    if affected {
        hold(conn, products, Some(touched), None).await?;
    }
    Ok(())
}

/// Holds products against rules: those that look at what was touched, or the one of a collection. How many memberships
/// have changed.
pub(super) async fn hold(
    conn: &mut Conn,
    products: &[ProductId],
    touched: Option<Touched>,
    collection: Option<CollectionId>,
) -> Result<i64> {
    // Planned anew for every batch: a plan for any number of products is several times slower.
    let changed = Sql::<BigInt>::assembled(HOLD)
        .rare()
        .bind::<Array<Uuid>, _>(products)
        .bind::<Nullable<Uuid>, _>(collection)
        .bind::<Array<Text>, _>(touched.map(Touched::fields).unwrap_or_default())
        .bind::<Array<Uuid>, _>(products)
        .get_result(conn)
        .await?;
    Ok(changed)
}

/// A product's facts are held against the rules' conditions.
///
/// `fact` is what there is to say of a product: a field (and of an attribute or a price its key) and a text or a number.
/// `hit` are the conditions that some fact agrees with: by a hash join on the text where they ask for equality,
/// as most do, and one by one otherwise. A negative condition is fulfilled where no fact agrees with its opposite.
/// Members stand newest product first.
const HOLD: &str = "\
WITH batch AS MATERIALIZED (
    SELECT p.id, p.name, p.vendor, p.product_type, p.tags, p.attributes, p.created_at FROM products AS p WHERE p.id = ANY(?)),
scope AS MATERIALIZED (
    SELECT c.id, c.rule FROM collections AS c, (SELECT ?::uuid AS id, ?::text[] AS fields) AS asked
    WHERE c.rule IS NOT NULL AND (c.id = asked.id OR c.rule_fields && asked.fields)),
cond AS MATERIALIZED (
    SELECT s.id AS collection_id, e.place, e.c ->> 'field' AS field, coalesce(e.c ->> 'key', '') AS key,
        replace(e.c ->> 'operator', 'NOT_', '') AS operator, e.c ->> 'operator' LIKE 'NOT\\_%' AS negative,
        e.c ->> 'value' AS text, lower(e.c ->> 'value') AS folded, (e.c ->> 'number')::numeric AS number
    FROM scope AS s, jsonb_array_elements(s.rule -> 'conditions') WITH ORDINALITY AS e(c, place)),
fact AS MATERIALIZED (
    SELECT b.id, 'TAG' AS field, '' AS key, t.tag AS text, NULL::numeric AS number FROM batch AS b, unnest(b.tags) AS t(tag)
    UNION ALL SELECT id, 'VENDOR', '', vendor, NULL FROM batch WHERE vendor <> ''
    UNION ALL SELECT id, 'PRODUCT_TYPE', '', product_type, NULL FROM batch WHERE product_type <> ''
    UNION ALL SELECT id, 'NAME', '', name, NULL FROM batch
    UNION ALL SELECT b.id, 'ATTRIBUTE', a.key,
        CASE WHEN jsonb_typeof(v.value) <> 'number' THEN v.value #>> '{}' END,
        CASE WHEN jsonb_typeof(v.value) = 'number' THEN (v.value #>> '{}')::numeric END
        FROM batch AS b, jsonb_each(b.attributes) AS a,
        jsonb_array_elements(CASE jsonb_typeof(a.value) WHEN 'array' THEN a.value ELSE jsonb_build_array(a.value) END) AS v(value)
        WHERE EXISTS (SELECT FROM cond WHERE field = 'ATTRIBUTE')
    UNION ALL SELECT b.id, 'PRICE', pc.channel_id::text, NULL, pc.min_price
        FROM batch AS b JOIN product_channels AS pc ON pc.product_id = b.id
        WHERE pc.min_price IS NOT NULL AND EXISTS (SELECT FROM cond WHERE field = 'PRICE')
    UNION ALL SELECT b.id, 'AVAILABLE', '', (stock.found IS NOT NULL)::text, NULL FROM batch AS b
        LEFT JOIN LATERAL (SELECT true AS found FROM variants AS v JOIN stock_levels AS s ON s.variant_id = v.id
            WHERE v.product_id = b.id AND (s.backorderable OR s.on_hand > s.reserved) LIMIT 1) AS stock ON true
        WHERE EXISTS (SELECT FROM cond WHERE field = 'AVAILABLE')),
hit AS MATERIALIZED (
    SELECT c.collection_id, c.place, c.negative, f.id FROM cond AS c
        JOIN fact AS f ON f.field = c.field AND f.key = c.key AND f.text = c.text WHERE c.operator = 'EQUALS'
    UNION SELECT c.collection_id, c.place, c.negative, f.id FROM cond AS c JOIN fact AS f ON f.field = c.field AND f.key = c.key
        AND CASE c.operator
            WHEN 'CONTAINS' THEN strpos(lower(f.text), c.folded) > 0
            WHEN 'STARTS_WITH' THEN starts_with(lower(f.text), c.folded)
            WHEN 'ENDS_WITH' THEN right(lower(f.text), length(c.folded)) = c.folded
            WHEN 'GREATER_THAN' THEN CASE WHEN c.number IS NULL THEN f.text > c.text COLLATE \"C\" ELSE f.number > c.number END
            WHEN 'LESS_THAN' THEN CASE WHEN c.number IS NULL THEN f.text < c.text COLLATE \"C\" ELSE f.number < c.number END
            ELSE f.number = c.number END
        WHERE c.operator <> 'EQUALS' OR c.number IS NOT NULL),
fulfilled AS (
    SELECT collection_id, place, id FROM hit WHERE NOT negative
    UNION ALL SELECT c.collection_id, c.place, b.id FROM cond AS c CROSS JOIN batch AS b WHERE c.negative AND NOT EXISTS
        (SELECT FROM hit AS h WHERE h.collection_id = c.collection_id AND h.place = c.place AND h.id = b.id)),
member AS MATERIALIZED (
    SELECT s.id AS collection_id, f.id AS product_id FROM fulfilled AS f JOIN scope AS s ON s.id = f.collection_id
    GROUP BY s.id, s.rule, f.id
    HAVING s.rule ->> 'match' = 'ANY' OR count(*) = jsonb_array_length(s.rule -> 'conditions')),
gone AS (
    DELETE FROM collection_products AS cp USING scope AS s
    WHERE cp.product_id = ANY(?) AND cp.collection_id = s.id AND NOT EXISTS
        (SELECT FROM member AS m WHERE m.collection_id = cp.collection_id AND m.product_id = cp.product_id)
    RETURNING cp.collection_id),
come AS (
    INSERT INTO collection_products AS cp (collection_id, product_id, position)
    SELECT m.collection_id, m.product_id, -(extract(epoch FROM b.created_at) * 1000000)::bigint
    FROM member AS m JOIN batch AS b ON b.id = m.product_id ORDER BY m.collection_id, m.product_id
    ON CONFLICT (collection_id, product_id) DO UPDATE SET position = excluded.position WHERE cp.position <> excluded.position
    RETURNING cp.collection_id)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM come)";
