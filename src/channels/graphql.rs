//! The shop itself.

use async_graphql::{Context, Object, Result, SimpleObject};
use diesel::prelude::*;

use crate::graphql::ContextExt;
use crate::schema::shop_settings;

/// The shop.
#[derive(SimpleObject)]
pub struct Shop {
    /// Its name.
    name: String,
    /// The version of Ironmonger that answers.
    version: String,
    /// The ISO 4217 code of the channel's currency.
    default_currency_code: String,
}

/// Root queries about the shop.
#[derive(Default)]
pub struct ShopQuery;

#[Object]
impl ShopQuery {
    /// The shop: its name, version and currency.
    async fn shop(&self, ctx: &Context<'_>) -> Result<Shop> {
        let mut conn = ctx.app().db.get().await?;
        let name: String =
            diesel_async::RunQueryDsl::first(shop_settings::table.select(shop_settings::name), &mut conn)
                .await
                .map_err(crate::Error::from)?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Shop { name, version, default_currency_code: ctx.channel().currency.code().to_owned() })
    }
}
