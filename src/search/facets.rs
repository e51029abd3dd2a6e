//! What the found products have in common, to narrow a search down.

use crate::catalog::terms::FacetKey;
use crate::catalog::{self, PageEnd, Selection, level_for};
use crate::db::Db;
use crate::error::Result;

use super::queries::{self, CountedOver};

/// More values than this nobody picks from.
const MAX_VALUES: i64 = 50;

/// Up to about so many products are looked at to count the values of a facet; of more, a part of the catalog with about
/// [`MAX_IN_PART`] at most.
const MAX_LOOKED_AT: i64 = 2_000;
const MAX_IN_PART: i64 = 1_000;

/// What a facet is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
pub enum FacetSource {
    /// The maker of the product.
    Vendor,
    /// The kind of product.
    ProductType,
    /// Its tags.
    Tag,
    /// An option that it comes in, such as its size.
    Option,
    /// A typed attribute of its kind.
    Attribute,
}

/// A property and its values among the matching products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// What it is about.
    pub source: FacetSource,
    /// `vendor`, `productType`, `tags`, the name of an option such as "Size", or the code of an attribute.
    pub name: String,
    /// For people; the name of an attribute.
    pub label: String,
    /// Whether the counts are exact; otherwise they are estimated from a part of the catalog.
    pub is_exact: bool,
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

/// The facets of everything that is selected, not only of a page. A facet that the filter narrows by is counted as though it
/// did not, so that other values can be picked. Vendor, type and tags first, then options and attributes, each by how many
/// products have them. Two statements.
pub async fn facets(db: &Db, selection: &Selection) -> Result<Vec<Facet>> {
    let keys: Vec<Option<FacetKey>> = [None]
        .into_iter()
        .chain(selection.filter.facet_values().into_iter().map(|(key, _)| Some(key)))
        .collect();
    let mut conn = db.get().await?;
    let about = match (selection.about, keys.as_slice()) {
        (Some(about), [None]) => vec![about],
        _ => {
            let sampled: Vec<_> = keys.iter().map(|key| selection.sampled(key.as_ref())).collect();
            catalog::probe(&mut conn, &sampled).await?
        }
    };
    let sets: Vec<CountedOver> = keys
        .into_iter()
        .zip(about)
        .map(|(key, about)| {
            let level = if about.here > MAX_LOOKED_AT { level_for(about.here, MAX_IN_PART) } else { 0 };
            let matching = selection.matching(key.as_ref(), about).in_part(level, 0);
            CountedOver { matching, key, level }
        })
        .collect();
    let rows = queries::facets(&mut conn, selection, &sets, MAX_VALUES).await?;
    let level_of = |key: &FacetKey| {
        let own = sets.iter().find(|set| set.key.as_ref() == Some(key));
        own.or(sets.first()).map_or(0, |set| set.level)
    };
    let mut facets: Vec<Facet> = Vec::new();
    for row in rows {
        let (source, name, key) = match row.kind.as_str() {
            "v" => (FacetSource::Vendor, "vendor".to_owned(), FacetKey::Vendor),
            "t" => (FacetSource::ProductType, "productType".to_owned(), FacetKey::ProductType),
            "g" => (FacetSource::Tag, "tags".to_owned(), FacetKey::Tag),
            "o" => (FacetSource::Option, row.name.clone(), FacetKey::Option(row.name)),
            _ => (FacetSource::Attribute, row.name.clone(), FacetKey::Attribute(row.name)),
        };
        let value = FacetValue { value: row.value, count: row.count };
        match facets.last_mut() {
            Some(facet) if facet.source == source && facet.name == name => facet.values.push(value),
            _ => {
                let label = row.label.unwrap_or_else(|| name.clone());
                facets.push(Facet {
                    source,
                    label,
                    is_exact: level_of(&key) == 0,
                    name,
                    values: vec![value],
                });
            }
        }
    }
    Ok(facets)
}

/// How many of the selected products can be ordered now, whether the filter asks for it or not.
pub async fn in_stock(db: &Db, selection: &Selection) -> Result<i64> {
    let selection = selection.with_filter(|filter| filter.available = Some(true));
    catalog::count_products(db, &selection).await
}

/// The lowest and the highest of the lowest prices of what is selected, whatever prices the filter asks for; `None` when nothing
/// has a price. Exact: the first and the last of the list by price.
pub async fn prices(db: &Db, selection: &Selection) -> Result<Option<(i64, i64)>> {
    let selection =
        selection.with_filter(|filter| (filter.price_at_least, filter.price_at_most) = (None, None));
    let least = catalog::price_at(db, &selection, PageEnd::First).await?;
    let most = catalog::price_at(db, &selection, PageEnd::Last).await?;
    Ok(least.zip(most))
}
