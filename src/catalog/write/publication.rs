//! Where a product is seen, and the range of its prices there.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{ChannelId, ProductId};
use crate::sql::Sql;

use super::{Target, Writing};

struct Row {
    product_id: ProductId,
    channel_id: ChannelId,
    published_at: Option<DateTime<Utc>>,
    prices: Option<(i64, i64)>,
}

fn rows(batch: &Writing<'_>, targets: &[&Target<'_>]) -> Vec<Row> {
    let of_target = |target: &Target<'_>| {
        let (product_id, record) = (target.id, target.record);
        let row = move |publication: &crate::catalog::Publication| Row {
            product_id,
            channel_id: publication.channel_id,
            published_at: publication.published_at,
            prices: record.price_range(publication.channel_id, batch.now),
        };
        record.channels.iter().map(row).collect::<Vec<_>>()
    };
    targets.iter().flat_map(|target| of_target(target)).collect()
}

const INSERT: &str = "INSERT INTO product_channels AS pc (product_id, channel_id, published_at, min_price, max_price) \
    SELECT * FROM unnest(?, ?, ?, ?, ?)";

/// Writes the publications of new products, and makes those of known ones equal to their records.
pub(super) async fn write(
    conn: &mut Conn,
    batch: &Writing<'_>,
    new: &[&Target<'_>],
    known: &[&Target<'_>],
) -> QueryResult<()> {
    insert(conn, INSERT.to_owned(), rows(batch, new)).await?;
    if known.is_empty() {
        return Ok(());
    }
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
    let upsert = format!(
        "{INSERT} ON CONFLICT (product_id, channel_id) DO UPDATE SET min_price = excluded.min_price, \
         max_price = excluded.max_price, published_at = excluded.published_at \
         WHERE (pc.min_price, pc.max_price, pc.published_at) \
         IS DISTINCT FROM (excluded.min_price, excluded.max_price, excluded.published_at)"
    );
    insert(conn, upsert, kept).await
}

async fn insert(conn: &mut Conn, text: String, rows: Vec<Row>) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(text)
        .bind::<Array<Uuid>, _>(rows.iter().map(|row| row.product_id).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(rows.iter().map(|row| row.channel_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.published_at).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(
            rows.iter().map(|row| row.prices.map(|range| range.0)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<BigInt>>, _>(
            rows.iter().map(|row| row.prices.map(|range| range.1)).collect::<Vec<_>>(),
        )
        .execute(conn)
        .await?;
    Ok(())
}
