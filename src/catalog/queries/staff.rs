//! What staff read of products beyond what shoppers do: metadata, publication, prices in every channel.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::edit::Owner;
use crate::graphql::BatchReader;
use crate::ids::{ChannelId, CollectionId, ProductId, VariantId};
use crate::schema::{product_channels, variant_prices};
use crate::sql::Sql;

use super::by_parent;

/// The metadata of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetadataOf(pub Owner);

/// Keys and values: those that everyone reads, and those for staff.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// Everyone reads these.
    pub public: serde_json::Map<String, serde_json::Value>,
    /// Staff with CATALOG_READ read these.
    pub private: serde_json::Map<String, serde_json::Value>,
}

impl Loader<MetadataOf> for BatchReader {
    type Value = Metadata;
    type Error = async_graphql::Error;

    /// One statement for each kind of owner.
    async fn load(&self, keys: &[MetadataOf]) -> Result<HashMap<MetadataOf, Metadata>, Self::Error> {
        let mut by_table: HashMap<&str, Vec<uuid::Uuid>> = HashMap::new();
        for MetadataOf(owner) in keys {
            let (table, id) = match owner {
                Owner::Product(id) => ("products", id.0),
                Owner::Variant(id) => ("variants", id.0),
                Owner::Collection(id) => ("collections", id.0),
            };
            by_table.entry(table).or_default().push(id);
        }
        let mut conn = self.app.db.get().await?;
        let mut found = HashMap::with_capacity(keys.len());
        for (table, ids) in by_table {
            let rows: Vec<(uuid::Uuid, serde_json::Value, serde_json::Value)> =
                Sql::<(Uuid, Jsonb, Jsonb)>::new(format!(
                    "SELECT id, metadata, private_metadata FROM {table} WHERE id = ANY(?)"
                ))
                .bind::<Array<Uuid>, _>(ids)
                .load(&mut conn)
                .await
                .map_err(crate::Error::from)?;
            for (id, public, private) in rows {
                let owner = match table {
                    "products" => Owner::Product(ProductId(id)),
                    "variants" => Owner::Variant(VariantId(id)),
                    _ => Owner::Collection(CollectionId(id)),
                };
                let map = |value| match value {
                    serde_json::Value::Object(map) => map,
                    _ => serde_json::Map::new(),
                };
                found.insert(MetadataOf(owner), Metadata { public: map(public), private: map(private) });
            }
        }
        Ok(found)
    }
}

/// Where a product is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicationsOf(pub ProductId);

/// From when on a product is seen in a channel.
#[derive(Debug, Clone, Copy)]
pub struct Publication {
    /// Where.
    pub channel_id: ChannelId,
    /// From when on; never when `None`.
    pub published_at: Option<DateTime<Utc>>,
}

impl Loader<PublicationsOf> for BatchReader {
    type Value = Vec<Publication>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[PublicationsOf],
    ) -> Result<HashMap<PublicationsOf, Vec<Publication>>, Self::Error> {
        let products: Vec<ProductId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(ProductId, ChannelId, Option<DateTime<Utc>>)> = product_channels::table
            .filter(product_channels::product_id.eq_any(&products))
            .order(product_channels::channel_id)
            .select((
                product_channels::product_id,
                product_channels::channel_id,
                product_channels::published_at,
            ))
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        let rows = rows
            .into_iter()
            .map(|(id, channel_id, published_at)| (id, Publication { channel_id, published_at }))
            .collect();
        Ok(by_parent(&products, rows).into_iter().map(|(id, rows)| (PublicationsOf(id), rows)).collect())
    }
}

/// What a variant costs, wherever it is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PricesOf(pub VariantId);

/// What a variant costs in a channel, in minor units of its currency.
#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = variant_prices)]
pub struct Price {
    /// Of what.
    pub variant_id: VariantId,
    /// Where.
    pub channel_id: ChannelId,
    /// The regular price.
    pub amount: i64,
    /// The price before a reduction.
    pub compare_at_amount: Option<i64>,
    /// The price of the sale, if there is one.
    pub sale_amount: Option<i64>,
    /// The first moment of the sale.
    pub sale_starts_at: Option<DateTime<Utc>>,
    /// The first moment after the sale.
    pub sale_ends_at: Option<DateTime<Utc>>,
}

impl Price {
    /// What is charged at a time; as `price_at` in SQL.
    pub fn at(&self, now: DateTime<Utc>) -> i64 {
        let begun = self.sale_starts_at.is_none_or(|start| start <= now);
        let over = self.sale_ends_at.is_some_and(|end| end <= now);
        self.sale_amount.filter(|_| begun && !over).unwrap_or(self.amount)
    }
}

impl Loader<PricesOf> for BatchReader {
    type Value = Vec<Price>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[PricesOf]) -> Result<HashMap<PricesOf, Vec<Price>>, Self::Error> {
        let variants: Vec<VariantId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<Price> = variant_prices::table
            .filter(variant_prices::variant_id.eq_any(&variants))
            .order(variant_prices::channel_id)
            .select(Price::as_select())
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        let rows = rows.into_iter().map(|price| (price.variant_id, price)).collect();
        Ok(by_parent(&variants, rows).into_iter().map(|(id, prices)| (PricesOf(id), prices)).collect())
    }
}
