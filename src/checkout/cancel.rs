//! Staff cancel an order.

use diesel_async::AsyncConnection;
use serde::Serialize;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Reason, Rejection, Result};
use crate::idempotency::{self, Begin};
use crate::ids::OrderId;
use crate::orders::{self, Order, Units};
use crate::payments;

/// What is to be canceled, and why.
#[derive(Debug, Clone, Serialize)]
pub struct CancelInput {
    /// The order.
    pub order_id: OrderId,
    /// For the history; may be empty.
    pub reason: String,
    /// Whether its units are for sale again; otherwise they are taken off the stock.
    pub restock: bool,
    /// The same key with the same input takes effect once.
    #[serde(skip)]
    pub idempotency_key: String,
}

const SCOPE: &str = "orderCancel";

/// Cancels a placed order of which nothing was sent. Money that is only held is let go by
/// a job; money that was taken is given back by `paymentRefund`. Needs ORDERS_WRITE. One transaction.
pub async fn cancel(app: &App, viewer: &Viewer, input: CancelInput) -> Result<Order> {
    viewer.require(Permission::OrdersWrite)?;
    let (now, actor) = (app.clock.now(), viewer.actor());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        match idempotency::begin(conn, SCOPE, &input.idempotency_key, &input).await? {
            Begin::Done(order) => return Ok(order),
            Begin::New => {}
        }
        let order = orders::lock(conn, input.order_id).await?.ok_or_else(|| {
            Rejection::new(Reason::NotFound, "There is no order with this id.").at(["input", "orderId"])
        })?;
        let units = if input.restock { Units::Release } else { Units::WriteOff };
        let canceled = orders::cancel_in(conn, &order, &input.reason, units, None, &actor, now).await?;
        payments::release_for(conn, order.id).await?;
        idempotency::finish(conn, SCOPE, &input.idempotency_key, &canceled).await?;
        Ok(canceled)
    })
    .await
}
