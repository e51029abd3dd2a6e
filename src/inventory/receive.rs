//! Stock as a source states it: imports and new products.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::db::Conn;
use crate::error::Result;
use crate::ids::{LocationId, VariantId};

use super::model::{MovementKind, StockTarget};
use super::queries::{self, Cause, Delta};

/// Sets the units on hand, in the caller's transaction. One to four statements whatever the number of targets; each variant
/// at most once per location.
///
/// What orders have been promised stays promised: where a source names fewer units than are reserved, as many as are
/// reserved stay on hand (unless the variant may be backordered). Only a difference is booked: RECEIVED for a level
/// that is new, ADJUSTED otherwise.
pub async fn set_on_hand(
    conn: &mut Conn,
    targets: &[StockTarget],
    reason: &str,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let cause = Cause { reason, order_id: None, actor, at: now };
    // Nobody else can see a new variant, so it has no level that could be locked.
    let (new, known): (Vec<StockTarget>, Vec<StockTarget>) = targets.iter().partition(|target| target.is_new);
    if !new.is_empty() {
        queries::receive(conn, &new, cause).await?;
    }
    if !known.is_empty() {
        adjust_known(conn, &known, cause).await?;
    }
    Ok(())
}

/// Locks every level of the variants; how many of their units are promised to orders that are not shipped. One statement.
pub async fn lock_reserved(conn: &mut Conn, variants: Vec<VariantId>) -> Result<i64> {
    Ok(queries::lock(conn, variants).await?.iter().map(|level| level.reserved).sum())
}

async fn adjust_known(conn: &mut Conn, targets: &[StockTarget], cause: Cause<'_>) -> Result<()> {
    let locked = queries::lock(conn, targets.iter().map(|target| target.variant_id).collect()).await?;
    let mut levels: HashMap<(VariantId, LocationId), _> =
        locked.into_iter().map(|level| ((level.variant_id, level.location_id), level)).collect();

    let ensured: Vec<(VariantId, LocationId, bool)> = targets
        .iter()
        .filter(|target| {
            let level = levels.get(&(target.variant_id, target.location_id));
            level.is_none_or(|level| level.backorderable != target.backorderable)
        })
        .map(|target| (target.variant_id, target.location_id, target.backorderable))
        .collect();
    if !ensured.is_empty() {
        queries::ensure(conn, &ensured).await?;
    }
    let deltas: Vec<Delta> = targets
        .iter()
        .filter_map(|target| {
            let (variant_id, location_id) = (target.variant_id, target.location_id);
            let level = levels.remove(&(variant_id, location_id));
            let kind = if level.is_some() { MovementKind::Adjusted } else { MovementKind::Received };
            let (mut on_hand, reserved) = level.map_or((0, 0), |level| (level.on_hand, level.reserved));
            let mut wanted = target.on_hand.max(0);
            if !target.backorderable {
                wanted = wanted.max(reserved);
                // `ensure` lifted a level that may no longer be backordered.
                on_hand = on_hand.max(reserved);
            }
            let delta = wanted - on_hand;
            (delta != 0).then_some(Delta { variant_id, location_id, on_hand: delta, reserved: 0, kind })
        })
        .collect();
    queries::apply(conn, &deltas, cause).await?;
    Ok(())
}
