//! The demo store: what a newcomer finds in the shop on the first run.

mod source;
mod write;

use anyhow::Result;
use diesel_async::AsyncConnection;

use crate::app::App;
use crate::error::Error;

/// The staff login. It exists in development only.
const LOGIN: (&str, &str) = ("owner@ironmonger.test", "ironmonger");

/// Fills an empty shop: a shop that has a product or a collection is left as it is. All or nothing.
pub async fn load(app: &App) -> Result<()> {
    if !write::is_empty(&mut *app.db.get().await?).await? {
        return Ok(());
    }
    let store = source::store()?;
    let channel = app.channels.get(&app.db, None).await?;
    if store.shop.currency != channel.currency.code() {
        tracing::warn!(
            "the demo store is not loaded: its prices are not in the currency of the default channel"
        );
        return Ok(());
    }
    ensure_login(app).await?;
    let now = app.clock.now();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| write::store(conn, &channel, &store, now).await).await?;
    tracing::info!(products = store.products.len(), "the demo store is loaded");
    Ok(())
}

/// The staff login, if the shop still has it.
pub async fn login(app: &App) -> Result<Option<(&'static str, &'static str)>> {
    Ok(write::has_user(&mut *app.db.get().await?, LOGIN.0).await?.then_some(LOGIN))
}

async fn ensure_login(app: &App) -> Result<(), Error> {
    if !write::has_user(&mut *app.db.get().await?, LOGIN.0).await? {
        crate::access::create_user(app, LOGIN.0, LOGIN.1, &["owner"]).await?;
    }
    Ok(())
}

/// An image of the demo store, an SVG, by its file name. Served below `/demo/images/` in development.
pub fn demo_image(name: &str) -> Option<&'static [u8]> {
    source::IMAGES.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}
