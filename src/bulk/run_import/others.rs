//! What a file says about collections, product types and locations.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use crate::bulk::entry::{Entry, Problem};
use crate::bulk::item::{CollectionPatch, Item, LocationItem, TypePatch};
use crate::bulk::queries::Tally;
use crate::catalog::{self, OnConflict};
use crate::db::Conn;
use crate::error::Result;
use crate::inventory;

use super::refusal::{is_about_data, refusal};

/// Writes them, before the products of the same batch, which may refer to them. There are few, so they go one by one. What
/// exists stays as it is if existing things are to be skipped.
pub async fn write(
    conn: &mut Conn,
    entries: &mut [Entry<Item>],
    on_conflict: OnConflict,
    now: DateTime<Utc>,
    actor: &str,
    tally: &mut Tally,
) -> Result<()> {
    let skip = on_conflict == OnConflict::Skip;
    for entry in entries {
        if entry.content.as_ref().is_none_or(|item| item.product().is_some()) {
            continue;
        }
        let Some(item) = entry.content.take() else { continue };
        let written = conn.transaction(async |conn| match item {
            Item::Collection(patch) => collection(conn, *patch, skip, now, actor).await,
            Item::ProductType(patch) => product_type(conn, patch, skip, now).await,
            Item::Location(location) => put_location(conn, &location).await,
            Item::Product(_) => Ok(Ok(())),
        });
        match written.await {
            Ok(Ok(())) => tally.others += 1,
            Ok(Err(problem)) => entry.reject_product(problem),
            Err(error) if is_about_data(&error) => entry.reject_product(Problem::new("", refusal(&error))),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

type Outcome = std::result::Result<(), Problem>;

async fn collection(
    conn: &mut Conn,
    patch: CollectionPatch,
    skip: bool,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<Outcome> {
    let stored = catalog::lock_collection_record(conn, &patch.slug).await?;
    let (id, stored) = stored.map_or((None, None), |(id, record)| (Some(id), Some(record)));
    if skip && stored.is_some() {
        return Ok(Ok(()));
    }
    let record = match patch.apply(stored.as_ref()) {
        Ok(record) => record,
        Err(problem) => return Ok(Err(problem)),
    };
    if stored.as_ref() != Some(&record) {
        catalog::write_collection_record(conn, id, &record, now, actor).await?;
    }
    Ok(Ok(()))
}

async fn product_type(conn: &mut Conn, patch: TypePatch, skip: bool, now: DateTime<Utc>) -> Result<Outcome> {
    let stored = catalog::lock_type_record(conn, &patch.name).await?;
    let (id, stored) = stored.map_or((None, None), |(id, record)| (Some(id), Some(record)));
    if skip && stored.is_some() {
        return Ok(Ok(()));
    }
    let record = patch.apply(stored.as_ref());
    if stored.as_ref() != Some(&record) {
        catalog::write_type_record(conn, id, &record, now).await?;
    }
    Ok(Ok(()))
}

async fn put_location(conn: &mut Conn, location: &LocationItem) -> Result<Outcome> {
    inventory::put_location(conn, &location.name, location.priority).await?;
    Ok(Ok(()))
}
