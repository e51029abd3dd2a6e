//! Payments and refunds.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::{OrderId, PaymentId, RefundId};
use crate::money::Money;
use crate::schema::{payments, refunds};
use crate::text_enum::text_enum;

text_enum! {
    /// Where a payment is in its life.
    PaymentStatus {
        /// A worker is about to ask the gateway.
        Pending = "PENDING",
        /// The buyer has to confirm with the gateway.
        RequiresAction = "REQUIRES_ACTION",
        /// The money is held.
        Authorized = "AUTHORIZED",
        /// The money is taken.
        Captured = "CAPTURED",
        /// The gateway declined.
        Failed = "FAILED",
        /// What was held was let go.
        Voided = "VOIDED",
        /// The time to confirm ran out.
        Expired = "EXPIRED",
    }
}

text_enum! {
    /// Where a refund is in its life.
    RefundStatus {
        /// Asked for; a worker will submit it.
        Requested = "REQUESTED",
        /// The gateway is being asked.
        Submitted = "SUBMITTED",
        /// The money is given back.
        Succeeded = "SUCCEEDED",
        /// The gateway declined.
        Failed = "FAILED",
    }
}

/// Money for an order. Amounts are minor units of `currency_code`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = payments)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// The order.
    pub order_id: OrderId,
    /// The gateway's name.
    pub gateway: String,
    /// Its life.
    pub status: PaymentStatus,
    /// What is to be paid.
    pub amount: i64,
    /// ISO 4217.
    pub currency_code: String,
    /// What was taken.
    pub captured_amount: i64,
    /// What was given back.
    pub refunded_amount: i64,
    /// What the storefront got from the gateway's form.
    pub token: String,
    /// What the gateway calls the authorization.
    pub gateway_reference: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// Whether the buyer has confirmed with the gateway.
    pub action_confirmed: bool,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

impl Payment {
    /// An amount of the payment.
    pub fn money(&self, minor: i64) -> Result<Money> {
        Ok(Money::new(minor, self.currency_code.parse().map_err(Error::fault)?))
    }
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = refunds)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// The payment.
    pub payment_id: PaymentId,
    /// Its life.
    pub status: RefundStatus,
    /// In minor units of the payment's currency.
    pub amount: i64,
    /// For the history; may be empty.
    pub reason: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}
