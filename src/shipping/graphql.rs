//! GraphQL of shipping methods.

use async_graphql::Object;

use crate::ids::ShippingMethodId;
use crate::money::Money;

use super::Method;

/// A way to ship a cart.
pub struct ShippingMethod {
    /// The method.
    pub method: Method,
    /// What it costs for the cart at hand.
    pub price: Money,
}

/// A way to ship, with its price for the cart at hand.
#[Object]
impl ShippingMethod {
    /// Its id.
    async fn id(&self) -> ShippingMethodId {
        self.method.id
    }

    /// What the shopper reads.
    async fn name(&self) -> &str {
        &self.method.name
    }

    /// More about it, such as how long it takes; may be empty.
    async fn description(&self) -> &str {
        &self.method.description
    }

    /// What it costs for this cart.
    async fn price(&self) -> Money {
        self.price
    }
}
