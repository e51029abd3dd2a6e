//! The moves of an order. Each one updates the row and writes its event under the order's lock.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::events;
use crate::inventory;

use super::model::{FulfillmentStatus, Order, OrderStatus, PaymentStatus};
use super::queries;

/// A move of one of the three axes.
#[derive(Debug, Clone)]
pub struct Move<'a> {
    /// In the past tense: `order.paid`.
    pub event: &'a str,
    /// Told with the event; no personal data.
    pub payload: serde_json::Value,
    /// The new status, if it changes.
    pub status: Option<OrderStatus>,
    /// The new payment status, if it changes.
    pub payment_status: Option<PaymentStatus>,
    /// The new fulfillment status, if it changes.
    pub fulfillment_status: Option<FulfillmentStatus>,
    /// Who did it.
    pub actor: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

impl<'a> Move<'a> {
    /// One that changes nothing but the version; its event says why.
    pub fn new(event: &'a str, actor: &'a str, at: DateTime<Utc>) -> Self {
        Move {
            event,
            payload: json!({}),
            status: None,
            payment_status: None,
            fulfillment_status: None,
            actor,
            at,
        }
    }
}

/// Makes a move. The caller holds the order's lock and has checked that the move is legal. Two statements.
pub async fn apply_move(conn: &mut Conn, order: &Order, change: Move<'_>) -> Result<Order> {
    let changes = queries::OrderChanges {
        status: change.status,
        payment_status: change.payment_status,
        fulfillment_status: change.fulfillment_status,
        cancel_reason: None,
        canceled_at: None,
        updated_at: change.at,
    };
    let moved = queries::update(conn, order.id, changes).await?;
    append(conn, order, change.event, change.payload, change.actor, change.at).await?;
    Ok(moved)
}

/// What becomes of the reserved units of a canceled order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// They are for sale again.
    Release,
    /// They are gone (broken, lost): taken off the stock.
    WriteOff,
}

/// Cancels a placed order of which nothing was sent: frees its units and its use of a promotion. The caller holds the order's
/// lock. `payment_status` is the new one, if it changes with it.
pub async fn cancel_in(
    conn: &mut Conn,
    order: &Order,
    reason: &str,
    units: Units,
    payment_status: Option<PaymentStatus>,
    actor: &str,
    at: DateTime<Utc>,
) -> Result<Order> {
    if order.status != OrderStatus::Placed || order.fulfillment_status != FulfillmentStatus::Unfulfilled {
        let message = "Only a placed order of which nothing was sent can be canceled.";
        return Err(Rejection::new(Reason::InvalidState, message).at(["input", "orderId"]).into());
    }
    let allocations = queries::allocations(conn, order.id).await?;
    if !allocations.is_empty() {
        match units {
            Units::Release => inventory::release(conn, &allocations, order.id, actor, at).await?,
            Units::WriteOff => {
                if inventory::write_off(conn, &allocations, order.id, actor, at).await?.is_err() {
                    let message =
                        "Units that have not come in yet cannot be written off: cancel with `restock`.";
                    return Err(Rejection::new(Reason::InvalidState, message)
                        .at(["input", "restock"])
                        .into());
                }
            }
        }
        let emptied: Vec<_> = allocations
            .into_iter()
            .map(|allocation| inventory::Allocation { quantity: 0, ..allocation })
            .collect();
        queries::set_allocations(conn, &emptied).await?;
    }
    if let Some(promotion) = order.promotion_id {
        queries::give_back_promotion(conn, promotion).await?;
    }
    let changes = queries::OrderChanges {
        status: Some(OrderStatus::Canceled),
        payment_status,
        fulfillment_status: None,
        cancel_reason: Some(reason.to_owned()),
        canceled_at: Some(at),
        updated_at: at,
    };
    let canceled = queries::update(conn, order.id, changes).await?;
    append(conn, order, "order.canceled", json!({ "reason": reason }), actor, at).await?;
    Ok(canceled)
}

async fn append(
    conn: &mut Conn,
    order: &Order,
    type_: &str,
    payload: serde_json::Value,
    actor: &str,
    at: DateTime<Utc>,
) -> Result<()> {
    let event = events::NewEvent { aggregate: "order", aggregate_id: order.id.0, type_, payload, actor, at };
    Ok(events::append(conn, event).await?)
}
