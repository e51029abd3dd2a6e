//! Where a product is seen, and the range of its prices there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::ProductStatus;
use crate::db::Conn;
use crate::ids::{ChannelId, ProductId};
use crate::sql::Sql;

use super::{Target, Writing};

/// A publication of a new product as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub channel_id: ChannelId,
    /// Everyone may see the product, at `published_at` at the latest.
    pub listed: bool,
    /// The steps of search in which the lowest and the highest price lie.
    pub price_steps: Option<(i32, i32)>,
}

/// By product.
pub(super) type PublishedByProduct = HashMap<ProductId, Vec<Published>>;

struct Row<'a> {
    product_id: ProductId,
    name: &'a str,
    is_active: bool,
    channel_id: ChannelId,
    published_at: Option<DateTime<Utc>>,
    prices: Option<(i64, i64)>,
}

fn rows<'a>(batch: &Writing<'_>, targets: &[&Target<'a>]) -> Vec<Row<'a>> {
    let of_target = |target: &Target<'a>| {
        let (product_id, record) = (target.id, target.record);
        let row = move |publication: &crate::catalog::Publication| Row {
            product_id,
            name: &record.name,
            is_active: record.status == ProductStatus::Active,
            channel_id: publication.channel_id,
            published_at: publication.published_at,
            prices: record.price_range(publication.channel_id, batch.now),
        };
        record.channels.iter().map(row).collect::<Vec<_>>()
    };
    targets.iter().flat_map(|target| of_target(target)).collect()
}

// The trigger would copy the columns of the product, too, but not for whoever adds many.
const INSERT: &str = "INSERT INTO product_channels AS pc \
    (created_at, product_id, channel_id, published_at, min_price, max_price, name, listed) \
    SELECT ?, unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)";

/// Writes the publications of new products and makes those of known ones equal to their records. Returns the new ones.
pub(super) async fn write(
    conn: &mut Conn,
    batch: &Writing<'_>,
    new: &[&Target<'_>],
    known: &[&Target<'_>],
) -> QueryResult<PublishedByProduct> {
    let published = insert(conn, batch, rows(batch, new)).await?;
    if !known.is_empty() {
        replace(conn, batch, known).await?;
    }
    Ok(published)
}

async fn insert(conn: &mut Conn, batch: &Writing<'_>, rows: Vec<Row<'_>>) -> QueryResult<PublishedByProduct> {
    let mut published = PublishedByProduct::new();
    if rows.is_empty() {
        return Ok(published);
    }
    let text = format!(
        "{INSERT} RETURNING product_id, channel_id, listed, number_step(min_price), number_step(max_price)"
    );
    type Stored = (ProductId, ChannelId, bool, Option<i32>, Option<i32>);
    let sql = Sql::<(Uuid, Uuid, Bool, Nullable<Integer>, Nullable<Integer>)>::new(text);
    let stored: Vec<Stored> = bind(sql, batch, rows).load(conn).await?;
    for (product_id, channel_id, listed, least, most) in stored {
        let price_steps = least.zip(most);
        published.entry(product_id).or_default().push(Published { channel_id, listed, price_steps });
    }
    Ok(published)
}

async fn replace(conn: &mut Conn, batch: &Writing<'_>, known: &[&Target<'_>]) -> QueryResult<()> {
    let kept = rows(batch, known);
    Sql::<Uuid>::new(
        "DELETE FROM product_channels AS pc WHERE pc.product_id = ANY(?) AND NOT EXISTS (SELECT FROM unnest(?, ?) \
         AS t(product_id, channel_id) WHERE t.product_id = pc.product_id AND t.channel_id = pc.channel_id)",
    )
    .bind::<Array<Uuid>, _>(known.iter().map(|target| target.id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(kept.iter().map(|row| row.product_id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(kept.iter().map(|row| row.channel_id).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    if kept.is_empty() {
        return Ok(());
    }
    let upsert = format!(
        "{INSERT} ON CONFLICT (product_id, channel_id) DO UPDATE SET min_price = excluded.min_price, \
         max_price = excluded.max_price, published_at = excluded.published_at \
         WHERE (pc.min_price, pc.max_price, pc.published_at) \
         IS DISTINCT FROM (excluded.min_price, excluded.max_price, excluded.published_at)"
    );
    bind(Sql::<Uuid>::new(upsert), batch, kept).execute(conn).await?;
    Ok(())
}

fn bind<'a, Returned>(sql: Sql<'a, Returned>, batch: &Writing<'_>, rows: Vec<Row<'a>>) -> Sql<'a, Returned> {
    sql.bind::<Timestamptz, _>(batch.now)
        .bind::<Array<Uuid>, _>(rows.iter().map(|row| row.product_id).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(rows.iter().map(|row| row.channel_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.published_at).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(
            rows.iter().map(|row| row.prices.map(|range| range.0)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<BigInt>>, _>(
            rows.iter().map(|row| row.prices.map(|range| range.1)).collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.name).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(
            rows.iter().map(|row| row.is_active && row.published_at.is_some()).collect::<Vec<_>>(),
        )
}
