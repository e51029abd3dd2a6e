//! What can be bought.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;

use crate::db::Conn;
use crate::error::Result;
use crate::graphql::BatchReader;
use crate::ids::VariantId;

use super::model::{Availability, StockLevel};
use super::queries;

/// What can be bought of each variant now, over all locations. A variant without any stock level has none. One
/// statement; locks nothing, so an order decides by [`super::reserve`].
pub async fn availability(
    conn: &mut Conn,
    variants: &[VariantId],
) -> Result<HashMap<VariantId, Availability>> {
    let mut found = queries::availability(conn, variants).await?;
    for &variant in variants {
        found.entry(variant).or_default();
    }
    Ok(found)
}

/// Loads the [`Availability`] of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AvailabilityOf(pub VariantId);

impl Loader<AvailabilityOf> for BatchReader {
    type Value = Availability;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[AvailabilityOf],
    ) -> Result<HashMap<AvailabilityOf, Availability>, Self::Error> {
        let variants: Vec<VariantId> = keys.iter().map(|key| key.0).collect();
        let found = availability(&mut *self.app.db.get().await?, &variants).await?;
        Ok(found.into_iter().map(|(id, availability)| (AvailabilityOf(id), availability)).collect())
    }
}

/// Loads the levels of a variant, in the order that orders draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LevelsOf(pub VariantId);

impl Loader<LevelsOf> for BatchReader {
    type Value = Vec<StockLevel>;
    type Error = async_graphql::Error;

    async fn load(&self, keys: &[LevelsOf]) -> Result<HashMap<LevelsOf, Vec<StockLevel>>, Self::Error> {
        let variants: Vec<VariantId> = keys.iter().map(|key| key.0).collect();
        let mut conn = self.app.db.get().await?;
        let rows = queries::levels(&mut conn, &variants).await.map_err(crate::Error::from)?;
        let mut found: HashMap<LevelsOf, Vec<StockLevel>> = HashMap::new();
        for level in rows {
            found.entry(LevelsOf(level.variant_id)).or_default().push(level);
        }
        Ok(found)
    }
}
