//! The stock side of an order: promising units, letting them go, sending them, taking them back.
//!
//! Each is two statements whatever the number of lines: one locks the levels in their order, one changes them and
//! writes the book.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::db::Conn;
use crate::error::Result;
use crate::ids::{LocationId, OrderId, VariantId};

use super::model::{Allocation, MovementKind, ReservationLine, Shortage, StockLevel};
use super::queries::{self, Cause, Delta};

/// Promises the lines' units to the order, in the caller's transaction: all of them, or none and the shortages in the
/// order of the lines. Draws from the locations by priority; what no location has goes to one that may be
/// backordered. The allocations are for `order_line_allocations`.
pub async fn reserve(
    conn: &mut Conn,
    lines: &[ReservationLine],
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Result<Vec<Allocation>, Vec<Shortage>>> {
    let mut levels = queries::lock(conn, variants(lines.iter().map(|line| line.variant_id))).await?;
    let allocations = match allocate(&mut levels, lines) {
        Ok(allocations) => allocations,
        Err(shortages) => return Ok(Err(shortages)),
    };
    let deltas = deltas(&allocations, MovementKind::Reserved);
    queries::apply(conn, &deltas, Cause { reason: "", order_id: Some(order_id), actor, at: now }).await?;
    Ok(Ok(allocations))
}

/// Lets units go that [`reserve`] promised; the caller brings its allocations down by the same quantities.
pub async fn release(
    conn: &mut Conn,
    allocations: &[Allocation],
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    move_units(conn, allocations, MovementKind::Released, order_id, actor, now).await
}

/// Takes promised units out of the building. Units that were promised as a backorder and have not come in yet cannot be
/// sent: then nothing moves and the shortages name the allocations by their place.
pub async fn ship(
    conn: &mut Conn,
    allocations: &[Allocation],
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), Vec<Shortage>>> {
    remove(conn, allocations, MovementKind::Shipped, order_id, actor, now).await
}

/// Takes promised units off the stock that are not for sale again, broken or lost. As [`ship`] does, it refuses units that have not
/// come in.
pub async fn write_off(
    conn: &mut Conn,
    allocations: &[Allocation],
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), Vec<Shortage>>> {
    remove(conn, allocations, MovementKind::WrittenOff, order_id, actor, now).await
}

async fn remove(
    conn: &mut Conn,
    allocations: &[Allocation],
    kind: MovementKind,
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), Vec<Shortage>>> {
    let levels = queries::lock(conn, variants(allocations.iter().map(|a| a.variant_id))).await?;
    let mut on_hand: BTreeMap<(VariantId, LocationId), i64> =
        levels.iter().map(|level| ((level.variant_id, level.location_id), level.on_hand)).collect();
    let mut shortages = Vec::new();
    for (index, allocation) in allocations.iter().enumerate() {
        // No level: the variant was deleted since, and the goods leave without a book.
        let Some(left) = on_hand.get_mut(&(allocation.variant_id, allocation.location_id)) else { continue };
        if *left < allocation.quantity {
            shortages.push(Shortage { index, variant_id: allocation.variant_id, available: *left });
        } else {
            *left -= allocation.quantity;
        }
    }
    if !shortages.is_empty() {
        return Ok(Err(shortages));
    }
    let deltas = deltas(allocations, kind);
    queries::apply(conn, &deltas, Cause { reason: "", order_id: Some(order_id), actor, at: now }).await?;
    Ok(Ok(()))
}

/// Puts units that were sent back on the shelf they came from.
pub async fn restock(
    conn: &mut Conn,
    allocations: &[Allocation],
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    move_units(conn, allocations, MovementKind::Restocked, order_id, actor, now).await
}

async fn move_units(
    conn: &mut Conn,
    allocations: &[Allocation],
    kind: MovementKind,
    order_id: OrderId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if allocations.is_empty() {
        return Ok(());
    }
    queries::lock(conn, variants(allocations.iter().map(|allocation| allocation.variant_id))).await?;
    let cause = Cause { reason: "", order_id: Some(order_id), actor, at: now };
    queries::apply(conn, &deltas(allocations, kind), cause).await?;
    Ok(())
}

fn variants(ids: impl Iterator<Item = VariantId>) -> Vec<VariantId> {
    let mut ids: Vec<VariantId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// One change per level, in the order of the levels.
fn deltas(allocations: &[Allocation], kind: MovementKind) -> Vec<Delta> {
    let mut sums: BTreeMap<(VariantId, LocationId), i64> = BTreeMap::new();
    for allocation in allocations {
        *sums.entry((allocation.variant_id, allocation.location_id)).or_default() += allocation.quantity;
    }
    let change = |quantity: i64| match kind {
        MovementKind::Reserved => (0, quantity),
        MovementKind::Released => (0, -quantity),
        MovementKind::Shipped | MovementKind::WrittenOff => (-quantity, -quantity),
        MovementKind::Received | MovementKind::Adjusted | MovementKind::Restocked => (quantity, 0),
    };
    sums.into_iter()
        .map(|((variant_id, location_id), quantity)| {
            let (on_hand, reserved) = change(quantity);
            Delta { variant_id, location_id, on_hand, reserved, kind }
        })
        .collect()
}

/// Spreads the lines over the levels, which come by variant in the order they are drawn from.
fn allocate(levels: &mut [StockLevel], lines: &[ReservationLine]) -> Result<Vec<Allocation>, Vec<Shortage>> {
    let mut allocations = Vec::with_capacity(lines.len());
    let mut shortages = Vec::new();
    for (index, &ReservationLine { order_line_id, variant_id, quantity }) in lines.iter().enumerate() {
        let mut wanted = quantity;
        let mut parts: BTreeMap<LocationId, i64> = BTreeMap::new();
        for level in levels.iter_mut().filter(|level| level.variant_id == variant_id) {
            let taken = wanted.min(level.available());
            if taken > 0 {
                level.reserved += taken;
                wanted -= taken;
                parts.insert(level.location_id, taken);
            }
        }
        let mut own = levels.iter_mut().filter(|level| level.variant_id == variant_id);
        if wanted > 0
            && let Some(level) = own.find(|level| level.backorderable)
        {
            level.reserved += wanted;
            *parts.entry(level.location_id).or_default() += wanted;
            wanted = 0;
        }
        if wanted > 0 {
            shortages.push(Shortage { index, variant_id, available: quantity - wanted });
        }
        allocations.extend(parts.into_iter().map(|(location_id, quantity)| Allocation {
            order_line_id,
            variant_id,
            location_id,
            quantity,
        }));
    }
    if shortages.is_empty() { Ok(allocations) } else { Err(shortages) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrderLineId;

    fn level(variant_id: VariantId, on_hand: i64, reserved: i64, backorderable: bool) -> StockLevel {
        StockLevel { variant_id, location_id: LocationId::new(), on_hand, reserved, backorderable }
    }

    fn line(variant_id: VariantId, quantity: i64) -> ReservationLine {
        ReservationLine { order_line_id: OrderLineId::new(), variant_id, quantity }
    }

    #[test]
    fn a_line_draws_from_locations_in_order() {
        let variant = VariantId::new();
        let mut levels =
            [level(variant, 3, 1, false), level(variant, 0, 0, false), level(variant, 9, 0, false)];
        let places: Vec<LocationId> = levels.iter().map(|level| level.location_id).collect();
        let mut allocations = allocate(&mut levels, &[line(variant, 5)]).unwrap();
        allocations
            .sort_by_key(|allocation| places.iter().position(|&place| place == allocation.location_id));
        let parts: Vec<(LocationId, i64)> = allocations.iter().map(|a| (a.location_id, a.quantity)).collect();
        assert_eq!(parts, [(places[0], 2), (places[2], 3)]);
    }

    #[test]
    fn lines_of_one_variant_share_what_there_is() {
        let variant = VariantId::new();
        let mut levels = [level(variant, 5, 0, false)];
        let shortages = allocate(&mut levels, &[line(variant, 3), line(variant, 3)]).unwrap_err();
        assert_eq!(shortages, [Shortage { index: 1, variant_id: variant, available: 2 }]);
    }

    #[test]
    fn what_is_missing_is_backordered_where_that_is_allowed() {
        let variant = VariantId::new();
        let mut levels = [level(variant, 1, 0, false), level(variant, 2, 4, true)];
        let backorder = levels[1].location_id;
        let allocations = allocate(&mut levels, &[line(variant, 10)]).unwrap();
        let on_backorder: i64 =
            allocations.iter().filter(|a| a.location_id == backorder).map(|a| a.quantity).sum();
        assert_eq!(on_backorder, 9);
    }

    #[test]
    fn a_variant_without_a_level_cannot_be_bought() {
        let variant = VariantId::new();
        let shortages = allocate(&mut [], &[line(variant, 1)]).unwrap_err();
        assert_eq!(shortages, [Shortage { index: 0, variant_id: variant, available: 0 }]);
    }
}
