//! Collections by rule.
//!
//! The members of such a collection are rows of `collection_products`, as those of any other, so that its pages are as
//! fast. They are kept up to date by [`review`]: whoever changes products calls it in the same transaction, with the
//! products locked. Stock moves too often for that: a trigger notes the products that became available or unavailable, and
//! [`ReviewStock`] looks at them within a second. A changed rule is worked over by [`ApplyRule`].
//!
//! Every path locks a product before it looks at it: of two changes at the same time the later one sees both.

mod apply;
mod model;
mod review;
mod stock;

pub use apply::{ApplyRule, ApplyRules, apply_batch};
pub use model::{Condition, Field, Match, Operator, Rule};
pub use review::{Touched, review};
pub use stock::{ReviewStock, review_stock};
