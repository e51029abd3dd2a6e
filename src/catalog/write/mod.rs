//! Writing whole products, many at a time: what an import, the demo store and `productCreate` stand on.
//!
//! Every step is one statement over arrays, so a batch of 500 products costs about as many statements as one product.

mod children;
mod queries;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::channels::Channel;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::ProductId;
use crate::inventory::{self, StockTarget};

use super::edit::queries as edit_queries;
use super::rules::{self, Touched};
use super::{OnConflict, ProductDraft, Written};

/// A draft that is written, and the product that it becomes.
struct Target<'a> {
    id: ProductId,
    is_new: bool,
    draft: &'a ProductDraft,
    fingerprint: Vec<u8>,
}

/// What one call writes on behalf of whom.
struct Batch<'a> {
    channel: &'a Channel,
    now: DateTime<Utc>,
    actor: &'a str,
}

/// Writes the drafts in the caller's transaction; the answers are in their order. Set-based: the number of statements
/// does not depend on the number of drafts; up to 500 at once do well.
///
/// A product is known by its slug, which must differ within one call; a variant by its option values, an image by its
/// URL, an option by its name. Of two that are the same the first one counts. An update makes the product equal to its
/// draft, with two exceptions: collections are only added to, since sources often know none, and stock stays where a
/// variant names none. A draft that was imported before, with no edit since, is left alone.
///
/// The drafts keep the limits of the schema (a name of 1 to 255 characters, a slug without spaces, prices not negative);
/// [`ProductDraft::check`] tells.
///
/// Locks the products in the order of their slugs, then their stock in the order of variants: imports that run side
/// by side wait for each other and do not deadlock.
pub async fn write_products(
    conn: &mut Conn,
    channel: &Channel,
    drafts: &[ProductDraft],
    on_conflict: OnConflict,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<Vec<Written>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch { channel, now, actor };
    let fingerprints = drafts.iter().map(|draft| fingerprint(channel, draft)).collect::<Result<Vec<_>>>()?;

    let mut known = queries::lock_by_slug(conn, drafts.iter().map(|draft| draft.slug.as_str())).await?;
    let missing: Vec<usize> = (0..drafts.len()).filter(|&i| !known.contains_key(&drafts[i].slug)).collect();
    let new_ids: HashMap<usize, ProductId> = if missing.is_empty() {
        HashMap::new()
    } else {
        let rows: Vec<Target> = missing
            .iter()
            .map(|&i| {
                let fingerprint = fingerprints[i].clone();
                Target { id: ProductId::new(), is_new: true, draft: &drafts[i], fingerprint }
            })
            .collect();
        let inserted = queries::insert_products(conn, &batch, &rows).await?;
        let (ours, theirs): (Vec<_>, Vec<_>) =
            missing.iter().copied().zip(&rows).partition(|(_, row)| inserted.contains(&row.id));
        if !theirs.is_empty() {
            // Another import made them while we waited for it.
            known.extend(
                queries::lock_by_slug(conn, theirs.iter().map(|(_, row)| row.draft.slug.as_str())).await?,
            );
        }
        ours.into_iter().map(|(i, row)| (i, row.id)).collect()
    };

    let mut written = Vec::with_capacity(drafts.len());
    let mut targets = Vec::with_capacity(drafts.len());
    for ((i, draft), fingerprint) in drafts.iter().enumerate().zip(fingerprints) {
        if let Some(&id) = new_ids.get(&i) {
            written.push(Written::Created(id));
            targets.push(Target { id, is_new: true, draft, fingerprint });
            continue;
        }
        let existing = known.get(&draft.slug).ok_or_else(|| {
            Error::fault(anyhow::anyhow!("product {} was deleted while it was written", draft.slug))
        })?;
        written.push(match on_conflict {
            OnConflict::Skip => Written::Skipped(existing.id),
            OnConflict::Update if existing.fingerprint.as_ref() == Some(&fingerprint) => {
                Written::Unchanged(existing.id)
            }
            OnConflict::Update => {
                targets.push(Target { id: existing.id, is_new: false, draft, fingerprint });
                Written::Updated(existing.id)
            }
        });
    }
    if !targets.is_empty() {
        write_targets(conn, &batch, &targets).await?;
    }
    Ok(written)
}

/// Everything but the rows of new products, which are there already.
async fn write_targets(conn: &mut Conn, batch: &Batch<'_>, targets: &[Target<'_>]) -> Result<()> {
    let updated: Vec<&Target> = targets.iter().filter(|target| !target.is_new).collect();
    if !updated.is_empty() {
        queries::update_products(conn, batch, &updated).await?;
        children::delete_options(conn, &updated).await?;
        children::delete_images(conn, &updated).await?;
    }
    children::upsert_options(conn, targets).await?;
    let variants = children::upsert_variants(conn, batch, targets, &updated).await?;
    children::upsert_prices(conn, batch, &variants).await?;
    children::upsert_images(conn, targets).await?;
    queries::publish(conn, batch, targets, &variants).await?;
    if !updated.is_empty() {
        // Sales, and the prices of other channels, are not in the drafts.
        let ids: Vec<ProductId> = updated.iter().map(|target| target.id).collect();
        edit_queries::refresh_ranges(conn, &ids, batch.now).await?;
    }
    queries::add_to_collections(conn, targets).await?;
    let stock: Vec<StockTarget> = variants
        .iter()
        .filter_map(|variant| {
            Some(StockTarget {
                variant_id: variant.id,
                is_new: variant.is_new,
                on_hand: variant.draft.stock?,
                backorderable: variant.draft.backorderable,
            })
        })
        .collect();
    inventory::set_on_hand(conn, &stock, "as the source says", batch.actor, batch.now).await?;
    let ids: Vec<ProductId> = targets.iter().map(|target| target.id).collect();
    rules::review(conn, &ids, Touched::Everything).await?;
    queries::append_events(conn, batch, targets).await?;
    Ok(())
}

/// SHA-256 over the channel and the draft. A change of the draft's shape changes it, and the next import writes again.
fn fingerprint(channel: &Channel, draft: &ProductDraft) -> Result<Vec<u8>> {
    let source = serde_json::to_vec(&(channel.id, draft)).map_err(Error::fault)?;
    Ok(Sha256::digest(source).to_vec())
}

/// The items whose keys were not seen before, in order.
fn distinct_by<T: Copy, K: Eq + std::hash::Hash>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(T) -> K,
) -> Vec<T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(|&item| seen.insert(key(item))).collect()
}
