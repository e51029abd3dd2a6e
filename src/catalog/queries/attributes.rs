//! The attributes of products and of types.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use diesel::sql_types::{Array, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::types::{self, Attribute, AttributeKind, AttributeValue};
use crate::graphql::BatchReader;
use crate::ids::{ProductId, ProductTypeId};
use crate::sql::Sql;

use super::by_parent;

/// The attributes of a product that its type has, in the type's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttributesOf(pub ProductId);

/// An attribute of a product and its value.
#[derive(Debug, Clone)]
pub struct ProductAttribute {
    /// The key of its values.
    pub code: String,
    /// For people.
    pub name: String,
    /// What its values are.
    pub kind: AttributeKind,
    /// Of a number; may be empty.
    pub unit: String,
    /// Of this product.
    pub value: AttributeValue,
}

impl Loader<AttributesOf> for BatchReader {
    type Value = Vec<ProductAttribute>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[AttributesOf],
    ) -> Result<HashMap<AttributesOf, Vec<ProductAttribute>>, Self::Error> {
        let products: Vec<ProductId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(ProductId, String, String, AttributeKind, String, String)> =
            Sql::<(Uuid, Text, Text, Text, Text, Text)>::new(
                "SELECT p.id, a.code, a.name, a.kind, a.unit, p.attributes ->> a.code FROM products AS p \
                 JOIN product_types AS t ON t.name = p.product_type JOIN attributes AS a ON a.product_type_id = t.id \
                 WHERE p.id = ANY((SELECT ?)::uuid[]) AND (p.attributes ->> a.code) IS NOT NULL ORDER BY p.id, a.position",
            )
            .bind::<Array<Uuid>, _>(products.as_slice())
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        let rows = rows
            .into_iter()
            .filter_map(|(id, code, name, kind, unit, value)| {
                let value = AttributeValue::from_stored(kind, value)?;
                Some((id, ProductAttribute { code, name, kind, unit, value }))
            })
            .collect();
        Ok(by_parent(&products, rows).into_iter().map(|(id, rows)| (AttributesOf(id), rows)).collect())
    }
}

/// The attributes of a type, in display order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeAttributesOf(pub ProductTypeId);

impl Loader<TypeAttributesOf> for BatchReader {
    type Value = Vec<Attribute>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[TypeAttributesOf],
    ) -> Result<HashMap<TypeAttributesOf, Vec<Attribute>>, Self::Error> {
        let ids: Vec<ProductTypeId> = keys.iter().map(|key| key.0).collect();
        let mut conn = self.app.db.get().await?;
        let rows = types::queries::attributes_of(&mut conn, &ids).await.map_err(crate::Error::from)?;
        let rows = rows.into_iter().map(|row| (row.product_type_id, row)).collect();
        Ok(by_parent(&ids, rows).into_iter().map(|(id, rows)| (TypeAttributesOf(id), rows)).collect())
    }
}
