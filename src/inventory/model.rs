//! The rows of stock and what its use cases take and give.

use diesel::prelude::*;

use crate::ids::{LocationId, OrderLineId, VariantId};

/// The units of a variant at a location.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, serde::Serialize, serde::Deserialize)]
pub struct StockLevel {
    /// Of what.
    pub variant_id: VariantId,
    /// Where.
    pub location_id: LocationId,
    /// Units in the building, promised ones included.
    pub on_hand: i64,
    /// Units promised to orders that are not shipped.
    pub reserved: i64,
    /// May be sold beyond what is on hand.
    pub backorderable: bool,
}

impl StockLevel {
    /// Units that can be promised without a backorder; never negative.
    pub fn available(&self) -> i64 {
        (self.on_hand - self.reserved).max(0)
    }
}

/// What can be bought of a variant, over all locations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Availability {
    /// Units; never negative.
    pub quantity: i64,
    /// Whether more than that can be ordered.
    pub backorderable: bool,
}

impl Availability {
    /// Whether this many units can be ordered.
    pub fn covers(self, quantity: i64) -> bool {
        self.backorderable || quantity <= self.quantity
    }
}

/// What an order line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservationLine {
    /// The line.
    pub order_line_id: OrderLineId,
    /// Of what.
    pub variant_id: VariantId,
    /// Units, more than zero.
    pub quantity: i64,
}

/// Units of an order line at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// The line.
    pub order_line_id: OrderLineId,
    /// Of what.
    pub variant_id: VariantId,
    /// Where.
    pub location_id: LocationId,
    /// Units, more than zero.
    pub quantity: i64,
}

/// A line that stock does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// Its place among the lines that were handed in.
    pub index: usize,
    /// Of what.
    pub variant_id: VariantId,
    /// Units that the line could still have.
    pub available: i64,
}

/// How many units of a variant a source says are at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockTarget {
    /// Of what.
    pub variant_id: VariantId,
    /// Where.
    pub location_id: LocationId,
    /// True when the variant was made in this transaction and has no level yet.
    pub is_new: bool,
    /// Units; negative counts as zero.
    pub on_hand: i64,
    /// May be sold beyond what is on hand.
    pub backorderable: bool,
}

/// Why stock moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementKind {
    /// It came in with a new level.
    Received,
    /// Somebody counted, or a source said so.
    Adjusted,
    /// Promised to an order.
    Reserved,
    /// No longer promised.
    Released,
    /// Left the building.
    Shipped,
    /// Came back.
    Restocked,
    /// Promised to an order that was called off, and not for sale again.
    WrittenOff,
}

impl MovementKind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            MovementKind::Received => "RECEIVED",
            MovementKind::Adjusted => "ADJUSTED",
            MovementKind::Reserved => "RESERVED",
            MovementKind::Released => "RELEASED",
            MovementKind::Shipped => "SHIPPED",
            MovementKind::Restocked => "RESTOCKED",
            MovementKind::WrittenOff => "WRITTEN_OFF",
        }
    }
}

/// A place that holds stock.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::schema::locations)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// For people.
    pub name: String,
    /// Orders draw from the lowest first; it is the default location.
    pub priority: i32,
    /// Grows by one with every change.
    pub version: i64,
}
