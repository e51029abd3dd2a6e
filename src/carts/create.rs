//! Makes a cart.

use diesel_async::AsyncConnection;

use crate::access::Viewer;
use crate::app::App;
use crate::channels::Channel;
use crate::error::Result;
use crate::ids::CartId;

use super::buyer_update::checked_email;
use super::lines_add::{AddLines, LineAdd, check_quantities};
use super::update::{Change, OpenCart, not_found};
use super::{Cart, queries};

/// What a new cart begins with; all of it may come later.
#[derive(Debug, Clone, Default)]
pub struct CartCreate {
    /// The first lines.
    pub lines: Vec<LineAdd>,
    /// Where the confirmation goes.
    pub email: Option<String>,
}

/// Makes a cart in the channel. A signed-in customer's cart becomes that customer's order. One transaction.
pub async fn create(app: &App, viewer: &Viewer, channel: &Channel, input: CartCreate) -> Result<Cart> {
    check_quantities(&input.lines)?;
    let email = input.email.map(|email| checked_email(&email)).transpose()?;
    let (id, now) = (CartId::random(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        queries::insert(conn, id, channel.id, viewer.customer_id(), email.as_deref(), now).await?;
        AddLines(input.lines).apply(conn, &OpenCart { id, channel_id: channel.id, now }).await?;
        queries::find(conn, id, now).await?.ok_or_else(not_found)
    })
    .await
}
