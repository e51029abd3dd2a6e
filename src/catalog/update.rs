//! `productUpdate`: an edit of the product's own columns.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::ProductId;

use super::check::{description_fault, is_bad_text, name_fault, slug_fault};
use super::create::slug_taken;
use super::model::ProductStatus;
use super::queries::edits;
use super::rules::{self, Touched};
use super::types::{ValueDraft, write_values};

/// What changes; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ProductChange {
    /// 1 to 255 characters.
    pub name: Option<String>,
    /// Unique, without spaces.
    pub slug: Option<String>,
    /// Text or HTML.
    pub description: Option<String>,
    /// The maker.
    pub vendor: Option<String>,
    /// The kind of product.
    pub product_type: Option<String>,
    /// Replaces all tags.
    pub tags: Option<Vec<String>>,
    /// ACTIVE publishes it in the channel, anything else takes it back.
    pub status: Option<ProductStatus>,
    /// Attributes that change.
    pub attributes: Vec<ValueDraft>,
}

/// Edits a product; needs CATALOG_WRITE. Locks it. The next import writes it again, even from an unchanged source.
///
/// Rejects an `expected_version` that is not the current one, a slug that is taken, and values that are malformed.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    channel: &Channel,
    id: ProductId,
    expected_version: Option<i64>,
    mut change: ProductChange,
) -> Result<ProductId> {
    viewer.require(Permission::CatalogWrite)?;
    let rejections = check(&change);
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    if let Some(tags) = &mut change.tags {
        tags.sort();
        tags.dedup();
    }
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let Some(current) = edits::lock(conn, id).await? else {
            let rejection = Rejection::new(Reason::NotFound, "There is no such product.");
            return Err(rejection.at(["input", "id"]).into());
        };
        if expected_version.is_some_and(|expected| expected != current.version) {
            return Err(Rejection::stale(current.version).into());
        }
        if let Some(slug) = &change.slug
            && *slug != current.slug
            && edits::slug_is_taken(conn, slug).await?
        {
            return Err(slug_taken().into());
        }
        edits::change(conn, id, &change, now).await.map_err(slug_conflict)?;
        if let Some(status) = change.status {
            edits::publish(conn, id, channel.id, (status == ProductStatus::Active).then_some(now)).await?;
        }
        if !change.attributes.is_empty() {
            write_values(conn, id, &change.attributes).await?;
        }
        rules::review(conn, &[id], Touched::Texts).await?;
        let payload = serde_json::json!({});
        let aggregate_id = id.0;
        let event = NewEvent {
            aggregate: "product",
            aggregate_id,
            type_: "product.updated",
            payload,
            actor: &actor,
            at: now,
        };
        events::append(conn, event).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// Somebody else took the slug since it was looked up.
fn slug_conflict(error: diesel::result::Error) -> Error {
    match &error {
        diesel::result::Error::DatabaseError(_, info)
            if info.constraint_name() == Some("products_slug_key") =>
        {
            slug_taken().into()
        }
        _ => error.into(),
    }
}

fn check(change: &ProductChange) -> Vec<Rejection> {
    let bad_tags =
        |tags: &Vec<String>| tags.len() > 250 || tags.iter().any(|tag| tag.is_empty() || is_bad_text(tag));
    let too_long = |text: &String| is_bad_text(text).then_some("The text has at most 255 characters.");
    let faults = [
        ("name", change.name.as_deref().and_then(name_fault)),
        ("slug", change.slug.as_deref().and_then(slug_fault)),
        ("description", change.description.as_deref().and_then(description_fault)),
        ("vendor", change.vendor.as_ref().and_then(too_long)),
        ("productType", change.product_type.as_ref().and_then(too_long)),
        (
            "tags",
            change
                .tags
                .as_ref()
                .is_some_and(bad_tags)
                .then_some("There are at most 250 tags, each of 1 to 255 characters."),
        ),
    ];
    faults
        .into_iter()
        .filter_map(|(field, fault)| Some(Rejection::new(Reason::Invalid, fault?).at(["input", field])))
        .collect()
}
