//! `stockAdjust`: somebody counted, or goods came in.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Detail, Error, Reason, Rejection, Result};
use crate::idempotency::{self, Begin};
use crate::ids::{LocationId, VariantId};

use super::model::{MovementKind, StockLevel};
use super::queries::{self, Cause, Delta};

/// What the reason may be long.
const MAX_REASON_CHARS: usize = 255;

/// No warehouse holds more; keeps sums far from the end of the numbers.
const MAX_DELTA: i64 = 1_000_000_000;

/// A change of the units on hand.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StockAdjustment {
    /// Of what.
    pub variant_id: VariantId,
    /// Where; the default location when left out.
    pub location_id: Option<LocationId>,
    /// Units to add, or to take away when negative; not zero.
    pub delta: i64,
    /// For the stock book.
    pub reason: String,
    /// Not part of what makes two requests the same.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Changes the units on hand and books an ADJUSTED movement; needs INVENTORY_WRITE. Once per idempotency key.
///
/// Rejects a delta that would leave fewer units than are reserved (or than none, where backorders are allowed). Locks
/// the level.
pub async fn adjust(app: &App, viewer: &Viewer, input: StockAdjustment) -> Result<StockLevel> {
    viewer.require(Permission::InventoryWrite)?;
    check(&input)?;
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        match idempotency::begin(conn, "stockAdjust", &input.idempotency_key, &input).await? {
            Begin::Done(level) => return Ok(level),
            Begin::New => {}
        }
        let location_id = match input.location_id {
            Some(id) => id,
            None => queries::default_location(conn).await?,
        };
        let mut level = queries::lock_or_create(conn, input.variant_id, location_id)
            .await?
            .ok_or_else(|| Rejection::new(Reason::NotFound, "There is no such variant or location."))?;
        let on_hand = level.on_hand + input.delta;
        let least = if level.backorderable { 0 } else { level.reserved };
        if on_hand < least {
            return Err(too_few(&level).into());
        }
        level.on_hand = on_hand;
        let delta = Delta {
            variant_id: level.variant_id,
            location_id,
            on_hand: input.delta,
            reserved: 0,
            kind: MovementKind::Adjusted,
        };
        let cause = Cause { reason: &input.reason, order_id: None, actor: &actor, at: now };
        queries::apply(conn, &[delta], cause).await?;
        idempotency::finish(conn, "stockAdjust", &input.idempotency_key, &level).await?;
        Ok::<_, Error>(level)
    })
    .await
}

fn check(input: &StockAdjustment) -> Result<()> {
    if input.delta == 0 || input.delta.abs() > MAX_DELTA {
        let message = "The delta is a whole number from -1000000000 to 1000000000, not zero.";
        return Err(Rejection::new(Reason::Invalid, message).at(["input", "delta"]).into());
    }
    check_reason(&input.reason)
}

/// Refuses a reason that the stock book does not take.
pub(super) fn check_reason(reason: &str) -> Result<()> {
    if reason.chars().count() > MAX_REASON_CHARS || reason.contains('\0') {
        let message = "The reason has at most 255 characters, none of them NUL.";
        return Err(Rejection::new(Reason::Invalid, message).at(["input", "reason"]).into());
    }
    Ok(())
}

fn too_few(level: &StockLevel) -> Rejection {
    let free = if level.backorderable { level.on_hand } else { level.available() };
    Rejection {
        reason: Reason::InsufficientStock,
        message: format!(
            "There are {} units on hand and {} of them are reserved: at most {free} can be taken away.",
            level.on_hand, level.reserved
        ),
        field: vec!["input".into(), "delta".into()],
        detail: Detail::Stock { variant_id: level.variant_id, available: free },
    }
}
