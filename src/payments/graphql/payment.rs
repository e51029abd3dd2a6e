//! Payments and refunds.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use async_graphql::{Object, Result};
use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::graphql::BatchReader;
use crate::ids::{OrderId, PaymentId, RefundId};
use crate::money::Money;
use crate::payments::{self, PaymentStatus, RefundStatus, queries};

/// The payments of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaymentsOf(pub OrderId);

impl Loader<PaymentsOf> for BatchReader {
    type Value = Vec<payments::Payment>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[PaymentsOf]) -> Result<HashMap<PaymentsOf, Self::Value>, Self::Error> {
        let ids: Vec<OrderId> = keys.iter().map(|key| key.0).collect();
        let rows = queries::of_orders(&mut *self.app.db.get().await?, &ids).await.map_err(Error::from)?;
        let mut by_order: HashMap<PaymentsOf, Vec<payments::Payment>> = HashMap::new();
        for payment in rows {
            by_order.entry(PaymentsOf(payment.order_id)).or_default().push(payment);
        }
        Ok(by_order)
    }
}

/// Money for an order.
pub struct Payment(pub payments::Payment);

/// Money for an order, through one gateway.
#[Object]
impl Payment {
    /// Its id.
    async fn id(&self) -> PaymentId {
        self.0.id
    }

    /// The gateway's name.
    async fn gateway(&self) -> &str {
        &self.0.gateway
    }

    /// Its life.
    async fn status(&self) -> PaymentStatus {
        self.0.status
    }

    /// What is to be paid.
    async fn amount(&self) -> Result<Money> {
        Ok(self.0.money(self.0.amount)?)
    }

    /// What was taken.
    async fn captured_amount(&self) -> Result<Money> {
        Ok(self.0.money(self.0.captured_amount)?)
    }

    /// What was given back.
    async fn refunded_amount(&self) -> Result<Money> {
        Ok(self.0.money(self.0.refunded_amount)?)
    }

    /// What the gateway calls it.
    async fn gateway_reference(&self) -> Option<&str> {
        self.0.gateway_reference.as_deref()
    }

    /// Why it failed.
    async fn failure(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }

    /// When it was begun.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Money given back.
pub struct Refund {
    /// The refund.
    pub refund: payments::Refund,
}

/// Money given back, or on its way.
#[Object]
impl Refund {
    /// Its id.
    async fn id(&self) -> RefundId {
        self.refund.id
    }

    /// Its life. A worker submits it to the gateway.
    async fn status(&self) -> RefundStatus {
        self.refund.status
    }

    /// For the history; may be empty.
    async fn reason(&self) -> &str {
        &self.refund.reason
    }

    /// Why it failed.
    async fn failure(&self) -> Option<&str> {
        self.refund.failure.as_deref()
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.refund.created_at
    }
}
