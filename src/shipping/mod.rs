//! Shipping methods and what they cost.

mod graphql;
mod queries;

pub use graphql::ShippingMethod;
pub use queries::list;

use crate::ids::ShippingMethodId;

/// A way to ship, with its price in one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// Its id.
    pub id: ShippingMethodId,
    /// For the shopper.
    pub name: String,
    /// For the shopper; may be empty.
    pub description: String,
    /// In minor units.
    pub price: i64,
    /// Free from this net value of the goods on, in minor units.
    pub free_above: Option<i64>,
}

impl Method {
    /// What it costs to ship goods of this net value (after the discount); in minor units.
    pub fn price_for(&self, goods: i64) -> i64 {
        if self.free_above.is_some_and(|limit| goods >= limit) { 0 } else { self.price }
    }
}
