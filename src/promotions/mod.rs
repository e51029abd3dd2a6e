//! Promotions: codes that take a percentage or an amount off the goods.

use chrono::{DateTime, Utc};

use crate::error::{Reason, Rejection};
use crate::ids::PromotionId;
use crate::money::parts_per_million;

/// What a code is worth and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// Its id.
    pub id: PromotionId,
    /// What the shopper types.
    pub code: String,
    /// What it gives.
    pub benefit: Benefit,
    /// In minor units; below it the code gives nothing.
    pub minimum_subtotal: i64,
    /// How many orders may use it.
    pub usage_limit: Option<i64>,
    /// How many have.
    pub used_count: i64,
    /// Not before.
    pub starts_at: Option<DateTime<Utc>>,
    /// Not from this time on.
    pub ends_at: Option<DateTime<Utc>>,
}

/// What a promotion takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Benefit {
    /// Parts per million of the subtotal.
    Percent(i64),
    /// Minor units.
    Amount(i64),
}

impl Promotion {
    /// Whether an order may use it now, whatever its subtotal.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Rejection> {
        let refuse = |message: &str| Err(Rejection::new(Reason::PromotionNotApplicable, message));
        if self.starts_at.is_some_and(|starts_at| now < starts_at) {
            return refuse("This code cannot be used yet.");
        }
        if self.ends_at.is_some_and(|ends_at| now >= ends_at) {
            return refuse("This code has expired.");
        }
        if self.usage_limit.is_some_and(|limit| self.used_count >= limit) {
            return refuse("This code has been used up.");
        }
        Ok(())
    }

    /// What it takes off a subtotal, at most all of it; in minor units.
    pub fn discount_on(&self, subtotal: i64) -> i64 {
        if subtotal < self.minimum_subtotal {
            return 0;
        }
        match self.benefit {
            Benefit::Percent(ppm) => parts_per_million(subtotal, ppm),
            Benefit::Amount(amount) => amount.min(subtotal),
        }
    }
}
