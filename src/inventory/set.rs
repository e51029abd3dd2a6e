//! `stockSet`: somebody counted, and says what there is; or says whether more may be sold.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Detail, Error, Reason, Rejection, Result};
use crate::idempotency::{self, Begin};
use crate::ids::{LocationId, VariantId};

use super::adjust::check_reason;
use super::model::{MovementKind, StockLevel};
use super::queries::{self, Cause, Delta};

/// No warehouse holds more; keeps sums far from the end of the numbers.
const MAX_UNITS: i64 = 1_000_000_000;

/// What a level shall be.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StockSetting {
    /// Of what.
    pub variant_id: VariantId,
    /// Where; the default location when left out.
    pub location_id: Option<LocationId>,
    /// Units in the building, promised ones included; as they are when left out.
    pub on_hand: Option<i64>,
    /// Whether more may be sold than is on hand; as it is when left out.
    pub backorderable: Option<bool>,
    /// For the stock book.
    pub reason: String,
    /// Not part of what makes two requests the same.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Sets what is on hand and whether it may be backordered, and books the difference as ADJUSTED; needs INVENTORY_WRITE. Once per
/// idempotency key. Locks the level.
///
/// Rejects an unknown variant or location, a number that is no stock, and, where nothing may be backordered, fewer units than are
/// reserved.
pub async fn set(app: &App, viewer: &Viewer, input: StockSetting) -> Result<StockLevel> {
    viewer.require(Permission::InventoryWrite)?;
    if input.on_hand.is_some_and(|units| !(0..=MAX_UNITS).contains(&units)) {
        let message = "Units on hand are a whole number from 0 to 1000000000.";
        return Err(Rejection::new(Reason::Invalid, message).at(["input", "onHand"]).into());
    }
    check_reason(&input.reason)?;
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        match idempotency::begin(conn, "stockSet", &input.idempotency_key, &input).await? {
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
        let on_hand = input.on_hand.unwrap_or(level.on_hand);
        let backorderable = input.backorderable.unwrap_or(level.backorderable);
        if !backorderable && on_hand < level.reserved {
            return Err(too_few(&level).into());
        }
        let turned = backorderable != level.backorderable;
        // The level is valid after each step: more is allowed first, and less last.
        if turned && backorderable {
            queries::ensure(conn, &[(level.variant_id, location_id, true)]).await?;
        }
        if on_hand != level.on_hand {
            let delta = Delta {
                variant_id: level.variant_id,
                location_id,
                on_hand: on_hand - level.on_hand,
                reserved: 0,
                kind: MovementKind::Adjusted,
            };
            let cause = Cause { reason: &input.reason, order_id: None, actor: &actor, at: now };
            queries::apply(conn, &[delta], cause).await?;
        }
        if turned && !backorderable {
            queries::ensure(conn, &[(level.variant_id, location_id, false)]).await?;
        }
        level.on_hand = on_hand;
        level.backorderable = backorderable;
        idempotency::finish(conn, "stockSet", &input.idempotency_key, &level).await?;
        Ok::<_, Error>(level)
    })
    .await
}

fn too_few(level: &StockLevel) -> Rejection {
    Rejection {
        reason: Reason::InvalidState,
        message: format!(
            "{} units are reserved: as long as nothing may be backordered, so many stay on hand.",
            level.reserved
        ),
        field: vec!["input".into(), "onHand".into()],
        detail: Detail::None,
    }
}
