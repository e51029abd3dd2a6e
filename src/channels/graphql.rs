//! The shop itself, and its channels.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use diesel::prelude::*;

use crate::access::Permission;
use crate::graphql::{ContextExt, CurrencyCode, UserError, outcome};
use crate::ids::ChannelId;
use crate::schema::shop_settings;

use super::edit::{self, ChannelChange, NewChannel};
use super::model;

/// The shop.
#[derive(SimpleObject)]
pub struct Shop {
    /// Its name.
    name: String,
    /// The version of Ironmonger that answers.
    version: String,
    /// The ISO 4217 code of the channel's currency.
    default_currency_code: String,
    /// The language that texts are written in, such as `en`.
    default_locale: String,
    /// The languages that there are translations in. A request picks one by the header `Accept-Language`.
    locales: Vec<String>,
}

/// Where things are sold: a website, a country, an app. It has a currency, prices and a publication of its own.
#[derive(Clone)]
pub struct Channel(pub model::Channel);

/// Where things are sold: a website, a country, an app. It has a currency, prices and a publication of its own.
#[Object]
impl Channel {
    /// Globally unique and opaque.
    async fn id(&self) -> ChannelId {
        self.0.id
    }

    /// What the header `Ironmonger-Channel` names.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// For people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The currency of its prices.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency)
    }

    /// Whether requests that name no channel get this one.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// Grows by one with every change; for `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }
}

/// A new channel.
#[derive(InputObject)]
pub struct ChannelCreateInput {
    /// What the header `Ironmonger-Channel` will name: 1 to 63 lower-case letters, digits and hyphens; unique.
    slug: String,
    /// 1 to 255 characters.
    name: String,
    /// The currency of its prices; it cannot be changed later.
    currency_code: CurrencyCode,
}

/// An edit of a channel; what is left out stays.
#[derive(InputObject)]
pub struct ChannelUpdateInput {
    /// The channel.
    id: ChannelId,
    /// The version that the edit was made on; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// 1 to 63 lower-case letters, digits and hyphens; unique.
    slug: Option<String>,
    /// 1 to 255 characters.
    name: Option<String>,
    /// True makes it the one that requests get which name none.
    #[graphql(default)]
    make_default: bool,
}

/// What `channelCreate` answers.
#[derive(SimpleObject)]
pub struct ChannelCreatePayload {
    /// The new channel; null when there are user errors.
    channel: Option<Channel>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// What `channelUpdate` answers.
#[derive(SimpleObject)]
pub struct ChannelUpdatePayload {
    /// The channel after the edit; null when there are user errors.
    channel: Option<Channel>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root queries about the shop.
#[derive(Default)]
pub struct ShopQuery;

#[Object]
impl ShopQuery {
    /// The shop: its name, version, currency and languages.
    async fn shop(&self, ctx: &Context<'_>) -> Result<Shop> {
        let app = ctx.app();
        let known = app.channels.known(&app.db).await?;
        let mut conn = app.db.get().await?;
        let name: String =
            diesel_async::RunQueryDsl::first(shop_settings::table.select(shop_settings::name), &mut conn)
                .await
                .map_err(crate::Error::from)?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Shop {
            name,
            version,
            default_currency_code: ctx.channel().currency.code().to_owned(),
            default_locale: known.default_locale.clone(),
            locales: known.locales.clone(),
        })
    }

    /// Every channel, by slug. Needs CHANNELS_READ.
    #[graphql(visible = "crate::graphql::visible::channels_read", complexity = "10 * child_complexity")]
    async fn channels(&self, ctx: &Context<'_>) -> Result<Vec<Channel>> {
        ctx.viewer().require(Permission::ChannelsRead)?;
        let app = ctx.app();
        Ok(app.channels.all(&app.db).await?.into_iter().map(Channel).collect())
    }
}

/// Root mutations about channels.
#[derive(Default)]
pub struct ChannelMutation;

#[Object]
impl ChannelMutation {
    /// Creates a channel, in which nothing is published and nothing has a price yet. Needs CHANNELS_WRITE.
    #[graphql(visible = "crate::graphql::visible::channels_write")]
    async fn channel_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel.")] input: ChannelCreateInput,
    ) -> Result<ChannelCreatePayload> {
        let ChannelCreateInput { slug, name, currency_code: CurrencyCode(currency) } = input;
        let new = NewChannel { slug, name, currency };
        let (channel, user_errors) = outcome(edit::create(ctx.app(), ctx.viewer(), new).await)?;
        Ok(ChannelCreatePayload { channel: channel.map(Channel), user_errors })
    }

    /// Edits a channel. Needs CHANNELS_WRITE.
    #[graphql(visible = "crate::graphql::visible::channels_write")]
    async fn channel_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edit.")] input: ChannelUpdateInput,
    ) -> Result<ChannelUpdatePayload> {
        let ChannelUpdateInput { id, expected_version, slug, name, make_default } = input;
        let change = ChannelChange { slug, name, make_default };
        let updated = edit::update(ctx.app(), ctx.viewer(), id, expected_version, change).await;
        let (channel, user_errors) = outcome(updated)?;
        Ok(ChannelUpdatePayload { channel: channel.map(Channel), user_errors })
    }
}
