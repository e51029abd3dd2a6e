//! The statements over stored images.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::graphql::BatchReader;
use crate::ids::{CollectionId, MediaId, ProductId};
use crate::schema::{collections, media_images, media_renditions, product_images, products};
use crate::sql::Sql;

use super::model::{ImageFormat, ImageRow, MediaState, Rendition, StoredImage};

pub(super) async fn insert(conn: &mut Conn, row: &ImageRow) -> QueryResult<()> {
    diesel::insert_into(media_images::table).values(row).execute(conn).await?;
    Ok(())
}

pub(super) async fn find(conn: &mut Conn, id: MediaId) -> QueryResult<Option<ImageRow>> {
    media_images::table.find(id).select(ImageRow::as_select()).first(conn).await.optional()
}

/// The stored image with this content.
pub(super) async fn find_by_sha256(
    conn: &mut Conn,
    sha256: &[u8],
) -> QueryResult<Option<(MediaId, ImageFormat)>> {
    stored_with(sha256).select((media_images::id, media_images::format)).first(conn).await.optional()
}

type WithContent<'a> = diesel::dsl::Filter<
    media_images::table,
    diesel::dsl::And<
        diesel::dsl::Eq<media_images::state, MediaState>,
        diesel::dsl::Eq<media_images::sha256, &'a [u8]>,
    >,
>;

fn stored_with(sha256: &[u8]) -> WithContent<'_> {
    media_images::table
        .filter(media_images::state.eq(MediaState::Stored).and(media_images::sha256.eq(sha256)))
}

/// Lets one transaction at a time decide about the content.
pub(super) async fn lock_content(conn: &mut Conn, sha256: &[u8]) -> QueryResult<()> {
    let key = sha256.first_chunk().map_or(0, |head| i64::from_be_bytes(*head));
    Sql::<Uuid>::new("SELECT pg_advisory_xact_lock(?)").bind::<BigInt, _>(key).execute(conn).await?;
    Ok(())
}

/// The stored image with this content, kept from a sweep until the transaction ends.
pub(super) async fn hold_by_sha256(
    conn: &mut Conn,
    sha256: &[u8],
) -> QueryResult<Option<(MediaId, ImageFormat)>> {
    stored_with(sha256)
        .select((media_images::id, media_images::format))
        .for_share()
        .first(conn)
        .await
        .optional()
}

/// The format of a stored image, which is kept from a sweep until the transaction ends.
pub(super) async fn hold(conn: &mut Conn, id: MediaId) -> QueryResult<Option<ImageFormat>> {
    media_images::table
        .find(id)
        .filter(media_images::state.eq(MediaState::Stored))
        .select(media_images::format)
        .for_share()
        .first(conn)
        .await
        .optional()
}

/// Makes a pending image a stored one; false when it is not pending any more.
pub(super) async fn mark_stored(conn: &mut Conn, id: MediaId) -> QueryResult<bool> {
    let pending = media_images::table.find(id).filter(media_images::state.eq(MediaState::Pending));
    let rows = diesel::update(pending).set(media_images::state.eq(MediaState::Stored)).execute(conn).await?;
    Ok(rows == 1)
}

/// Marks those that are still pending; returns them.
pub(super) async fn give_up(conn: &mut Conn, ids: &[MediaId]) -> QueryResult<Vec<ImageRow>> {
    let pending = media_images::table
        .filter(media_images::id.eq_any(ids).and(media_images::state.eq(MediaState::Pending)));
    diesel::update(pending)
        .set(media_images::state.eq(MediaState::Deleting))
        .returning(ImageRow::as_returning())
        .get_results(conn)
        .await
}

/// Deletes the rows whose files are gone.
pub(super) async fn delete(conn: &mut Conn, ids: &[MediaId]) -> QueryResult<()> {
    let gone = media_images::table
        .filter(media_images::id.eq_any(ids).and(media_images::state.eq(MediaState::Deleting)));
    diesel::delete(gone).execute(conn).await?;
    Ok(())
}

/// Replaces the renditions of an image.
pub(super) async fn set_renditions(
    conn: &mut Conn,
    id: MediaId,
    renditions: &[Rendition],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::delete(media_renditions::table.filter(media_renditions::image_id.eq(id))).execute(conn).await?;
    diesel::insert_into(media_renditions::table).values(renditions).execute(conn).await?;
    diesel::update(media_images::table.find(id)).set(media_images::derived_at.eq(now)).execute(conn).await?;
    Ok(())
}

/// Locks the products that show an image, in the order of their ids.
pub(super) async fn lock_products_with(conn: &mut Conn, id: MediaId) -> QueryResult<Vec<ProductId>> {
    let showing =
        product_images::table.filter(product_images::media_id.eq(id)).select(product_images::product_id);
    products::table
        .filter(products::id.eq_any(showing))
        .order(products::id)
        .select(products::id)
        .for_no_key_update()
        .load(conn)
        .await
}

/// Locks the collections that show an image, in the order of their ids.
pub(super) async fn lock_collections_with(conn: &mut Conn, id: MediaId) -> QueryResult<Vec<CollectionId>> {
    collections::table
        .filter(collections::image_media_id.eq(id))
        .order(collections::id)
        .select(collections::id)
        .for_no_key_update()
        .load(conn)
        .await
}

/// That nothing shows the image `m`.
const UNUSED: &str = "NOT EXISTS (SELECT FROM product_images AS i WHERE i.media_id = m.id) \
    AND NOT EXISTS (SELECT FROM collections AS c WHERE c.image_media_id = m.id)";

/// Notes since when images are unused, and forgets it of those that are shown again.
pub(super) async fn note_unused(conn: &mut Conn, now: DateTime<Utc>) -> QueryResult<()> {
    Sql::<Uuid>::new(format!(
        "UPDATE media_images AS m SET unused_since = NULL WHERE m.unused_since IS NOT NULL AND NOT ({UNUSED})"
    ))
    .execute(conn)
    .await?;
    Sql::<Uuid>::new(format!(
        "UPDATE media_images AS m SET unused_since = ? WHERE m.state = 'STORED' AND m.unused_since IS NULL AND {UNUSED}"
    ))
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks images that may be deleted: unused since before a time, or given up before another.
pub(super) async fn lock_candidates(
    conn: &mut Conn,
    unused_before: DateTime<Utc>,
    pending_before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<MediaId>> {
    media_images::table
        .filter(
            media_images::state.eq(MediaState::Stored).and(media_images::unused_since.lt(unused_before)).or(
                media_images::state.eq(MediaState::Pending).and(media_images::created_at.lt(pending_before)),
            ),
        )
        .order(media_images::id)
        .limit(limit)
        .select(media_images::id)
        .for_update()
        .skip_locked()
        .load(conn)
        .await
}

/// Marks those of the locked images that are unused now. A statement of its own, so that it sees what was committed
/// before the locks were taken.
pub(super) async fn mark_deleting(conn: &mut Conn, locked: &[MediaId]) -> QueryResult<()> {
    Sql::<Uuid>::new(format!(
        "UPDATE media_images AS m SET state = 'DELETING' WHERE m.id = ANY(?) AND {UNUSED}"
    ))
    .bind::<Array<Uuid>, _>(locked.to_vec())
    .execute(conn)
    .await?;
    Ok(())
}

/// Images whose files are to be deleted.
pub(super) async fn deleting(conn: &mut Conn, limit: i64) -> QueryResult<Vec<ImageRow>> {
    media_images::table
        .filter(media_images::state.eq(MediaState::Deleting))
        .order(media_images::created_at)
        .limit(limit)
        .select(ImageRow::as_select())
        .load(conn)
        .await
}

impl Loader<MediaId> for BatchReader {
    type Value = StoredImage;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[MediaId]) -> Result<HashMap<MediaId, StoredImage>, Self::Error> {
        let mut conn = self.app.db.get().await?;
        let rows: Vec<(ImageRow, Option<Rendition>)> = media_images::table
            .left_join(media_renditions::table)
            .filter(media_images::id.eq_any(ids).and(media_images::state.eq(MediaState::Stored)))
            .order((media_images::id, media_renditions::width))
            .select((ImageRow::as_select(), Option::<Rendition>::as_select()))
            .load(&mut conn)
            .await
            .map_err(crate::Error::from)?;
        let mut images: HashMap<MediaId, StoredImage> = HashMap::with_capacity(ids.len());
        for (row, rendition) in rows {
            let ImageRow { id, format, width, height, file_name, .. } = row;
            let image = images.entry(id).or_insert_with(|| StoredImage {
                id,
                format,
                width,
                height,
                file_name,
                renditions: Vec::new(),
            });
            image.renditions.extend(rendition);
        }
        Ok(images)
    }
}
