//! `store.json`, read and checked.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::catalog::ProductStatus;

/// The images by file name.
pub(super) const IMAGES: [(&str, &[u8]); 10] = [
    ("fasteners.svg", include_bytes!("images/fasteners.svg")),
    ("garden-tools.svg", include_bytes!("images/garden-tools.svg")),
    ("hand-tools.svg", include_bytes!("images/hand-tools.svg")),
    ("hinges-door-furniture.svg", include_bytes!("images/hinges-door-furniture.svg")),
    ("hooks-brackets.svg", include_bytes!("images/hooks-brackets.svg")),
    ("lanterns-lighting.svg", include_bytes!("images/lanterns-lighting.svg")),
    ("locks-security.svg", include_bytes!("images/locks-security.svg")),
    ("paint-finishes.svg", include_bytes!("images/paint-finishes.svg")),
    ("sharpening-care.svg", include_bytes!("images/sharpening-care.svg")),
    ("stove-hearth.svg", include_bytes!("images/stove-hearth.svg")),
];

/// Amounts are decimal texts in major units of `shop.currency`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Store {
    pub shop: Shop,
    pub locations: Vec<Location>,
    pub shipping_methods: Vec<ShippingMethod>,
    pub tax_rate: TaxRate,
    pub promotions: Vec<Promotion>,
    pub collections: Vec<Collection>,
    pub products: Vec<Product>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Shop {
    pub name: String,
    pub currency: String,
}

/// The first one is the default location, where the stock is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Location {
    pub name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ShippingMethod {
    pub name: String,
    pub description: String,
    pub price: String,
    pub free_above: Option<String>,
}

/// `rate` is a fraction: "0.0800" is 8 %.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TaxRate {
    pub name: String,
    pub rate: String,
    pub country_code: Option<String>,
}

/// Either `percent_off` ("10" is 10 %) or `amount_off`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Promotion {
    pub code: String,
    pub name: String,
    pub percent_off: Option<String>,
    pub amount_off: Option<String>,
    pub minimum_subtotal: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Collection {
    pub slug: String,
    pub name: String,
    pub description: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Product {
    pub slug: String,
    pub name: String,
    pub description: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub status: ProductStatus,
    pub collections: Vec<String>,
    pub options: Vec<ProductOption>,
    pub variants: Vec<Variant>,
    pub images: Vec<Image>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProductOption {
    pub name: String,
    pub values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Variant {
    pub sku: String,
    pub options: Vec<String>,
    pub price: String,
    pub compare_at_price: Option<String>,
    pub stock: i64,
    pub weight_grams: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Image {
    pub url: String,
    pub alt_text: String,
}

/// The demo store as it is built into the program.
pub(super) fn store() -> Result<Store> {
    serde_json::from_str(include_str!("store.json")).context("store.json cannot be read")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::money::Money;

    #[test]
    fn the_store_is_consistent() {
        let store = store().unwrap();
        let currency = store.shop.currency.parse().unwrap();
        let collections: HashSet<_> = store.collections.iter().map(|collection| &collection.slug).collect();
        let mut slugs = HashSet::new();
        for product in &store.products {
            let name = &product.slug;
            assert!(slugs.insert(name), "{name} is there twice");
            assert!(!product.variants.is_empty(), "{name} has no variant");
            for collection in &product.collections {
                assert!(collections.contains(collection), "{name}: no collection {collection}");
            }
            for variant in &product.variants {
                assert!(Money::parse(&variant.price, currency).unwrap().minor > 0, "{name}");
                assert_eq!(variant.options.len(), product.options.len(), "{name}");
                for (value, option) in variant.options.iter().zip(&product.options) {
                    assert!(option.values.contains(value), "{name}: no value {value}");
                }
            }
            for image in &product.images {
                let file = image.url.strip_prefix("/demo/images/").unwrap();
                assert!(crate::dev::demo_image(file).is_some(), "{name}: no image {file}");
                assert!(!image.alt_text.is_empty(), "{name}: an image without a text");
            }
        }
    }
}
