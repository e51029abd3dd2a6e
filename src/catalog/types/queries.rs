//! The statements about product types.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::ids::{AttributeId, ProductTypeId};
use crate::schema::{attributes, product_types};
use crate::sql::{Sql, array_literal};

use super::{Attribute, AttributeDraft, ProductType};

/// Every type, by name.
pub(in crate::catalog) async fn list(conn: &mut Conn) -> QueryResult<Vec<ProductType>> {
    product_types::table.order(product_types::name).select(ProductType::as_select()).load(conn).await
}

/// The type, locked.
pub(super) async fn lock(conn: &mut Conn, id: ProductTypeId) -> QueryResult<Option<ProductType>> {
    product_types::table.find(id).select(ProductType::as_select()).for_update().first(conn).await.optional()
}

/// The attributes of the type with this name, in display order.
pub(super) async fn attributes_by_name(conn: &mut Conn, name: &str) -> QueryResult<Vec<Attribute>> {
    attributes::table
        .inner_join(product_types::table)
        .filter(product_types::name.eq(name))
        .order(attributes::position)
        .select(Attribute::as_select())
        .load(conn)
        .await
}

/// The attributes of types, in display order.
pub(in crate::catalog) async fn attributes_of(
    conn: &mut Conn,
    types: &[ProductTypeId],
) -> QueryResult<Vec<Attribute>> {
    attributes::table
        .filter(attributes::product_type_id.eq_any(types))
        .order((attributes::product_type_id, attributes::position))
        .select(Attribute::as_select())
        .load(conn)
        .await
}

pub(super) async fn insert(
    conn: &mut Conn,
    id: ProductTypeId,
    name: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(product_types::table)
        .values((
            product_types::id.eq(id),
            product_types::name.eq(name),
            product_types::created_at.eq(now),
            product_types::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn touch(conn: &mut Conn, id: ProductTypeId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(product_types::table.find(id))
        .set((product_types::version.eq(product_types::version + 1), product_types::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn delete(conn: &mut Conn, id: ProductTypeId) -> QueryResult<()> {
    diesel::delete(product_types::table.find(id)).execute(conn).await?;
    Ok(())
}

/// Makes the attributes of a type these, in this order. An attribute is known by its code.
pub(super) async fn set_attributes(
    conn: &mut Conn,
    id: ProductTypeId,
    drafts: &[AttributeDraft],
) -> QueryResult<()> {
    let codes: Vec<&str> = drafts.iter().map(|draft| draft.code.as_str()).collect();
    Sql::<Uuid>::new("DELETE FROM attributes WHERE product_type_id = ? AND NOT code = ANY(?)")
        .bind::<Uuid, _>(id)
        .bind::<Array<Text>, _>(codes.as_slice())
        .execute(conn)
        .await?;
    Sql::<Uuid>::new(
        "INSERT INTO attributes (product_type_id, id, code, name, kind, unit, choices, required, facet, position) \
         SELECT ?, t.id, t.code, t.name, t.kind, t.unit, t.choices::text[], t.required, t.facet, t.place::integer \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?) WITH ORDINALITY \
         AS t(id, code, name, kind, unit, choices, required, facet, place) \
         ON CONFLICT (product_type_id, code) DO UPDATE SET name = excluded.name, kind = excluded.kind, unit = excluded.unit, \
         choices = excluded.choices, required = excluded.required, facet = excluded.facet, position = excluded.position",
    )
    .bind::<Uuid, _>(id)
    .bind::<Array<Uuid>, _>(drafts.iter().map(|_| AttributeId::new()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(codes.as_slice())
    .bind::<Array<Text>, _>(drafts.iter().map(|draft| draft.name.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(drafts.iter().map(|draft| draft.kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(drafts.iter().map(|draft| draft.unit.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(drafts.iter().map(|draft| array_literal(&draft.choices)).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(drafts.iter().map(|draft| draft.required).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(drafts.iter().map(|draft| draft.facet).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The codes among `codes` that products of the type have values of.
pub(super) async fn codes_in_use(
    conn: &mut Conn,
    type_name: &str,
    codes: &[&str],
) -> QueryResult<Vec<String>> {
    Sql::<Text>::new(
        "WITH asked AS (SELECT ?::text AS type) SELECT t.code FROM asked, unnest(?) AS t(code) WHERE EXISTS \
         (SELECT FROM products AS p WHERE p.product_type = asked.type AND (p.attributes -> t.code) IS NOT NULL)",
    )
    .bind::<Text, _>(type_name)
    .bind::<Array<Text>, _>(codes)
    .load(conn)
    .await
}

/// Sets and takes away values of a product (locked); the codes of required attributes that it has no value of then.
pub(super) async fn set_values(
    conn: &mut Conn,
    product: crate::ids::ProductId,
    set: &str,
    removed: &[String],
    required: &[String],
) -> QueryResult<Vec<String>> {
    Sql::<Text>::new(
        "WITH written AS (UPDATE products SET attributes = (attributes || (?::text)::jsonb) - ?::text[] WHERE id = ? \
             RETURNING attributes) \
         SELECT t.code FROM written, unnest(?) AS t(code) WHERE (written.attributes -> t.code) IS NULL",
    )
    .bind::<Text, _>(set)
    .bind::<Array<Text>, _>(removed)
    .bind::<Uuid, _>(product)
    .bind::<Array<Text>, _>(required)
    .load(conn)
    .await
}

/// The name of a product's type.
pub(super) async fn type_name(conn: &mut Conn, product: crate::ids::ProductId) -> QueryResult<String> {
    crate::schema::products::table
        .find(product)
        .select(crate::schema::products::product_type)
        .first(conn)
        .await
}
