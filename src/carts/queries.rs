//! The SQL of carts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Citext, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Deserialize;
use uuid::Uuid;

use crate::channels::Channel;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{CartId, CartLineId, ChannelId, CustomerId, PromotionId, ShippingMethodId, VariantId};
use crate::promotions::{Benefit, Promotion};
use crate::schema::{cart_lines, carts};
use crate::shipping::Method;
use crate::sql::{Keep, Sql};
use crate::tax::RatePpm;

use super::model::{Address, Cart, CartLine, CartStatus};

#[derive(QueryableByName)]
struct CartRow {
    #[diesel(sql_type = SqlUuid)]
    id: CartId,
    #[diesel(sql_type = SqlUuid)]
    channel_id: ChannelId,
    #[diesel(sql_type = Text)]
    channel_slug: String,
    #[diesel(sql_type = Text)]
    channel_name: String,
    #[diesel(sql_type = Text)]
    currency_code: String,
    #[diesel(sql_type = Bool)]
    channel_is_default: bool,
    #[diesel(sql_type = BigInt)]
    channel_version: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<CustomerId>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    shipping_address: Option<serde_json::Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    billing_address: Option<serde_json::Value>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    rate_ppm: i64,
    #[diesel(sql_type = Jsonb)]
    lines: serde_json::Value,
    #[diesel(embed)]
    method: Option<MethodColumns>,
    #[diesel(embed)]
    promotion: Option<PromotionColumns>,
}

#[derive(QueryableByName)]
struct MethodColumns {
    #[diesel(sql_type = SqlUuid)]
    method_id: ShippingMethodId,
    #[diesel(sql_type = Text)]
    method_name: String,
    #[diesel(sql_type = Text)]
    method_description: String,
    #[diesel(sql_type = BigInt)]
    method_price: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    method_free_above: Option<i64>,
}

#[derive(QueryableByName)]
struct PromotionColumns {
    #[diesel(sql_type = SqlUuid)]
    promotion_id: PromotionId,
    #[diesel(sql_type = Citext)]
    promotion_code: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    percent_ppm: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    amount: Option<i64>,
    #[diesel(sql_type = BigInt)]
    minimum_subtotal: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    usage_limit: Option<i64>,
    #[diesel(sql_type = BigInt)]
    used_count: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    starts_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ends_at: Option<DateTime<Utc>>,
}

/// A line as the cart's statement brings it along, in JSON.
#[derive(Deserialize)]
struct LineRow {
    id: Uuid,
    variant_id: Uuid,
    quantity: i64,
    unit_price: Option<i64>,
    sku: String,
    product_name: String,
    variant_name: String,
    taxable: bool,
    requires_shipping: bool,
}

/// What is selected of a cart, from a relation named `c`, at the time `$2`.
const CART_COLUMNS: &str = "
    SELECT c.id, c.channel_id, ch.slug AS channel_slug, ch.name AS channel_name, ch.currency_code,
           ch.is_default AS channel_is_default, ch.version AS channel_version, c.customer_id, c.status, c.email, c.shipping_address, c.billing_address,
           c.version, c.updated_at,
           coalesce((SELECT t.rate_ppm FROM tax_rates t
                     WHERE t.channel_id = c.channel_id
                       AND (t.country_code IS NULL OR t.country_code = c.shipping_address ->> 'country_code')
                     ORDER BY t.country_code NULLS LAST LIMIT 1), 0) AS rate_ppm,
           coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'id', l.id, 'variant_id', l.variant_id, 'quantity', l.quantity, 'sku', v.sku,
                         'product_name', pr.name, 'variant_name', v.name, 'taxable', v.taxable,
                         'requires_shipping', v.requires_shipping,
                         'unit_price', CASE WHEN pr.status = 'ACTIVE' AND pc.published_at <= $2 THEN
                             price_at(vp.amount, vp.sale_amount, vp.sale_starts_at, vp.sale_ends_at, $2) END
                     ) ORDER BY l.position)
                     FROM cart_lines l JOIN variants v ON v.id = l.variant_id JOIN products pr ON pr.id = v.product_id
                     LEFT JOIN product_channels pc ON pc.product_id = pr.id AND pc.channel_id = c.channel_id
                     LEFT JOIN variant_prices vp ON vp.variant_id = v.id AND vp.channel_id = c.channel_id
                     WHERE l.cart_id = c.id), '[]') AS lines,
           sm.id AS method_id, sm.name AS method_name, sm.description AS method_description, smc.price AS method_price,
           smc.free_above AS method_free_above,
           p.id AS promotion_id, p.code AS promotion_code, p.percent_ppm, p.amount, p.minimum_subtotal, p.usage_limit,
           p.used_count, p.starts_at, p.ends_at";

/// Joins of [`CART_COLUMNS`]. A method that the channel no longer offers counts as not chosen.
const CART_JOINS: &str = "
    JOIN channels ch ON ch.id = c.channel_id
    LEFT JOIN shipping_method_channels smc ON smc.shipping_method_id = c.shipping_method_id AND smc.channel_id = c.channel_id
    LEFT JOIN shipping_methods sm ON sm.id = smc.shipping_method_id
    LEFT JOIN promotions p ON p.id = c.promotion_id";

/// The cart with its lines and all that its totals depend on, at prices of `now`. One statement.
pub async fn find(conn: &mut Conn, id: CartId, now: DateTime<Utc>) -> Result<Option<Cart>> {
    let sql = format!("{CART_COLUMNS} FROM carts c {CART_JOINS} WHERE c.id = $1");
    let row: Option<CartRow> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(id)
        .bind::<Timestamptz, _>(now)
        .kept()
        .get_result(conn)
        .await
        .optional()?;
    row.map(into_cart).transpose()
}

/// Takes an open cart for placing: marks it PLACED (and so locks it) and answers with what it was. `None` when there is
/// no such open cart. A concurrent placing waits here and then finds nothing. One statement.
pub async fn find_for_placing(conn: &mut Conn, id: CartId, now: DateTime<Utc>) -> Result<Option<Cart>> {
    let sql = format!(
        "WITH c AS (UPDATE carts SET status = 'PLACED', version = version + 1, updated_at = $2 \
                    WHERE id = $1 AND status = 'OPEN' RETURNING *) \
         {CART_COLUMNS} FROM c {CART_JOINS}"
    );
    let row: Option<CartRow> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(id)
        .bind::<Timestamptz, _>(now)
        .kept()
        .get_result(conn)
        .await
        .optional()?;
    row.map(into_cart).transpose()
}

fn into_cart(row: CartRow) -> Result<Cart> {
    let lines: Vec<LineRow> = serde_json::from_value(row.lines).map_err(Error::fault)?;
    let address = |value: Option<serde_json::Value>| -> Result<Option<Address>> {
        value.map(serde_json::from_value).transpose().map_err(Error::fault)
    };
    Ok(Cart {
        id: row.id,
        channel: Channel {
            id: row.channel_id,
            slug: row.channel_slug,
            name: row.channel_name,
            currency: row.currency_code.parse().map_err(Error::fault)?,
            is_default: row.channel_is_default,
            version: row.channel_version,
        },
        customer_id: row.customer_id,
        status: CartStatus::from_stored(&row.status),
        email: row.email,
        shipping_address: address(row.shipping_address)?,
        billing_address: address(row.billing_address)?,
        shipping_method: row.method.map(|method| Method {
            id: method.method_id,
            name: method.method_name,
            description: method.method_description,
            price: method.method_price,
            free_above: method.method_free_above,
        }),
        promotion: row.promotion.map(into_promotion),
        tax_rate: RatePpm(row.rate_ppm),
        lines: lines.into_iter().map(into_line).collect(),
        version: row.version,
        updated_at: row.updated_at,
    })
}

fn into_line(row: LineRow) -> CartLine {
    CartLine {
        id: CartLineId(row.id),
        variant_id: VariantId(row.variant_id),
        quantity: row.quantity,
        unit_price: row.unit_price,
        sku: row.sku,
        product_name: row.product_name,
        variant_name: row.variant_name,
        taxable: row.taxable,
        requires_shipping: row.requires_shipping,
    }
}

fn into_promotion(row: PromotionColumns) -> Promotion {
    Promotion {
        id: row.promotion_id,
        code: row.promotion_code,
        benefit: match (row.percent_ppm, row.amount) {
            (Some(ppm), _) => Benefit::Percent(ppm),
            (None, amount) => Benefit::Amount(amount.unwrap_or(0)),
        },
        minimum_subtotal: row.minimum_subtotal,
        usage_limit: row.usage_limit,
        used_count: row.used_count,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
    }
}

/// What [`super::update`] has to know of a cart before it changes it.
#[derive(Queryable)]
pub(super) struct Locked {
    pub channel_id: ChannelId,
    pub status: String,
    pub version: i64,
}

/// Locks the cart's row until the transaction ends.
pub(super) async fn lock(conn: &mut Conn, id: CartId) -> QueryResult<Option<Locked>> {
    carts::table
        .find(id)
        .select((carts::channel_id, carts::status, carts::version))
        .for_update()
        .first(conn)
        .await
        .optional()
}

pub(super) async fn bump_version(conn: &mut Conn, id: CartId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(carts::table.find(id))
        .set((carts::version.eq(carts::version + 1), carts::updated_at.eq(now)))
        .kept()
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn insert(
    conn: &mut Conn,
    id: CartId,
    channel: ChannelId,
    customer: Option<CustomerId>,
    email: Option<&str>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(carts::table)
        .values((
            carts::id.eq(id),
            carts::channel_id.eq(channel),
            carts::customer_id.eq(customer),
            carts::email.eq(email),
            carts::created_at.eq(now),
            carts::updated_at.eq(now),
        ))
        .kept()
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds quantities; a variant that is in the cart already grows its line.
pub(super) async fn add_lines(conn: &mut Conn, cart: CartId, lines: &[(VariantId, i64)]) -> QueryResult<()> {
    Sql::<SqlUuid>::new(
        "INSERT INTO cart_lines AS l (cart_id, id, variant_id, quantity) \
         SELECT ?, t.id, t.variant_id, t.quantity \
         FROM unnest(?, ?, ?) WITH ORDINALITY AS t(id, variant_id, quantity, place) ORDER BY t.place \
         ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = l.quantity + excluded.quantity",
    )
    .bind::<SqlUuid, _>(cart)
    .bind::<Array<SqlUuid>, _>(lines.iter().map(|_| CartLineId::new()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.0).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(lines.iter().map(|line| line.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets quantities; zero removes. Returns the ids that were found. Two statements.
pub(super) async fn set_quantities(
    conn: &mut Conn,
    cart: CartId,
    changes: &[(CartLineId, i64)],
) -> QueryResult<Vec<CartLineId>> {
    type Changes = Vec<(CartLineId, i64)>;
    let (removed, kept): (Changes, Changes) = changes.iter().copied().partition(|change| change.1 == 0);
    let mut found: Vec<CartLineId> = Vec::new();
    if !removed.is_empty() {
        let ids = removed.iter().map(|change| change.0);
        found = diesel::delete(
            cart_lines::table.filter(cart_lines::cart_id.eq(cart)).filter(cart_lines::id.eq_any(ids)),
        )
        .returning(cart_lines::id)
        .get_results(conn)
        .await?;
    }
    if !kept.is_empty() {
        let (ids, quantities): (Vec<Uuid>, Vec<i64>) =
            kept.iter().map(|change| (change.0.0, change.1)).unzip();
        #[derive(QueryableByName)]
        struct Changed {
            #[diesel(sql_type = SqlUuid)]
            id: CartLineId,
        }
        let changed: Vec<Changed> = diesel::sql_query(
            "UPDATE cart_lines l SET quantity = u.quantity FROM unnest($2, $3) AS u (id, quantity) \
             WHERE l.cart_id = $1 AND l.id = u.id RETURNING l.id",
        )
        .bind::<SqlUuid, _>(cart)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<BigInt>, _>(quantities)
        .kept()
        .get_results(conn)
        .await?;
        found.extend(changed.into_iter().map(|line| line.id));
    }
    Ok(found)
}

/// The variants among `ids` that can be bought in the channel now.
pub(super) async fn purchasable(
    conn: &mut Conn,
    channel: ChannelId,
    ids: &[VariantId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<VariantId>> {
    Sql::<SqlUuid>::new(
        "SELECT v.id FROM variants AS v JOIN products AS p ON p.id = v.product_id AND p.status = 'ACTIVE' \
         JOIN product_channels AS pc ON pc.product_id = p.id AND pc.channel_id = ? AND pc.published_at <= ? \
         JOIN variant_prices AS vp ON vp.variant_id = v.id AND vp.channel_id = pc.channel_id \
         WHERE v.id = ANY((SELECT ?)::uuid[])",
    )
    .bind::<SqlUuid, _>(channel)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)
    .await
}

pub(super) async fn count_lines(conn: &mut Conn, cart: CartId) -> QueryResult<i64> {
    cart_lines::table.filter(cart_lines::cart_id.eq(cart)).count().get_result(conn).await
}

/// Columns of a cart that the buyer sets; `None` leaves one as it is.
#[derive(AsChangeset, Default)]
#[diesel(table_name = carts)]
pub(super) struct BuyerColumns {
    pub email: Option<String>,
    pub shipping_address: Option<serde_json::Value>,
    pub billing_address: Option<serde_json::Value>,
}

pub(super) async fn set_buyer(conn: &mut Conn, cart: CartId, columns: BuyerColumns) -> QueryResult<()> {
    diesel::update(carts::table.find(cart)).set(columns).kept().execute(conn).await?;
    Ok(())
}

/// False when the channel does not offer the method.
pub(super) async fn set_shipping_method(
    conn: &mut Conn,
    cart: CartId,
    channel: ChannelId,
    method: ShippingMethodId,
) -> QueryResult<bool> {
    use crate::schema::shipping_method_channels as offers;
    let offered = offers::table
        .filter(offers::shipping_method_id.eq(method).and(offers::channel_id.eq(channel)))
        .count()
        .get_result::<i64>(conn)
        .await?;
    if offered == 0 {
        return Ok(false);
    }
    diesel::update(carts::table.find(cart))
        .set(carts::shipping_method_id.eq(method))
        .kept()
        .execute(conn)
        .await?;
    Ok(true)
}

/// The promotion with this code in the channel; codes ignore case.
pub(super) async fn find_promotion(
    conn: &mut Conn,
    channel: ChannelId,
    code: &str,
) -> QueryResult<Option<Promotion>> {
    let row: Option<PromotionColumns> = diesel::sql_query(
        "SELECT id AS promotion_id, code AS promotion_code, percent_ppm, amount, minimum_subtotal, usage_limit, used_count, \
                starts_at, ends_at \
         FROM promotions WHERE channel_id = $1 AND code = $2",
    )
    .bind::<SqlUuid, _>(channel)
    .bind::<Citext, _>(code)
    .kept()
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(into_promotion))
}

pub(super) async fn set_promotion(
    conn: &mut Conn,
    cart: CartId,
    promotion: Option<PromotionId>,
) -> QueryResult<()> {
    diesel::update(carts::table.find(cart))
        .set(carts::promotion_id.eq(promotion))
        .kept()
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes open carts ABANDONED that have not changed since, at most `limit`; how many. Locked ones are in use and left alone.
pub(super) async fn abandon(
    conn: &mut Conn,
    untouched_since: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH old AS ( \
             SELECT id FROM carts WHERE status = 'OPEN' AND updated_at < $1 ORDER BY updated_at LIMIT $2 \
             FOR UPDATE SKIP LOCKED) \
         UPDATE carts SET status = 'ABANDONED', version = version + 1 FROM old WHERE carts.id = old.id",
    )
    .bind::<Timestamptz, _>(untouched_since)
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}
