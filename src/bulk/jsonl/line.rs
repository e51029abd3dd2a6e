//! The lines as they are read, before anything is asked of their values. A field that is not known is an error, so that a
//! misspelt one is not lost silently.

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::bulk::patch::Attributes;
use crate::catalog::{AttributeRecord, ProductStatus, Texts};

/// A field that may be left out, which is not the same as null: null clears it.
#[derive(Debug)]
pub struct Named<T>(pub Option<T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Named(Some(Option::<T>::deserialize(deserializer)?.unwrap_or_default())))
    }
}

/// What a line is about; a product if it does not say.
#[derive(Debug, Default, Deserialize)]
pub struct Kind {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductLine {
    #[serde(rename = "type", default)]
    _kind: IgnoredAny,
    pub slug: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Named<String>,
    #[serde(default)]
    pub vendor: Named<String>,
    #[serde(default)]
    pub product_type: Named<String>,
    #[serde(default)]
    pub tags: Named<Vec<String>>,
    #[serde(default)]
    pub status: Option<ProductStatus>,
    #[serde(default)]
    pub currency_code: Option<String>,
    #[serde(default)]
    pub attributes: Named<Attributes>,
    #[serde(default)]
    pub metadata: Named<Texts>,
    #[serde(default)]
    pub private_metadata: Named<Texts>,
    #[serde(default)]
    pub translations: Named<Vec<TranslationLine>>,
    #[serde(default)]
    pub channels: Named<Vec<PublicationLine>>,
    #[serde(default)]
    pub options: Named<Vec<OptionLine>>,
    #[serde(default)]
    pub variants: Option<Vec<VariantLine>>,
    #[serde(default)]
    pub images: Named<Vec<ImageLine>>,
    #[serde(default)]
    pub collections: Named<Vec<MembershipLine>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptionLine {
    pub name: String,
    pub values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VariantLine {
    #[serde(default)]
    pub sku: Named<String>,
    #[serde(default)]
    pub option_values: Vec<String>,
    #[serde(default)]
    pub price: Option<String>,
    #[serde(default)]
    pub compare_at_price: Named<Option<String>>,
    #[serde(default)]
    pub prices: Named<Vec<PriceLine>>,
    #[serde(default)]
    pub stock: Option<Stock>,
    #[serde(default)]
    pub backorderable: Option<bool>,
    #[serde(default)]
    pub barcode: Named<String>,
    #[serde(default)]
    pub weight_grams: Named<Option<i64>>,
    #[serde(default)]
    pub requires_shipping: Option<bool>,
    #[serde(default)]
    pub taxable: Option<bool>,
    #[serde(default)]
    pub metadata: Named<Texts>,
    #[serde(default)]
    pub private_metadata: Named<Texts>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceLine {
    pub channel: String,
    #[serde(default)]
    pub currency_code: Option<String>,
    pub amount: String,
    #[serde(default)]
    pub compare_at: Option<String>,
    #[serde(default)]
    pub sale: Option<SaleLine>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaleLine {
    pub amount: String,
    #[serde(default)]
    pub starts_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub ends_at: Option<DateTime<Utc>>,
}

/// Stock at the default location, or at each.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "stock is a whole number of units, or a list of locations")]
pub enum Stock {
    OnHand(i64),
    Levels(Vec<LevelLine>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LevelLine {
    pub location: String,
    pub on_hand: i64,
    #[serde(default)]
    pub backorderable: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageLine {
    pub url: String,
    #[serde(default)]
    pub alt_text: Named<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TranslationLine {
    pub locale: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublicationLine {
    pub channel: String,
    #[serde(default)]
    pub published_at: Option<DateTime<Utc>>,
}

/// A collection by its slug, perhaps with the product's place in it.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a collection is its slug, or an object with slug and position")]
pub enum MembershipLine {
    Slug(String),
    Placed(Placed),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Placed {
    pub slug: String,
    #[serde(default)]
    pub position: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CollectionLine {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    pub slug: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Named<String>,
    #[serde(default)]
    pub rule: Named<Option<serde_json::Value>>,
    #[serde(default)]
    pub image: Named<Option<ImageLine>>,
    #[serde(default)]
    pub metadata: Named<Texts>,
    #[serde(default)]
    pub private_metadata: Named<Texts>,
    #[serde(default)]
    pub translations: Named<Vec<TranslationLine>>,
    #[serde(default)]
    pub channels: Named<Vec<PublicationLine>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypeLine {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    pub name: String,
    #[serde(default)]
    pub attributes: Named<Vec<AttributeRecord>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocationLine {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    pub name: String,
    #[serde(default)]
    pub priority: Option<i32>,
}
