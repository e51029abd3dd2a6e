//! Changes of carts.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::carts;
use crate::error;
use crate::graphql::{ContextExt, UserError, outcome};
use crate::ids::{CartId, CartLineId, ShippingMethodId, VariantId};

use super::{AddressInput, Cart};

/// Units of a variant.
#[derive(InputObject)]
struct CartLineInput {
    /// What to buy.
    variant_id: VariantId,
    /// How many; 1 to 10,000.
    quantity: i64,
}

impl From<CartLineInput> for carts::LineAdd {
    fn from(input: CartLineInput) -> Self {
        carts::LineAdd { variant_id: input.variant_id, quantity: input.quantity }
    }
}

/// What a new cart begins with.
#[derive(InputObject)]
struct CartCreateInput {
    /// The first lines; at most 200.
    lines: Option<Vec<CartLineInput>>,
    /// Where the confirmation goes.
    email: Option<String>,
}

/// Lines to put into a cart.
#[derive(InputObject)]
struct CartLinesAddInput {
    /// The cart.
    cart_id: CartId,
    /// A variant that is in the cart already gets more units.
    lines: Vec<CartLineInput>,
    /// Refuse with STALE_VERSION unless the cart has this version.
    expected_version: Option<i64>,
}

/// A line's new quantity.
#[derive(InputObject)]
struct CartLineUpdateInput {
    /// A line of the cart.
    line_id: CartLineId,
    /// 0 removes the line; at most 10,000.
    quantity: i64,
}

/// New quantities for lines of a cart.
#[derive(InputObject)]
struct CartLinesUpdateInput {
    /// The cart.
    cart_id: CartId,
    /// The lines to change; others stay.
    lines: Vec<CartLineUpdateInput>,
    /// Refuse with STALE_VERSION unless the cart has this version.
    expected_version: Option<i64>,
}

/// Who buys and where it goes; what is left out stays as it is.
#[derive(InputObject)]
struct CartBuyerUpdateInput {
    /// The cart.
    cart_id: CartId,
    /// Where the confirmation goes.
    email: Option<String>,
    /// Where the goods go.
    shipping_address: Option<AddressInput>,
    /// Where the bill goes.
    billing_address: Option<AddressInput>,
    /// Refuse with STALE_VERSION unless the cart has this version.
    expected_version: Option<i64>,
}

/// How a cart is shipped.
#[derive(InputObject)]
struct CartShippingMethodSelectInput {
    /// The cart.
    cart_id: CartId,
    /// One of the cart's `availableShippingMethods`.
    shipping_method_id: ShippingMethodId,
    /// Refuse with STALE_VERSION unless the cart has this version.
    expected_version: Option<i64>,
}

/// A promotion code for a cart.
#[derive(InputObject)]
struct CartPromotionCodeApplyInput {
    /// The cart.
    cart_id: CartId,
    /// The code, in upper or lower case; an empty one takes the applied code away.
    code: String,
    /// Refuse with STALE_VERSION unless the cart has this version.
    expected_version: Option<i64>,
}

/// The cart after the change, or why it was not made.
#[derive(SimpleObject)]
struct CartPayload {
    /// The cart as it is now; null when something stands in the way.
    cart: Option<Cart>,
    /// What stands in the way; empty when the change was made.
    user_errors: Vec<UserError>,
}

fn payload(ctx: &Context<'_>, result: error::Result<carts::Cart>) -> Result<CartPayload> {
    let (cart, user_errors) = outcome(result)?;
    Ok(CartPayload { cart: cart.map(|cart| Cart::new(cart, ctx.app().clock.now())), user_errors })
}

/// Root mutations of carts.
#[derive(Default)]
pub struct CartMutation;

#[Object]
impl CartMutation {
    /// Makes a cart. Its id is the key to it: keep it in the browser.
    async fn cart_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the cart begins with.")] input: CartCreateInput,
    ) -> Result<CartPayload> {
        let lines = input.lines.unwrap_or_default().into_iter().map(Into::into).collect();
        let create = carts::CartCreate { lines, email: input.email };
        payload(ctx, carts::create(ctx.app(), ctx.viewer(), ctx.channel(), create).await)
    }

    /// Puts variants into a cart. Nothing is added if any line is wrong.
    async fn cart_lines_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cart and the lines.")] input: CartLinesAddInput,
    ) -> Result<CartPayload> {
        let lines = input.lines.into_iter().map(Into::into).collect();
        payload(ctx, carts::lines_add(ctx.app(), input.cart_id, lines, input.expected_version).await)
    }

    /// Sets the quantities of lines; 0 removes one. Nothing is changed if any line is wrong.
    async fn cart_lines_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cart and the lines.")] input: CartLinesUpdateInput,
    ) -> Result<CartPayload> {
        let change =
            |line: CartLineUpdateInput| carts::LineUpdate { line_id: line.line_id, quantity: line.quantity };
        let lines = input.lines.into_iter().map(change).collect();
        payload(ctx, carts::lines_update(ctx.app(), input.cart_id, lines, input.expected_version).await)
    }

    /// Says who buys and where it goes. The country decides about tax.
    async fn cart_buyer_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cart, and what is to be set.")] input: CartBuyerUpdateInput,
    ) -> Result<CartPayload> {
        let update = carts::BuyerUpdate {
            email: input.email,
            shipping_address: input.shipping_address.map(Into::into),
            billing_address: input.billing_address.map(Into::into),
        };
        payload(ctx, carts::buyer_update(ctx.app(), input.cart_id, update, input.expected_version).await)
    }

    /// Chooses how the cart is shipped.
    async fn cart_shipping_method_select(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cart and the method.")] input: CartShippingMethodSelectInput,
    ) -> Result<CartPayload> {
        let CartShippingMethodSelectInput { cart_id, shipping_method_id, expected_version } = input;
        payload(
            ctx,
            carts::shipping_method_select(ctx.app(), cart_id, shipping_method_id, expected_version).await,
        )
    }

    /// Applies a promotion code in place of the one before.
    async fn cart_promotion_code_apply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cart and the code.")] input: CartPromotionCodeApplyInput,
    ) -> Result<CartPayload> {
        let CartPromotionCodeApplyInput { cart_id, code, expected_version } = input;
        payload(ctx, carts::promotion_code_apply(ctx.app(), cart_id, code, expected_version).await)
    }
}
