//! The cart and its lines.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};

use crate::carts::{self, CartStatus, LineTotals, Totals};
use crate::catalog::graphql::ProductVariant;
use crate::graphql::ContextExt;
use crate::ids::{CartId, CartLineId};
use crate::money::Money;
use crate::shipping::{self, ShippingMethod};

use super::Address;

/// A cart with its totals, which are computed once.
pub struct Cart {
    cart: carts::Cart,
    totals: Totals,
}

impl Cart {
    /// With the totals of `now`.
    pub fn new(cart: carts::Cart, now: DateTime<Utc>) -> Self {
        let totals = cart.totals(now);
        Self { cart, totals }
    }

    fn goods(&self) -> i64 {
        self.totals.subtotal - self.totals.discount
    }
}

/// What a shopper means to buy, and what it would cost now.
#[Object]
impl Cart {
    /// Unguessable: holding the id is what lets an anonymous shopper use the cart.
    async fn id(&self) -> CartId {
        self.cart.id
    }

    /// Open until it is placed or given up.
    async fn status(&self) -> CartStatus {
        self.cart.status
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self) -> i64 {
        self.cart.version
    }

    /// Where the confirmation goes.
    async fn email(&self) -> Option<&str> {
        self.cart.email.as_deref()
    }

    /// Where the goods go.
    async fn shipping_address(&self) -> Option<Address> {
        self.cart.shipping_address.clone().map(Address)
    }

    /// Where the bill goes; without it, the shipping address.
    async fn billing_address(&self) -> Option<Address> {
        self.cart.billing_address.clone().map(Address)
    }

    /// The lines, in the order in which they were added.
    async fn lines(&self) -> Vec<CartLine<'_>> {
        let lines = self.cart.lines.iter().zip(&self.totals.lines);
        lines.map(|(line, &totals)| CartLine { cart: &self.cart, line, totals }).collect()
    }

    /// The chosen way to ship.
    async fn shipping_method(&self) -> Option<ShippingMethod> {
        let method = self.cart.shipping_method.clone()?;
        let price = self.cart.channel.money(method.price_for(self.goods()));
        Some(ShippingMethod { method, price })
    }

    /// The ways to ship this cart, with what each would cost.
    async fn available_shipping_methods(&self, ctx: &Context<'_>) -> Result<Vec<ShippingMethod>> {
        let mut conn = ctx.app().db.get().await?;
        let methods = shipping::list(&mut conn, self.cart.channel.id).await.map_err(crate::Error::from)?;
        let priced = methods.into_iter().map(|method| {
            let price = self.cart.channel.money(method.price_for(self.goods()));
            ShippingMethod { method, price }
        });
        Ok(priced.collect())
    }

    /// The promotion code that is applied, if any.
    async fn promotion_code(&self) -> Option<&str> {
        self.cart.promotion.as_ref().map(|promotion| promotion.code.as_str())
    }

    /// The goods before discount, shipping and tax.
    async fn subtotal(&self) -> Money {
        self.cart.channel.money(self.totals.subtotal)
    }

    /// What the promotion takes off.
    async fn discount_total(&self) -> Money {
        self.cart.channel.money(self.totals.discount)
    }

    /// Shipping, before tax.
    async fn shipping_total(&self) -> Money {
        self.cart.channel.money(self.totals.shipping)
    }

    /// Tax on the discounted goods and on shipping.
    async fn tax_total(&self) -> Money {
        self.cart.channel.money(self.totals.tax)
    }

    /// What is to be paid.
    async fn total(&self) -> Money {
        self.cart.channel.money(self.totals.total)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.cart.updated_at
    }
}

/// A line of a cart.
pub struct CartLine<'a> {
    cart: &'a carts::Cart,
    line: &'a carts::CartLine,
    totals: LineTotals,
}

/// Some units of one variant in a cart.
#[Object]
impl CartLine<'_> {
    /// Its id.
    async fn id(&self) -> CartLineId {
        self.line.id
    }

    /// How many units.
    async fn quantity(&self) -> i64 {
        self.line.quantity
    }

    /// What is bought; null when it is no longer there.
    async fn variant(&self, ctx: &Context<'_>) -> Result<Option<ProductVariant>> {
        ProductVariant::load(ctx, self.line.variant_id).await
    }

    /// The price of one unit now; null when the variant cannot be bought any more.
    async fn unit_price(&self) -> Option<Money> {
        self.line.unit_price.map(|price| self.cart.channel.money(price))
    }

    /// Unit price times quantity, before discount, shipping and tax.
    async fn total(&self) -> Money {
        self.cart.channel.money(self.totals.subtotal)
    }
}
