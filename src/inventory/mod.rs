//! Stock: how many units of a variant are where, how many of them are promised, and the book of every movement.
//!
//! Overselling is refused by a constraint of `stock_levels`. Whoever changes several levels locks them in the order of
//! variant, priority and location first (this module does), so that orders and imports wait for each other and do not deadlock.

mod adjust;
mod availability;
pub mod graphql;
mod locations;
mod model;
mod queries;
mod receive;
mod reserve;
mod set;
mod transfer;

pub use adjust::{StockAdjustment, adjust};
pub use availability::{AvailabilityOf, LevelsOf, availability};
pub use model::{
    Allocation, Availability, Location, MovementKind, ReservationLine, Shortage, StockLevel, StockTarget,
};
pub use queries::{all_locations, default_location, put_location};
pub use receive::{lock_reserved, set_on_hand};
pub use reserve::{release, reserve, restock, ship, write_off};
pub use set::{StockSetting, set};
pub use transfer::{StockTransfer, transfer};
