//! Texts of products and collections in other languages.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Uuid};
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::{CollectionId, ProductId};
use crate::locale;
use crate::schema::locales;
use crate::sql::Sql;

use super::check::{description_fault, name_fault};
use super::edit::{Author, check_version, not_found};

/// What has texts in other languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Translated {
    /// A product.
    Product(ProductId),
    /// A collection.
    Collection(CollectionId),
}

/// Texts in another language; what is `None` is shown as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// 1 to 255 characters.
    pub name: Option<String>,
    /// Text or HTML.
    pub description: Option<String>,
}

impl Translated {
    /// The table of its translations, the column that refers to it, its own table, and what people call it.
    pub(super) fn tables(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Product(_) => ("product_translations", "product_id", "products", "product"),
            Self::Collection(_) => ("collection_translations", "collection_id", "collections", "collection"),
        }
    }

    pub(super) fn id(self) -> uuid::Uuid {
        match self {
            Self::Product(id) => id.0,
            Self::Collection(id) => id.0,
        }
    }
}

/// Sets the texts in a language; needs CATALOG_WRITE. Locks what they belong to. Replaces those that were there. Rejects an unknown id, a stale
/// version, what is no language tag, and malformed texts.
pub async fn set(
    app: &App,
    viewer: &Viewer,
    of: Translated,
    expected_version: Option<i64>,
    tag: &str,
    texts: Texts,
) -> Result<Translated> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let tag = read_tag(tag)?;
    let faults = [
        ("name", texts.name.as_deref().and_then(name_fault)),
        ("description", texts.description.as_deref().and_then(description_fault)),
    ];
    let rejections: Vec<Rejection> = faults
        .into_iter()
        .filter_map(|(field, fault)| Some(Rejection::new(Reason::Invalid, fault?).at(["input", field])))
        .collect();
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        begin(conn, of, expected_version).await?;
        let (table, column, ..) = of.tables();
        Sql::<Uuid>::new(format!(
            "INSERT INTO {table} ({column}, locale, name, description) VALUES (?, ?, ?, ?) \
             ON CONFLICT ({column}, locale) DO UPDATE SET name = excluded.name, description = excluded.description"
        ))
        .bind::<Uuid, _>(of.id())
        .bind::<Text, _>(tag.as_str())
        .bind::<Nullable<Text>, _>(texts.name.as_deref())
        .bind::<Nullable<Text>, _>(texts.description.as_deref())
        .execute(conn)
        .await?;
        diesel::insert_into(locales::table)
            .values(locales::tag.eq(&tag))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        finish(conn, &author, of, "translation_set", &tag).await
    })
    .await?;
    // Requests in a new language find it at once in this process, and within seconds in others.
    app.channels.forget();
    Ok(of)
}

/// Takes the texts in a language away; needs CATALOG_WRITE. Locks what they belong to. May be repeated. Rejects an unknown id, a stale version,
/// and what is no language tag.
pub async fn remove(
    app: &App,
    viewer: &Viewer,
    of: Translated,
    expected_version: Option<i64>,
    tag: &str,
) -> Result<Translated> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let tag = read_tag(tag)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        begin(conn, of, expected_version).await?;
        let (table, column, ..) = of.tables();
        Sql::<Uuid>::new(format!("DELETE FROM {table} WHERE {column} = ? AND locale = ?"))
            .bind::<Uuid, _>(of.id())
            .bind::<Text, _>(tag.as_str())
            .execute(conn)
            .await?;
        finish(conn, &author, of, "translation_removed", &tag).await?;
        Ok::<_, Error>(of)
    })
    .await
}

fn read_tag(tag: &str) -> Result<String> {
    locale::normalize(tag).ok_or_else(|| {
        let message = "The locale is a language tag such as `de` or `pt-BR`.";
        Rejection::new(Reason::Invalid, message).at(["input", "locale"]).into()
    })
}

async fn begin(conn: &mut Conn, of: Translated, expected_version: Option<i64>) -> Result<()> {
    let (_, _, table, what) = of.tables();
    let sql = format!("SELECT version FROM {table} WHERE id = ? FOR NO KEY UPDATE");
    let version: Option<i64> = Sql::<diesel::sql_types::BigInt>::new(sql)
        .bind::<Uuid, _>(of.id())
        .get_result(conn)
        .await
        .optional()?;
    let version = version.ok_or_else(|| not_found(what, &format!("{what}Id")))?;
    check_version(expected_version, version)
}

async fn finish(conn: &mut Conn, author: &Author, of: Translated, change: &str, tag: &str) -> Result<()> {
    let (_, _, table, what) = of.tables();
    let sql = format!("UPDATE {table} SET version = version + 1, updated_at = ? WHERE id = ?");
    Sql::<Uuid>::new(sql)
        .bind::<diesel::sql_types::Timestamptz, _>(author.now)
        .bind::<Uuid, _>(of.id())
        .execute(conn)
        .await?;
    let event = NewEvent {
        aggregate: what,
        aggregate_id: of.id(),
        type_: &format!("{what}.{change}"),
        payload: serde_json::json!({ "locale": tag }),
        actor: &author.actor,
        at: author.now,
    };
    Ok(events::append(conn, event).await?)
}
