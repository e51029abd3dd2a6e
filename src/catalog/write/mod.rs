//! Writing whole products, many at a time: what an import, the demo store and `productCreate` stand on.
//!
//! Every step is one statement over arrays, so a batch of 500 products costs about as many statements as one product. What
//! belongs to a new product is inserted plainly: looking for a conflict that cannot be costs a third of the time.

mod adding;
mod children;
mod collections;
mod publication;
mod queries;
mod variants;
mod vouched;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::channels::Channel;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ImportId, ProductId};
use crate::inventory::{self, StockTarget};

use super::edit::queries as edit_queries;
use super::record::ProductRecord;
use super::rules::{self, Touched};
use super::vocabulary::Lesson;
use super::{ProductDraft, Written};
use adding::Added;

pub use collections::ends_of_collections;
use queries::{CutTexts, Taken};
pub use queries::{LockedProduct, lock_products};

/// A record to be written.
#[derive(Debug, Clone, Copy)]
pub struct RecordWrite<'a> {
    /// The product that becomes equal to it, which the caller has locked with [`lock_products`]; none for a new one.
    pub id: Option<ProductId>,
    /// What it shall be. Options, combinations of option values, images, channels and locations differ within it.
    pub record: &'a ProductRecord,
    /// What tells the source that it comes from; none when nobody will ask.
    pub fingerprint: Option<&'a [u8]>,
}

/// A record that is written, and the product that it becomes.
struct Target<'a> {
    id: ProductId,
    is_new: bool,
    record: &'a ProductRecord,
    fingerprint: Option<&'a [u8]>,
}

impl Target<'_> {
    fn has_sales(&self) -> bool {
        let prices = self.record.variants.iter().flat_map(|variant| &variant.prices);
        prices.into_iter().any(|price| price.sale_amount.is_some())
    }
}

/// On behalf of whom one call writes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// The time that it counts as.
    pub now: DateTime<Utc>,
    /// Who did it, as the events tell.
    pub actor: &'a str,
    /// The import that does it.
    pub import_id: Option<ImportId>,
    /// What is known of words; none for a few products, where asking would take longer.
    pub lesson: Option<&'a Lesson<'a>>,
}

/// Writes records in the caller's transaction; the answers are in their order, `None` where a new product's slug was taken by
/// another transaction meanwhile: nothing of it is written then. With a [lesson](Writing::lesson) this may fail instead, see
/// [`is_slug_taken`]. Slugs must differ within one call. Set-based: the number of statements does not depend on the number of
/// records; up to 500 at once do well.
///
/// An existing product is made equal to its record: variants, options, images, translations, prices, publications and manual
/// collections that the record does not have go. Only stock stays where a record names none.
///
/// Locks stock in the order of variants and products in the order of their slugs: calls that run side by side wait for
/// each other and do not deadlock.
pub async fn write_records(
    conn: &mut Conn,
    records: &[RecordWrite<'_>],
    batch: &Writing<'_>,
) -> Result<Vec<Option<ProductId>>> {
    let mut targets: Vec<Target> = records
        .iter()
        .map(|write| Target {
            id: write.id.unwrap_or_else(ProductId::new),
            is_new: write.id.is_none(),
            record: write.record,
            fingerprint: write.fingerprint,
        })
        .collect();
    let lesson = batch.lesson.filter(|_| adding::is_worth_it(&targets));
    if lesson.is_some() {
        adding::begin(conn).await?;
    }
    let cut = queries::cut_texts(conn, batch, &targets).await?;
    let (new, known): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(|target| target.is_new);
    if !known.is_empty() {
        queries::update_products(conn, batch, &known, &cut).await?;
    }
    let mut hashes = HashMap::new();
    if !new.is_empty() {
        let taken = if lesson.is_some() { Taken::Refused } else { Taken::PassedOver };
        hashes = queries::insert_products(conn, batch, &new, &cut, taken).await?;
        targets.retain(|target| !target.is_new || hashes.contains_key(&target.id));
    }
    if !targets.is_empty() {
        write_children(conn, batch, &targets, lesson.map(|lesson| (lesson, &hashes, &cut))).await?;
    }
    let written = targets.iter().map(|target| (target.record.slug.as_str(), target.id));
    let written: HashMap<&str, ProductId> = written.collect();
    Ok(records.iter().map(|write| written.get(write.record.slug.as_str()).copied()).collect())
}

/// Whether [`write_records`] failed because another transaction has made one of the products meanwhile.
pub fn is_slug_taken(error: &Error) -> bool {
    let Error::Fault(fault) = error else { return false };
    match fault.downcast_ref::<DieselError>() {
        Some(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)) => {
            info.constraint_name() == Some("products_slug_key")
        }
        _ => false,
    }
}

/// Everything but the rows of the products.
async fn write_children(
    conn: &mut Conn,
    batch: &Writing<'_>,
    targets: &[Target<'_>],
    adding: Option<(&Lesson<'_>, &HashMap<ProductId, i64>, &CutTexts)>,
) -> Result<()> {
    let (new, known): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(|target| target.is_new);
    // Known products lose rows, too, and what hangs on those has to follow; for few products asking costs less than not asking.
    let vouched = adding::is_worth_it(targets) && vouched::can_vouch(conn, &new).await?;
    if vouched {
        vouched::stop_asking(conn).await?;
    }
    if !new.is_empty() {
        children::insert(conn, &new).await?;
    }
    if !known.is_empty() {
        children::replace(conn, &known).await?;
    }
    let variants = variants::write(conn, batch, targets).await?;
    let published = publication::write(conn, batch, &new, &known).await?;
    // Ranges that a sale will turn are noted where sales are known; others need no second look.
    let turning: Vec<ProductId> = targets
        .iter()
        .filter(|target| !target.is_new || target.has_sales())
        .map(|target| target.id)
        .collect();
    if !turning.is_empty() {
        edit_queries::refresh_ranges(conn, &turning, batch.now).await?;
    }
    let memberships = collections::write_memberships(conn, &new, &known).await?;
    let stock: Vec<StockTarget> = variants
        .iter()
        .flat_map(|variant| {
            variant.record.stock.iter().map(|level| StockTarget {
                variant_id: variant.id,
                location_id: level.location_id,
                is_new: variant.is_new,
                on_hand: level.on_hand,
                backorderable: level.backorderable,
            })
        })
        .collect();
    inventory::set_on_hand(conn, &stock, "as the source says", batch.actor, batch.now).await?;
    if let Some((lesson, hashes, cut)) = adding {
        let added = Added { targets, hashes, cut, published: &published, memberships: &memberships };
        adding::finish(conn, batch, lesson, &added).await?;
    }
    if vouched {
        vouched::ask_again(conn).await?;
    }
    let ids: Vec<ProductId> = targets.iter().map(|target| target.id).collect();
    rules::review(conn, &ids, Touched::Everything).await?;
    queries::append_events(conn, batch, targets).await?;
    Ok(())
}

/// Creates products as they were entered in a channel, in the caller's transaction; the answers are in the order of the drafts.
/// A product whose slug exists is left alone. The drafts keep [`ProductDraft::check`]; their slugs differ.
pub async fn create_products(
    conn: &mut Conn,
    channel: &Channel,
    drafts: &[ProductDraft],
    now: DateTime<Utc>,
    actor: &str,
) -> Result<Vec<Written>> {
    let location_id = inventory::default_location(conn).await?;
    let records: Vec<ProductRecord> =
        drafts.iter().map(|draft| ProductRecord::of(draft, channel.id, location_id, now)).collect();
    let slugs: Vec<&str> = drafts.iter().map(|draft| draft.slug.as_str()).collect();
    let mut known = lock_products(conn, &slugs).await?;
    let missing = records.iter().filter(|record| !known.contains_key(&record.slug));
    let writes: Vec<RecordWrite> =
        missing.map(|record| RecordWrite { id: None, record, fingerprint: None }).collect();
    let ids = write_records(conn, &writes, &Writing { now, actor, import_id: None, lesson: None }).await?;
    let (created, taken): (Vec<_>, Vec<_>) =
        writes.iter().map(|write| write.record.slug.as_str()).zip(ids).partition(|(_, id)| id.is_some());
    if !taken.is_empty() {
        let slugs: Vec<&str> = taken.iter().map(|(slug, _)| *slug).collect();
        known.extend(lock_products(conn, &slugs).await?);
    }
    let created: HashMap<&str, ProductId> =
        created.into_iter().filter_map(|(slug, id)| Some((slug, id?))).collect();
    let outcome = |slug: &str| match created.get(slug) {
        Some(&id) => Ok(Written::Created(id)),
        None => known
            .get(slug)
            .map(|product| Written::Skipped(product.id))
            .ok_or_else(|| Error::fault(anyhow::anyhow!("product {slug} was deleted while it was written"))),
    };
    slugs.into_iter().map(outcome).collect()
}
