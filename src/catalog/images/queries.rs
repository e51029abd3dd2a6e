//! The statements over the images of products and collections.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::model::Image;
use crate::db::Conn;
use crate::graphql::BatchReader;
use crate::ids::{CollectionId, ImageId, ProductId};
use crate::schema::{collections, product_images, products};
use crate::sql::Sql;

use super::source::Shown;

/// The version of a product, which is not locked.
pub(super) async fn product_version(conn: &mut Conn, id: ProductId) -> QueryResult<Option<i64>> {
    products::table.find(id).select(products::version).first(conn).await.optional()
}

/// Locks a product; its version.
pub(super) async fn lock_product(conn: &mut Conn, id: ProductId) -> QueryResult<Option<i64>> {
    products::table.find(id).select(products::version).for_update().first(conn).await.optional()
}

/// Counts the version of a locked product up, and forgets its source: the next import writes it again.
pub(super) async fn touch_product(conn: &mut Conn, id: ProductId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(products::table.find(id))
        .set((
            products::version.eq(products::version + 1),
            products::updated_at.eq(now),
            products::import_fingerprint.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The product that shows an image.
pub(super) async fn product_of(conn: &mut Conn, id: ImageId) -> QueryResult<Option<ProductId>> {
    product_images::table.find(id).select(product_images::product_id).first(conn).await.optional()
}

/// The images of a product with their addresses, in display order.
pub(super) async fn list(conn: &mut Conn, id: ProductId) -> QueryResult<Vec<(ImageId, String)>> {
    product_images::table
        .filter(product_images::product_id.eq(id))
        .order((product_images::position, product_images::id))
        .select((product_images::id, product_images::url))
        .load(conn)
        .await
}

/// Inserts images; their places are set by [`place`].
pub(super) async fn insert(
    conn: &mut Conn,
    product_id: ProductId,
    images: &[(ImageId, Shown, String)],
) -> QueryResult<()> {
    let rows: Vec<_> = images
        .iter()
        .map(|(id, shown, alt_text)| {
            (
                product_images::id.eq(*id),
                product_images::product_id.eq(product_id),
                product_images::url.eq(&shown.url),
                product_images::media_id.eq(shown.media_id),
                product_images::alt_text.eq(alt_text),
                product_images::position.eq(i32::MAX),
            )
        })
        .collect();
    diesel::insert_into(product_images::table).values(rows).execute(conn).await?;
    Ok(())
}

/// Gives images the places in which they stand here.
pub(super) async fn place(conn: &mut Conn, order: &[ImageId]) -> QueryResult<()> {
    let places: Vec<i32> = (0..).take(order.len()).collect();
    Sql::<Uuid>::new(
        "UPDATE product_images AS i SET position = t.position FROM unnest(?, ?) AS t(id, position) \
         WHERE i.id = t.id AND i.position <> t.position",
    )
    .bind::<Array<Uuid>, _>(order)
    .bind::<Array<Integer>, _>(places)
    .execute(conn)
    .await?;
    Ok(())
}

/// False when the product does not show it any more.
pub(super) async fn set_alt_text(
    conn: &mut Conn,
    product_id: ProductId,
    id: ImageId,
    alt_text: &str,
) -> QueryResult<bool> {
    let image = product_images::table.find(id).filter(product_images::product_id.eq(product_id));
    let rows = diesel::update(image).set(product_images::alt_text.eq(alt_text)).execute(conn).await?;
    Ok(rows == 1)
}

/// False when the product does not show it any more.
pub(super) async fn delete(conn: &mut Conn, product_id: ProductId, id: ImageId) -> QueryResult<bool> {
    let image = product_images::table.find(id).filter(product_images::product_id.eq(product_id));
    Ok(diesel::delete(image).execute(conn).await? == 1)
}

/// The version of a collection, which is not locked.
pub(super) async fn collection_version(conn: &mut Conn, id: CollectionId) -> QueryResult<Option<i64>> {
    collections::table.find(id).select(collections::version).first(conn).await.optional()
}

/// Locks a collection; its version.
pub(super) async fn lock_collection(conn: &mut Conn, id: CollectionId) -> QueryResult<Option<i64>> {
    collections::table.find(id).select(collections::version).for_update().first(conn).await.optional()
}

/// Sets or removes the image of a locked collection and counts its version up.
pub(super) async fn set_collection_image(
    conn: &mut Conn,
    id: CollectionId,
    image: Option<(&Shown, &str)>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(collections::table.find(id))
        .set((
            collections::image_url.eq(image.map_or("", |(shown, _)| &shown.url)),
            collections::image_alt_text.eq(image.map_or("", |(_, alt_text)| alt_text)),
            collections::image_media_id.eq(image.and_then(|(shown, _)| shown.media_id)),
            collections::version.eq(collections::version + 1),
            collections::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets where the image of a locked collection lies, and nothing else.
pub(super) async fn set_collection_source(
    conn: &mut Conn,
    id: CollectionId,
    shown: &Shown,
) -> QueryResult<()> {
    diesel::update(collections::table.find(id))
        .set((collections::image_url.eq(&shown.url), collections::image_media_id.eq(shown.media_id)))
        .execute(conn)
        .await?;
    Ok(())
}

/// The image of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CollectionImageOf(pub CollectionId);

impl Loader<CollectionImageOf> for BatchReader {
    type Value = Image;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[CollectionImageOf],
    ) -> Result<HashMap<CollectionImageOf, Image>, Self::Error> {
        let rows: Vec<(CollectionId, String, String)> = collections::table
            .filter(collections::id.eq_any(keys.iter().map(|key| key.0)).and(collections::image_url.ne("")))
            .select((collections::id, collections::image_url, collections::image_alt_text))
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        // A collection has one image, so the image's id is made of the collection's.
        let image = |(id, url, alt_text): (CollectionId, String, String)| {
            (CollectionImageOf(id), Image { id: ImageId(id.0), url, alt_text })
        };
        Ok(rows.into_iter().map(image).collect())
    }
}
