//! A product type with its attributes: what imports write and exports read.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Jsonb, Text, Timestamptz, Uuid};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::sql::Sql;

/// A kind of product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeRecord {
    /// What products name as their type.
    pub name: String,
    /// In display order.
    pub attributes: Vec<AttributeRecord>,
}

/// What products of a type may say, in the form that files have as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeRecord {
    /// The key in the attributes of a product.
    pub code: String,
    /// For people.
    pub name: String,
    /// TEXT, NUMBER, BOOLEAN, DATE, CHOICE or CHOICES.
    pub kind: String,
    /// Of a NUMBER, such as "cm".
    #[serde(default)]
    pub unit: String,
    /// Of CHOICE and CHOICES, in display order.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Whether a product must say it.
    #[serde(default)]
    pub required: bool,
    /// Whether search counts and filters by it.
    #[serde(default = "yes")]
    pub facet: bool,
}

fn yes() -> bool {
    true
}

const SELECT: &str = "SELECT pt.id, jsonb_build_object('name', pt.name, 'attributes', coalesce((SELECT jsonb_agg( \
    jsonb_build_object('code', a.code, 'name', a.name, 'kind', a.kind, 'unit', a.unit, 'choices', a.choices, \
    'required', a.required, 'facet', a.facet) ORDER BY a.position, a.id) FROM attributes AS a \
    WHERE a.product_type_id = pt.id), '[]')) FROM product_types AS pt ";

/// Every product type, in the order of their names: there are few.
pub async fn type_records(conn: &mut Conn) -> Result<Vec<TypeRecord>> {
    let rows: Vec<(uuid::Uuid, serde_json::Value)> =
        Sql::<(Uuid, Jsonb)>::new(format!("{SELECT} ORDER BY pt.name")).load(conn).await?;
    rows.into_iter().map(|(_, record)| serde_json::from_value(record).map_err(Error::fault)).collect()
}

/// The product type with this name, locked until the caller's transaction ends.
pub async fn lock_type_record(conn: &mut Conn, name: &str) -> Result<Option<(uuid::Uuid, TypeRecord)>> {
    let row: Option<(uuid::Uuid, serde_json::Value)> =
        Sql::<(Uuid, Jsonb)>::new(format!("{SELECT} WHERE pt.name = ? FOR UPDATE OF pt"))
            .bind::<Text, _>(name)
            .get_result(conn)
            .await
            .optional()?;
    row.map(|(id, record)| Ok((id, serde_json::from_value(record).map_err(Error::fault)?))).transpose()
}

/// Makes the locked product type equal to the record, or a new one of it, in the caller's transaction.
pub async fn write_type_record(
    conn: &mut Conn,
    known: Option<uuid::Uuid>,
    record: &TypeRecord,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = known.unwrap_or_else(uuid::Uuid::now_v7);
    Sql::<Bool>::new(
        "INSERT INTO product_types AS pt (created_at, updated_at, id, name) VALUES (?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET version = pt.version + 1, updated_at = excluded.updated_at",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now)
    .bind::<Uuid, _>(id)
    .bind::<Text, _>(&record.name)
    .execute(conn)
    .await?;
    let codes: Vec<&str> = record.attributes.iter().map(|attribute| attribute.code.as_str()).collect();
    Sql::<Bool>::new("DELETE FROM attributes WHERE product_type_id = ? AND NOT code = ANY(?)")
        .bind::<Uuid, _>(id)
        .bind::<Array<Text>, _>(codes)
        .execute(conn)
        .await?;
    for (position, attribute) in (0..).zip(&record.attributes) {
        Sql::<Bool>::new(
            "INSERT INTO attributes (id, product_type_id, code, name, kind, unit, choices, required, facet, position) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (product_type_id, code) DO UPDATE SET \
             name = excluded.name, kind = excluded.kind, unit = excluded.unit, choices = excluded.choices, \
             required = excluded.required, facet = excluded.facet, position = excluded.position",
        )
        .bind::<Uuid, _>(uuid::Uuid::now_v7())
        .bind::<Uuid, _>(id)
        .bind::<Text, _>(&attribute.code)
        .bind::<Text, _>(&attribute.name)
        .bind::<Text, _>(&attribute.kind)
        .bind::<Text, _>(&attribute.unit)
        .bind::<Array<Text>, _>(&attribute.choices)
        .bind::<Bool, _>(attribute.required)
        .bind::<Bool, _>(attribute.facet)
        .bind::<Integer, _>(position)
        .execute(conn)
        .await?;
    }
    Ok(())
}
