//! Options and images of products.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use diesel::sql_types::{Array, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::model::{Image, ProductOption};
use crate::graphql::BatchReader;
use crate::ids::{ImageId, OptionId, ProductId};
use crate::sql::Sql;

use super::by_parent;

/// The options of a product, in display order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptionsOf(pub ProductId);

impl Loader<OptionsOf> for BatchReader {
    type Value = Vec<ProductOption>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[OptionsOf]) -> Result<HashMap<OptionsOf, Vec<ProductOption>>, Self::Error> {
        let products: Vec<ProductId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(ProductId, OptionId, String, Vec<String>)> =
            Sql::<(Uuid, Uuid, Text, Array<Text>)>::new(
                "SELECT product_id, id, name, \"values\" FROM product_options WHERE product_id = ANY((SELECT ?)::uuid[]) \
                 ORDER BY product_id, position, id",
            )
            .bind::<Array<Uuid>, _>(&products)
            .load(&mut self.app.db.get().await?)
            .await
            .map_err(crate::Error::from)?;
        let rows = rows
            .into_iter()
            .map(|(product_id, id, name, values)| (product_id, ProductOption { id, name, values }))
            .collect();
        Ok(by_parent(&products, rows).into_iter().map(|(id, options)| (OptionsOf(id), options)).collect())
    }
}

/// The images of a product, in display order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImagesOf(pub ProductId);

impl Loader<ImagesOf> for BatchReader {
    type Value = Vec<Image>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[ImagesOf]) -> Result<HashMap<ImagesOf, Vec<Image>>, Self::Error> {
        let products: Vec<ProductId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(ProductId, ImageId, String, String)> = Sql::<(Uuid, Uuid, Text, Text)>::new(
            "SELECT product_id, id, url, alt_text FROM product_images WHERE product_id = ANY((SELECT ?)::uuid[]) \
             ORDER BY product_id, position, id",
        )
        .bind::<Array<Uuid>, _>(&products)
        .load(&mut self.app.db.get().await?)
        .await
        .map_err(crate::Error::from)?;
        let rows = rows
            .into_iter()
            .map(|(product_id, id, url, alt_text)| (product_id, Image { id, url, alt_text }))
            .collect();
        Ok(by_parent(&products, rows).into_iter().map(|(id, images)| (ImagesOf(id), images)).collect())
    }
}
