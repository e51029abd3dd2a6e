//! The order and its lines.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::{ChannelId, CustomerId, OrderId, OrderLineId, PromotionId, VariantId};
use crate::money::{Currency, Money};
use crate::schema::{order_lines, orders};
use crate::text_enum::text_enum;

text_enum! {
    /// Where an order is in its life.
    OrderStatus {
        /// Being prepared by staff.
        Draft = "DRAFT",
        /// Bought; its stock is reserved.
        Placed = "PLACED",
        /// Paid and sent.
        Completed = "COMPLETED",
        /// Called off; its stock is free again.
        Canceled = "CANCELED",
    }
}

text_enum! {
    /// How far an order is paid.
    #[graphql(name = "OrderPaymentStatus")]
    PaymentStatus {
        /// A worker is about to ask the gateway.
        Pending = "PENDING",
        /// The buyer has to confirm with the gateway.
        RequiresAction = "REQUIRES_ACTION",
        /// The money is held, not taken.
        Authorized = "AUTHORIZED",
        /// Some of it is taken.
        PartiallyPaid = "PARTIALLY_PAID",
        /// All of it is taken.
        Paid = "PAID",
        /// Some of it was given back.
        PartiallyRefunded = "PARTIALLY_REFUNDED",
        /// All of it was given back.
        Refunded = "REFUNDED",
        /// The gateway declined, or the time to confirm ran out.
        Failed = "FAILED",
    }
}

text_enum! {
    /// How far an order is sent.
    #[graphql(name = "OrderFulfillmentStatus")]
    FulfillmentStatus {
        /// Nothing is sent.
        Unfulfilled = "UNFULFILLED",
        /// Some of it is sent.
        Partial = "PARTIAL",
        /// All of it is sent.
        Fulfilled = "FULFILLED",
        /// Some of it came back.
        PartiallyReturned = "PARTIALLY_RETURNED",
        /// All of it came back.
        Returned = "RETURNED",
    }
}

/// What was bought, as it was when it was placed. Amounts are minor units of `currency_code`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = orders)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What a person quotes on the phone.
    pub number: i64,
    /// Where it was bought.
    pub channel_id: ChannelId,
    /// Who bought it, if signed in.
    pub customer_id: Option<CustomerId>,
    /// Its life.
    pub status: OrderStatus,
    /// Its money.
    pub payment_status: PaymentStatus,
    /// Its parcels.
    pub fulfillment_status: FulfillmentStatus,
    /// Where mail goes.
    pub email: String,
    /// Where the goods go; a [`crate::carts::Address`].
    pub shipping_address: Option<serde_json::Value>,
    /// Where the bill goes.
    pub billing_address: Option<serde_json::Value>,
    /// How it is shipped.
    pub shipping_method_name: Option<String>,
    /// The promotion that was used.
    pub promotion_id: Option<PromotionId>,
    /// Its code.
    pub promotion_code: Option<String>,
    /// ISO 4217.
    pub currency_code: String,
    /// The goods before discount, shipping and tax.
    pub subtotal: i64,
    /// What the promotion took off.
    pub discount_total: i64,
    /// Shipping.
    pub shipping_total: i64,
    /// Tax.
    pub tax_total: i64,
    /// What was to be paid.
    pub total: i64,
    /// Why it was canceled.
    pub cancel_reason: Option<String>,
    /// Grows by one with every move.
    pub version: i64,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it was canceled.
    pub canceled_at: Option<DateTime<Utc>>,
}

impl Order {
    /// An amount of the order.
    pub fn money(&self, minor: i64) -> Result<Money> {
        let currency: Currency = self.currency_code.parse().map_err(Error::fault)?;
        Ok(Money::new(minor, currency))
    }
}

/// Units of a variant, as it was when the order was placed. Amounts are minor units of the order's currency.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = order_lines)]
pub struct OrderLine {
    /// Its id.
    pub id: OrderLineId,
    /// The order.
    pub order_id: OrderId,
    /// The variant, unless it was deleted since.
    pub variant_id: Option<VariantId>,
    /// Its SKU.
    pub sku: String,
    /// The product's name.
    pub name: String,
    /// The variant's name.
    pub variant_name: String,
    /// Units bought.
    pub quantity: i64,
    /// Units sent.
    pub fulfilled_quantity: i64,
    /// The price of one.
    pub unit_price: i64,
    /// Its share of the discount.
    pub discount: i64,
    /// Its share of the tax.
    pub tax: i64,
    /// Unit price times quantity.
    pub total: i64,
}
