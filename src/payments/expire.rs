//! A buyer who does not confirm in time.

use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};

use crate::ids::PaymentId;
use crate::jobs::{Job, JobContext, JobError};
use crate::orders::{self, Move, OrderStatus, Units};

use super::model::PaymentStatus;
use super::queries::{self, PaymentChanges};
use super::settle::lock_both;

/// Gives up a payment that still waits for the buyer, and cancels its order. A second run finds nothing to do.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExpireAction {
    /// The payment.
    pub payment_id: PaymentId,
}

impl Job for ExpireAction {
    const KIND: &'static str = "payments.expire-action";
    const QUEUE: &'static str = "payments";
    type Output = PaymentStatus;

    async fn run(self, ctx: JobContext) -> Result<PaymentStatus, JobError> {
        let (id, now) = (self.payment_id, ctx.app.clock.now());
        let mut conn = ctx.app.db.get().await?;
        conn.transaction(async |conn| {
            let (order, payment) = lock_both(conn, id).await?;
            if payment.status != PaymentStatus::RequiresAction {
                return Ok(payment.status);
            }
            let changes = PaymentChanges { status: Some(PaymentStatus::Expired), ..Default::default() };
            queries::update(conn, id, changes, now).await?;
            let failed = Some(orders::PaymentStatus::Failed);
            let change = Move { payment_status: failed, ..Move::new("payment.expired", "system", now) };
            let order = orders::apply_move(conn, &order, change).await?;
            if order.status == OrderStatus::Placed {
                let reason = "The payment was not confirmed in time.";
                orders::cancel_in(conn, &order, reason, Units::Release, None, "system", now).await?;
            }
            Ok(PaymentStatus::Expired)
        })
        .await
    }
}
