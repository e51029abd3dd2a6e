//! Letting go of money that is held for a canceled order.

use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};

use crate::db::Conn;
use crate::error::Result;
use crate::ids::{OrderId, PaymentId};
use crate::jobs::{self, EnqueueOptions, Job, JobContext, JobError};
use crate::orders::{self, Move};

use super::gateway::{OperationKind, Outcome};
use super::model::PaymentStatus;
use super::queries::{self, PaymentChanges};
use super::settle::{call, lock_both};

/// Enqueues [`ReleasePayment`] for what is held for an order, in the transaction that cancels it. A payment that the
/// gateway is being asked about right now enqueues its own once it is answered.
pub async fn release_for(conn: &mut Conn, order: OrderId) -> Result<()> {
    for payment in queries::of_orders(conn, &[order]).await? {
        if matches!(payment.status, PaymentStatus::Authorized | PaymentStatus::RequiresAction) {
            enqueue(conn, payment.id).await?;
        }
    }
    Ok(())
}

pub(super) async fn enqueue(conn: &mut Conn, payment_id: PaymentId) -> Result<()> {
    jobs::enqueue(conn, &ReleasePayment { payment_id }, EnqueueOptions::default()).await?;
    Ok(())
}

/// Voids a payment whose order was canceled. It looks at the status first and has one key at the gateway, so a second
/// run changes nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReleasePayment {
    /// The payment.
    pub payment_id: PaymentId,
}

impl Job for ReleasePayment {
    const KIND: &'static str = "payments.release";
    const QUEUE: &'static str = "payments";
    const MAX_ATTEMPTS: i32 = 25;
    type Output = PaymentStatus;

    async fn run(self, ctx: JobContext) -> Result<PaymentStatus, JobError> {
        let (app, id) = (&ctx.app, self.payment_id);
        let Some(payment) = queries::find(&mut *app.db.get().await?, id).await? else {
            return Err(JobError::fail(anyhow::anyhow!("there is no payment {id}")));
        };
        if !matches!(payment.status, PaymentStatus::Authorized | PaymentStatus::RequiresAction) {
            return Ok(payment.status);
        }
        let key = format!("{id}-void");
        let outcome = call(app, &payment, OperationKind::Void, &key, payment.amount).await?;
        let now = app.clock.now();
        let mut conn = app.db.get().await?;
        conn.transaction(async |conn| {
            let (order, payment) = lock_both(conn, id).await?;
            if !matches!(payment.status, PaymentStatus::Authorized | PaymentStatus::RequiresAction) {
                return Ok(payment.status);
            }
            queries::conclude(conn, &key, &outcome, now).await?;
            if !matches!(outcome, Outcome::Succeeded { .. }) {
                return Err(JobError::fail(anyhow::anyhow!(
                    "the gateway did not void the payment: {outcome:?}"
                )));
            }
            let changes = PaymentChanges { status: Some(PaymentStatus::Voided), ..Default::default() };
            queries::update(conn, id, changes, now).await?;
            orders::apply_move(conn, &order, Move::new("payment.voided", "system", now)).await?;
            Ok(PaymentStatus::Voided)
        })
        .await
    }
}
