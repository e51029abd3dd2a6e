//! `productTypeCreate`, `productTypeUpdate` and `productTypeDelete`.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::ProductTypeId;

use super::super::check::name_fault;
use super::super::edit::{Author, check_version, not_found};
use super::model::check;
use super::{AttributeDraft, ProductType, queries};

/// A type that somebody enters.
#[derive(Debug, Clone)]
pub struct NewProductType {
    /// What products name it by; unique, and for good.
    pub name: String,
    /// In display order.
    pub attributes: Vec<AttributeDraft>,
}

/// Creates a type; products that name it belong to it at once. Needs CATALOG_WRITE. Rejects malformed names and attributes, and a name that
/// is taken.
pub async fn create(app: &App, viewer: &Viewer, new: NewProductType) -> Result<ProductType> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let mut rejections = check(&new.attributes);
    if let Some(fault) = name_fault(&new.name) {
        rejections.insert(0, Rejection::new(Reason::Invalid, fault).at(["input", "name"]));
    }
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let id = ProductTypeId::new();
        queries::insert(conn, id, &new.name, author.now).await.map_err(name_conflict)?;
        queries::set_attributes(conn, id, &new.attributes).await?;
        record(conn, &author, id, "product_type.created").await?;
        Ok::<_, Error>(ProductType { id, name: new.name.clone(), version: 1 })
    })
    .await
}

/// Makes the attributes of a type these, in this order; needs CATALOG_WRITE. Locks the type. An attribute is known by its code. Values
/// of attributes that go stay with the products, unseen, and come back with the attribute.
///
/// Rejects an unknown type, a stale version, malformed attributes, and another kind for an attribute that products have
/// values of.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    id: ProductTypeId,
    expected_version: Option<i64>,
    attributes: Vec<AttributeDraft>,
) -> Result<ProductType> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let rejections = check(&attributes);
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let current = queries::lock(conn, id).await?.ok_or_else(|| not_found("product type", "id"))?;
        check_version(expected_version, current.version)?;
        let stored = queries::attributes_of(conn, &[id]).await?;
        let other_kind = |draft: &&AttributeDraft| {
            stored.iter().any(|attribute| attribute.code == draft.code && attribute.kind != draft.kind)
        };
        let changed: Vec<&str> =
            attributes.iter().filter(other_kind).map(|draft| draft.code.as_str()).collect();
        if !changed.is_empty()
            && let Some(code) = queries::codes_in_use(conn, &current.name, &changed).await?.first()
        {
            let index = attributes.iter().position(|draft| draft.code == *code).unwrap_or_default();
            let message = "Products have values of this attribute: it cannot become one of another kind.";
            let path = ["input", "attributes", &index.to_string(), "kind"];
            return Err(Rejection::new(Reason::InvalidState, message).at(path).into());
        }
        queries::set_attributes(conn, id, &attributes).await?;
        queries::touch(conn, id, author.now).await?;
        record(conn, &author, id, "product_type.updated").await?;
        Ok::<_, Error>(ProductType { version: current.version + 1, ..current })
    })
    .await
}

/// Deletes a type with its attributes; needs CATALOG_WRITE. Products keep the name and their values, which are not seen any more. Rejects an
/// unknown type and a stale version.
pub async fn delete(
    app: &App,
    viewer: &Viewer,
    id: ProductTypeId,
    expected_version: Option<i64>,
) -> Result<ProductTypeId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let current = queries::lock(conn, id).await?.ok_or_else(|| not_found("product type", "id"))?;
        check_version(expected_version, current.version)?;
        record(conn, &author, id, "product_type.deleted").await?;
        queries::delete(conn, id).await?;
        Ok::<_, Error>(id)
    })
    .await
}

async fn record(conn: &mut Conn, author: &Author, id: ProductTypeId, type_: &str) -> Result<()> {
    let event = NewEvent {
        aggregate: "product_type",
        aggregate_id: id.0,
        type_,
        payload: serde_json::json!({}),
        actor: &author.actor,
        at: author.now,
    };
    Ok(events::append(conn, event).await?)
}

fn name_conflict(error: diesel::result::Error) -> Error {
    match &error {
        diesel::result::Error::DatabaseError(_, info)
            if info.constraint_name() == Some("product_types_name_key") =>
        {
            Rejection::new(Reason::Taken, "Another product type has this name.").at(["input", "name"]).into()
        }
        _ => error.into(),
    }
}
