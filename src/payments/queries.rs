//! The SQL of payments.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{OrderId, PaymentId, PaymentOperationId, RefundId};
use crate::schema::{orders, payment_operations, payments, refunds};
use crate::sql::Keep;

use super::gateway::{OperationKind, Outcome};
use super::model::{Payment, PaymentStatus, Refund, RefundStatus};
use super::settle::NewPayment;

pub(super) async fn insert(conn: &mut Conn, id: PaymentId, payment: &NewPayment) -> QueryResult<()> {
    diesel::insert_into(payments::table)
        .values((
            payments::id.eq(id),
            payments::order_id.eq(payment.order_id),
            payments::gateway.eq(&payment.gateway),
            payments::status.eq(PaymentStatus::Pending),
            payments::amount.eq(payment.amount.minor),
            payments::currency_code.eq(payment.amount.currency.code()),
            payments::token.eq(&payment.token),
            payments::created_at.eq(payment.at),
            payments::updated_at.eq(payment.at),
        ))
        .kept()
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn find(conn: &mut Conn, id: PaymentId) -> QueryResult<Option<Payment>> {
    payments::table.find(id).select(Payment::as_select()).first(conn).await.optional()
}

/// The payment, locked. Lock the order first.
pub(super) async fn lock(conn: &mut Conn, id: PaymentId) -> QueryResult<Option<Payment>> {
    payments::table.find(id).select(Payment::as_select()).for_update().first(conn).await.optional()
}

/// The order that a payment belongs to.
pub(super) async fn order_of(conn: &mut Conn, id: PaymentId) -> QueryResult<Option<OrderId>> {
    payments::table.find(id).select(payments::order_id).first(conn).await.optional()
}

pub(super) async fn of_orders(conn: &mut Conn, ids: &[OrderId]) -> QueryResult<Vec<Payment>> {
    payments::table
        .filter(payments::order_id.eq_any(ids))
        .order((payments::order_id, payments::id))
        .select(Payment::as_select())
        .load(conn)
        .await
}

/// The payment of the order with this access token that waits for the buyer.
pub(super) async fn waiting_for_action(
    conn: &mut Conn,
    token_hash: Vec<u8>,
) -> QueryResult<Option<PaymentId>> {
    payments::table
        .inner_join(orders::table)
        .filter(orders::access_token_hash.eq(token_hash))
        .filter(payments::status.eq(PaymentStatus::RequiresAction))
        .select(payments::id)
        .first(conn)
        .await
        .optional()
}

/// What changes in a payment; `None` leaves a column as it is.
#[derive(AsChangeset, Default)]
#[diesel(table_name = payments)]
pub(super) struct PaymentChanges {
    pub status: Option<PaymentStatus>,
    pub captured_amount: Option<i64>,
    pub refunded_amount: Option<i64>,
    pub gateway_reference: Option<String>,
    pub failure: Option<String>,
    pub action_confirmed: Option<bool>,
}

pub(super) async fn update(
    conn: &mut Conn,
    id: PaymentId,
    changes: PaymentChanges,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(payments::table.find(id))
        .set((changes, payments::version.eq(payments::version + 1), payments::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether the intent is new, or was written by a run that may have died before it knew the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    New,
    Seen,
}

/// Writes down that an operation is about to be sent. Committed before it is sent.
pub(super) async fn intend(
    conn: &mut Conn,
    payment: PaymentId,
    kind: OperationKind,
    key: &str,
    amount: i64,
    now: DateTime<Utc>,
) -> QueryResult<Intent> {
    let inserted = diesel::insert_into(payment_operations::table)
        .values((
            payment_operations::id.eq(PaymentOperationId::new()),
            payment_operations::payment_id.eq(payment),
            payment_operations::kind.eq(kind.as_str()),
            payment_operations::key.eq(key),
            payment_operations::amount.eq(amount),
            payment_operations::created_at.eq(now),
        ))
        .on_conflict(payment_operations::key)
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(if inserted == 1 { Intent::New } else { Intent::Seen })
}

/// Records what came of an operation.
pub(super) async fn conclude(
    conn: &mut Conn,
    key: &str,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let (state, reference, failure) = match outcome {
        Outcome::Succeeded { reference } => ("SUCCEEDED", Some(reference), None),
        Outcome::Declined { reason } => ("FAILED", None, Some(reason)),
        // The same key is sent again once the buyer has confirmed.
        Outcome::RequiresAction { reference } => ("INTENDED", Some(reference), None),
    };
    diesel::update(payment_operations::table.filter(payment_operations::key.eq(key)))
        .set((
            payment_operations::state.eq(state),
            payment_operations::gateway_reference.eq(reference),
            payment_operations::failure.eq(failure),
            payment_operations::finished_at.eq((state != "INTENDED").then_some(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn insert_refund(
    conn: &mut Conn,
    payment: PaymentId,
    amount: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> QueryResult<Refund> {
    diesel::insert_into(refunds::table)
        .values((
            refunds::id.eq(RefundId::new()),
            refunds::payment_id.eq(payment),
            refunds::status.eq(RefundStatus::Requested),
            refunds::amount.eq(amount),
            refunds::reason.eq(reason),
            refunds::created_at.eq(now),
            refunds::updated_at.eq(now),
        ))
        .returning(Refund::as_returning())
        .get_result(conn)
        .await
}

pub(super) async fn find_refund(conn: &mut Conn, id: RefundId) -> QueryResult<Option<Refund>> {
    refunds::table.find(id).select(Refund::as_select()).first(conn).await.optional()
}

pub(super) async fn set_refund_status(
    conn: &mut Conn,
    id: RefundId,
    status: RefundStatus,
    failure: Option<&str>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(refunds::table.find(id))
        .set((refunds::status.eq(status), refunds::failure.eq(failure), refunds::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// What refunds under way will take from the payment. Read under the payment's lock.
pub(super) async fn pending_refunds(conn: &mut Conn, payment: PaymentId) -> QueryResult<i64> {
    let amounts: Vec<i64> = refunds::table
        .filter(refunds::payment_id.eq(payment))
        .filter(refunds::status.eq_any([RefundStatus::Requested, RefundStatus::Submitted]))
        .select(refunds::amount)
        .load(conn)
        .await?;
    Ok(amounts.iter().sum())
}
