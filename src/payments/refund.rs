//! Giving money back: staff ask, a job submits.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::graphql::MoneyInput;
use crate::idempotency::{self, Begin};
use crate::ids::{PaymentId, RefundId};
use crate::jobs::{self, EnqueueOptions, Job, JobContext, JobError};
use crate::orders::{self, Move};

use super::gateway::{OperationKind, Outcome};
use super::model::{PaymentStatus, Refund, RefundStatus};
use super::queries::{self, PaymentChanges};
use super::settle::{call, lock_both};

/// What is to be given back.
#[derive(Debug, Clone)]
pub struct RefundInput {
    /// A captured payment.
    pub payment_id: PaymentId,
    /// All that is left when not given.
    pub amount: Option<MoneyInput>,
    /// For the history; may be empty.
    pub reason: String,
    /// The same key with the same input takes effect once.
    pub idempotency_key: String,
}

const SCOPE: &str = "paymentRefund";

/// Asks for a refund of at most what was captured and is not on its way back already. Needs PAYMENTS_REFUND. One
/// transaction; the gateway is asked by [`SubmitRefund`].
pub async fn refund(app: &App, viewer: &Viewer, input: RefundInput) -> Result<Refund> {
    viewer.require(Permission::PaymentsRefund)?;
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let amount_text =
            input.amount.as_ref().map(|amount| (&amount.amount.0, amount.currency_code.0.code()));
        let fingerprint = (input.payment_id, amount_text, &input.reason);
        match idempotency::begin(conn, SCOPE, &input.idempotency_key, &fingerprint).await? {
            Begin::Done(refund) => return Ok(refund),
            Begin::New => {}
        }
        let order_id = queries::order_of(conn, input.payment_id).await?.ok_or_else(no_such_payment)?;
        orders::lock(conn, order_id).await?.ok_or_else(no_such_payment)?;
        let payment = queries::lock(conn, input.payment_id).await?.ok_or_else(no_such_payment)?;
        let at_amount = |rejection: Rejection| rejection.at(["input", "amount"]);
        if payment.status != PaymentStatus::Captured {
            let message = "Only a captured payment can be refunded.";
            return Err(Rejection::new(Reason::InvalidState, message).at(["input", "paymentId"]).into());
        }
        let pending = queries::pending_refunds(conn, payment.id).await?;
        let left = payment.captured_amount - payment.refunded_amount - pending;
        let amount = match &input.amount {
            Some(amount) => amount.read(payment.money(0)?.currency).map_err(at_amount)?.minor,
            None => left,
        };
        if amount <= 0 || amount > left {
            let message = format!("Between nothing and {} can be refunded.", payment.money(left)?);
            return Err(at_amount(Rejection::new(Reason::Invalid, message)).into());
        }
        let refund = request(conn, payment.id, amount, &input.reason, now).await?;
        idempotency::finish(conn, SCOPE, &input.idempotency_key, &refund).await?;
        Ok(refund)
    })
    .await
}

fn no_such_payment() -> Error {
    Rejection::new(Reason::NotFound, "There is no payment with this id.").at(["input", "paymentId"]).into()
}

/// Writes a refund and enqueues its job. The caller holds the payment's lock and has checked the amount.
pub(super) async fn request(
    conn: &mut Conn,
    payment: PaymentId,
    amount: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Refund> {
    let refund = queries::insert_refund(conn, payment, amount, reason, now).await?;
    jobs::enqueue(conn, &SubmitRefund { refund_id: refund.id }, EnqueueOptions::default()).await?;
    Ok(refund)
}

/// Submits a refund to the gateway. Its key at the gateway is the refund's own and the status is looked at first, so a
/// second run gives nothing back twice.
#[derive(Debug, Serialize, Deserialize)]
pub struct SubmitRefund {
    /// The refund.
    pub refund_id: RefundId,
}

impl Job for SubmitRefund {
    const KIND: &'static str = "payments.submit-refund";
    const QUEUE: &'static str = "payments";
    const MAX_ATTEMPTS: i32 = 25;
    type Output = RefundStatus;

    async fn run(self, ctx: JobContext) -> Result<RefundStatus, JobError> {
        let (app, id) = (&ctx.app, self.refund_id);
        let (refund, payment) = {
            let mut conn = app.db.get().await?;
            let gone = || JobError::fail(anyhow::anyhow!("there is no refund {id}"));
            let refund = queries::find_refund(&mut conn, id).await?.ok_or_else(gone)?;
            let payment = queries::find(&mut conn, refund.payment_id).await?.ok_or_else(gone)?;
            if matches!(refund.status, RefundStatus::Succeeded | RefundStatus::Failed) {
                return Ok(refund.status);
            }
            queries::set_refund_status(&mut conn, id, RefundStatus::Submitted, None, app.clock.now()).await?;
            (refund, payment)
        };
        let key = format!("{id}-refund");
        let outcome = call(app, &payment, OperationKind::Refund, &key, refund.amount).await?;
        let now = app.clock.now();
        let mut conn = app.db.get().await?;
        conn.transaction(async |conn| {
            let (order, payment) = lock_both(conn, refund.payment_id).await?;
            let current = queries::find_refund(conn, id).await?.map(|refund| refund.status);
            if let Some(status @ (RefundStatus::Succeeded | RefundStatus::Failed)) = current {
                return Ok(status);
            }
            queries::conclude(conn, &key, &outcome, now).await?;
            let (status, failure) = match &outcome {
                Outcome::Succeeded { .. } => (RefundStatus::Succeeded, None),
                Outcome::Declined { reason } => (RefundStatus::Failed, Some(reason.as_str())),
                Outcome::RequiresAction { .. } => {
                    return Err(JobError::retry(anyhow::anyhow!(
                        "the gateway wants the buyer to confirm a refund"
                    )));
                }
            };
            queries::set_refund_status(conn, id, status, failure, now).await?;
            let mut change = Move::new("refund.failed", "system", now);
            if status == RefundStatus::Succeeded {
                let refunded = payment.refunded_amount + refund.amount;
                let changes = PaymentChanges { refunded_amount: Some(refunded), ..Default::default() };
                queries::update(conn, payment.id, changes, now).await?;
                change.event = "refund.succeeded";
                change.payment_status = Some(if refunded == payment.captured_amount {
                    orders::PaymentStatus::Refunded
                } else {
                    orders::PaymentStatus::PartiallyRefunded
                });
            }
            change.payload = json!({ "refundId": id, "amount": payment.money(refund.amount)?.amount() });
            orders::apply_move(conn, &order, change).await?;
            Ok(status)
        })
        .await
    }
}
