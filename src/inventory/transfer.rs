//! `stockTransfer`: goods go from one location to another.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Detail, Error, Reason, Rejection, Result};
use crate::idempotency::{self, Begin};
use crate::ids::{LocationId, VariantId};

use super::adjust::check_reason;
use super::model::{MovementKind, StockLevel};
use super::queries::{self, Cause, Delta};

/// Units that go from one location to another.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StockTransfer {
    /// Of what.
    pub variant_id: VariantId,
    /// Where they are.
    pub from: LocationId,
    /// Where they go.
    pub to: LocationId,
    /// More than zero.
    pub quantity: i64,
    /// For the stock book.
    pub reason: String,
    /// Not part of what makes two requests the same.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Moves units that are not promised, and books both ends as ADJUSTED; needs INVENTORY_WRITE. Once per idempotency key. Locks the levels of
/// the variant. The levels after the move: from, to.
///
/// Rejects an unknown variant or location, a transfer to the same location, a quantity that is not positive, and more units than
/// are free.
pub async fn transfer(app: &App, viewer: &Viewer, input: StockTransfer) -> Result<(StockLevel, StockLevel)> {
    viewer.require(Permission::InventoryWrite)?;
    check(&input)?;
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        match idempotency::begin(conn, "stockTransfer", &input.idempotency_key, &input).await? {
            Begin::Done(levels) => return Ok(levels),
            Begin::New => {}
        }
        // Both levels exist after this; then they are locked in the order that all take.
        for location in [input.from, input.to] {
            queries::exist_empty(conn, input.variant_id, location).await?;
        }
        let levels = queries::lock(conn, vec![input.variant_id]).await?;
        let find = |location: LocationId, field: &str| {
            levels.iter().find(|level| level.location_id == location).cloned().ok_or_else(|| {
                let message = "There is no such variant or location.";
                Error::from(Rejection::new(Reason::NotFound, message).at(["input", field]))
            })
        };
        let mut from = find(input.from, "fromLocationId")?;
        let mut to = find(input.to, "toLocationId")?;
        if from.available() < input.quantity {
            return Err(too_few(&from).into());
        }
        let delta = |level: &StockLevel, on_hand| Delta {
            variant_id: level.variant_id,
            location_id: level.location_id,
            on_hand,
            reserved: 0,
            kind: MovementKind::Adjusted,
        };
        let deltas = [delta(&from, -input.quantity), delta(&to, input.quantity)];
        let cause = Cause { reason: &input.reason, order_id: None, actor: &actor, at: now };
        queries::apply(conn, &deltas, cause).await?;
        from.on_hand -= input.quantity;
        to.on_hand += input.quantity;
        let levels = (from, to);
        idempotency::finish(conn, "stockTransfer", &input.idempotency_key, &levels).await?;
        Ok::<_, Error>(levels)
    })
    .await
}

fn check(input: &StockTransfer) -> Result<()> {
    check_reason(&input.reason)?;
    if input.quantity < 1 {
        let message = "At least one unit is moved.";
        return Err(Rejection::new(Reason::Invalid, message).at(["input", "quantity"]).into());
    }
    if input.from == input.to {
        let message = "Units are moved to another location.";
        return Err(Rejection::new(Reason::Invalid, message).at(["input", "toLocationId"]).into());
    }
    Ok(())
}

fn too_few(level: &StockLevel) -> Rejection {
    Rejection {
        reason: Reason::InsufficientStock,
        message: format!("Only {} units are there that are not promised to orders.", level.available()),
        field: vec!["input".into(), "quantity".into()],
        detail: Detail::Stock { variant_id: level.variant_id, available: level.available() },
    }
}
