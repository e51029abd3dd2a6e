//! The SQL of parcels.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{FulfillmentId, OrderId, OrderLineId};
use crate::schema::{fulfillment_lines, fulfillments, order_lines};

use super::model::{Fulfillment, FulfillmentState};

/// Id, quantity and sent quantity of an order's lines. Read under the order's lock.
pub(super) async fn lines(conn: &mut Conn, order: OrderId) -> QueryResult<Vec<(OrderLineId, i64, i64)>> {
    order_lines::table
        .filter(order_lines::order_id.eq(order))
        .select((order_lines::id, order_lines::quantity, order_lines::fulfilled_quantity))
        .load(conn)
        .await
}

pub(super) async fn insert(
    conn: &mut Conn,
    order: OrderId,
    tracking_number: Option<&str>,
    lines: &[(OrderLineId, i64)],
    now: DateTime<Utc>,
) -> QueryResult<Fulfillment> {
    let fulfillment: Fulfillment = diesel::insert_into(fulfillments::table)
        .values((
            fulfillments::id.eq(FulfillmentId::new()),
            fulfillments::order_id.eq(order),
            fulfillments::status.eq(FulfillmentState::Shipped),
            fulfillments::tracking_number.eq(tracking_number),
            fulfillments::created_at.eq(now),
            fulfillments::updated_at.eq(now),
        ))
        .returning(Fulfillment::as_returning())
        .get_result(conn)
        .await?;
    let rows: Vec<_> = lines
        .iter()
        .map(|(line, quantity)| {
            (
                fulfillment_lines::fulfillment_id.eq(fulfillment.id),
                fulfillment_lines::order_line_id.eq(line),
                fulfillment_lines::quantity.eq(quantity),
            )
        })
        .collect();
    diesel::insert_into(fulfillment_lines::table).values(rows).execute(conn).await?;
    let (ids, quantities): (Vec<uuid::Uuid>, Vec<i64>) =
        lines.iter().map(|(id, quantity)| (id.0, *quantity)).unzip();
    diesel::sql_query(
        "UPDATE order_lines l SET fulfilled_quantity = l.fulfilled_quantity + u.quantity \
         FROM unnest($1, $2) AS u (id, quantity) WHERE l.id = u.id",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<BigInt>, _>(quantities)
    .execute(conn)
    .await?;
    Ok(fulfillment)
}

pub(super) async fn of_orders(conn: &mut Conn, ids: &[OrderId]) -> QueryResult<Vec<Fulfillment>> {
    fulfillments::table
        .filter(fulfillments::order_id.eq_any(ids))
        .order((fulfillments::order_id, fulfillments::id))
        .select(Fulfillment::as_select())
        .load(conn)
        .await
}

pub(super) async fn find(conn: &mut Conn, id: FulfillmentId) -> QueryResult<Option<Fulfillment>> {
    fulfillments::table.find(id).select(Fulfillment::as_select()).first(conn).await.optional()
}
