//! promotions.
