//! What every change of a cart has in common: the lock, the checks, the version.

use std::future::Future;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{CartId, ChannelId};

use super::{Cart, queries};

/// The cart that a [`Change`] is about; its row is locked.
pub(super) struct OpenCart {
    pub id: CartId,
    pub channel_id: ChannelId,
    pub now: DateTime<Utc>,
}

/// One kind of change.
pub(super) trait Change: Send {
    /// Makes the change in the transaction that holds the cart's lock.
    fn apply(self, conn: &mut Conn, cart: &OpenCart) -> impl Future<Output = Result<()>> + Send;
}

/// Locks an open cart, checks `expected_version`, makes the change, bumps the version, and answers with the cart as it
/// is then. One transaction.
pub(super) async fn update(
    app: &App,
    id: CartId,
    expected_version: Option<i64>,
    change: impl Change,
) -> Result<Cart> {
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let cart = queries::lock(conn, id).await?.ok_or_else(not_found)?;
        if cart.status != "OPEN" {
            let message = "This cart has been placed or given up and cannot be changed.";
            return Err(Rejection::new(Reason::InvalidState, message).at(["input", "cartId"]).into());
        }
        if expected_version.is_some_and(|expected| expected != cart.version) {
            return Err(Rejection::stale(cart.version).into());
        }
        change.apply(conn, &OpenCart { id, channel_id: cart.channel_id, now }).await?;
        queries::bump_version(conn, id, now).await?;
        queries::find(conn, id, now).await?.ok_or_else(not_found)
    })
    .await
}

/// No cart has the id.
pub(super) fn not_found() -> Error {
    Rejection::new(Reason::NotFound, "There is no cart with this id.").at(["input", "cartId"]).into()
}
