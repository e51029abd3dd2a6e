//! Carts: what a shopper means to buy, and what it would cost now.
//!
//! Owns the cart and its totals; what an order makes of them belongs to [`crate::orders`].

mod abandon;
mod buyer_update;
mod create;
pub mod graphql;
mod lines_add;
mod lines_update;
mod model;
mod promotion_code_apply;
mod queries;
mod shipping_method_select;
mod totals;
mod update;

pub use abandon::AbandonCarts;
pub use buyer_update::{BuyerUpdate, buyer_update};
pub use create::{CartCreate, create};
pub use lines_add::{LineAdd, lines_add};
pub use lines_update::{LineUpdate, lines_update};
pub use model::{Address, Cart, CartLine, CartStatus};
pub use promotion_code_apply::promotion_code_apply;
pub use queries::{find, find_for_placing};
pub use shipping_method_select::shipping_method_select;
pub use totals::{LineTotals, Totals};
