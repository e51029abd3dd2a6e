//! From a token to captured money: a job that authorizes and captures.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{OrderId, PaymentId};
use crate::jobs::{self, EnqueueOptions, Job, JobContext, JobError};
use crate::money::Money;
use crate::orders::{self, Move, Order, OrderStatus, SendConfirmation, Units};

use super::gateway::{Operation, OperationKind, Outcome};
use super::model::{Payment, PaymentStatus};
use super::queries::{self, Intent, PaymentChanges};
use super::{ExpireAction, refund, release};

/// How long a buyer has to confirm with the gateway.
const ACTION_MINUTES: i64 = 60;

/// A payment to begin.
pub struct NewPayment {
    /// The order.
    pub order_id: OrderId,
    /// The name of a gateway of this process.
    pub gateway: String,
    /// What the storefront got from the gateway's form.
    pub token: String,
    /// What is to be paid.
    pub amount: Money,
    /// On the app's clock.
    pub at: DateTime<Utc>,
}

/// Begins a payment in the caller's transaction: writes it and enqueues [`SettlePayment`]. Two statements.
pub async fn start(conn: &mut Conn, payment: NewPayment) -> Result<PaymentId> {
    let id = PaymentId::new();
    queries::insert(conn, id, &payment).await?;
    jobs::enqueue(conn, &SettlePayment { payment_id: id }, EnqueueOptions::default()).await?;
    Ok(id)
}

/// Authorizes and captures a payment, and moves its order on.
///
/// Each step looks at the payment's status first and has a key of its own at the gateway, so a second run goes on where
/// the first one stopped: money is taken once.
#[derive(Debug, Serialize, Deserialize)]
pub struct SettlePayment {
    /// The payment.
    pub payment_id: PaymentId,
}

impl Job for SettlePayment {
    const KIND: &'static str = "payments.settle";
    const QUEUE: &'static str = "payments";
    const MAX_ATTEMPTS: i32 = 25;
    const PRIORITY: i16 = 10;
    const TIMEOUT: Duration = Duration::from_secs(60);
    type Output = PaymentStatus;

    async fn run(self, ctx: JobContext) -> Result<PaymentStatus, JobError> {
        let app = &ctx.app;
        let id = self.payment_id;
        let Some(mut payment) = queries::find(&mut *app.db.get().await?, id).await? else {
            return Err(JobError::fail(anyhow::anyhow!("there is no payment {id}")));
        };
        if matches!(payment.status, PaymentStatus::Pending) {
            let outcome =
                call(app, &payment, OperationKind::Authorize, &authorize_key(&payment), payment.amount)
                    .await?;
            payment = record_authorization(app, id, &outcome).await?;
        }
        if matches!(payment.status, PaymentStatus::Authorized) {
            let order = orders::find(&mut *app.db.get().await?, payment.order_id).await?;
            if order.is_some_and(|order| order.status == OrderStatus::Canceled) {
                // Canceled while the gateway was being asked: what is held is let go by its own job.
                return Ok(payment.status);
            }
            let outcome =
                call(app, &payment, OperationKind::Capture, &format!("{id}-capture"), payment.amount).await?;
            payment = record_capture(app, id, &outcome).await?;
        }
        Ok(payment.status)
    }
}

/// A confirmed payment is authorized under another key, for the gateway has answered the first one.
fn authorize_key(payment: &Payment) -> String {
    if payment.action_confirmed {
        format!("{}-authorize-confirmed", payment.id)
    } else {
        format!("{}-authorize", payment.id)
    }
}

/// Writes the intent, calls the gateway, and answers with the outcome. An intent that an earlier run left behind is
/// looked up first. No transaction is open during the call.
pub(super) async fn call(
    app: &App,
    payment: &Payment,
    kind: OperationKind,
    key: &str,
    amount: i64,
) -> Result<Outcome, JobError> {
    if payment.amount == 0 {
        // Nothing to pay: no gateway takes an empty amount.
        return Ok(Outcome::Succeeded { reference: "nothing-to-pay".into() });
    }
    let gateway = app.gateways.get(&payment.gateway).ok_or_else(|| {
        JobError::retry(anyhow::anyhow!("this process has no gateway named {:?}", payment.gateway))
    })?;
    let operation = Operation {
        key: key.to_owned(),
        kind,
        amount: payment.money(amount)?,
        token: payment.token.clone(),
        reference: payment.gateway_reference.clone(),
        confirmed: payment.action_confirmed,
    };
    let now = app.clock.now();
    let intent = queries::intend(&mut *app.db.get().await?, payment.id, kind, key, amount, now).await?;
    if intent == Intent::Seen
        && let Some(outcome) = gateway.look_up(&operation).await.map_err(JobError::retry)?
    {
        return Ok(outcome);
    }
    gateway.execute(&operation).await.map_err(JobError::retry)
}

/// Locks the order, then the payment: the order in which every transaction here takes them.
pub(super) async fn lock_both(conn: &mut Conn, id: PaymentId) -> Result<(Order, Payment), JobError> {
    let gone = || JobError::fail(anyhow::anyhow!("there is no payment {id}"));
    let order_id = queries::order_of(conn, id).await?.ok_or_else(gone)?;
    let order = orders::lock(conn, order_id).await?.ok_or_else(gone)?;
    let payment = queries::lock(conn, id).await?.ok_or_else(gone)?;
    Ok((order, payment))
}

async fn record_authorization(app: &App, id: PaymentId, outcome: &Outcome) -> Result<Payment, JobError> {
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let (order, payment) = lock_both(conn, id).await?;
        if payment.status != PaymentStatus::Pending {
            return Ok(payment);
        }
        queries::conclude(conn, &authorize_key(&payment), outcome, now).await?;
        let placed = order.status == OrderStatus::Placed;
        let (changes, order_status, event) = match outcome {
            Outcome::Succeeded { reference } => (
                PaymentChanges {
                    status: Some(PaymentStatus::Authorized),
                    gateway_reference: Some(reference.clone()),
                    ..Default::default()
                },
                orders::PaymentStatus::Authorized,
                "payment.authorized",
            ),
            Outcome::RequiresAction { reference } => (
                PaymentChanges {
                    status: Some(PaymentStatus::RequiresAction),
                    gateway_reference: Some(reference.clone()),
                    ..Default::default()
                },
                orders::PaymentStatus::RequiresAction,
                "payment.action-required",
            ),
            Outcome::Declined { reason } => (
                PaymentChanges {
                    status: Some(PaymentStatus::Failed),
                    failure: Some(reason.clone()),
                    ..Default::default()
                },
                orders::PaymentStatus::Failed,
                "payment.declined",
            ),
        };
        queries::update(conn, id, changes, now).await?;
        let change = Move { payment_status: Some(order_status), ..Move::new(event, "system", now) };
        let order = orders::apply_move(conn, &order, change).await?;
        match outcome {
            Outcome::Declined { .. } if placed => {
                orders::cancel_in(
                    conn,
                    &order,
                    "The payment was declined.",
                    Units::Release,
                    None,
                    "system",
                    now,
                )
                .await?;
            }
            Outcome::RequiresAction { .. } => {
                let run_at = Some(now + TimeDelta::minutes(ACTION_MINUTES));
                let expire = ExpireAction { payment_id: id };
                jobs::enqueue(conn, &expire, EnqueueOptions { run_at, ..Default::default() }).await?;
            }
            Outcome::Succeeded { .. } if !placed => release::enqueue(conn, id).await?,
            _ => {}
        }
        queries::lock(conn, id).await?.ok_or_else(|| JobError::fail(anyhow::anyhow!("the payment is gone")))
    })
    .await
}

async fn record_capture(app: &App, id: PaymentId, outcome: &Outcome) -> Result<Payment, JobError> {
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let (order, payment) = lock_both(conn, id).await?;
        if payment.status != PaymentStatus::Authorized {
            return Ok(payment);
        }
        queries::conclude(conn, &format!("{id}-capture"), outcome, now).await?;
        let (changes, order_status, event) = match outcome {
            Outcome::Succeeded { .. } => (
                PaymentChanges {
                    status: Some(PaymentStatus::Captured),
                    captured_amount: Some(payment.amount),
                    ..Default::default()
                },
                orders::PaymentStatus::Paid,
                "payment.captured",
            ),
            Outcome::Declined { reason } => (
                PaymentChanges {
                    status: Some(PaymentStatus::Failed),
                    failure: Some(reason.clone()),
                    ..Default::default()
                },
                orders::PaymentStatus::Failed,
                "payment.capture-declined",
            ),
            Outcome::RequiresAction { .. } => {
                return Err(JobError::retry(anyhow::anyhow!(
                    "the gateway wants the buyer to confirm a capture"
                )));
            }
        };
        queries::update(conn, id, changes, now).await?;
        let change = Move { payment_status: Some(order_status), ..Move::new(event, "system", now) };
        let order = orders::apply_move(conn, &order, change).await?;
        match (outcome, order.status) {
            (Outcome::Succeeded { .. }, OrderStatus::Canceled) => {
                // Canceled while the gateway took the money: it goes back.
                refund::request(conn, id, payment.amount, "The order was canceled.", now).await?;
            }
            (Outcome::Succeeded { .. }, _) => {
                jobs::enqueue(conn, &SendConfirmation { order_id: order.id }, EnqueueOptions::default())
                    .await?;
            }
            (_, OrderStatus::Placed) => {
                orders::cancel_in(
                    conn,
                    &order,
                    "The payment was declined.",
                    Units::Release,
                    None,
                    "system",
                    now,
                )
                .await?;
            }
            _ => {}
        }
        queries::lock(conn, id).await?.ok_or_else(|| JobError::fail(anyhow::anyhow!("the payment is gone")))
    })
    .await
}
