//! Staff send a parcel.

use std::collections::BTreeMap;

use diesel_async::AsyncConnection;
use serde_json::json;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{OrderId, OrderLineId};
use crate::inventory::{self, Allocation};
use crate::jobs::{self, EnqueueOptions};
use crate::orders::{self, FulfillmentStatus, Move, OrderStatus, PaymentStatus};

use super::{Fulfillment, SendShippingNotice, queries};

/// What goes into the parcel.
#[derive(Debug, Clone)]
pub struct CreateInput {
    /// A paid order.
    pub order_id: OrderId,
    /// Which units; everything that is left when empty.
    pub lines: Vec<LineInput>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// Whether the buyer gets a mail.
    pub notify_customer: bool,
}

/// Units of a line.
#[derive(Debug, Clone, Copy)]
pub struct LineInput {
    /// A line of the order.
    pub line_id: OrderLineId,
    /// At least 1.
    pub quantity: i64,
}

/// Records a parcel that leaves now: its units leave stock and reservation, the order moves on, and is completed when all of it is
/// sent. Needs FULFILLMENTS_WRITE. One transaction.
pub async fn create(app: &App, viewer: &Viewer, input: CreateInput) -> Result<Fulfillment> {
    viewer.require(Permission::FulfillmentsWrite)?;
    let (now, actor) = (app.clock.now(), viewer.actor());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let order = orders::lock(conn, input.order_id).await?.ok_or_else(|| {
            Rejection::new(Reason::NotFound, "There is no order with this id.").at(["input", "orderId"])
        })?;
        let paid = matches!(order.payment_status, PaymentStatus::Paid | PaymentStatus::PartiallyRefunded);
        if order.status != OrderStatus::Placed || !paid {
            let message = "Only a placed and paid order can be sent.";
            return Err(Rejection::new(Reason::InvalidState, message).at(["input", "orderId"]).into());
        }
        let lines = queries::lines(conn, order.id).await?;
        let parcel = choose(&lines, &input.lines)?;
        let allocations = orders::allocations(conn, order.id).await?;
        let (shipped, left) = take(&allocations, &parcel);
        if !shipped.is_empty() {
            if inventory::ship(conn, &shipped, order.id, &actor, now).await?.is_err() {
                let message = "Some of these units were sold before they came in and are not there yet.";
                return Err(Rejection::new(Reason::InsufficientStock, message).at(["input", "lines"]).into());
            }
            orders::set_allocations(conn, &left).await?;
        }
        let parcel: Vec<_> = parcel.into_iter().collect();
        let fulfillment =
            queries::insert(conn, order.id, input.tracking_number.as_deref(), &parcel, now).await?;

        let sent_before: i64 = lines.iter().map(|line| line.2).sum();
        let all: i64 = lines.iter().map(|line| line.1).sum();
        let complete = sent_before + parcel.iter().map(|line| line.1).sum::<i64>() == all;
        let status = if complete { FulfillmentStatus::Fulfilled } else { FulfillmentStatus::Partial };
        let change = Move {
            payload: json!({ "fulfillmentId": fulfillment.id }),
            status: complete.then_some(OrderStatus::Completed),
            fulfillment_status: Some(status),
            ..Move::new("fulfillment.shipped", &actor, now)
        };
        orders::apply_move(conn, &order, change).await?;
        if input.notify_customer {
            let notice = SendShippingNotice { fulfillment_id: fulfillment.id };
            jobs::enqueue(conn, &notice, EnqueueOptions::default()).await?;
        }
        Ok(fulfillment)
    })
    .await
}

/// How many units of which line are sent, checked against what is left.
fn choose(lines: &[(OrderLineId, i64, i64)], wanted: &[LineInput]) -> Result<BTreeMap<OrderLineId, i64>> {
    let left = |(id, quantity, sent): &(OrderLineId, i64, i64)| (*id, quantity - sent);
    if wanted.is_empty() {
        return Ok(lines.iter().map(left).filter(|line| line.1 > 0).collect());
    }
    let left: BTreeMap<_, _> = lines.iter().map(left).collect();
    let mut parcel = BTreeMap::new();
    let mut rejections = Vec::new();
    for (index, line) in wanted.iter().enumerate() {
        let index = index.to_string();
        match left.get(&line.line_id) {
            None => rejections.push(
                Rejection::new(Reason::NotFound, "The order has no such line.")
                    .at(["input", "lines", &index, "lineId"]),
            ),
            Some(&left) => {
                let sum = parcel.entry(line.line_id).or_insert(0_i64);
                *sum = sum.saturating_add(line.quantity);
                if line.quantity < 1 || *sum > left {
                    let message = format!("Between 1 and {left} units of this line can be sent.");
                    rejections.push(
                        Rejection::new(Reason::Invalid, message).at(["input", "lines", &index, "quantity"]),
                    );
                }
            }
        }
    }
    if rejections.is_empty() { Ok(parcel) } else { Err(Error::Rejected(rejections)) }
}

/// Parts the reservations into what leaves now and what stays.
fn take(
    allocations: &[Allocation],
    parcel: &BTreeMap<OrderLineId, i64>,
) -> (Vec<Allocation>, Vec<Allocation>) {
    let mut wanted = parcel.clone();
    let mut shipped = Vec::new();
    let mut left = Vec::new();
    for allocation in allocations {
        let wanted = wanted.entry(allocation.order_line_id).or_default();
        let quantity = allocation.quantity.min(*wanted);
        *wanted -= quantity;
        if quantity > 0 {
            shipped.push(Allocation { quantity, ..*allocation });
            left.push(Allocation { quantity: allocation.quantity - quantity, ..*allocation });
        }
    }
    (shipped, left)
}
