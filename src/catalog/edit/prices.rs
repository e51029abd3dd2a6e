//! `variantPricesSet`: what a variant costs in channels, and when it is on sale there.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz, Uuid};
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::VariantId;
use crate::jobs::{EnqueueOptions, enqueue};
use crate::sql::Sql;

use super::super::prices::TurnPrices;
use super::super::rules::{self, Touched};
use super::{Author, lock_variant, queries};

/// The price of a variant in a channel as it shall be.
#[derive(Debug, Clone)]
pub struct PriceEdit {
    /// Where.
    pub channel: Channel,
    /// In minor units; `None`: not sold there.
    pub amount: Option<i64>,
    /// The price before a reduction, in minor units.
    pub compare_at: Option<i64>,
    /// A window in which it costs less.
    pub sale: Option<SaleEdit>,
}

/// A window in which a variant costs less.
#[derive(Debug, Clone, Copy)]
pub struct SaleEdit {
    /// In minor units; not more than the regular price.
    pub amount: i64,
    /// Ever since when `None`; the first moment of the sale.
    pub starts_at: Option<DateTime<Utc>>,
    /// For good when `None`; the first moment after the sale.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Sets the prices of a variant in the named channels; needs PRICING_WRITE. Locks its product. What is charged follows the sale's
/// window to the moment; price ranges, filters and orders by price follow within a second or two.
///
/// Rejects an unknown variant, a stale version, a channel named twice, a sale without a price or above it, and a window
/// that ends before it begins.
pub async fn prices_set(
    app: &App,
    viewer: &Viewer,
    id: VariantId,
    expected_version: Option<i64>,
    prices: Vec<PriceEdit>,
) -> Result<VariantId> {
    let author = Author::with(app, viewer, Permission::PricingWrite)?;
    let rejections = check(&prices);
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let ends = prices.iter().filter_map(|price| price.sale).flat_map(|sale| [sale.starts_at, sale.ends_at]);
    let turns: Vec<DateTime<Utc>> = ends.flatten().filter(|turn| *turn > author.now).collect();
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let variant = lock_variant(conn, id, expected_version, "variantId").await?;
        write(conn, id, &prices, author.now).await?;
        let product_id = variant.product_id;
        queries::refresh_ranges(conn, &[product_id], author.now).await?;
        queries::touch(conn, product_id, author.now).await?;
        rules::review(conn, &[product_id], Touched::Prices).await?;
        let channels: Vec<_> = prices.iter().map(|price| price.channel.id).collect();
        let payload = serde_json::json!({ "variant": id, "channels": channels });
        author.record(conn, product_id, "product.prices_set", payload).await?;
        for &turn in &turns {
            let options = EnqueueOptions { run_at: Some(turn), ..EnqueueOptions::default() };
            enqueue(conn, &TurnPrices { at: Some(turn) }, options).await?;
        }
        Ok::<_, Error>(id)
    })
    .await
}

async fn write(conn: &mut Conn, id: VariantId, prices: &[PriceEdit], now: DateTime<Utc>) -> Result<()> {
    let (sold, gone): (Vec<&PriceEdit>, Vec<&PriceEdit>) =
        prices.iter().partition(|price| price.amount.is_some());
    Sql::<Uuid>::new("DELETE FROM variant_prices WHERE variant_id = ? AND channel_id = ANY(?)")
        .bind::<Uuid, _>(id)
        .bind::<Array<Uuid>, _>(gone.iter().map(|price| price.channel.id).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    let each = |get: fn(SaleEdit) -> Option<DateTime<Utc>>| -> Vec<Option<DateTime<Utc>>> {
        sold.iter().map(|price| price.sale.and_then(get)).collect()
    };
    Sql::<Uuid>::new(
        "INSERT INTO variant_prices (variant_id, channel_id, amount, compare_at_amount, sale_amount, sale_starts_at, sale_ends_at) \
         SELECT ?, t.* FROM unnest(?, ?, ?, ?, ?, ?) AS t(channel_id, amount, compare_at, sale, starts_at, ends_at) \
         ON CONFLICT (variant_id, channel_id) DO UPDATE SET amount = excluded.amount, \
         compare_at_amount = excluded.compare_at_amount, sale_amount = excluded.sale_amount, \
         sale_starts_at = excluded.sale_starts_at, sale_ends_at = excluded.sale_ends_at",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(sold.iter().map(|price| price.channel.id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(sold.iter().filter_map(|price| price.amount).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(sold.iter().map(|price| price.compare_at).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(
        sold.iter().map(|price| price.sale.map(|sale| sale.amount)).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Timestamptz>>, _>(each(|sale| sale.starts_at))
    .bind::<Array<Nullable<Timestamptz>>, _>(each(|sale| sale.ends_at))
    .execute(conn)
    .await?;
    Sql::<Uuid>::new("UPDATE variants SET version = version + 1, updated_at = ? WHERE id = ?")
        .bind::<Timestamptz, _>(now)
        .bind::<Uuid, _>(id)
        .execute(conn)
        .await?;
    Ok(())
}

fn check(prices: &[PriceEdit]) -> Vec<Rejection> {
    let mut rejections = Vec::new();
    for (index, price) in prices.iter().enumerate() {
        let mut reject = |reason, message: &str, field: &[&str]| {
            let path = ["input", "prices", &index.to_string()].map(str::to_owned).into_iter();
            let path = path.chain(field.iter().map(|part| (*part).to_owned()));
            rejections.push(Rejection::new(reason, message).at(path));
        };
        if prices[..index].iter().any(|other| other.channel.id == price.channel.id) {
            reject(Reason::Taken, "The channel is named twice.", &["channelId"]);
        }
        let Some(sale) = price.sale else { continue };
        if price.amount.is_none_or(|amount| sale.amount > amount) {
            reject(
                Reason::Invalid,
                "The price of a sale is not above the regular price.",
                &["sale", "price"],
            );
        }
        if matches!((sale.starts_at, sale.ends_at), (Some(start), Some(end)) if start >= end) {
            reject(Reason::Invalid, "A sale ends after it begins.", &["sale", "endsAt"]);
        }
    }
    rejections
}
