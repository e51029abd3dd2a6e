//! `collectionCreate`.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::CollectionId;
use crate::schema::collections;

use super::super::create::slug_of;
use super::super::edit::Author;
use super::super::images::hold_named_image;
use super::super::rules::Rule;
use super::{Texts, apply_rule, record, slug_conflict};

/// A collection that somebody enters.
#[derive(Debug, Clone)]
pub struct NewCollection {
    /// 1 to 255 characters.
    pub name: String,
    /// Unique, without spaces; made from the name when empty.
    pub slug: String,
    /// Text or HTML.
    pub description: String,
    /// May be empty.
    pub image_url: String,
    /// May be empty.
    pub image_alt_text: String,
    /// Which products are members; `None`: they are chosen by hand.
    pub rule: Option<Rule>,
}

/// Creates a collection, seen in every channel; needs CATALOG_WRITE. A rule finds its members by a job, soon after. Rejects malformed
/// texts and a slug that is taken.
pub async fn create(app: &App, viewer: &Viewer, mut new: NewCollection) -> Result<CollectionId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    if new.slug.is_empty() {
        new.slug = slug_of(&new.name);
    }
    let texts = Texts {
        name: Some(&new.name),
        slug: Some(&new.slug),
        description: Some(&new.description),
        image_url: Some(&new.image_url),
        image_alt_text: Some(&new.image_alt_text),
    };
    texts.check()?;
    let rule = new.rule.as_ref().map(serde_json::to_value).transpose().map_err(Error::fault)?;
    let fields = new.rule.as_ref().map(Rule::fields).unwrap_or_default();
    let revision = i64::from(new.rule.is_some());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let id = CollectionId::new();
        diesel::insert_into(collections::table)
            .values((
                collections::id.eq(id),
                collections::name.eq(&new.name),
                collections::slug.eq(&new.slug),
                collections::description.eq(&new.description),
                collections::image_url.eq(&new.image_url),
                collections::image_alt_text.eq(&new.image_alt_text),
                collections::rule.eq(rule),
                collections::rule_fields.eq(fields),
                collections::rule_revision.eq(revision),
                (collections::created_at.eq(author.now), collections::updated_at.eq(author.now)),
            ))
            .execute(conn)
            .await
            .map_err(slug_conflict)?;
        hold_named_image(conn, id, &new.image_url).await?;
        if new.rule.is_some() {
            apply_rule(conn, id, revision).await?;
        }
        record(conn, &author, id, "collection.created", serde_json::json!({})).await?;
        Ok::<_, Error>(id)
    })
    .await
}
