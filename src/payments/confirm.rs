//! The buyer has answered the gateway's question.

use diesel_async::AsyncConnection;

use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};
use crate::jobs::{self, EnqueueOptions, JobError};
use crate::orders::{self, Move, Order};

use super::SettlePayment;
use super::model::PaymentStatus;
use super::queries::{self, PaymentChanges};
use super::settle::lock_both;

/// Lets a payment go on that waits for the buyer; whoever has the order's access token may. One transaction.
pub async fn confirm(app: &App, access_token: &str) -> Result<Order> {
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let order = orders::find_by_token(conn, access_token).await?.ok_or_else(|| {
            Rejection::new(Reason::NotFound, "There is no order with this token.").at(["input", "token"])
        })?;
        let waiting = queries::waiting_for_action(conn, orders::token_hash(access_token)).await?;
        let Some(id) = waiting else { return Err(not_waiting()) };
        let (order, payment) = lock_both(conn, id).await.map_err(|error| match error {
            JobError::Retry(fault) | JobError::Fail(fault) | JobError::RetryAfter(_, fault) => {
                Error::Fault(fault)
            }
            JobError::Canceled => Error::fault(anyhow::anyhow!("{} vanished", order.id)),
        })?;
        if payment.status != PaymentStatus::RequiresAction {
            return Err(not_waiting());
        }
        let changes = PaymentChanges {
            status: Some(PaymentStatus::Pending),
            action_confirmed: Some(true),
            ..Default::default()
        };
        queries::update(conn, id, changes, now).await?;
        let pending = Some(orders::PaymentStatus::Pending);
        let change = Move { payment_status: pending, ..Move::new("payment.confirmed", "shopper", now) };
        let order = orders::apply_move(conn, &order, change).await?;
        jobs::enqueue(conn, &SettlePayment { payment_id: id }, EnqueueOptions::default()).await?;
        Ok(order)
    })
    .await
}

fn not_waiting() -> Error {
    let message = "No payment of this order waits for a confirmation.";
    Rejection::new(Reason::InvalidState, message).at(["input", "token"]).into()
}
