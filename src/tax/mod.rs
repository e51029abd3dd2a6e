//! Tax: one rate per channel and country, charged on top of net prices.
//!
//! The rate of the shipping address's country applies, otherwise the channel's rate without a country, otherwise none.
//! Taxable goods are taxed after the discount; shipping is taxed when it carries taxable goods.

use crate::money::parts_per_million;

/// A tax rate in parts per million of the net amount: 80,000 is 8 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RatePpm(pub i64);

impl RatePpm {
    /// The tax on a net amount, both in minor units, rounded half to even.
    pub fn on(self, net: i64) -> i64 {
        parts_per_million(net, self.0)
    }
}
