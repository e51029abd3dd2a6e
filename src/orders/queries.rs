//! The SQL of orders.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};

use crate::db::Conn;
use crate::error::Result;
use crate::ids::{
    CartId, ChannelId, CustomerId, LocationId, OrderId, OrderLineId, PromotionId, ShippingMethodId, VariantId,
};
use crate::inventory::Allocation;
use crate::pagination::{Page, PageArgs};
use crate::schema::{order_line_allocations, order_lines, orders};
use crate::sql::{Keep, Sql};

use super::model::{FulfillmentStatus, Order, OrderLine, OrderStatus, PaymentStatus};

/// What is kept of an order's access token.
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// An order to be written; amounts in minor units.
#[derive(Insertable)]
#[diesel(table_name = orders)]
#[allow(missing_docs)] // The fields are those of `Order`.
pub struct NewOrder {
    pub id: OrderId,
    pub channel_id: ChannelId,
    pub cart_id: CartId,
    pub customer_id: Option<CustomerId>,
    pub status: OrderStatus,
    pub email: String,
    pub shipping_address: Option<serde_json::Value>,
    pub billing_address: Option<serde_json::Value>,
    pub shipping_method_id: Option<ShippingMethodId>,
    pub shipping_method_name: Option<String>,
    pub promotion_id: Option<PromotionId>,
    pub promotion_code: Option<String>,
    pub currency_code: String,
    pub subtotal: i64,
    pub discount_total: i64,
    pub shipping_total: i64,
    pub tax_total: i64,
    pub total: i64,
    pub access_token_hash: Vec<u8>,
    pub placed_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A line to be written.
#[allow(missing_docs)] // The fields are those of `OrderLine`.
pub struct NewOrderLine {
    pub id: OrderLineId,
    pub order_id: OrderId,
    pub variant_id: VariantId,
    pub position: i32,
    pub sku: String,
    pub name: String,
    pub variant_name: String,
    pub quantity: i64,
    pub unit_price: i64,
    pub discount: i64,
    pub tax: i64,
    pub total: i64,
}

/// Writes an order. One statement.
pub async fn insert(conn: &mut Conn, order: NewOrder) -> QueryResult<Order> {
    let returning = diesel::insert_into(orders::table).values(order).returning(Order::as_returning());
    returning.kept().get_result(conn).await
}

/// The SQL type of an [`OrderLine`].
type LineSql =
    (SqlUuid, SqlUuid, Nullable<SqlUuid>, Text, Text, Text, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt);

/// Writes the lines of an order. One statement.
pub async fn insert_lines(conn: &mut Conn, lines: &[NewOrderLine]) -> QueryResult<Vec<OrderLine>> {
    let texts = |get: fn(&NewOrderLine) -> &str| -> Vec<&str> { lines.iter().map(get).collect() };
    let numbers = |get: fn(&NewOrderLine) -> i64| -> Vec<i64> { lines.iter().map(get).collect() };
    Sql::<LineSql>::new(
        "INSERT INTO order_lines (id, order_id, variant_id, position, sku, name, variant_name, quantity, unit_price, \
         discount, tax, total) SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         RETURNING id, order_id, variant_id, sku, name, variant_name, quantity, fulfilled_quantity, unit_price, discount, \
         tax, total",
    )
    .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.order_id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.variant_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(lines.iter().map(|line| line.position).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(|line| &line.sku))
    .bind::<Array<Text>, _>(texts(|line| &line.name))
    .bind::<Array<Text>, _>(texts(|line| &line.variant_name))
    .bind::<Array<BigInt>, _>(numbers(|line| line.quantity))
    .bind::<Array<BigInt>, _>(numbers(|line| line.unit_price))
    .bind::<Array<BigInt>, _>(numbers(|line| line.discount))
    .bind::<Array<BigInt>, _>(numbers(|line| line.tax))
    .bind::<Array<BigInt>, _>(numbers(|line| line.total))
    .load(conn)
    .await
}

/// Records how many units of each line are reserved where. One statement.
pub async fn set_allocations(conn: &mut Conn, allocations: &[Allocation]) -> QueryResult<()> {
    Sql::<SqlUuid>::new(
        "INSERT INTO order_line_allocations (order_line_id, variant_id, location_id, quantity) \
         SELECT * FROM unnest(?, ?, ?, ?) \
         ON CONFLICT (order_line_id, location_id) DO UPDATE SET quantity = excluded.quantity",
    )
    .bind::<Array<SqlUuid>, _>(allocations.iter().map(|it| it.order_line_id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(allocations.iter().map(|it| it.variant_id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(allocations.iter().map(|it| it.location_id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(allocations.iter().map(|it| it.quantity).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// What is still reserved for the order, by line and location. Read under the order's lock.
pub async fn allocations(conn: &mut Conn, order: OrderId) -> QueryResult<Vec<Allocation>> {
    let rows: Vec<(OrderLineId, VariantId, LocationId, i64)> = order_line_allocations::table
        .inner_join(order_lines::table)
        .filter(order_lines::order_id.eq(order))
        .filter(order_line_allocations::quantity.gt(0))
        .order((order_line_allocations::variant_id, order_line_allocations::location_id))
        .select((
            order_line_allocations::order_line_id,
            order_line_allocations::variant_id,
            order_line_allocations::location_id,
            order_line_allocations::quantity,
        ))
        .load(conn)
        .await?;
    let allocation = |(order_line_id, variant_id, location_id, quantity)| Allocation {
        order_line_id,
        variant_id,
        location_id,
        quantity,
    };
    Ok(rows.into_iter().map(allocation).collect())
}

/// The order, if there is one.
pub async fn find(conn: &mut Conn, id: OrderId) -> QueryResult<Option<Order>> {
    orders::table.find(id).select(Order::as_select()).first(conn).await.optional()
}

/// The order that this token opens.
pub async fn find_by_token(conn: &mut Conn, token: &str) -> QueryResult<Option<Order>> {
    orders::table
        .filter(orders::access_token_hash.eq(token_hash(token)))
        .select(Order::as_select())
        .first(conn)
        .await
        .optional()
}

/// The order, locked until the transaction ends.
pub async fn lock(conn: &mut Conn, id: OrderId) -> QueryResult<Option<Order>> {
    orders::table.find(id).select(Order::as_select()).for_update().first(conn).await.optional()
}

/// What changes in a move.
#[derive(AsChangeset)]
#[diesel(table_name = orders)]
pub(super) struct OrderChanges {
    pub status: Option<OrderStatus>,
    pub payment_status: Option<PaymentStatus>,
    pub fulfillment_status: Option<FulfillmentStatus>,
    pub cancel_reason: Option<String>,
    pub canceled_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

pub(super) async fn update(conn: &mut Conn, id: OrderId, changes: OrderChanges) -> QueryResult<Order> {
    diesel::update(orders::table.find(id))
        .set((changes, orders::version.eq(orders::version + 1)))
        .returning(Order::as_returning())
        .kept()
        .get_result(conn)
        .await
}

/// Which orders a list has; empty sets do not restrict.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Any of these.
    pub statuses: Vec<OrderStatus>,
    /// Any of these.
    pub payment_statuses: Vec<PaymentStatus>,
    /// Any of these.
    pub fulfillment_statuses: Vec<FulfillmentStatus>,
    /// This address, whatever its case.
    pub email: Option<String>,
    /// This number.
    pub number: Option<i64>,
    /// This customer's.
    pub customer_id: Option<CustomerId>,
}

type BoxedOrders<'a> = orders::BoxedQuery<'a, Pg>;

diesel::define_sql_function! {
    /// PostgreSQL's lower().
    fn lower(text: Text) -> Text;
}

fn filtered(filter: &OrderFilter) -> BoxedOrders<'_> {
    let mut query = orders::table.into_boxed();
    if !filter.statuses.is_empty() {
        query = query.filter(orders::status.eq_any(&filter.statuses));
    }
    if !filter.payment_statuses.is_empty() {
        query = query.filter(orders::payment_status.eq_any(&filter.payment_statuses));
    }
    if !filter.fulfillment_statuses.is_empty() {
        query = query.filter(orders::fulfillment_status.eq_any(&filter.fulfillment_statuses));
    }
    if let Some(email) = &filter.email {
        query = query.filter(lower(orders::email).eq(lower(email)));
    }
    if let Some(number) = filter.number {
        query = query.filter(orders::number.eq(number));
    }
    if let Some(customer) = filter.customer_id {
        query = query.filter(orders::customer_id.eq(customer));
    }
    query
}

/// Orders, newest first.
pub async fn list(conn: &mut Conn, filter: &OrderFilter, args: &PageArgs) -> Result<Page<Order>> {
    let mut query = filtered(filter);
    if let Some((placed_at, id)) = args.cursor::<(DateTime<Utc>, OrderId)>()? {
        // The row comparison is spelled out so that the index on (placed_at, id) serves it.
        let (same, before, after) = (
            orders::placed_at.eq(placed_at),
            orders::placed_at.lt(placed_at),
            orders::placed_at.gt(placed_at),
        );
        query = if args.backward {
            query.filter(orders::placed_at.ge(placed_at)).filter(after.or(same.and(orders::id.gt(id))))
        } else {
            query.filter(orders::placed_at.le(placed_at)).filter(before.or(same.and(orders::id.lt(id))))
        };
    }
    query = if args.backward {
        query.order((orders::placed_at.asc(), orders::id.asc()))
    } else {
        query.order((orders::placed_at.desc(), orders::id.desc()))
    };
    let rows: Vec<Order> = query.limit(args.limit()).select(Order::as_select()).load(conn).await?;
    Ok(Page::new(rows, args, |order| (order.placed_at, order.id)))
}

/// How many orders there are.
pub async fn count(conn: &mut Conn, filter: &OrderFilter) -> QueryResult<i64> {
    filtered(filter).count().get_result(conn).await
}

/// The lines of several orders, in order.
pub(super) async fn lines_of(conn: &mut Conn, ids: &[OrderId]) -> QueryResult<Vec<OrderLine>> {
    order_lines::table
        .filter(order_lines::order_id.eq_any(ids))
        .order((order_lines::order_id, order_lines::position))
        .select(OrderLine::as_select())
        .load(conn)
        .await
}

/// Takes back the use of a promotion by an order that is canceled.
pub(super) async fn give_back_promotion(conn: &mut Conn, promotion: PromotionId) -> QueryResult<()> {
    diesel::sql_query("UPDATE promotions SET used_count = used_count - 1 WHERE id = $1 AND used_count > 0")
        .bind::<SqlUuid, _>(promotion)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether the mail was sent; records it when not. False means that it was sent before.
pub async fn record_mail(
    conn: &mut Conn,
    purpose: &str,
    subject_id: uuid::Uuid,
    message_id: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    use crate::schema::mails;
    let inserted = diesel::insert_into(mails::table)
        .values((
            mails::id.eq(crate::ids::MailId::new()),
            mails::purpose.eq(purpose),
            mails::subject_id.eq(subject_id),
            mails::message_id.eq(message_id),
            mails::sent_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}

/// Whether a mail of this purpose was sent for the subject.
pub async fn mail_was_sent(conn: &mut Conn, purpose: &str, subject_id: uuid::Uuid) -> QueryResult<bool> {
    use crate::schema::mails;
    let found: i64 = mails::table
        .filter(mails::purpose.eq(purpose).and(mails::subject_id.eq(subject_id)))
        .count()
        .get_result(conn)
        .await?;
    Ok(found > 0)
}

/// The shop's name, for mails.
pub async fn shop_name(conn: &mut Conn) -> QueryResult<String> {
    use crate::schema::shop_settings;
    shop_settings::table.select(shop_settings::name).first(conn).await
}
