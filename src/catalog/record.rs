//! A product with everything that belongs to it, in every channel and at every location: what imports write and exports
//! read. A [`ProductDraft`] is what a person enters in one channel; it becomes a record on its way to the database.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::ids::{ChannelId, LocationId};

use super::{ImageDraft, OptionDraft, ProductDraft, ProductStatus, VariantDraft};

/// Texts by name: metadata.
pub type Texts = BTreeMap<String, String>;

/// A product as the database has it, without ids and times of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ProductRecord {
    /// Identifies the product across imports.
    pub slug: String,
    /// 1 to 255 characters.
    pub name: String,
    /// Plain text or HTML.
    pub description: String,
    /// The maker, or empty.
    pub vendor: String,
    /// The kind of product, or empty.
    pub product_type: String,
    /// Sorted, without repeats.
    pub tags: Vec<String>,
    /// Where it is in its life.
    pub status: ProductStatus,
    /// Typed values by the code of their attribute.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What everyone may read.
    pub metadata: Texts,
    /// What staff may read.
    pub private_metadata: Texts,
    /// By locale.
    pub translations: Vec<Translation>,
    /// In display order.
    pub options: Vec<OptionDraft>,
    /// In display order.
    pub variants: Vec<VariantRecord>,
    /// In display order; no URL twice.
    pub images: Vec<ImageDraft>,
    /// By channel.
    pub channels: Vec<Publication>,
    /// The collections that were chosen by hand, by slug.
    pub collections: Vec<Membership>,
}

/// Name and description in another language.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Translation {
    /// A BCP 47 tag in lower case.
    pub locale: String,
    /// None: as it was written.
    pub name: Option<String>,
    /// None: as it was written.
    pub description: Option<String>,
}

/// Whether the product is seen in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Publication {
    /// The channel.
    #[serde(deserialize_with = "channel_id")]
    pub channel_id: ChannelId,
    /// Seen from then on; none while it is hidden.
    pub published_at: Option<DateTime<Utc>>,
}

/// The product's place in a collection.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Membership {
    /// The collection.
    pub slug: String,
    /// Where; none puts it last.
    pub position: Option<i64>,
}

/// A variant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VariantRecord {
    /// May be empty.
    pub sku: String,
    /// One value for every option, in option order: what identifies the variant in its product.
    pub option_values: Vec<String>,
    /// By channel.
    pub prices: Vec<PriceRecord>,
    /// By location. What is not named stays as it is.
    pub stock: Vec<StockRecord>,
    /// May be empty.
    pub barcode: String,
    /// In grams.
    pub weight_grams: Option<i64>,
    /// False for what is not sent, such as a gift card.
    pub requires_shipping: bool,
    /// Whether tax is charged.
    pub taxable: bool,
    /// What everyone may read.
    pub metadata: Texts,
    /// What staff may read.
    pub private_metadata: Texts,
}

/// A price in a channel; amounts are in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct PriceRecord {
    /// The channel.
    #[serde(deserialize_with = "channel_id")]
    pub channel_id: ChannelId,
    /// The regular price.
    pub amount: i64,
    /// What it cost before a reduction.
    pub compare_at: Option<i64>,
    /// The price of a sale; at most `amount`.
    pub sale_amount: Option<i64>,
    /// When the sale begins; none: it has begun.
    pub sale_starts_at: Option<DateTime<Utc>>,
    /// When the sale ends; none: never.
    pub sale_ends_at: Option<DateTime<Utc>>,
}

/// Stock at a location.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct StockRecord {
    /// Where.
    #[serde(deserialize_with = "location_id")]
    pub location_id: LocationId,
    /// Units in the building.
    pub on_hand: i64,
    /// May be sold beyond what is on hand.
    pub backorderable: bool,
}

impl PriceRecord {
    /// A price without a sale.
    pub fn plain(channel_id: ChannelId, amount: i64, compare_at: Option<i64>) -> Self {
        Self { channel_id, amount, compare_at, sale_amount: None, sale_starts_at: None, sale_ends_at: None }
    }

    /// What is charged at a time; the same as the function `price_at` of the database.
    pub fn at(&self, time: DateTime<Utc>) -> i64 {
        let begun = self.sale_starts_at.is_none_or(|start| start <= time);
        let lasts = self.sale_ends_at.is_none_or(|end| time < end);
        self.sale_amount.filter(|_| begun && lasts).unwrap_or(self.amount)
    }
}

impl VariantRecord {
    /// What people call the variant: its option values, or "Default" for the only one of a product without options.
    pub fn name(&self) -> String {
        if self.option_values.is_empty() { "Default".into() } else { self.option_values.join(" / ") }
    }

    fn of(draft: &VariantDraft, channel_id: ChannelId, location_id: LocationId) -> Self {
        let level = |on_hand| StockRecord { location_id, on_hand, backorderable: draft.backorderable };
        Self {
            sku: draft.sku.clone(),
            option_values: draft.option_values.clone(),
            prices: vec![PriceRecord::plain(channel_id, draft.price_minor, draft.compare_at_minor)],
            stock: draft.stock.map(level).into_iter().collect(),
            barcode: draft.barcode.clone(),
            weight_grams: draft.weight_grams,
            requires_shipping: draft.requires_shipping,
            taxable: draft.taxable,
            metadata: Texts::new(),
            private_metadata: Texts::new(),
        }
    }
}

impl ProductRecord {
    /// What a draft becomes when it is entered in a channel: an ACTIVE product is published there from `now` on.
    pub fn of(
        draft: &ProductDraft,
        channel_id: ChannelId,
        location_id: LocationId,
        now: DateTime<Utc>,
    ) -> Self {
        let published_at = (draft.status == ProductStatus::Active).then_some(now);
        let mut urls = HashSet::new();
        let collections: std::collections::BTreeSet<&String> = draft.collections.iter().collect();
        Self {
            slug: draft.slug.clone(),
            name: draft.name.clone(),
            description: draft.description.clone(),
            vendor: draft.vendor.clone(),
            product_type: draft.product_type.clone(),
            tags: draft.tags.clone(),
            status: draft.status,
            attributes: serde_json::Map::new(),
            metadata: Texts::new(),
            private_metadata: Texts::new(),
            translations: Vec::new(),
            options: draft.options.clone(),
            variants: draft
                .variants
                .iter()
                .map(|variant| VariantRecord::of(variant, channel_id, location_id))
                .collect(),
            images: draft.images.iter().filter(|image| urls.insert(&image.url)).cloned().collect(),
            channels: vec![Publication { channel_id, published_at }],
            collections: collections
                .into_iter()
                .map(|slug| Membership { slug: slug.clone(), position: None })
                .collect(),
        }
    }

    /// The lowest and the highest price in a channel at a time.
    pub fn price_range(&self, channel_id: ChannelId, time: DateTime<Utc>) -> Option<(i64, i64)> {
        let prices = self.variants.iter().flat_map(|variant| &variant.prices);
        let charged = prices.filter(|price| price.channel_id == channel_id).map(|price| price.at(time));
        charged.fold(None, |range: Option<(i64, i64)>, amount| {
            Some(range.map_or((amount, amount), |(low, high)| (low.min(amount), high.max(amount))))
        })
    }
}

// The database gives plain UUIDs, where our ids read the form that clients see.

fn channel_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChannelId, D::Error> {
    Uuid::deserialize(deserializer).map(ChannelId)
}

fn location_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LocationId, D::Error> {
    Uuid::deserialize(deserializer).map(LocationId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_charged_from_its_beginning_to_before_its_end() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let plain = PriceRecord::plain(ChannelId::new(), 100, None);
        let sale = PriceRecord {
            sale_amount: Some(80),
            sale_starts_at: Some(at("2026-01-01T00:00:00Z")),
            sale_ends_at: Some(at("2026-02-01T00:00:00Z")),
            ..plain
        };
        assert_eq!(plain.at(at("2026-01-15T00:00:00Z")), 100);
        for (time, amount) in [
            ("2025-12-31T23:59:59Z", 100),
            ("2026-01-01T00:00:00Z", 80),
            ("2026-01-31T23:59:59Z", 80),
            ("2026-02-01T00:00:00Z", 100),
        ] {
            assert_eq!(sale.at(at(time)), amount, "{time}");
        }
    }
}
