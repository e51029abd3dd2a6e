//! A collection with everything but its members: what imports write and exports read.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;
use serde::Deserialize;

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::events::{self, NewEvent};
use crate::ids::CollectionId;
use crate::jobs;
use crate::sql::Sql;

use super::record::{Publication, Texts, Translation};
use super::rules::{ApplyRule, Rule};

/// A collection, without ids and times of its own.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct CollectionRecord {
    /// Identifies it across imports.
    pub slug: String,
    /// 1 to 255 characters.
    pub name: String,
    /// Text or HTML.
    pub description: String,
    /// What chooses its members; none when they are chosen by hand.
    pub rule: Option<serde_json::Value>,
    /// Absolute, a path on this server, or empty.
    pub image_url: String,
    /// What the image shows.
    pub image_alt_text: String,
    /// What everyone may read.
    pub metadata: Texts,
    /// What staff may read.
    pub private_metadata: Texts,
    /// By locale.
    pub translations: Vec<Translation>,
    /// By channel; it is seen where nothing is said.
    pub channels: Vec<Publication>,
}

const SELECT: &str = "SELECT c.id, jsonb_build_object('slug', c.slug, 'name', c.name, 'description', c.description, \
    'rule', c.rule, 'image_url', c.image_url, 'image_alt_text', c.image_alt_text, 'metadata', c.metadata, \
    'private_metadata', c.private_metadata, \
    'translations', coalesce((SELECT jsonb_agg(jsonb_build_object('locale', t.locale, 'name', t.name, \
        'description', t.description) ORDER BY t.locale) FROM collection_translations AS t WHERE t.collection_id = c.id), '[]'), \
    'channels', coalesce((SELECT jsonb_agg(jsonb_build_object('channel_id', cc.channel_id, 'published_at', cc.published_at) \
        ORDER BY cc.channel_id) FROM collection_channels AS cc WHERE cc.collection_id = c.id), '[]')) \
    FROM collections AS c ";

fn record((id, record): (CollectionId, serde_json::Value)) -> Result<(CollectionId, CollectionRecord)> {
    Ok((id, serde_json::from_value(record).map_err(Error::fault)?))
}

/// The next collections in the order of their slugs.
pub async fn collection_records_after(
    conn: &mut Conn,
    after_slug: &str,
    limit: i64,
) -> Result<Vec<CollectionRecord>> {
    let rows: Vec<(CollectionId, serde_json::Value)> =
        Sql::<(Uuid, Jsonb)>::new(format!("{SELECT} WHERE c.slug > ? ORDER BY c.slug LIMIT ?"))
            .bind::<Text, _>(after_slug)
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await?;
    rows.into_iter().map(|row| Ok(record(row)?.1)).collect()
}

/// The collection with this slug, locked until the caller's transaction ends.
pub async fn lock_collection_record(
    conn: &mut Conn,
    slug: &str,
) -> Result<Option<(CollectionId, CollectionRecord)>> {
    let row: Option<(CollectionId, serde_json::Value)> =
        Sql::<(Uuid, Jsonb)>::new(format!("{SELECT} WHERE c.slug = ? FOR UPDATE OF c"))
            .bind::<Text, _>(slug)
            .get_result(conn)
            .await
            .optional()?;
    row.map(record).transpose()
}

/// Makes the locked collection equal to the record, or a new one of it, in the caller's transaction. A rule that differs
/// counts its revision up.
pub async fn write_collection_record(
    conn: &mut Conn,
    known: Option<CollectionId>,
    record: &CollectionRecord,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<CollectionId> {
    let id = known.unwrap_or_else(CollectionId::new);
    let fields = match &record.rule {
        Some(rule) => serde_json::from_value::<Rule>(rule.clone()).map_err(Error::fault)?.fields(),
        None => Vec::new(),
    };
    let revision: i64 = Sql::<BigInt>::new(
        "INSERT INTO collections AS c (id, slug, name, description, rule, rule_fields, rule_revision, image_url, image_alt_text, metadata, \
         private_metadata, created_at, updated_at) \
         SELECT r.*, t.at, t.at FROM (SELECT ?::timestamptz AS at) AS t, LATERAL (SELECT ?::uuid, ?, ?, ?, ?::jsonb, \
         ?, ?::bigint, ?, ?, ?::jsonb, ?::jsonb) AS r \
         ON CONFLICT (id) DO UPDATE SET version = c.version + 1, updated_at = excluded.updated_at, name = excluded.name, \
         description = excluded.description, rule = excluded.rule, rule_fields = excluded.rule_fields, image_url = excluded.image_url, \
         image_alt_text = excluded.image_alt_text, metadata = excluded.metadata, \
         private_metadata = excluded.private_metadata, \
         rule_revision = c.rule_revision + (c.rule IS DISTINCT FROM excluded.rule)::int \
         RETURNING rule_revision",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Uuid, _>(id)
    .bind::<Text, _>(&record.slug)
    .bind::<Text, _>(&record.name)
    .bind::<Text, _>(&record.description)
    .bind::<Nullable<Jsonb>, _>(record.rule.as_ref())
    .bind::<Array<Text>, _>(fields)
    .bind::<BigInt, _>(i64::from(record.rule.is_some()))
    .bind::<Text, _>(&record.image_url)
    .bind::<Text, _>(&record.image_alt_text)
    .bind::<Jsonb, _>(serde_json::to_value(&record.metadata).map_err(Error::fault)?)
    .bind::<Jsonb, _>(serde_json::to_value(&record.private_metadata).map_err(Error::fault)?)
    .get_result(conn)
    .await?;
    if record.rule.is_some() {
        let job = ApplyRule { collection: id, revision };
        jobs::enqueue(conn, &job, jobs::EnqueueOptions::default()).await?;
    }
    write_parts(conn, id, record).await?;
    let type_ = if known.is_none() { "collection.created" } else { "collection.updated" };
    let payload = serde_json::json!({});
    let event = NewEvent { aggregate: "collection", aggregate_id: id.0, type_, payload, actor, at: now };
    events::append(conn, event).await?;
    Ok(id)
}

async fn write_parts(conn: &mut Conn, id: CollectionId, record: &CollectionRecord) -> QueryResult<()> {
    for table in ["collection_translations", "collection_channels"] {
        Sql::<Bool>::new(format!("DELETE FROM {table} WHERE collection_id = ?"))
            .bind::<Uuid, _>(id)
            .execute(conn)
            .await?;
    }
    for translation in &record.translations {
        Sql::<Bool>::new(
            "INSERT INTO collection_translations (collection_id, locale, name, description) VALUES (?, ?, ?, ?)",
        )
        .bind::<Uuid, _>(id)
        .bind::<Text, _>(&translation.locale)
        .bind::<Nullable<Text>, _>(translation.name.as_deref())
        .bind::<Nullable<Text>, _>(translation.description.as_deref())
        .execute(conn)
        .await?;
    }
    for publication in &record.channels {
        Sql::<Bool>::new(
            "INSERT INTO collection_channels (collection_id, channel_id, published_at) VALUES (?, ?, ?)",
        )
        .bind::<Uuid, _>(id)
        .bind::<Uuid, _>(publication.channel_id)
        .bind::<Nullable<Timestamptz>, _>(publication.published_at)
        .execute(conn)
        .await?;
    }
    Ok(())
}
