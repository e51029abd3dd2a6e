//! `metadataSet`: what a shop keeps with its products, variants and collections for programs of its own.

use std::collections::BTreeMap;

use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Jsonb, Timestamptz, Uuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::{Map, Value, json};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::events::{self, NewEvent};
use crate::ids::{CollectionId, ProductId, VariantId};
use crate::sql::Sql;

use super::{Author, check_version, lock_product, lock_variant, not_found, queries};

/// Entries of one kind.
const MAX_ENTRIES: usize = 100;
const MAX_KEY_BYTES: usize = 100;
const MAX_VALUE_BYTES: usize = 10_000;

/// What has metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A product.
    Product(ProductId),
    /// A variant.
    Variant(VariantId),
    /// A collection.
    Collection(CollectionId),
}

/// Values to set, or to take away with `None`.
#[derive(Debug, Clone, Default)]
pub struct MetadataChange {
    /// Everyone reads these.
    pub public: BTreeMap<String, Option<String>>,
    /// Staff with CATALOG_READ read these.
    pub private: BTreeMap<String, Option<String>>,
}

/// Sets and takes away metadata; needs CATALOG_WRITE. Locks the owner. Keys that are not named stay. Rejects an unknown owner, a
/// stale version, keys of other than 1 to 100 letters, digits and `._:-`, values of more than 10,000 bytes, and more than
/// 100 entries.
pub async fn metadata_set(
    app: &App,
    viewer: &Viewer,
    owner: Owner,
    expected_version: Option<i64>,
    change: MetadataChange,
) -> Result<Owner> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    check("public", &change.public)?;
    check("private", &change.private)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let (table, id) = match owner {
            Owner::Product(id) => {
                lock_product(conn, id, expected_version, "id").await?;
                ("products", id.0)
            }
            Owner::Variant(id) => {
                lock_variant(conn, id, expected_version, "id").await?;
                ("variants", id.0)
            }
            Owner::Collection(id) => {
                let version = lock_collection(conn, id).await?.ok_or_else(|| not_found("collection", "id"))?;
                check_version(expected_version, version)?;
                ("collections", id.0)
            }
        };
        let merge = |column: &str| {
            format!("(SELECT coalesce(jsonb_object_agg(key, value) FILTER (WHERE value <> 'null'), '{{}}') \
                FROM jsonb_each({column} || ?))")
        };
        let entries: Option<(i64, i64)> = Sql::<(BigInt, BigInt)>::new(format!(
            "UPDATE {table} SET metadata = {}, private_metadata = {}, version = version + 1, updated_at = ? WHERE id = ? \
             RETURNING (SELECT count(*) FROM jsonb_object_keys(metadata)), \
             (SELECT count(*) FROM jsonb_object_keys(private_metadata))",
            merge("metadata"),
            merge("private_metadata")
        ))
        .bind::<Jsonb, _>(object(&change.public))
        .bind::<Jsonb, _>(object(&change.private))
        .bind::<Timestamptz, _>(author.now)
        .bind::<Uuid, _>(id)
        .get_result(conn)
        .await
        .optional()?;
        let limit = i64::try_from(MAX_ENTRIES).unwrap_or(i64::MAX);
        if entries.is_some_and(|(public, private)| public > limit || private > limit) {
            let message = "There are at most 100 public and 100 private entries.";
            return Err(Rejection::new(Reason::LimitExceeded, message).at(["input"]).into());
        }
        record(conn, &author, owner).await?;
        Ok::<_, Error>(owner)
    })
    .await
}

async fn lock_collection(conn: &mut Conn, id: CollectionId) -> Result<Option<i64>> {
    let version = Sql::<BigInt>::new("SELECT version FROM collections WHERE id = ? FOR UPDATE")
        .bind::<Uuid, _>(id)
        .get_result(conn)
        .await;
    Ok(version.optional()?)
}

async fn record(conn: &mut Conn, author: &Author, owner: Owner) -> Result<()> {
    let payload = json!({});
    match owner {
        Owner::Product(id) => author.record(conn, id, "product.metadata_set", payload).await,
        Owner::Variant(id) => {
            let variant = queries::lock_variant(conn, id).await?.ok_or_else(|| not_found("variant", "id"))?;
            let payload = json!({ "variant": id });
            author.record(conn, variant.product_id, "product.metadata_set", payload).await
        }
        Owner::Collection(id) => {
            let (actor, at) = (author.actor.as_str(), author.now);
            let (aggregate, type_) = ("collection", "collection.metadata_set");
            let event = NewEvent { aggregate, aggregate_id: id.0, type_, payload, actor, at };
            Ok(events::append(conn, event).await?)
        }
    }
}

fn object(entries: &BTreeMap<String, Option<String>>) -> Value {
    Value::Object(entries.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>())
}

fn check(kind: &str, entries: &BTreeMap<String, Option<String>>) -> Result<()> {
    let good_key = |key: &str| {
        (1..=MAX_KEY_BYTES).contains(&key.len())
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
    };
    let good_value = |value: &Option<String>| {
        value.as_ref().is_none_or(|value| value.len() <= MAX_VALUE_BYTES && !value.contains('\0'))
    };
    let mut rejections = Vec::new();
    if !entries.keys().all(|key| good_key(key)) {
        let message = "A key has 1 to 100 letters, digits, dots, colons, hyphens and underscores.";
        rejections.push(Rejection::new(Reason::Invalid, message).at(["input", kind]));
    }
    if !entries.values().all(good_value) {
        let message = "A value has at most 10,000 bytes.";
        rejections.push(Rejection::new(Reason::Invalid, message).at(["input", kind]));
    }
    if rejections.is_empty() { Ok(()) } else { Err(Error::Rejected(rejections)) }
}
