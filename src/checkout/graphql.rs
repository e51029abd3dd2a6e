//! GraphQL of placing and calling off.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{CartId, OrderId};
use crate::orders::graphql::Order;

use super::{CancelInput, PlaceInput};

/// How an order is paid.
#[derive(InputObject)]
struct OrderPaymentInput {
    /// The name of a payment gateway, such as `test`.
    gateway: String,
    /// What the gateway's form gave to the storefront. The gateway `test` takes `ok`, `declined`, `slow` and
    /// `requires_action`.
    token: String,
}

/// What is to be placed.
#[derive(InputObject)]
struct OrderPlaceInput {
    /// An open cart with lines, an email address and, unless nothing has to be sent, a shipping address and method.
    cart_id: CartId,
    /// Made by the storefront, once per intended order: the same key with the same input always answers with the same
    /// order. 1 to 255 characters; kept for 7 days.
    idempotency_key: String,
    /// How it is paid.
    payment: OrderPaymentInput,
    /// Refuse with STALE_VERSION unless the cart has this version.
    expected_version: Option<i64>,
}

/// The placed order, or why it was not placed.
#[derive(SimpleObject)]
struct OrderPlacePayload {
    /// The order; null when something stands in the way.
    order: Option<Order>,
    /// What stands in the way; an [InsufficientStockError] for every line that is short.
    user_errors: Vec<UserError>,
}

/// What is to be called off, and why.
#[derive(InputObject)]
struct OrderCancelInput {
    /// A placed order of which nothing was sent.
    order_id: OrderId,
    /// For the history.
    #[graphql(default)]
    reason: String,
    /// Whether its units are for sale again; otherwise they are taken off the stock.
    #[graphql(default = true)]
    restock: bool,
    /// The same key with the same input takes effect once.
    idempotency_key: String,
}

/// The canceled order, or why it was not canceled.
#[derive(SimpleObject)]
struct OrderCancelPayload {
    /// The order; null when something stands in the way.
    order: Option<Order>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root mutations of placing and calling off.
#[derive(Default)]
pub struct CheckoutMutation;

#[Object]
impl CheckoutMutation {
    /// Makes an order of a cart: prices and tax are fixed, stock is reserved, and a worker takes the payment. Follow it
    /// by `orderUpdated`.
    async fn order_place(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cart, and how it is paid.")] input: OrderPlaceInput,
    ) -> Result<OrderPlacePayload> {
        let input = PlaceInput {
            cart_id: input.cart_id,
            expected_version: input.expected_version,
            gateway: input.payment.gateway,
            token: input.payment.token,
            idempotency_key: input.idempotency_key,
        };
        let (placed, user_errors) = outcome(super::place(ctx.app(), ctx.viewer(), input).await)?;
        Ok(OrderPlacePayload { order: placed.map(Order::placed), user_errors })
    }

    /// Calls an order off. Needs ORDERS_WRITE. Money that is only held is let go; what was taken is given back by
    /// `paymentRefund`.
    #[graphql(visible = "crate::graphql::visible::orders_write")]
    async fn order_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order, and why.")] input: OrderCancelInput,
    ) -> Result<OrderCancelPayload> {
        let input = CancelInput {
            order_id: input.order_id,
            reason: input.reason,
            restock: input.restock,
            idempotency_key: input.idempotency_key,
        };
        let (order, user_errors) = outcome(super::cancel(ctx.app(), ctx.viewer(), input).await)?;
        Ok(OrderCancelPayload { order: order.map(Order::from), user_errors })
    }
}
