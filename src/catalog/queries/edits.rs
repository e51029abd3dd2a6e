//! The statements that edit a single product.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::catalog::edit::queries::refresh_search;
use crate::catalog::model::ProductStatus;
use crate::catalog::update::ProductChange;
use crate::db::Conn;
use crate::ids::{ChannelId, ProductId};
use crate::schema::{product_channels, products};

/// What an edit needs to know of the product.
#[derive(Queryable, Selectable)]
#[diesel(table_name = products)]
pub(in crate::catalog) struct Locked {
    pub slug: String,
    pub version: i64,
}

/// Locks a product.
pub(in crate::catalog) async fn lock(conn: &mut Conn, id: ProductId) -> QueryResult<Option<Locked>> {
    products::table.find(id).select(Locked::as_select()).for_update().first(conn).await.optional()
}

/// Whether some product has the slug.
pub(in crate::catalog) async fn slug_is_taken(conn: &mut Conn, slug: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(products::table.filter(products::slug.eq(slug))))
        .get_result(conn)
        .await
}

#[derive(AsChangeset)]
#[diesel(table_name = products)]
struct Changes<'a> {
    name: Option<&'a str>,
    slug: Option<&'a str>,
    description: Option<&'a str>,
    vendor: Option<&'a str>,
    product_type: Option<&'a str>,
    tags: Option<&'a [String]>,
    status: Option<ProductStatus>,
}

/// Changes a locked product, counts its version up, forgets its source and brings its search document up to date.
pub(in crate::catalog) async fn change(
    conn: &mut Conn,
    id: ProductId,
    change: &ProductChange,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let changes = Changes {
        name: change.name.as_deref(),
        slug: change.slug.as_deref(),
        description: change.description.as_deref(),
        vendor: change.vendor.as_deref(),
        product_type: change.product_type.as_deref(),
        tags: change.tags.as_deref(),
        status: change.status,
    };
    diesel::update(products::table.find(id))
        .set((
            changes,
            products::version.eq(products::version + 1),
            products::updated_at.eq(now),
            products::import_fingerprint.eq(None::<Vec<u8>>),
        ))
        .execute(conn)
        .await?;
    refresh_search(conn, id).await
}

/// Publishes a product in a channel from `published_at` on, or takes it back. A product that is published already stays
/// so from the time it was.
pub(in crate::catalog) async fn publish(
    conn: &mut Conn,
    id: ProductId,
    channel_id: ChannelId,
    published_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    let row = product_channels::table
        .filter(product_channels::product_id.eq(id).and(product_channels::channel_id.eq(channel_id)));
    match published_at {
        None => {
            diesel::update(row)
                .set(product_channels::published_at.eq(None::<DateTime<Utc>>))
                .execute(conn)
                .await?;
        }
        Some(at) => {
            diesel::update(row.filter(product_channels::published_at.is_null()))
                .set(product_channels::published_at.eq(at))
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}
