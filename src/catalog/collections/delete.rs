//! `collectionDelete`.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::CollectionId;
use crate::schema::collections;

use super::super::edit::Author;
use super::{Edit, Target, record};

/// Deletes a collection; needs CATALOG_WRITE. Its products stay. Rejects an unknown collection and a stale version.
pub async fn delete(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
) -> Result<CollectionId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let target = Target { id, expected_version, field: "id" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let edit = Edit::begin(conn, &author, target).await?;
        record(edit.conn, edit.author, id, "collection.deleted", serde_json::json!({})).await?;
        diesel::delete(collections::table.find(id)).execute(edit.conn).await?;
        Ok::<_, Error>(id)
    })
    .await
}
