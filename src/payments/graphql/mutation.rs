//! Changes of payments.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::graphql::{ContextExt, MoneyInput, UserError, outcome};
use crate::ids::PaymentId;
use crate::orders::graphql::Order;
use crate::payments::{self, RefundInput};

use super::Refund;

/// What is to be given back.
#[derive(InputObject)]
struct PaymentRefundInput {
    /// A captured payment.
    payment_id: PaymentId,
    /// How much; all that is left when not given.
    amount: Option<MoneyInput>,
    /// For the history.
    #[graphql(default)]
    reason: String,
    /// The same key with the same input takes effect once.
    idempotency_key: String,
}

/// The refund, or why it was not begun.
#[derive(SimpleObject)]
struct PaymentRefundPayload {
    /// The refund; a worker submits it. Null when something stands in the way.
    refund: Option<Refund>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// An order whose buyer has answered the gateway's question.
#[derive(InputObject)]
struct OrderPaymentConfirmInput {
    /// The `accessToken` that `orderPlace` answered with.
    token: String,
}

/// The order, or why its payment does not go on.
#[derive(SimpleObject)]
struct OrderPaymentConfirmPayload {
    /// The order; null when something stands in the way.
    order: Option<Order>,
    /// What stands in the way.
    user_errors: Vec<UserError>,
}

/// Root mutations of payments.
#[derive(Default)]
pub struct PaymentMutation;

#[Object]
impl PaymentMutation {
    /// Gives money back. Needs PAYMENTS_REFUND. A worker submits it to the gateway.
    #[graphql(visible = "crate::graphql::visible::payments_refund")]
    async fn payment_refund(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment, and how much.")] input: PaymentRefundInput,
    ) -> Result<PaymentRefundPayload> {
        let input = RefundInput {
            payment_id: input.payment_id,
            amount: input.amount,
            reason: input.reason,
            idempotency_key: input.idempotency_key,
        };
        let (refund, user_errors) = outcome(payments::refund(ctx.app(), ctx.viewer(), input).await)?;
        Ok(PaymentRefundPayload { refund: refund.map(|refund| Refund { refund }), user_errors })
    }

    /// Lets a payment go on that waited for the buyer (`REQUIRES_ACTION`).
    async fn order_payment_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order.")] input: OrderPaymentConfirmInput,
    ) -> Result<OrderPaymentConfirmPayload> {
        let (order, user_errors) = outcome(payments::confirm(ctx.app(), &input.token).await)?;
        Ok(OrderPaymentConfirmPayload { order: order.map(Order::from), user_errors })
    }
}
