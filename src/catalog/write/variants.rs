//! The statements that write variants and their prices.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::{PriceRecord, VariantRecord};
use crate::db::Conn;
use crate::ids::{ProductId, VariantId};
use crate::sql::{Sql, array_literal};

use super::children::place;
use super::queries::json;
use super::{Target, Writing};

/// A variant that is written, and its id.
pub(super) struct VariantTarget<'a> {
    pub id: VariantId,
    pub is_new: bool,
    product_id: ProductId,
    position: i32,
    pub record: &'a VariantRecord,
}

/// Deletes the variants of known products that their records no longer have, and writes the others with their prices.
pub(super) async fn write<'a>(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[Target<'a>],
) -> QueryResult<Vec<VariantTarget<'a>>> {
    let known: Vec<ProductId> =
        targets.iter().filter(|target| !target.is_new).map(|target| target.id).collect();
    let mut existing = existing(conn, &known).await?;
    let mut variants = Vec::new();
    for target in targets {
        for (index, record) in target.record.variants.iter().enumerate() {
            let found = match target.is_new {
                true => None,
                false => existing.remove(&(target.id, record.option_values.clone())),
            };
            let id = found.unwrap_or_else(VariantId::new);
            let (is_new, product_id, position) = (found.is_none(), target.id, place(index));
            variants.push(VariantTarget { id, is_new, product_id, position, record });
        }
    }
    if !existing.is_empty() {
        Sql::<Uuid>::new("DELETE FROM variants WHERE id = ANY(?)")
            .bind::<Array<Uuid>, _>(existing.into_values().collect::<Vec<_>>())
            .execute(conn)
            .await?;
    }
    let (new, old): (Vec<&VariantTarget>, Vec<&VariantTarget>) =
        variants.iter().partition(|variant| variant.is_new);
    write_variants(conn, batch, INSERT.to_owned(), &new).await?;
    write_prices(conn, INSERT_PRICES.to_owned(), &new).await?;
    if !old.is_empty() {
        write_variants(conn, batch, format!("{INSERT} {OR_UPDATE}"), &old).await?;
        delete_prices(conn, &old).await?;
        write_prices(conn, format!("{INSERT_PRICES} {OR_UPDATE_PRICES}"), &old).await?;
    }
    Ok(variants)
}

async fn existing(
    conn: &mut Conn,
    products: &[ProductId],
) -> QueryResult<HashMap<(ProductId, Vec<String>), VariantId>> {
    if products.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(VariantId, ProductId, Vec<String>)> = Sql::<(Uuid, Uuid, Array<Text>)>::new(
        "SELECT id, product_id, option_values FROM variants WHERE product_id = ANY(?)",
    )
    .bind::<Array<Uuid>, _>(products)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, product_id, values)| ((product_id, values), id)).collect())
}

const INSERT: &str = "INSERT INTO variants AS v (created_at, updated_at, id, product_id, position, name, option_values, sku, \
    barcode, weight_grams, requires_shipping, taxable, metadata, private_metadata) \
    SELECT ?, ?, t.id, t.product_id, t.position, t.name, t.option_values::text[], t.sku, t.barcode, t.weight_grams, \
    t.requires_shipping, t.taxable, t.metadata::jsonb, t.private_metadata::jsonb \
    FROM (SELECT unnest(?) AS id, unnest(?) AS product_id, unnest(?) AS position, unnest(?) AS name, \
    unnest(?) AS option_values, unnest(?) AS sku, unnest(?) AS barcode, unnest(?) AS weight_grams, \
    unnest(?) AS requires_shipping, unnest(?) AS taxable, unnest(?) AS metadata, unnest(?) AS private_metadata) AS t";

const OR_UPDATE: &str = "ON CONFLICT (id) DO UPDATE SET version = v.version + 1, updated_at = excluded.updated_at, \
    position = excluded.position, name = excluded.name, sku = excluded.sku, barcode = excluded.barcode, \
    weight_grams = excluded.weight_grams, requires_shipping = excluded.requires_shipping, taxable = excluded.taxable, \
    metadata = excluded.metadata, private_metadata = excluded.private_metadata \
    WHERE (v.position, v.name, v.sku, v.barcode, v.weight_grams, v.requires_shipping, v.taxable, v.metadata, \
    v.private_metadata) IS DISTINCT FROM (excluded.position, excluded.name, excluded.sku, excluded.barcode, \
    excluded.weight_grams, excluded.requires_shipping, excluded.taxable, excluded.metadata, excluded.private_metadata)";

async fn write_variants(
    conn: &mut Conn,
    batch: &Writing<'_>,
    text: String,
    variants: &[&VariantTarget<'_>],
) -> QueryResult<()> {
    if variants.is_empty() {
        return Ok(());
    }
    let records = || variants.iter().map(|variant| variant.record);
    Sql::<Uuid>::new(text)
        .bind::<Timestamptz, _>(batch.now)
        .bind::<Timestamptz, _>(batch.now)
        .bind::<Array<Uuid>, _>(variants.iter().map(|variant| variant.id).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(variants.iter().map(|variant| variant.product_id).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(variants.iter().map(|variant| variant.position).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(records().map(VariantRecord::name).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(
            records().map(|record| array_literal(&record.option_values)).collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(records().map(|record| record.sku.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(records().map(|record| record.barcode.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(records().map(|record| record.weight_grams).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(records().map(|record| record.requires_shipping).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(records().map(|record| record.taxable).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(records().map(|record| json(&record.metadata)).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(records().map(|record| json(&record.private_metadata)).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

const INSERT_PRICES: &str = "INSERT INTO variant_prices AS p (variant_id, channel_id, amount, compare_at_amount, sale_amount, \
    sale_starts_at, sale_ends_at) SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)";

const OR_UPDATE_PRICES: &str = "ON CONFLICT (variant_id, channel_id) DO UPDATE SET amount = excluded.amount, \
    compare_at_amount = excluded.compare_at_amount, sale_amount = excluded.sale_amount, \
    sale_starts_at = excluded.sale_starts_at, sale_ends_at = excluded.sale_ends_at \
    WHERE (p.amount, p.compare_at_amount, p.sale_amount, p.sale_starts_at, p.sale_ends_at) IS DISTINCT FROM \
    (excluded.amount, excluded.compare_at_amount, excluded.sale_amount, excluded.sale_starts_at, excluded.sale_ends_at)";

fn prices<'a>(variants: &[&VariantTarget<'a>]) -> Vec<(VariantId, &'a PriceRecord)> {
    let of_variant = |variant: &&VariantTarget<'a>| (variant.id, variant.record);
    variants
        .iter()
        .map(of_variant)
        .flat_map(|(id, record)| record.prices.iter().map(move |price| (id, price)))
        .collect()
}

async fn delete_prices(conn: &mut Conn, variants: &[&VariantTarget<'_>]) -> QueryResult<()> {
    let kept = prices(variants);
    Sql::<Uuid>::new(
        "DELETE FROM variant_prices AS p WHERE p.variant_id = ANY(?) AND NOT EXISTS (SELECT FROM unnest(?, ?) \
         AS t(variant_id, channel_id) WHERE t.variant_id = p.variant_id AND t.channel_id = p.channel_id)",
    )
    .bind::<Array<Uuid>, _>(variants.iter().map(|variant| variant.id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(kept.iter().map(|it| it.0).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(kept.iter().map(|it| it.1.channel_id).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_prices(conn: &mut Conn, text: String, variants: &[&VariantTarget<'_>]) -> QueryResult<()> {
    let prices = prices(variants);
    if prices.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(text)
        .bind::<Array<Uuid>, _>(prices.iter().map(|it| it.0).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(prices.iter().map(|it| it.1.channel_id).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(prices.iter().map(|it| it.1.amount).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(prices.iter().map(|it| it.1.compare_at).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(prices.iter().map(|it| it.1.sale_amount).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(
            prices.iter().map(|it| it.1.sale_starts_at).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Timestamptz>>, _>(
            prices.iter().map(|it| it.1.sale_ends_at).collect::<Vec<_>>(),
        )
        .execute(conn)
        .await?;
    Ok(())
}
