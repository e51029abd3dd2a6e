//! The statements that write what belongs to a product: options, variants, prices, images.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::{ImageDraft, OptionDraft, VariantDraft};
use crate::db::Conn;
use crate::ids::{ImageId, OptionId, ProductId, VariantId};
use crate::media;
use crate::sql::{Sql, array_literal};

use super::{Batch, Target, distinct_by};

/// A variant that is written, and its id.
pub(super) struct VariantTarget<'a> {
    pub id: VariantId,
    pub is_new: bool,
    pub product_id: ProductId,
    pub position: i32,
    pub draft: &'a VariantDraft,
}

fn ids(targets: &[&Target<'_>]) -> Vec<ProductId> {
    targets.iter().map(|target| target.id).collect()
}

fn place(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// Every option of the targets with its place.
fn options<'a>(targets: impl IntoIterator<Item = &'a Target<'a>>) -> Vec<(ProductId, i32, &'a OptionDraft)> {
    let all = targets.into_iter().flat_map(|target| {
        target.draft.options.iter().enumerate().map(|(i, option)| (target.id, place(i), option))
    });
    distinct_by(all, |(product_id, _, option)| (product_id, &option.name))
}

/// Every image of the targets with its place.
fn images<'a>(targets: impl IntoIterator<Item = &'a Target<'a>>) -> Vec<(ProductId, i32, &'a ImageDraft)> {
    let all = targets.into_iter().flat_map(|target| {
        target.draft.images.iter().enumerate().map(|(i, image)| (target.id, place(i), image))
    });
    distinct_by(all, |(product_id, _, image)| {
        (product_id, stored_path(image).unwrap_or_else(|| image.url.clone()))
    })
}

/// How a row would name the image if it is one of our own storage.
fn stored_path(image: &ImageDraft) -> Option<String> {
    media::read_url(&image.url).map(|stored| stored.path)
}

pub(super) async fn delete_options(conn: &mut Conn, updated: &[&Target<'_>]) -> QueryResult<()> {
    let kept = options(updated.iter().copied());
    Sql::<Uuid>::new(
        "DELETE FROM product_options AS o WHERE o.product_id = ANY(?) AND NOT EXISTS \
         (SELECT FROM unnest(?, ?) AS t(product_id, name) WHERE t.product_id = o.product_id AND t.name = o.name)",
    )
    .bind::<Array<Uuid>, _>(ids(updated))
    .bind::<Array<Uuid>, _>(kept.iter().map(|option| option.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(kept.iter().map(|option| option.2.name.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn upsert_options(conn: &mut Conn, targets: &[Target<'_>]) -> QueryResult<()> {
    let options = options(targets);
    if options.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(
        "INSERT INTO product_options AS o (id, product_id, name, \"values\", position) \
         SELECT t.id, t.product_id, t.name, t.choices::text[], t.position \
         FROM unnest(?, ?, ?, ?, ?) AS t(id, product_id, name, choices, position) \
         ON CONFLICT (product_id, name) DO UPDATE SET \"values\" = excluded.\"values\", position = excluded.position \
         WHERE (o.\"values\", o.position) IS DISTINCT FROM (excluded.\"values\", excluded.position)",
    )
    .bind::<Array<Uuid>, _>(options.iter().map(|_| OptionId::new()).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(options.iter().map(|option| option.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(options.iter().map(|option| option.2.name.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(options.iter().map(|option| array_literal(&option.2.values)).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(options.iter().map(|option| option.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the variants of updated products that their drafts no longer have, and writes the others.
pub(super) async fn upsert_variants<'a>(
    conn: &mut Conn,
    batch: &Batch<'_>,
    targets: &'a [Target<'a>],
    updated: &[&Target<'_>],
) -> QueryResult<Vec<VariantTarget<'a>>> {
    let mut existing = existing_variants(conn, updated).await?;
    let drafts = targets.iter().flat_map(|target| {
        target.draft.variants.iter().enumerate().map(|(i, variant)| (target.id, place(i), variant))
    });
    let variants: Vec<VariantTarget> =
        distinct_by(drafts, |(product_id, _, draft)| (product_id, &draft.option_values))
            .into_iter()
            .map(|(product_id, position, draft)| {
                let known = existing.remove(&(product_id, draft.option_values.clone()));
                let id = known.unwrap_or_else(VariantId::new);
                VariantTarget { id, is_new: known.is_none(), product_id, position, draft }
            })
            .collect();
    if !existing.is_empty() {
        Sql::<Uuid>::new("DELETE FROM variants WHERE id = ANY(?)")
            .bind::<Array<Uuid>, _>(existing.into_values().collect::<Vec<_>>())
            .execute(conn)
            .await?;
    }
    insert_or_update(conn, batch, &variants).await?;
    Ok(variants)
}

async fn existing_variants(
    conn: &mut Conn,
    updated: &[&Target<'_>],
) -> QueryResult<HashMap<(ProductId, Vec<String>), VariantId>> {
    if updated.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(VariantId, ProductId, Vec<String>)> = Sql::<(Uuid, Uuid, Array<Text>)>::new(
        "SELECT id, product_id, option_values FROM variants WHERE product_id = ANY(?)",
    )
    .bind::<Array<Uuid>, _>(ids(updated))
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, product_id, values)| ((product_id, values), id)).collect())
}

async fn insert_or_update(
    conn: &mut Conn,
    batch: &Batch<'_>,
    variants: &[VariantTarget<'_>],
) -> QueryResult<()> {
    if variants.is_empty() {
        return Ok(());
    }
    let text =
        |get: fn(&VariantDraft) -> &str| -> Vec<&str> { variants.iter().map(|v| get(v.draft)).collect() };
    Sql::<Uuid>::new(
        "INSERT INTO variants AS v (created_at, updated_at, id, product_id, position, name, option_values, sku, barcode, \
         weight_grams, requires_shipping, taxable) \
         SELECT ?, ?, t.id, t.product_id, t.position, t.name, t.option_values::text[], t.sku, t.barcode, t.weight_grams, \
         t.requires_shipping, t.taxable \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         AS t(id, product_id, position, name, option_values, sku, barcode, weight_grams, requires_shipping, taxable) \
         ON CONFLICT (id) DO UPDATE SET version = v.version + 1, updated_at = excluded.updated_at, \
         position = excluded.position, name = excluded.name, sku = excluded.sku, barcode = excluded.barcode, \
         weight_grams = excluded.weight_grams, requires_shipping = excluded.requires_shipping, taxable = excluded.taxable \
         WHERE (v.position, v.name, v.sku, v.barcode, v.weight_grams, v.requires_shipping, v.taxable) IS DISTINCT FROM \
         (excluded.position, excluded.name, excluded.sku, excluded.barcode, excluded.weight_grams, \
         excluded.requires_shipping, excluded.taxable)",
    )
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Timestamptz, _>(batch.now)
    .bind::<Array<Uuid>, _>(variants.iter().map(|v| v.id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(variants.iter().map(|v| v.product_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(variants.iter().map(|v| v.position).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(variants.iter().map(|v| v.draft.name()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(variants.iter().map(|v| array_literal(&v.draft.option_values)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(text(|draft| &draft.sku))
    .bind::<Array<Text>, _>(text(|draft| &draft.barcode))
    .bind::<Array<Nullable<BigInt>>, _>(variants.iter().map(|v| v.draft.weight_grams).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(variants.iter().map(|v| v.draft.requires_shipping).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(variants.iter().map(|v| v.draft.taxable).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the regular prices. A sale stays, unless it would no longer be one.
pub(super) async fn upsert_prices(
    conn: &mut Conn,
    batch: &Batch<'_>,
    variants: &[VariantTarget<'_>],
) -> QueryResult<()> {
    if variants.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(
        "INSERT INTO variant_prices AS p (channel_id, variant_id, amount, compare_at_amount) \
         SELECT ?, t.variant_id, t.amount, t.compare_at_amount \
         FROM unnest(?, ?, ?) AS t(variant_id, amount, compare_at_amount) \
         ON CONFLICT (variant_id, channel_id) DO UPDATE \
         SET amount = excluded.amount, compare_at_amount = excluded.compare_at_amount, \
         sale_amount = CASE WHEN p.sale_amount <= excluded.amount THEN p.sale_amount END, \
         sale_starts_at = CASE WHEN p.sale_amount <= excluded.amount THEN p.sale_starts_at END, \
         sale_ends_at = CASE WHEN p.sale_amount <= excluded.amount THEN p.sale_ends_at END \
         WHERE (p.amount, p.compare_at_amount) IS DISTINCT FROM (excluded.amount, excluded.compare_at_amount)",
    )
    .bind::<Uuid, _>(batch.channel.id)
    .bind::<Array<Uuid>, _>(variants.iter().map(|v| v.id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(variants.iter().map(|v| v.draft.price_minor).collect::<Vec<_>>())
    .bind::<Array<Nullable<BigInt>>, _>(variants.iter().map(|v| v.draft.compare_at_minor).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn delete_images(conn: &mut Conn, updated: &[&Target<'_>]) -> QueryResult<()> {
    let kept = images(updated.iter().copied());
    Sql::<Uuid>::new(
        "DELETE FROM product_images AS i WHERE i.product_id = ANY(?) AND NOT EXISTS \
         (SELECT FROM unnest(?, ?, ?) AS t(product_id, url, stored_path) \
         WHERE t.product_id = i.product_id AND i.url IN (t.url, t.stored_path))",
    )
    .bind::<Array<Uuid>, _>(ids(updated))
    .bind::<Array<Uuid>, _>(kept.iter().map(|image| image.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(kept.iter().map(|image| image.2.url.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(kept.iter().map(|image| stored_path(image.2)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn upsert_images(conn: &mut Conn, targets: &[Target<'_>]) -> QueryResult<()> {
    let images = images(targets);
    if images.is_empty() {
        return Ok(());
    }
    let stored: Vec<_> = images.iter().map(|image| media::read_url(&image.2.url)).collect();
    Sql::<Uuid>::new(
        "INSERT INTO product_images AS i (id, product_id, url, alt_text, position, media_id) \
         SELECT t.id, t.product_id, CASE WHEN m.id IS NULL THEN t.url ELSE t.stored_path END, t.alt_text, t.position, m.id \
         FROM unnest(?, ?, ?, ?, ?, ?, ?) AS t(id, product_id, url, alt_text, position, media_id, stored_path) \
         LEFT JOIN media_images AS m ON m.id = t.media_id AND m.state = 'STORED' \
         ON CONFLICT (product_id, url) DO UPDATE SET alt_text = excluded.alt_text, position = excluded.position \
         WHERE (i.alt_text, i.position) IS DISTINCT FROM (excluded.alt_text, excluded.position)",
    )
    .bind::<Array<Uuid>, _>(images.iter().map(|_| ImageId::new()).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(images.iter().map(|image| image.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(images.iter().map(|image| image.2.url.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(images.iter().map(|image| image.2.alt_text.as_str()).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(images.iter().map(|image| image.1).collect::<Vec<_>>())
    .bind::<Array<Nullable<Uuid>>, _>(stored.iter().map(|stored| stored.as_ref().map(|one| one.id)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(stored.iter().map(|stored| stored.as_ref().map(|one| one.path.as_str())).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
