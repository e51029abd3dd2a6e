//! `collectionUpdate`.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::CollectionId;
use crate::schema::collections;

use super::super::edit::Author;
use super::super::images::hold_named_image;
use super::super::rules::Rule;
use super::{Edit, Target, Texts, apply_rule, slug_conflict};

/// What changes; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct CollectionChange {
    /// 1 to 255 characters.
    pub name: Option<String>,
    /// Unique, without spaces.
    pub slug: Option<String>,
    /// Text or HTML.
    pub description: Option<String>,
    /// May be empty.
    pub image_url: Option<String>,
    /// May be empty.
    pub image_alt_text: Option<String>,
    /// Which products are members; `Some(None)`: they are chosen by hand from now on, and those that there are stay.
    pub rule: Option<Option<Rule>>,
}

#[derive(AsChangeset)]
#[diesel(table_name = collections)]
struct Columns<'a> {
    name: Option<&'a str>,
    slug: Option<&'a str>,
    description: Option<&'a str>,
    image_url: Option<&'a str>,
    image_alt_text: Option<&'a str>,
}

/// Edits a collection; needs CATALOG_WRITE. Locks it. A changed rule is worked over by a job; until it is done some members are
/// those of the old rule. Members that were chosen by hand and do not fulfill a new rule go. Rejects an unknown collection, a stale
/// version, malformed texts and a slug that is taken.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    id: CollectionId,
    expected_version: Option<i64>,
    change: CollectionChange,
) -> Result<CollectionId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let columns = Columns {
        name: change.name.as_deref(),
        slug: change.slug.as_deref(),
        description: change.description.as_deref(),
        image_url: change.image_url.as_deref(),
        image_alt_text: change.image_alt_text.as_deref(),
    };
    let Columns { name, slug, description, image_url, image_alt_text } = columns;
    Texts { name, slug, description, image_url, image_alt_text }.check()?;
    let target = Target { id, expected_version, field: "id" };
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let mut edit = Edit::begin(conn, &author, target).await?;
        diesel::update(collections::table.find(id))
            .set((columns, collections::updated_at.eq(edit.author.now)))
            .execute(edit.conn)
            .await
            .map_err(slug_conflict)?;
        if let Some(url) = &change.image_url {
            hold_named_image(edit.conn, id, url).await?;
        }
        if let Some(rule) = &change.rule {
            let stored = rule.as_ref().map(serde_json::to_value).transpose().map_err(Error::fault)?;
            let revision: i64 = diesel::update(collections::table.find(id))
                .set((
                    collections::rule.eq(stored),
                    collections::rule_fields.eq(rule.as_ref().map(Rule::fields).unwrap_or_default()),
                    collections::rule_revision.eq(collections::rule_revision + 1),
                ))
                .returning(collections::rule_revision)
                .get_result(edit.conn)
                .await?;
            match rule {
                Some(_) => apply_rule(edit.conn, id, revision).await?,
                None => {
                    diesel::update(collections::table.find(id))
                        .set(collections::rule_applied.eq(collections::rule_revision))
                        .execute(edit.conn)
                        .await?;
                }
            }
        }
        edit.finish("collection.updated", serde_json::json!({})).await?;
        Ok::<_, Error>(id)
    })
    .await
}
