//! Prices in every channel, and `variantPricesSet`.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use crate::access::Permission;
use crate::app::App;
use crate::catalog::edit::{self, PriceEdit, SaleEdit};
use crate::catalog::queries::staff::{Price, PricesOf};
use crate::channels::graphql::Channel;
use crate::error::{Error, Reason, Rejection};
use crate::graphql::{ContextExt, MoneyInput, UserError, outcome};
use crate::ids::{ChannelId, VariantId};
use crate::money::Money;

use super::variant::ProductVariant;
use super::variant_mutations::{minor, written_variant};

/// What a variant costs in a channel.
#[derive(SimpleObject)]
pub struct VariantPrice {
    /// Where.
    channel: Channel,
    /// What is charged now.
    current_price: Money,
    /// The regular price.
    price: Money,
    /// What it cost before a reduction; null when it is not reduced.
    compare_at_price: Option<Money>,
    /// A window in which it costs less; null when there is none.
    sale: Option<VariantSale>,
}

/// A window in which a variant costs less.
#[derive(SimpleObject)]
pub struct VariantSale {
    /// What is charged in the window.
    price: Money,
    /// The first moment of the sale; null when it has always been on.
    starts_at: Option<DateTime<Utc>>,
    /// The first moment after the sale; null when it does not end.
    ends_at: Option<DateTime<Utc>>,
}

/// The prices of a variant in every channel that it is sold in. Needs PRICING_READ.
pub async fn prices_of(ctx: &Context<'_>, id: VariantId) -> Result<Option<Vec<VariantPrice>>> {
    ctx.viewer().require(Permission::PricingRead)?;
    let app = ctx.app();
    let rows: Vec<Price> = ctx.loaders().load_one(PricesOf(id)).await?.unwrap_or_default();
    let now = app.clock.now();
    let mut prices = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(channel) = app.channels.by_id(&app.db, row.channel_id).await? else { continue };
        let sale = row.sale_amount.map(|amount| VariantSale {
            price: channel.money(amount),
            starts_at: row.sale_starts_at,
            ends_at: row.sale_ends_at,
        });
        prices.push(VariantPrice {
            current_price: channel.money(row.at(now)),
            price: channel.money(row.amount),
            compare_at_price: row.compare_at_amount.map(|amount| channel.money(amount)),
            sale,
            channel: Channel(channel),
        });
    }
    prices.sort_by(|a, b| a.channel.0.slug.cmp(&b.channel.0.slug));
    Ok(Some(prices))
}

/// Prices of a variant; channels that are not named stay as they are.
#[derive(InputObject)]
pub struct VariantPricesSetInput {
    /// The variant.
    variant_id: VariantId,
    /// The version of the variant that was looked at; STALE_VERSION if it is not the current one.
    expected_version: Option<i64>,
    /// One for each channel.
    prices: Vec<VariantPriceInput>,
}

/// What a variant costs in a channel, as it shall be.
#[derive(InputObject)]
pub struct VariantPriceInput {
    /// The channel; that of the request when left out.
    channel_id: Option<ChannelId>,
    /// The regular price in the channel's currency; null: it is not sold in the channel.
    price: Option<MoneyInput>,
    /// What it cost before a reduction; null when it is not reduced.
    compare_at_price: Option<MoneyInput>,
    /// A window in which it costs less; null when there is none.
    sale: Option<VariantSaleInput>,
}

/// A window in which a variant costs less. While it is on, `compareAtPrice` is the regular price.
#[derive(InputObject)]
pub struct VariantSaleInput {
    /// What is charged in the window; not more than the regular price.
    price: MoneyInput,
    /// The first moment of the sale; it is on already when left out.
    starts_at: Option<DateTime<Utc>>,
    /// The first moment after the sale; it does not end when left out.
    ends_at: Option<DateTime<Utc>>,
}

/// What `variantPricesSet` answers.
#[derive(SimpleObject)]
pub struct VariantPricesSetPayload {
    /// The variant after the edit; null when there are user errors.
    variant: Option<ProductVariant>,
    /// What stands in the way; empty on success.
    user_errors: Vec<UserError>,
}

/// Root mutations about prices.
#[derive(Default)]
pub struct PricingMutation;

#[Object]
impl PricingMutation {
    /// Sets what a variant costs in channels, and when it is on sale there. Needs PRICING_WRITE.
    #[graphql(visible = "crate::graphql::visible::pricing_write")]
    async fn variant_prices_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The prices.")] input: VariantPricesSetInput,
    ) -> Result<VariantPricesSetPayload> {
        let VariantPricesSetInput { variant_id, expected_version, prices } = input;
        let (app, viewer) = (ctx.app(), ctx.viewer());
        let set = async {
            viewer.require(Permission::PricingWrite)?;
            let mut edits = Vec::with_capacity(prices.len());
            for (index, price) in prices.into_iter().enumerate() {
                edits.push(price.read(app, ctx.channel(), index).await?);
            }
            edit::prices_set(app, viewer, variant_id, expected_version, edits).await
        };
        let (id, user_errors) = outcome(set.await)?;
        Ok(VariantPricesSetPayload { variant: written_variant(ctx, id).await?, user_errors })
    }
}

impl VariantPriceInput {
    async fn read(
        self,
        app: &App,
        current: &crate::channels::Channel,
        index: usize,
    ) -> Result<PriceEdit, Error> {
        let index = index.to_string();
        let channel = match self.channel_id {
            None => current.clone(),
            Some(id) => app.channels.by_id(&app.db, id).await?.ok_or_else(|| {
                let rejection = Rejection::new(Reason::NotFound, "There is no such channel.");
                rejection.at(["input", "prices", &index, "channelId"])
            })?,
        };
        let path = |field| ["input", "prices", index.as_str(), field];
        let sale = match &self.sale {
            None => None,
            Some(sale) => {
                let path = ["input", "prices", &index, "sale", "price"];
                minor(Some(&sale.price), &channel, &path)?.map(|amount| SaleEdit {
                    amount,
                    starts_at: sale.starts_at,
                    ends_at: sale.ends_at,
                })
            }
        };
        Ok(PriceEdit {
            amount: minor(self.price.as_ref(), &channel, &path("price"))?,
            compare_at: minor(self.compare_at_price.as_ref(), &channel, &path("compareAtPrice"))?,
            sale,
            channel,
        })
    }
}
