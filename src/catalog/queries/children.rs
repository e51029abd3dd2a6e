//! Options and images of products.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::catalog::model::{Image, ProductOption};
use crate::graphql::BatchReader;
use crate::ids::{ImageId, OptionId, ProductId};
use crate::schema::{product_images, product_options};

use super::by_parent;

/// The options of a product, in display order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptionsOf(pub ProductId);

impl Loader<OptionsOf> for BatchReader {
    type Value = Vec<ProductOption>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[OptionsOf]) -> Result<HashMap<OptionsOf, Vec<ProductOption>>, Self::Error> {
        let products: Vec<ProductId> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(ProductId, OptionId, String, Vec<String>)> = product_options::table
            .filter(product_options::product_id.eq_any(&products))
            .order((product_options::product_id, product_options::position, product_options::id))
            .select((
                product_options::product_id,
                product_options::id,
                product_options::name,
                product_options::values,
            ))
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
        let rows: Vec<(ProductId, ImageId, String, String)> = product_images::table
            .filter(product_images::product_id.eq_any(&products))
            .order((product_images::product_id, product_images::position, product_images::id))
            .select((
                product_images::product_id,
                product_images::id,
                product_images::url,
                product_images::alt_text,
            ))
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
