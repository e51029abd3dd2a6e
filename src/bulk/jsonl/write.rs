//! Writing lines: every field, in an order that does not change, so that the same shop gives the same bytes.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::bulk::item::with_channels;
use crate::bulk::patch::Attributes;
use crate::catalog::{
    AttributeRecord, CollectionRecord, ImageDraft, Membership, ProductRecord, ProductStatus, Publication,
    Texts, Translation, TypeRecord, VariantRecord,
};
use crate::channels::Channel;
use crate::ids::{ChannelId, LocationId};

/// What ids are called in a file.
#[derive(Debug, Clone)]
pub struct Names {
    pub channels: HashMap<ChannelId, Channel>,
    pub locations: HashMap<LocationId, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProductLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    vendor: &'a str,
    product_type: &'a str,
    tags: &'a [String],
    status: ProductStatus,
    attributes: &'a Attributes,
    metadata: &'a Texts,
    private_metadata: &'a Texts,
    translations: Vec<TranslationLine<'a>>,
    channels: Vec<PublicationLine<'a>>,
    options: Vec<OptionLine<'a>>,
    variants: Vec<VariantLine<'a>>,
    images: Vec<ImageLine<'a>>,
    collections: Vec<MembershipLine<'a>>,
}

#[derive(Serialize)]
struct TranslationLine<'a> {
    locale: &'a str,
    name: Option<&'a str>,
    description: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicationLine<'a> {
    channel: &'a str,
    published_at: Option<String>,
}

#[derive(Serialize)]
struct OptionLine<'a> {
    name: &'a str,
    values: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VariantLine<'a> {
    sku: &'a str,
    option_values: &'a [String],
    prices: Vec<PriceLine<'a>>,
    stock: Vec<LevelLine<'a>>,
    barcode: &'a str,
    weight_grams: Option<i64>,
    requires_shipping: bool,
    taxable: bool,
    metadata: &'a Texts,
    private_metadata: &'a Texts,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PriceLine<'a> {
    channel: &'a str,
    currency_code: &'static str,
    amount: String,
    compare_at: Option<String>,
    sale: Option<SaleLine>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SaleLine {
    amount: String,
    starts_at: Option<String>,
    ends_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LevelLine<'a> {
    location: &'a str,
    on_hand: i64,
    backorderable: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageLine<'a> {
    url: &'a str,
    alt_text: &'a str,
}

#[derive(Serialize)]
struct MembershipLine<'a> {
    slug: &'a str,
    position: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CollectionLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    slug: &'a str,
    name: &'a str,
    description: &'a str,
    rule: Option<serde_json::Value>,
    image: Option<ImageLine<'a>>,
    metadata: &'a Texts,
    private_metadata: &'a Texts,
    translations: Vec<TranslationLine<'a>>,
    channels: Vec<PublicationLine<'a>>,
}

#[derive(Serialize)]
struct TypeLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    attributes: &'a [AttributeRecord],
}

#[derive(Serialize)]
struct LocationLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    priority: i32,
}

fn time(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn line(line: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, line).expect("a Vec takes all bytes, and all keys are texts");
    out.push(b'\n');
}

impl Names {
    /// Adds the product's line to `out`.
    pub fn product(&self, record: &ProductRecord, out: &mut Vec<u8>) {
        let options = record.options.iter();
        let product = ProductLine {
            kind: "product",
            slug: &record.slug,
            name: &record.name,
            description: &record.description,
            vendor: &record.vendor,
            product_type: &record.product_type,
            tags: &record.tags,
            status: record.status,
            attributes: &record.attributes,
            metadata: &record.metadata,
            private_metadata: &record.private_metadata,
            translations: translations(&record.translations),
            channels: self.publications(&record.channels),
            options: options
                .map(|option| OptionLine { name: &option.name, values: &option.values })
                .collect(),
            variants: record.variants.iter().map(|variant| self.variant(variant)).collect(),
            images: record.images.iter().map(image).collect(),
            collections: record.collections.iter().map(membership).collect(),
        };
        line(&product, out);
    }

    fn variant<'a>(&'a self, record: &'a VariantRecord) -> VariantLine<'a> {
        let mut prices: Vec<PriceLine> = record
            .prices
            .iter()
            .filter_map(|price| {
                let channel = self.channels.get(&price.channel_id)?;
                let amount = |minor| channel.money(minor).amount();
                let sale = |minor| SaleLine {
                    amount: amount(minor),
                    starts_at: price.sale_starts_at.as_ref().map(time),
                    ends_at: price.sale_ends_at.as_ref().map(time),
                };
                Some(PriceLine {
                    channel: &channel.slug,
                    currency_code: channel.currency.code(),
                    amount: amount(price.amount),
                    compare_at: price.compare_at.map(amount),
                    sale: price.sale_amount.map(sale),
                })
            })
            .collect();
        prices.sort_by_key(|price| price.channel);
        let mut stock: Vec<LevelLine> = record
            .stock
            .iter()
            .filter_map(|level| {
                let location = self.locations.get(&level.location_id)?;
                Some(LevelLine { location, on_hand: level.on_hand, backorderable: level.backorderable })
            })
            .collect();
        stock.sort_by_key(|level| level.location);
        VariantLine {
            sku: &record.sku,
            option_values: &record.option_values,
            prices,
            stock,
            barcode: &record.barcode,
            weight_grams: record.weight_grams,
            requires_shipping: record.requires_shipping,
            taxable: record.taxable,
            metadata: &record.metadata,
            private_metadata: &record.private_metadata,
        }
    }

    fn publications(&self, channels: &[Publication]) -> Vec<PublicationLine<'_>> {
        let mut lines: Vec<PublicationLine> = channels
            .iter()
            .filter_map(|publication| {
                let channel = &self.channels.get(&publication.channel_id)?.slug;
                Some(PublicationLine { channel, published_at: publication.published_at.as_ref().map(time) })
            })
            .collect();
        lines.sort_by_key(|line| line.channel);
        lines
    }

    fn rule(&self, rule: serde_json::Value) -> serde_json::Value {
        let slug = |id: &str| {
            let channel = id.parse().ok().and_then(|id| self.channels.get(&ChannelId(id)));
            Ok(channel.map_or_else(|| id.to_owned(), |channel| channel.slug.clone()))
        };
        let Ok(rule) = with_channels::<std::convert::Infallible>(rule, slug);
        rule
    }

    /// Adds the collection's line to `out`.
    pub fn collection(&self, record: &CollectionRecord, out: &mut Vec<u8>) {
        let image = ImageLine { url: &record.image_url, alt_text: &record.image_alt_text };
        let collection = CollectionLine {
            kind: "collection",
            slug: &record.slug,
            name: &record.name,
            description: &record.description,
            rule: record.rule.clone().map(|rule| self.rule(rule)),
            image: Some(image).filter(|image| !image.url.is_empty()),
            metadata: &record.metadata,
            private_metadata: &record.private_metadata,
            translations: translations(&record.translations),
            channels: self.publications(&record.channels),
        };
        line(&collection, out);
    }
}

/// Adds the product type's line to `out`.
pub fn product_type(record: &TypeRecord, out: &mut Vec<u8>) {
    line(&TypeLine { kind: "productType", name: &record.name, attributes: &record.attributes }, out);
}

/// Adds the location's line to `out`.
pub fn location(name: &str, priority: i32, out: &mut Vec<u8>) {
    line(&LocationLine { kind: "location", name, priority }, out);
}

fn translations(translations: &[Translation]) -> Vec<TranslationLine<'_>> {
    let lines = translations.iter().map(|Translation { locale, name, description }| TranslationLine {
        locale,
        name: name.as_deref(),
        description: description.as_deref(),
    });
    lines.collect()
}

fn image(image: &ImageDraft) -> ImageLine<'_> {
    ImageLine { url: &image.url, alt_text: &image.alt_text }
}

fn membership(membership: &Membership) -> MembershipLine<'_> {
    MembershipLine { slug: &membership.slug, position: membership.position }
}
