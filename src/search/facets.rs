//! What the found products have in common, to narrow a search down.

use crate::db::Db;
use crate::error::Result;

use super::queries;
use super::run::{Match, Search};

/// A property and its values among the matching products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// `vendor`, `productType`, `tags`, or the name of an option such as "Size".
    pub name: String,
    /// The most frequent first, at most 50.
    pub values: Vec<FacetValue>,
}

/// A value and how many matching products have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// How many products.
    pub count: i64,
}

/// The facets of everything that matches, not only of a page. Vendor, type and tags first, then the options that most
/// products have. One statement.
pub async fn facets(db: &Db, search: &Search, by: Match) -> Result<Vec<Facet>> {
    let rows = queries::facets(&mut *db.get().await?, search, by).await?;
    let mut facets: Vec<Facet> = Vec::new();
    for (name, value, count) in rows {
        let value = FacetValue { value, count };
        match facets.last_mut() {
            Some(facet) if facet.name == name => facet.values.push(value),
            _ => facets.push(Facet { name, values: vec![value] }),
        }
    }
    Ok(facets)
}
